"""Payouts and statements; what the provider wants of a payee, when a payee is due, and which account a school's own keys are of."""

from tortoise import migrations
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.payouts import BankStatus, PayoutStatus
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [('models', '0014_ledger')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Payout',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('payee_id', fields.UUIDField()),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nPAID: PAID\nFAILED: FAILED\nREVERSED: REVERSED', enum_type=PayoutStatus, max_length=16)),
                ('attempts', fields.IntField(default=0)),
                ('provider_transfer_id', fields.CharField(null=True, max_length=255)),
                ('reversed_amount', fields.BigIntField(default=0)),
                ('problem', fields.CharField(null=True, max_length=300)),
                ('bank_status', fields.CharEnumField(description='IN_TRANSIT: IN_TRANSIT\nPAID: PAID\nFAILED: FAILED', enum_type=BankStatus, max_length=16, null=True)),
                ('arrives_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('paid_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payouts', 'app': 'models', 'pk_attr': 'id', 'table_description': "Money sent to a payee's account at the provider. PENDING from the moment at which it leaves the payee's balance; at most one of a payee and currency is."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Statement',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('payee_id', fields.UUIDField()),
                ('month', fields.DateField()),
                ('csv_file_id', fields.UUIDField(null=True)),
                ('pdf_file_id', fields.UUIDField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'statements', 'app': 'models', 'unique_together': (('tenant_id', 'payee_id', 'month'),), 'pk_attr': 'id', 'table_description': 'What a payee earned in a calendar month (UTC) and was paid, as files. The ledger that they are made of never changes.'},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='Payee',
            name='requirements',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Payee',
            name='next_due_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ProviderAccount',
            name='provider_account_id',
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.RunSQL(
            tenant_table("payouts", app="SELECT, INSERT, UPDATE")  # what was paid stays
            + tenant_table("statements", app="SELECT, INSERT, UPDATE")
            + one_of("payouts", "status", "PENDING", "PAID", "FAILED", "REVERSED")
            + one_of("payouts", "bank_status", "IN_TRANSIT", "PAID", "FAILED")
            + check("payouts", "amounts", "amount > 0 AND reversed_amount BETWEEN 0 AND amount")
            + check("payouts", "paid", "(status IN ('PAID', 'REVERSED')) = (provider_transfer_id IS NOT NULL) AND (provider_transfer_id IS NULL) = (paid_at IS NULL)")
            + check("statements", "month", "extract(day FROM month) = 1")
            + check("statements", "files", "(csv_file_id IS NULL) = (pdf_file_id IS NULL)")
            + reference("payouts", "payee_id", "payees", index=False)
            + reference("statements", "payee_id", "payees", index=False)
            + reference("statements", "csv_file_id", "files")
            + reference("statements", "pdf_file_id", "files")
            + """
            CREATE UNIQUE INDEX payouts_pending ON payouts (tenant_id, payee_id, currency) WHERE status = 'PENDING';
            CREATE UNIQUE INDEX payouts_transfer ON payouts (tenant_id, provider_transfer_id);
            CREATE INDEX payouts_page ON payouts (tenant_id, payee_id, created_at, id);
            """
        ),
    ]

"""Invoices and credit notes, numbered without gaps; mails about sales, also to guests."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.commerce import InvoiceKind
from lms_graph.models.notifications import MailKind
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

KINDS = (
    "EMAIL_VERIFICATION", "PASSWORD_RESET", "EMAIL_CHANGE", "EMAIL_CHANGE_NOTICE", "EMAIL_CHANGED", "PASSWORD_CHANGED", "INVITATION", "SIGN_IN_ALERT", "APPLICATION_APPROVED",
    "APPLICATION_REFUSED", "ENROLLMENT", "RECEIPT", "PURCHASE_CLAIM", "PAYMENT_FAILED", "REFUND", "PAYOUT",
)


class Migration(migrations.Migration):
    dependencies = [('models', '0011_commerce')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Invoice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='INVOICE: INVOICE\nCREDIT_NOTE: CREDIT_NOTE', enum_type=InvoiceKind, max_length=16)),
                ('serial', fields.IntField()),
                ('number', fields.CharField(max_length=40)),
                ('order_id', fields.UUIDField()),
                ('refund_id', fields.UUIDField(null=True)),
                ('currency', fields.CharField(max_length=3)),
                ('total_amount', fields.BigIntField()),
                ('tax_amount', fields.BigIntField()),
                ('snapshot', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('issued_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('pdf_file_id', fields.UUIDField(null=True)),
            ],
            options={'table': 'invoices', 'app': 'models', 'unique_together': (('tenant_id', 'kind', 'serial'),), 'pk_attr': 'id', 'table_description': 'An invoice of an order, or a credit note of a refund. `snapshot` is what it says, frozen at issue; nothing of it is ever changed.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='InvoiceCounter',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='INVOICE: INVOICE\nCREDIT_NOTE: CREDIT_NOTE', enum_type=InvoiceKind, max_length=16)),
                ('last_serial', fields.IntField()),
            ],
            options={'table': 'invoice_counters', 'app': 'models', 'unique_together': (('tenant_id', 'kind'),), 'pk_attr': 'id', 'table_description': "The last serial of a school's invoices or credit notes. Its row is locked until the document is committed: so serials have no gaps."},
            bases=['TenantRow'],
        ),
        ops.AlterModelOptions(
            name='Mail',
            options={'table': 'mails', 'app': 'models', 'unique_together': (('tenant_id', 'kind', 'about_id'),), 'pk_attr': 'id', 'table_description': "One mail to one person, who has an account or is a guest that bought something: neither what it says nor a token. `about_id` is what it is about, and with `kind` makes it the only one. `locale` is the account's, or empty. Kept for 30 days."},
        ),
        ops.AlterField(
            model_name='Mail',
            name='account_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AlterField(
            model_name='Mail',
            name='kind',
            field=fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED\nENROLLMENT: ENROLLMENT\nRECEIPT: RECEIPT\nPURCHASE_CLAIM: PURCHASE_CLAIM\nPAYMENT_FAILED: PAYMENT_FAILED\nREFUND: REFUND\nPAYOUT: PAYOUT', enum_type=MailKind, max_length=32),
        ),
        ops.AlterField(
            model_name='MailPreference',
            name='kind',
            field=fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED\nENROLLMENT: ENROLLMENT\nRECEIPT: RECEIPT\nPURCHASE_CLAIM: PURCHASE_CLAIM\nPAYMENT_FAILED: PAYMENT_FAILED\nREFUND: REFUND\nPAYOUT: PAYOUT', enum_type=MailKind, max_length=32),
        ),
        ops.RunSQL(
            "ALTER TABLE mails DROP CONSTRAINT mails_kind_check; ALTER TABLE mail_preferences DROP CONSTRAINT mail_preferences_kind_check;"
            + one_of("mails", "kind", *KINDS)
            + one_of("mail_preferences", "kind", *KINDS)
            + tenant_table("invoice_counters", app="SELECT, INSERT, UPDATE")
            + tenant_table("invoices", app="SELECT, INSERT")
            + "GRANT UPDATE (pdf_file_id) ON invoices TO lms_app;"  # what was issued is never changed
            + one_of("invoice_counters", "kind", "INVOICE", "CREDIT_NOTE")
            + one_of("invoices", "kind", "INVOICE", "CREDIT_NOTE")
            + check("invoices", "refund", "(kind = 'CREDIT_NOTE') = (refund_id IS NOT NULL)")
            + check("invoices", "serial", "serial > 0")
            + reference("invoices", "order_id", "orders")
            + reference("invoices", "refund_id", "refunds", index=False)
            + reference("invoices", "pdf_file_id", "files")
            + """
            CREATE UNIQUE INDEX invoices_once ON invoices (tenant_id, order_id) WHERE kind = 'INVOICE';
            CREATE UNIQUE INDEX invoices_refund ON invoices (tenant_id, refund_id);
            CREATE INDEX invoices_page ON invoices (tenant_id, issued_at, id);
            """
        ),
    ]

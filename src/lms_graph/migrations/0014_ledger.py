"""Payees, how lines are split, and the ledger: double entry, append-only."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.kit.ids import new_id
from lms_graph.models.payouts import LedgerAccount, Party, PayeeKind, ScheduleKind, TransactionKind
from tortoise import fields

_VALUES = (
    one_of("payees", "kind", "TENANT", "PERSON")
    + one_of("payees", "schedule_kind", "WEEKLY", "MONTHLY", "THRESHOLD", "MANUAL")
    + one_of("line_shares", "party", "PLATFORM", "FEE_TAX", "AFFILIATE", "INSTRUCTOR", "SCHOOL", "POOL", "TAX")
    + one_of("ledger_transactions", "kind", "SALE", "PROVIDER_FEE", "REFUND", "DISPUTE_HELD", "DISPUTE_WON", "DISPUTE_LOST", "POOL_CLOSED", "PAYOUT", "PAYOUT_PAID", "PAYOUT_RETURNED")
    + one_of("ledger_entries", "account", "PROVIDER", "PAYEE", "PLATFORM", "FEE_TAX", "TAX", "POOL", "DISPUTED", "IN_TRANSIT")
    + one_of("ledger_entries", "kind", "SALE", "PROVIDER_FEE", "REFUND", "DISPUTE_HELD", "DISPUTE_WON", "DISPUTE_LOST", "POOL_CLOSED", "PAYOUT", "PAYOUT_PAID", "PAYOUT_RETURNED")
)

# Nobody changes what was booked, not even the owner of the tables: a mistake is booked back. And no transaction stands that does not sum up to zero.
_LEDGER = """
    CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: book a correction instead' USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
    CREATE TRIGGER ledger_transactions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

    CREATE TRIGGER line_shares_stay BEFORE DELETE OR TRUNCATE ON line_shares FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
    CREATE TRIGGER line_shares_frozen BEFORE UPDATE ON line_shares FOR EACH ROW
        WHEN (to_jsonb(OLD) - 'reversed_amount' IS DISTINCT FROM to_jsonb(NEW) - 'reversed_amount') EXECUTE FUNCTION refuse_ledger_change();

    -- By the owner, whom no row policy hides anything: at the commit the tenant may be another one than at the entry.
    CREATE FUNCTION check_ledger_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF EXISTS (SELECT FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.transaction_id GROUP BY currency HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION 'ledger transaction % does not sum up to zero', NEW.transaction_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$;
    REVOKE ALL ON FUNCTION check_ledger_balance() FROM PUBLIC;
    CREATE CONSTRAINT TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_balance();

    CREATE UNIQUE INDEX payees_account ON payees (tenant_id, account_id) NULLS NOT DISTINCT;
    CREATE INDEX payees_page ON payees (tenant_id, created_at, id);
    CREATE UNIQUE INDEX payees_provider ON payees (tenant_id, provider_account_id);
    CREATE INDEX line_shares_of_order ON line_shares (tenant_id, order_id);
    CREATE INDEX ledger_entries_sold ON ledger_entries (tenant_id, currency, at) INCLUDE (amount) WHERE kind = 'SALE' AND account = 'PROVIDER';
    CREATE INDEX ledger_entries_of_transaction ON ledger_entries (tenant_id, transaction_id);
    CREATE INDEX ledger_entries_of_payee ON ledger_entries (tenant_id, payee_id, at, id);
    CREATE INDEX ledger_entries_owed ON ledger_entries (tenant_id, payee_id, currency, available_at) INCLUDE (amount) WHERE payee_id IS NOT NULL;
    CREATE INDEX ledger_entries_sums ON ledger_entries (tenant_id, account, currency) INCLUDE (amount, at);
    CREATE INDEX ledger_entries_of_order ON ledger_entries (tenant_id, order_id) WHERE order_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [('models', '0011_commerce')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Commission',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('premium_bps', fields.IntField(null=True)),
                ('fee_tax_ppm', fields.IntField(default=0)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'commissions', 'app': 'models', 'unique_together': (('tenant_id',),), 'pk_attr': 'id', 'table_description': "What the platform keeps of a school's sales, beside `tenants.platform_fee_bps`: a rate for premium instructors, and the tax on its fee. At most one row of a tenant."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CommissionTier',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('currency', fields.CharField(max_length=3)),
                ('from_amount', fields.BigIntField()),
                ('rate_bps', fields.IntField()),
            ],
            options={'table': 'commission_tiers', 'app': 'models', 'unique_together': (('tenant_id', 'currency', 'from_amount'),), 'pk_attr': 'id', 'table_description': 'From so much sold within a calendar month (UTC) in a currency, the platform keeps this much of what follows.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('transaction_id', fields.UUIDField()),
                ('account', fields.CharEnumField(description='PROVIDER: PROVIDER\nPAYEE: PAYEE\nPLATFORM: PLATFORM\nFEE_TAX: FEE_TAX\nTAX: TAX\nPOOL: POOL\nDISPUTED: DISPUTED\nIN_TRANSIT: IN_TRANSIT', enum_type=LedgerAccount, max_length=16)),
                ('payee_id', fields.UUIDField(null=True)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('available_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('kind', fields.CharEnumField(description='SALE: SALE\nPROVIDER_FEE: PROVIDER_FEE\nREFUND: REFUND\nDISPUTE_HELD: DISPUTE_HELD\nDISPUTE_WON: DISPUTE_WON\nDISPUTE_LOST: DISPUTE_LOST\nPOOL_CLOSED: POOL_CLOSED\nPAYOUT: PAYOUT\nPAYOUT_PAID: PAYOUT_PAID\nPAYOUT_RETURNED: PAYOUT_RETURNED', enum_type=TransactionKind, max_length=20)),
                ('order_id', fields.UUIDField(null=True)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'ledger_entries', 'app': 'models', 'pk_attr': 'id', 'table_description': "One side of a transaction: positive is debit, negative credit. `kind`, `order_id` and `at` are the transaction's. A payee may have what is due to them from `available_at`."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LedgerTransaction',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='SALE: SALE\nPROVIDER_FEE: PROVIDER_FEE\nREFUND: REFUND\nDISPUTE_HELD: DISPUTE_HELD\nDISPUTE_WON: DISPUTE_WON\nDISPUTE_LOST: DISPUTE_LOST\nPOOL_CLOSED: POOL_CLOSED\nPAYOUT: PAYOUT\nPAYOUT_PAID: PAYOUT_PAID\nPAYOUT_RETURNED: PAYOUT_RETURNED', enum_type=TransactionKind, max_length=20)),
                ('source_id', fields.UUIDField()),
                ('order_id', fields.UUIDField(null=True)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'ledger_transactions', 'app': 'models', 'unique_together': (('tenant_id', 'kind', 'source_id'),), 'pk_attr': 'id', 'table_description': 'Entries that belong together and sum up to zero per currency. What it came from is an opaque id; there is one of a kind and source.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LineShare',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('line_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('position', fields.IntField()),
                ('party', fields.CharEnumField(description='PLATFORM: PLATFORM\nFEE_TAX: FEE_TAX\nAFFILIATE: AFFILIATE\nINSTRUCTOR: INSTRUCTOR\nSCHOOL: SCHOOL\nPOOL: POOL\nTAX: TAX', enum_type=Party, max_length=16)),
                ('payee_id', fields.UUIDField(null=True)),
                ('course_id', fields.UUIDField(null=True)),
                ('rate_bps', fields.IntField(null=True)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('reversed_amount', fields.BigIntField(default=0)),
                ('available_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'line_shares', 'app': 'models', 'unique_together': (('tenant_id', 'line_id', 'position'),), 'pk_attr': 'id', 'table_description': 'How a sold line was split, frozen at sale. What went back since is counted beside it.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Payee',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='TENANT: TENANT\nPERSON: PERSON', enum_type=PayeeKind, max_length=16)),
                ('account_id', fields.UUIDField(null=True)),
                ('provider_account_id', fields.CharField(null=True, max_length=255)),
                ('country', fields.CharField(null=True, max_length=2)),
                ('charges_enabled', fields.BooleanField(default=False)),
                ('payouts_enabled', fields.BooleanField(default=False)),
                ('details_submitted', fields.BooleanField(default=False)),
                ('schedule_kind', fields.CharEnumField(default=ScheduleKind.MONTHLY, description='WEEKLY: WEEKLY\nMONTHLY: MONTHLY\nTHRESHOLD: THRESHOLD\nMANUAL: MANUAL', enum_type=ScheduleKind, max_length=16)),
                ('schedule_threshold_amount', fields.BigIntField(null=True)),
                ('schedule_currency', fields.CharField(null=True, max_length=3)),
                ('schedule_day', fields.SmallIntField(null=True)),
                ('is_premium_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('tax_id', fields.CharField(null=True, max_length=40)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payees', 'app': 'models', 'pk_attr': 'id', 'table_description': "Whom the school's sales owe something: the school itself (without an account), or a person who teaches or brings buyers. Balances are sums of the ledger, never stored."},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("payees")
            + tenant_table("commissions")
            + tenant_table("commission_tiers")
            + tenant_table("line_shares", app="SELECT, INSERT, UPDATE")
            + tenant_table("ledger_transactions", app="SELECT, INSERT")
            + tenant_table("ledger_entries", app="SELECT, INSERT")
            + _VALUES
            + check("payees", "person", "(kind = 'TENANT') = (account_id IS NULL)")
            + check("payees", "threshold", "(schedule_kind = 'THRESHOLD') = (schedule_threshold_amount IS NOT NULL) AND (schedule_threshold_amount IS NULL) = (schedule_currency IS NULL)")
            + check("commissions", "rates", "(premium_bps IS NULL OR premium_bps BETWEEN 0 AND 10000) AND fee_tax_ppm BETWEEN 0 AND 1000000")
            + check("commission_tiers", "rates", "from_amount > 0 AND rate_bps BETWEEN 0 AND 10000")
            + check("line_shares", "amounts", "amount >= 0 AND reversed_amount BETWEEN 0 AND amount")
            + check("line_shares", "payees", "(party IN ('AFFILIATE', 'INSTRUCTOR', 'SCHOOL')) = (payee_id IS NOT NULL)")
            + check("ledger_entries", "payees", "(account = 'PAYEE') = (payee_id IS NOT NULL) AND (payee_id IS NULL) = (available_at IS NULL)")
            + check("ledger_entries", "amount", "amount <> 0")
            + reference("payees", "account_id", "accounts", index=False)
            + reference("line_shares", "payee_id", "payees")
            + reference("line_shares", "course_id", "courses")
            + reference("ledger_entries", "transaction_id", "ledger_transactions", index=False)
            + reference("ledger_entries", "payee_id", "payees", index=False)
            + _LEDGER
        ),
    ]

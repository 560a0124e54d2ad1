"""Accounts at the payment provider, whom a sale's money belongs to, and the ledger. Amounts are minor units of the currency beside them."""

from enum import StrEnum

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from lms_graph.models.base import TenantRow


class PayeeKind(StrEnum):
    TENANT = "TENANT"
    PERSON = "PERSON"


class ScheduleKind(StrEnum):
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    THRESHOLD = "THRESHOLD"
    MANUAL = "MANUAL"


class TransactionKind(StrEnum):
    SALE = "SALE"
    PROVIDER_FEE = "PROVIDER_FEE"
    REFUND = "REFUND"
    DISPUTE_HELD = "DISPUTE_HELD"
    DISPUTE_WON = "DISPUTE_WON"
    DISPUTE_LOST = "DISPUTE_LOST"
    POOL_CLOSED = "POOL_CLOSED"
    PAYOUT = "PAYOUT"
    PAYOUT_PAID = "PAYOUT_PAID"
    PAYOUT_RETURNED = "PAYOUT_RETURNED"


class PayoutStatus(StrEnum):
    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    REVERSED = "REVERSED"


class BankStatus(StrEnum):
    """What became of the money between the provider and the payee's bank."""

    IN_TRANSIT = "IN_TRANSIT"
    PAID = "PAID"
    FAILED = "FAILED"


class LedgerAccount(StrEnum):
    """What an entry is booked on. Debits are positive."""

    PROVIDER = "PROVIDER"
    PAYEE = "PAYEE"
    PLATFORM = "PLATFORM"
    FEE_TAX = "FEE_TAX"
    TAX = "TAX"
    POOL = "POOL"
    DISPUTED = "DISPUTED"
    IN_TRANSIT = "IN_TRANSIT"


class Party(StrEnum):
    """To whom a part of a sold line goes."""

    PLATFORM = "PLATFORM"
    FEE_TAX = "FEE_TAX"
    AFFILIATE = "AFFILIATE"
    INSTRUCTOR = "INSTRUCTOR"
    SCHOOL = "SCHOOL"
    POOL = "POOL"
    TAX = "TAX"


class ProviderAccount(TenantRow):
    """The keys of a school that has its own account at the payment provider; at most one row of a tenant. Without one it sells through the deployment's."""

    sealed_secret_key = fields.BinaryField()
    sealed_webhook_secrets = fields.BinaryField()
    provider_account_id = fields.CharField(255, null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "provider_accounts"
        unique_together = (("tenant_id",),)


class Payee(TenantRow):
    """Whom the school's sales owe something: the school itself (without an account), or a person who teaches or brings buyers. Balances are sums of the ledger, never stored."""

    kind = fields.CharEnumField(PayeeKind, max_length=16)
    account_id = fields.UUIDField(null=True)
    provider_account_id = fields.CharField(255, null=True)
    country = fields.CharField(2, null=True)
    charges_enabled = fields.BooleanField(default=False)
    payouts_enabled = fields.BooleanField(default=False)
    details_submitted = fields.BooleanField(default=False)
    schedule_kind = fields.CharEnumField(ScheduleKind, max_length=16, default=ScheduleKind.MONTHLY)
    schedule_threshold_amount = fields.BigIntField(null=True)
    schedule_currency = fields.CharField(3, null=True)
    schedule_day = fields.SmallIntField(null=True)
    is_premium_until = fields.DatetimeField(null=True)
    tax_id = fields.CharField(40, null=True)
    requirements = fields.JSONField(default=list, db_default=SqlDefault("'[]'"))
    next_due_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "payees"


class PremiumPeriod(TenantRow):
    """Premium instructorship that somebody bought. `source_id` is the plan's or the order line's; of all of an account the latest `ends_at` is what its payee has."""

    account_id = fields.UUIDField()
    source_id = fields.UUIDField()
    ends_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "premium_periods"
        unique_together = (("tenant_id", "source_id"),)


class Commission(TenantRow):
    """What the platform keeps of a school's sales, beside `tenants.platform_fee_bps`: a rate for premium instructors, and the tax on its fee. At most one row of a tenant."""

    premium_bps = fields.IntField(null=True)
    fee_tax_ppm = fields.IntField(default=0)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "commissions"
        unique_together = (("tenant_id",),)


class CommissionTier(TenantRow):
    """From so much sold within a calendar month (UTC) in a currency, the platform keeps this much of what follows."""

    currency = fields.CharField(3)
    from_amount = fields.BigIntField()
    rate_bps = fields.IntField()

    class Meta:
        table = "commission_tiers"
        unique_together = (("tenant_id", "currency", "from_amount"),)


class LineShare(TenantRow):
    """How a sold line was split, frozen at sale. What went back since is counted beside it."""

    line_id = fields.UUIDField()
    order_id = fields.UUIDField()
    position = fields.IntField()
    party = fields.CharEnumField(Party, max_length=16)
    payee_id = fields.UUIDField(null=True)
    course_id = fields.UUIDField(null=True)
    rate_bps = fields.IntField(null=True)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    reversed_amount = fields.BigIntField(default=0)
    available_at = fields.DatetimeField()

    class Meta:
        table = "line_shares"
        unique_together = (("tenant_id", "line_id", "position"),)


class LedgerTransaction(TenantRow):
    """Entries that belong together and sum up to zero per currency. What it came from is an opaque id; there is one of a kind and source."""

    kind = fields.CharEnumField(TransactionKind, max_length=20)
    source_id = fields.UUIDField()
    order_id = fields.UUIDField(null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "ledger_transactions"
        unique_together = (("tenant_id", "kind", "source_id"),)


class LedgerEntry(TenantRow):
    """One side of a transaction: positive is debit, negative credit. `kind`, `order_id` and `at` are the transaction's. A payee may have what is due to them from `available_at`."""

    transaction_id = fields.UUIDField()
    account = fields.CharEnumField(LedgerAccount, max_length=16)
    payee_id = fields.UUIDField(null=True)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    available_at = fields.DatetimeField(null=True)
    kind = fields.CharEnumField(TransactionKind, max_length=20)
    order_id = fields.UUIDField(null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "ledger_entries"


class Payout(TenantRow):
    """Money sent to a payee's account at the provider. PENDING from the moment at which it leaves the payee's balance; at most one of a payee and currency is."""

    payee_id = fields.UUIDField()
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    status = fields.CharEnumField(PayoutStatus, max_length=16)
    attempts = fields.IntField(default=0)
    provider_transfer_id = fields.CharField(255, null=True)
    reversed_amount = fields.BigIntField(default=0)
    problem = fields.CharField(300, null=True)
    bank_status = fields.CharEnumField(BankStatus, max_length=16, null=True)
    arrives_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payouts"


class Statement(TenantRow):
    """What a payee earned in a calendar month (UTC) and was paid, as files. The ledger that they are made of never changes."""

    payee_id = fields.UUIDField()
    month = fields.DateField()
    csv_file_id = fields.UUIDField(null=True)
    pdf_file_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "statements"
        unique_together = (("tenant_id", "payee_id", "month"),)

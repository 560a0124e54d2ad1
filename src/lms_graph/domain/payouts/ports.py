"""What payouts and commerce need of a payment provider. Amounts are minor units by ISO 4217; an adapter converts where its provider counts otherwise.

Each call that makes something takes a `key`, made from the id of one of our rows: a call that is repeated after a crash makes nothing twice. Every method raises `kit.errors.Unavailable`
where the provider does not answer, so that the caller may try again, and `PaymentRefused` where it says no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from lms_graph.kit.errors import Conflict, Unavailable


class PaymentRefused(Conflict):
    """The provider answered no; `reason` is its code, such as `card_declined` or `charge_already_refunded`."""

    code = "PAYMENT_REFUSED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class PaymentsNotConfigured(Unavailable):
    code = "PAYMENTS_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__("This deployment has no account at a payment provider: its operator sets LMS_STRIPE_SECRET_KEY, or the school sets a key of its own.")


class EventRefused(Exception):
    """What came as an event is none of the provider's: a wrong or old signature, or nothing that can be read. Says why, for the log."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A line as the provider shows it. `unit_amount` is what each of `quantity` costs after discounts, tax included where `is_tax_included`, else added by us as an item of its own."""

    title: str
    unit_amount: int
    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How a plan is paid. `payments` is how many there are at all (installments); None for until it is canceled."""

    interval: str  # MONTH or YEAR
    trial_days: int = 0
    payments: int | None = None


@dataclass(frozen=True, kw_only=True)
class CheckoutRequest:
    """A page or embedded form on which one order is paid. Of a plan, `discount_amount` is taken off the first payment alone, under the name that the buyer knows it by. `metadata` names our rows and comes back on every object of the provider: `tenant`, `order`, `checkout`."""

    currency: str
    items: Sequence[Item]
    email: str
    metadata: Mapping[str, str]
    transfer_group: str
    success_url: str | None
    cancel_url: str | None
    is_embedded: bool
    expires_at: datetime
    locale: str
    customer_id: str | None = None
    recurrence: Recurrence | None = None
    discount_amount: int = 0
    discount_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaymentState:
    """A payment as it is now. `fee_amount` is what the provider keeps, in `fee_currency`; None until it is known."""

    id: str
    status: str  # PENDING, SUCCEEDED, FAILED
    amount: int
    currency: str
    charge_id: str | None = None
    fee_amount: int | None = None
    fee_currency: str | None = None
    refunded_amount: int = 0
    failure_code: str | None = None
    failure_message: str | None = None
    invoice_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CheckoutState:
    id: str
    status: str  # OPEN, COMPLETE, EXPIRED
    is_paid: bool  # also for a plan that begins with a free trial
    amount: int
    currency: str
    url: str | None = None
    client_secret: str | None = None
    payment_id: str | None = None
    subscription_id: str | None = None
    invoice_id: str | None = None
    customer_id: str | None = None
    email: str | None = None
    name: str | None = None
    country: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class InvoiceState:
    """What a plan bills for one period (or for a change in between)."""

    id: str
    status: str  # DRAFT, OPEN, PAID, UNCOLLECTIBLE, VOID
    subscription_id: str | None
    amount_due: int
    amount_paid: int
    currency: str
    reason: str  # FIRST, CYCLE, CHANGE, OTHER
    attempts: int = 0
    payment_id: str | None = None  # the one that paid it, else the one that is to
    elsewhere_amount: int = 0  # of what is paid, what did not come through the provider: somebody marked it as paid by hand there
    next_attempt_at: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    failure_message: str | None = None
    hosted_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class SubscriptionState:
    id: str
    status: str  # INCOMPLETE, TRIALING, ACTIVE, PAST_DUE, PAUSED, CANCELED
    customer_id: str
    amount: int
    currency: str
    interval: str
    current_period_start: datetime
    current_period_end: datetime
    trial_ends_at: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    paused_until: datetime | None = None
    latest_invoice_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RefundState:
    id: str
    status: str  # PENDING, SUCCEEDED, FAILED, CANCELED
    amount: int
    currency: str
    payment_id: str | None
    failure_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DisputeState:
    id: str
    status: str  # NEEDS_RESPONSE, UNDER_REVIEW, WON, LOST; an inquiry that asks for nothing yet counts as NEEDS_RESPONSE
    amount: int
    currency: str
    fee_amount: int
    reason: str
    payment_id: str | None
    charge_id: str | None
    evidence_due_at: datetime | None
    is_money_withdrawn: bool


@dataclass(frozen=True, kw_only=True)
class TaxRequest:
    currency: str
    country: str
    postal_code: str | None
    region: str | None
    is_tax_included: bool
    lines: Sequence[tuple[str, int, str | None]]  # our reference, amount after discounts, tax code


@dataclass(frozen=True, kw_only=True)
class TaxLine:
    name: str
    rate_ppm: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class TaxResult:
    """Tax of each line by our reference, and in sum by rate. `calculation_id` is kept with the sale and booked with the provider when it is paid."""

    by_line: Mapping[str, int]
    lines: Sequence[TaxLine]
    calculation_id: str | None


@dataclass(frozen=True, kw_only=True)
class ConnectedAccount:
    id: str
    country: str
    charges_enabled: bool
    payouts_enabled: bool
    details_submitted: bool
    requirements: Sequence[str]
    default_currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccountLink:
    url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class TransferState:
    id: str
    amount: int
    currency: str
    account_id: str
    reversed_amount: int = 0


@dataclass(frozen=True, kw_only=True)
class BankPayout:
    """Money on its way from a connected account to its owner's bank. FAILED is back on the account."""

    id: str
    amount: int
    currency: str
    status: str  # IN_TRANSIT, PAID, FAILED
    created_at: datetime
    arrives_at: datetime
    failure_message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What lies with the provider in one currency: to be transferred now, and not yet."""

    currency: str
    available: int
    pending: int


class EventObject(StrEnum):
    """What an event is about, in our words."""

    CHECKOUT = "CHECKOUT"
    PAYMENT = "PAYMENT"
    INVOICE = "INVOICE"
    SUBSCRIPTION = "SUBSCRIPTION"
    REFUND = "REFUND"
    DISPUTE = "DISPUTE"
    ACCOUNT = "ACCOUNT"
    PAYOUT = "PAYOUT"
    TRANSFER = "TRANSFER"
    OTHER = "OTHER"


@dataclass(frozen=True, kw_only=True)
class ProviderEvent:
    """An event as it was read. Never believed for more than that something happened to `object_id`: what works it asks the provider for the object's state."""

    id: str
    type: str
    about: EventObject
    object_id: str | None
    account: str | None  # a connected account's, where it is about one
    parents: Sequence[str]  # other objects of the provider that it names: payment, charge, subscription, invoice
    metadata: Mapping[str, str]
    happened_at: datetime
    payload: Mapping[str, Any]


class PaymentGateway(Protocol):
    """One account at the provider."""

    async def open_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutState: ...
    async def checkout(self, checkout_id: str) -> CheckoutState: ...
    async def expire_checkout(self, checkout_id: str) -> CheckoutState: ...  # one that is complete stays so

    async def payment(self, payment_id: str) -> PaymentState: ...
    async def invoice(self, invoice_id: str) -> InvoiceState: ...
    async def make_customer(self, *, email: str, name: str, metadata: Mapping[str, str], key: str) -> str: ...

    async def subscription(self, subscription_id: str) -> SubscriptionState: ...
    async def invoices_of(self, subscription_id: str) -> Sequence[InvoiceState]: ...  # oldest first
    async def change_subscription(
        self, subscription_id: str, *, amount: int, currency: str, interval: str, title: str, metadata: Mapping[str, str], key: str
    ) -> SubscriptionState: ...
    async def preview_change(self, subscription_id: str, *, amount: int, currency: str, interval: str, title: str) -> int: ...  # due at once; negative is credit
    async def cancel_subscription(self, subscription_id: str, *, at_period_end: bool, key: str) -> SubscriptionState: ...
    async def keep_subscription(self, subscription_id: str, *, key: str) -> SubscriptionState: ...  # takes a cancellation at the period's end back
    async def pause_subscription(self, subscription_id: str, *, resumes_at: datetime | None, key: str) -> SubscriptionState: ...
    async def resume_subscription(self, subscription_id: str, *, key: str) -> SubscriptionState: ...

    async def refund(self, payment_id: str, *, amount: int, currency: str, metadata: Mapping[str, str], key: str) -> RefundState: ...
    async def refund_state(self, refund_id: str) -> RefundState: ...
    async def refunds_of(self, payment_id: str) -> Sequence[RefundState]: ...
    async def dispute(self, dispute_id: str) -> DisputeState: ...
    async def submit_evidence(self, dispute_id: str, evidence: Mapping[str, str], *, submit: bool, key: str) -> DisputeState: ...

    async def tax(self, request: TaxRequest) -> TaxResult: ...
    async def book_tax(self, calculation_id: str, *, reference: str, key: str) -> str: ...

    async def make_account(self, *, country: str, email: str, metadata: Mapping[str, str], key: str) -> ConnectedAccount: ...
    async def account(self, account_id: str) -> ConnectedAccount: ...
    async def account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> AccountLink: ...
    async def transfer(self, account_id: str, *, amount: int, currency: str, group: str | None, metadata: Mapping[str, str], key: str) -> TransferState: ...
    async def transfer_state(self, transfer_id: str) -> TransferState: ...
    async def transfers_of(self, group: str) -> Sequence[TransferState]: ...  # newest first
    async def bank_payouts(self, account_id: str) -> Sequence[BankPayout]: ...  # the latest hundred, newest first
    async def own_account_id(self) -> str: ...  # of the account that the key belongs to
    async def reverse_transfer(self, transfer_id: str, *, amount: int, key: str) -> TransferState: ...
    async def balance(self, account_id: str | None = None) -> Sequence[Balance]: ...


@dataclass(frozen=True, kw_only=True)
class OwnProvider:
    """The keys of a tenant that has its own account at the provider."""

    tenant_id: UUID
    secret_key: str
    webhook_secrets: Sequence[str]


class Payments(Protocol):
    """The accounts at the provider. `None` is the deployment's; raises PaymentsNotConfigured where it has none."""

    def gateway(self, own: OwnProvider | None = None) -> PaymentGateway: ...
    def read_event(self, body: bytes, signature: str | None, own: OwnProvider | None = None) -> ProviderEvent: ...  # raises EventRefused


@dataclass(frozen=True, kw_only=True)
class StatementPart:
    """A month in one currency, in minor units; entries are oldest first, positive what the payee gets."""

    currency: str
    opening: int
    entries: Sequence[Mapping[str, Any]]

    @property
    def closing(self) -> int:
        total: int = sum((entry["amount"] for entry in self.entries), self.opening)
        return total

    @property
    def by_kind(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for entry in self.entries:
            sums[entry["kind"]] = sums.get(entry["kind"], 0) + entry["amount"]
        return sums


@dataclass(frozen=True, kw_only=True)
class StatementDocument:
    """A payee's month, and the school's brand."""

    payee_name: str
    school_name: str
    primary_color: str
    logo: bytes | None
    locale: str
    month: date
    issued_at: datetime
    parts: Sequence[StatementPart]


class StatementPrinter(Protocol):
    async def print_statement(self, document: StatementDocument) -> bytes:
        """The PDF, of as many pages as it needs. Raises `Unavailable` when no browser can be had or it takes too long."""
        ...

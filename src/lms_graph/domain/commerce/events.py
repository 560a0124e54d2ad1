"""Facts about sales. Those about an order, its checkout, refunds and disputes stand in the order's sequence: a live stream of a checkout is these facts in order."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class CheckoutStarted(Event, about="order_id", audited="ord"):
    """Price, coupon and seats are reserved. `sweep_at` is when it is looked at again, whatever happens."""

    checkout_id: UUID
    order_id: UUID
    account_id: UUID | None
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class CheckoutAbandoned(Event, about="order_id", audited="ord"):
    """It expired unpaid, and what was reserved is free again."""

    checkout_id: UUID
    order_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event, about="order_id", audited="ord"):
    """The money is there, or none was due. Grants, runs, seats and the ledger are of the same commit. `is_claimable` where no account holds it yet."""

    order_id: UUID
    account_id: UUID | None
    subscription_id: UUID | None
    is_claimable: bool


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Event, about="order_id", audited="ord"):
    order_id: UUID
    account_id: UUID | None
    subscription_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PurchaseClaimed(Event, about="order_id", audited="ord"):
    order_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class RefundRequested(Event, about="order_id", audited="ord"):
    """A learner asks for money back: somebody is to decide."""

    refund_id: UUID
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class RefundDecided(Event, about="order_id", audited="ord"):
    """It is to be sent (`is_approved`), or was rejected."""

    refund_id: UUID
    order_id: UUID
    is_approved: bool


@dataclass(frozen=True, kw_only=True)
class RefundSettled(Event, about="order_id", audited="ord"):
    """The money went back. Access and shares were changed in the same commit."""

    refund_id: UUID
    order_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class RefundFailed(Event, about="order_id", audited="ord"):
    refund_id: UUID
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class DisputeOpened(Event, about="order_id", audited="ord"):
    dispute_id: UUID
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(Event, about="order_id", audited="ord"):
    dispute_id: UUID
    order_id: UUID
    is_won: bool


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged(Event, about="subscription_id", audited="sub"):
    """A plan began, or its state, period or offer is another one now."""

    subscription_id: UUID
    account_id: UUID
    status: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionPastDue(Event, about="subscription_id", audited="sub"):
    """A payment failed. The grants stay open until `grace_until` (RFC 3339)."""

    subscription_id: UUID
    account_id: UUID
    grace_until: str


@dataclass(frozen=True, kw_only=True)
class ProviderEventStored(Event, about="provider_event_id"):
    """An event of the payment provider waits to be worked."""

    provider_event_id: UUID


@dataclass(frozen=True, kw_only=True)
class InvoiceIssued(Event, about="invoice_id", audited="inv"):
    """An invoice, or with `refund_id` a credit note, has its number and is frozen."""

    invoice_id: UUID
    order_id: UUID
    refund_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class InvoicePrinted(Event, about="invoice_id"):
    """Its PDF can be fetched."""

    invoice_id: UUID
    order_id: UUID
    refund_id: UUID | None

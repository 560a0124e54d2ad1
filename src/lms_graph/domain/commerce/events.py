"""Facts about sales, and about what is sold. Those about an order, its checkout, refunds and disputes stand in the order's sequence: a live stream of a checkout is these facts in order."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class CheckoutStarted(Event, about="order_id", audited="ord"):
    """Price and coupon are reserved. `sweep_at` is when it is looked at again, whatever happens; null where nothing is to pay."""

    checkout_id: UUID
    order_id: UUID
    account_id: UUID | None
    sweep_at: str | None


@dataclass(frozen=True, kw_only=True)
class CheckoutAbandoned(Event, about="order_id", audited="ord"):
    """It expired unpaid, and what was reserved is free again."""

    checkout_id: UUID
    order_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class CheckoutReady(Event, about="order_id"):
    """The payment provider has a page for it; or the payment is under way."""

    checkout_id: UUID
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class CheckoutLookedAt(Event, about="order_id"):
    """It was still open, or its payment under way, when the provider was asked. `sweep_at` is when it is asked again."""

    checkout_id: UUID
    order_id: UUID
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event, about="order_id", audited="ord"):
    """The money is there, or none was due. Grants, runs, seats and the ledger are of the same commit. `is_claimable` where no account holds it yet; `is_tax_to_book` where the provider
    calculated the tax, and is to book it."""

    order_id: UUID
    account_id: UUID | None
    subscription_id: UUID | None
    is_claimable: bool
    is_tax_to_book: bool = False


@dataclass(frozen=True, kw_only=True)
class OrderPaidElsewhere(Event, about="order_id", audited="ord"):
    """So much of what paid an order did not come through the payment provider: somebody marked its invoice as paid by hand there."""

    order_id: UUID
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Event, about="order_id", audited="ord"):
    order_id: UUID
    account_id: UUID | None
    subscription_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class PaymentDuplicated(Event, about="order_id", audited="ord"):
    """Money came in for an order that had been paid: this payment is to be sent back."""

    payment_id: UUID
    order_id: UUID


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
    """It is to be sent (`is_approved`), or was rejected. `sweep_at` is when it is looked at again, whatever happens; null where nothing is sent."""

    refund_id: UUID
    order_id: UUID
    is_approved: bool
    sweep_at: str | None


@dataclass(frozen=True, kw_only=True)
class RefundAwaited(Event, about="order_id"):
    """The provider has not said yet how it ended: it is asked again at `sweep_at`."""

    refund_id: UUID
    order_id: UUID
    sweep_at: str


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
    """A buyer contests the payment at their bank. The ledger holds the amount from this commit on, or as soon as the bank has taken it."""

    dispute_id: UUID
    order_id: UUID
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class DisputeAwaited(Event, about="order_id"):
    """The bank has not decided yet: the provider is asked again at `sweep_at`."""

    dispute_id: UUID
    order_id: UUID
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class DisputeAnswered(Event, about="order_id", audited="ord"):
    """Evidence is to be sent."""

    dispute_id: UUID
    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class DisputeEvidenceSent(Event, about="order_id", audited="ord"):
    """The provider has the evidence (`is_taken`), or took none of it: the dispute says why, and can be answered again."""

    dispute_id: UUID
    order_id: UUID
    is_taken: bool


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


@dataclass(frozen=True, kw_only=True)
class SubscriptionRequested(Event, about="subscription_id", audited="sub"):
    """Somebody asks for a change of a plan. `sweep_at` is when it is looked at again, whatever happens."""

    request_id: UUID
    subscription_id: UUID
    account_id: UUID
    kind: str
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionLookDue(Event, about="subscription_id"):
    """At `sweep_at` the provider is to be asked how a plan is, whether it has said anything or not."""

    subscription_id: UUID
    sweep_at: str


@dataclass(frozen=True, kw_only=True)
class AccessPoolOpened(Event, about="pool_id"):
    """All-access was paid for in a month for the first time. Its money is divided at `closes_at`."""

    pool_id: UUID
    closes_at: str


@dataclass(frozen=True, kw_only=True)
class AccessPoolClosed(Event, about="pool_id"):
    """A month's money for all-access was divided by what was watched."""

    pool_id: UUID


@dataclass(frozen=True, kw_only=True)
class OfferSaved(Event, about="offer_id", audited="off"):
    """It was made or is another one now, or is not sold any more (`is_active`)."""

    offer_id: UUID
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class BundleSaved(Event, about="bundle_id", audited="bun"):
    bundle_id: UUID
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class CouponCreated(Event, about="coupon_id", audited="cpn"):
    coupon_id: UUID


@dataclass(frozen=True, kw_only=True)
class CouponDisabled(Event, about="coupon_id", audited="cpn"):
    coupon_id: UUID


@dataclass(frozen=True, kw_only=True)
class CommerceSettingsChanged(Event, about="tenant_id", audited="tnt"):
    """How the school sells is another way now: tax mode, seller, grace."""

    tenant_id: UUID
    tax_mode: str
    prices_include_tax: bool
    grace_days: int


@dataclass(frozen=True, kw_only=True)
class TaxRateSaved(Event, about="tax_rate_id", audited="txr"):
    tax_rate_id: UUID
    rate_ppm: int


@dataclass(frozen=True, kw_only=True)
class TaxRateDeleted(Event, about="tax_rate_id", audited="txr"):
    tax_rate_id: UUID


@dataclass(frozen=True, kw_only=True)
class SeatPoolOpened(Event, about="pool_id", audited="sea"):
    """Seats were bought, or a voucher was made. From `expires_at` (RFC 3339) on none is redeemed."""

    pool_id: UUID
    account_id: UUID | None
    course_id: UUID
    seats: int
    expires_at: str | None


@dataclass(frozen=True, kw_only=True)
class SeatAssigned(Event, about="seat_id", audited="sas"):
    """It waits for the owner of an address, who is to be told its code."""

    seat_id: UUID
    pool_id: UUID
    course_id: UUID


@dataclass(frozen=True, kw_only=True)
class SeatRedeemed(Event, about="seat_id", audited="sas"):
    """Its grant and the run that it opens were made in the same commit."""

    seat_id: UUID
    pool_id: UUID
    course_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class SeatReclaimed(Event, about="seat_id", audited="sas"):
    """The pool has it back. Who had redeemed it has lost what it granted."""

    seat_id: UUID
    pool_id: UUID
    course_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class SeatPoolExpired(Event, about="pool_id", audited="sea"):
    """What was assigned and not redeemed is void."""

    pool_id: UUID


@dataclass(frozen=True, kw_only=True)
class SeatPoolClosed(Event, about="pool_id", audited="sea"):
    """Its money went back, or the school withdrew the voucher."""

    pool_id: UUID


@dataclass(frozen=True, kw_only=True)
class BuyerErased(Event, about="order_id", audited="ord"):
    """The order says no more who bought. Its amounts and documents stay."""

    order_id: UUID
    account_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class SeatAddressErased(Event, about="seat_id", audited="sas"):
    """The seat says no more to whose address it was given."""

    seat_id: UUID
    pool_id: UUID

"""Offers, coupons, checkouts, orders and what follows from them: payments, refunds, disputes, plans. Amounts are minor units of the currency beside them.

An order is made with its checkout, and is the one record of a sale from then on. Each payment of a plan is an order of its own, so that refunds, splits and documents know one kind of sale.
"""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class OfferKind(StrEnum):
    ONE_TIME = "ONE_TIME"
    RECURRING = "RECURRING"
    INSTALLMENTS = "INSTALLMENTS"
    FREE = "FREE"
    PAY_WHAT_YOU_WANT = "PAY_WHAT_YOU_WANT"


class OfferSubject(StrEnum):
    COURSE = "COURSE"
    BUNDLE = "BUNDLE"
    PATH = "PATH"
    ALL_ACCESS = "ALL_ACCESS"
    SEATS = "SEATS"
    INSTRUCTOR_PREMIUM = "INSTRUCTOR_PREMIUM"


class BillingInterval(StrEnum):
    MONTH = "MONTH"
    YEAR = "YEAR"


class DefaultRule(StrEnum):
    """What a plan's learner keeps when its payments fail for good."""

    SUSPEND = "SUSPEND"
    KEEP = "KEEP"


class CouponKind(StrEnum):
    PERCENT = "PERCENT"
    AMOUNT = "AMOUNT"
    FIXED_PRICE = "FIXED_PRICE"


class HoldState(StrEnum):
    HELD = "HELD"
    REDEEMED = "REDEEMED"
    RELEASED = "RELEASED"


class CheckoutStatus(StrEnum):
    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class OrderKind(StrEnum):
    PURCHASE = "PURCHASE"
    RENEWAL = "RENEWAL"
    INSTALLMENT = "INSTALLMENT"
    PRORATION = "PRORATION"


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    PAID = "PAID"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CANCELED = "CANCELED"


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RETURNED = "RETURNED"


class RefundStatus(StrEnum):
    REQUESTED = "REQUESTED"
    REJECTED = "REJECTED"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AccessChange(StrEnum):
    """What a refund does to what was bought."""

    KEEP = "KEEP"
    REVOKE = "REVOKE"


class DisputeStatus(StrEnum):
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"


class SubscriptionStatus(StrEnum):
    INCOMPLETE = "INCOMPLETE"
    TRIALING = "TRIALING"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    PAUSED = "PAUSED"
    CANCELED = "CANCELED"
    COMPLETED = "COMPLETED"


class RequestKind(StrEnum):
    """What somebody asks of a plan."""

    CANCEL = "CANCEL"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    CHANGE = "CHANGE"


class RequestState(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"
    REFUSED = "REFUSED"


class TaxMode(StrEnum):
    NONE = "NONE"
    RATES = "RATES"
    PROVIDER = "PROVIDER"


class CommerceSettings(TenantRow):
    """How a school sells; at most one row of a tenant. Without one, what the columns' defaults say."""

    tax_mode = fields.CharEnumField(TaxMode, max_length=16, default=TaxMode.NONE)
    prices_include_tax = fields.BooleanField(default=True)
    seller = fields.JSONField(default=dict)
    grace_days = fields.SmallIntField(default=7)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "commerce_settings"
        unique_together = (("tenant_id",),)


class TaxRate(TenantRow):
    """A rate of the school's own, in parts per million, for a country or a part of one."""

    country = fields.CharField(2)
    region = fields.CharField(3, null=True)
    name = fields.CharField(60)
    rate_ppm = fields.IntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "tax_rates"


class Bundle(TenantRow):
    slug = fields.CharField(80)
    title = fields.CharField(200)
    description_markdown = fields.TextField(default="")
    description_html = fields.TextField(default="")
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "bundles"
        unique_together = (("tenant_id", "slug"),)


class BundleCourse(TenantRow):
    bundle_id = fields.UUIDField()
    course_id = fields.UUIDField()
    position = fields.IntField()

    class Meta:
        table = "bundle_courses"
        unique_together = (("tenant_id", "bundle_id", "course_id"),)


class Offer(TenantRow):
    """A way to get something: what (`subject`), how it is paid (`kind`), and when it is sold. What was sold is frozen on the order's line, so an offer may be changed.

    `subject_id` is a course's (COURSE, SEATS), bundle's or path's id; null for ALL_ACCESS and INSTRUCTOR_PREMIUM. `access_days` ends what it opens so long after the sale; null for never.
    """

    kind = fields.CharEnumField(OfferKind, max_length=20)
    subject = fields.CharEnumField(OfferSubject, max_length=24)
    subject_id = fields.UUIDField(null=True)
    title = fields.CharField(200)
    billing_interval = fields.CharEnumField(BillingInterval, max_length=8, null=True)
    trial_days = fields.SmallIntField(default=0)
    installments = fields.SmallIntField(null=True)
    on_default = fields.CharEnumField(DefaultRule, max_length=8, default=DefaultRule.SUSPEND)
    access_days = fields.IntField(null=True)
    min_quantity = fields.IntField(default=1)
    max_quantity = fields.IntField(default=1)
    tax_code = fields.CharField(20, null=True)
    sale_starts_at = fields.DatetimeField(null=True)
    sale_ends_at = fields.DatetimeField(null=True)
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "offers"


class OfferPrice(TenantRow):
    """What an offer costs in a market: a country's two letters, or null where no other price holds. For INSTALLMENTS and RECURRING each payment; for PAY_WHAT_YOU_WANT the least."""

    offer_id = fields.UUIDField()
    market = fields.CharField(2, null=True)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    compare_at_amount = fields.BigIntField(null=True)
    suggested_amount = fields.BigIntField(null=True)

    class Meta:
        table = "offer_prices"


class Coupon(TenantRow):
    """A code that lowers a price. `held` counts open checkouts, `redemptions` paid ones: both change by one conditional statement, and never pass `max_redemptions` together."""

    code = fields.CharField(40)
    kind = fields.CharEnumField(CouponKind, max_length=16)
    percent_off_bps = fields.IntField(null=True)
    amount = fields.BigIntField(null=True)
    currency = fields.CharField(3, null=True)
    is_for_all = fields.BooleanField(default=True)
    max_redemptions = fields.IntField(null=True)
    max_per_learner = fields.IntField(null=True)
    is_first_purchase_only = fields.BooleanField(default=False)
    minimum_amount = fields.BigIntField(null=True)
    starts_at = fields.DatetimeField(null=True)
    ends_at = fields.DatetimeField(null=True)
    affiliate_account_id = fields.UUIDField(null=True)
    affiliate_share_bps = fields.IntField(null=True)
    held = fields.IntField(default=0)
    redemptions = fields.IntField(default=0)
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "coupons"
        unique_together = (("tenant_id", "code"),)


class CouponCourse(TenantRow):
    coupon_id = fields.UUIDField()
    course_id = fields.UUIDField()

    class Meta:
        table = "coupon_courses"
        unique_together = (("tenant_id", "coupon_id", "course_id"),)


class CouponHold(TenantRow):
    """One use of a coupon by a checkout. `buyer` is the account's id or the guest's address, in lower case: what limits per learner count."""

    coupon_id = fields.UUIDField()
    checkout_id = fields.UUIDField()
    buyer = fields.CharField(254)
    state = fields.CharEnumField(HoldState, max_length=16, default=HoldState.HELD)
    created_at = fields.DatetimeField()

    class Meta:
        table = "coupon_holds"
        unique_together = (("tenant_id", "checkout_id"),)


class Checkout(TenantRow):
    """A reservation of price, coupon and seats, and the way to pay. Its order is made with it. A guest has an address and a token, of which the hash is kept."""

    order_id = fields.UUIDField()
    account_id = fields.UUIDField(null=True)
    guest_token_sha256 = fields.CharField(64, null=True)
    status = fields.CharEnumField(CheckoutStatus, max_length=16, default=CheckoutStatus.OPEN)
    provider_session_id = fields.CharField(255, null=True)
    payment_url = fields.TextField(null=True)
    client_secret = fields.TextField(null=True)
    success_url = fields.CharField(2000, null=True)
    cancel_url = fields.CharField(2000, null=True)
    is_embedded = fields.BooleanField(default=False)
    asked_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "checkouts"


class Order(TenantRow):
    """A sale, from the moment it is reserved. `total = subtotal - discount - credit + tax`, where tax is added only if prices do not include it; else it is the part of the total that is tax."""

    number = fields.CharField(20)
    kind = fields.CharEnumField(OrderKind, max_length=16, default=OrderKind.PURCHASE)
    status = fields.CharEnumField(OrderStatus, max_length=20, default=OrderStatus.PENDING)
    account_id = fields.UUIDField(null=True)
    email = fields.CharField(254)
    name = fields.CharField(200, default="")
    country = fields.CharField(2, null=True)
    postal_code = fields.CharField(20, null=True)
    market = fields.CharField(2, null=True)
    currency = fields.CharField(3)
    subtotal_amount = fields.BigIntField()
    discount_amount = fields.BigIntField()
    credit_amount = fields.BigIntField()
    tax_amount = fields.BigIntField()
    total_amount = fields.BigIntField()
    refunded_amount = fields.BigIntField(default=0)
    refund_requested_amount = fields.BigIntField(default=0)
    is_tax_included = fields.BooleanField(default=True)
    tax_lines = fields.JSONField(default=list)
    coupon_id = fields.UUIDField(null=True)
    subscription_id = fields.UUIDField(null=True)
    provider_invoice_id = fields.CharField(255, null=True)
    claimed_at = fields.DatetimeField(null=True)
    placed_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "orders"
        unique_together = (("tenant_id", "number"),)


class OrderLine(TenantRow):
    """What was sold, as it was offered then. `terms` freezes it: `courses` (`[{"id", "weight"}]`, in order; list prices in minor units as weights), `access_days`, `installments`, `on_default`, `affiliate`."""

    order_id = fields.UUIDField()
    position = fields.IntField()
    offer_id = fields.UUIDField()
    offer_kind = fields.CharEnumField(OfferKind, max_length=20)
    subject = fields.CharEnumField(OfferSubject, max_length=24)
    subject_id = fields.UUIDField(null=True)
    title = fields.CharField(200)
    quantity = fields.IntField(default=1)
    unit_amount = fields.BigIntField()
    subtotal_amount = fields.BigIntField()
    discount_amount = fields.BigIntField()
    credit_amount = fields.BigIntField()
    tax_amount = fields.BigIntField()
    total_amount = fields.BigIntField()
    refunded_amount = fields.BigIntField(default=0)
    refunded_tax_amount = fields.BigIntField(default=0)
    gift_email = fields.CharField(254, null=True)
    gift_message = fields.CharField(1000, null=True)
    terms = fields.JSONField(default=dict)

    class Meta:
        table = "order_lines"
        unique_together = (("tenant_id", "order_id", "position"),)


class Payment(TenantRow):
    """Money that came in for an order, or did not. At most one of an order succeeds; what comes in for a paid one is RETURNED."""

    order_id = fields.UUIDField()
    status = fields.CharEnumField(PaymentStatus, max_length=16)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    provider_payment_id = fields.CharField(255, null=True)
    provider_charge_id = fields.CharField(255, null=True)
    provider_fee_amount = fields.BigIntField(null=True)
    failure_code = fields.CharField(60, null=True)
    failure_message = fields.CharField(500, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "payments"


class Refund(TenantRow):
    """Money that goes back. REQUESTED by a learner waits for a decision; PENDING is with the provider. `allocation` is what each line gives: `[{"line_id", "amount", "tax"}]`, frozen when it is sent."""

    order_id = fields.UUIDField()
    payment_id = fields.UUIDField()
    status = fields.CharEnumField(RefundStatus, max_length=16)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    reason = fields.CharField(500)
    access_change = fields.CharEnumField(AccessChange, max_length=8)
    allocation = fields.JSONField(default=list)
    requested_by_account_id = fields.UUIDField(null=True)
    decided_by_account_id = fields.UUIDField(null=True)
    decision_note = fields.CharField(500, null=True)
    provider_refund_id = fields.CharField(255, null=True)
    failure_message = fields.CharField(500, null=True)
    asked_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refunds"


class Dispute(TenantRow):
    """A payment that its card's owner contests at their bank."""

    # `is_held`: the ledger holds the amount. `evidence`: what was last said, sent once `evidence_submitted_at` is set.

    order_id = fields.UUIDField()
    payment_id = fields.UUIDField()
    status = fields.CharEnumField(DisputeStatus, max_length=16)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    fee_amount = fields.BigIntField(default=0)
    reason = fields.CharField(60)
    provider_dispute_id = fields.CharField(255)
    evidence = fields.JSONField(default=dict)
    evidence_due_at = fields.DatetimeField(null=True)
    evidence_submitted_at = fields.DatetimeField(null=True)
    evidence_problem = fields.CharField(500, null=True)
    is_held = fields.BooleanField(db_default=False)
    opened_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "disputes"
        unique_together = (("tenant_id", "provider_dispute_id"),)


class Subscription(TenantRow):
    """A plan: all-access or a course that renews, or a purchase in installments (`installments_total` is set). Grants carry its id as their source.

    `amount` is what each payment is, tax in it. `paid_until` is the end of what its last paid invoice is for. `revision` counts what was written of it, so that an older state
    of the provider never replaces a newer one. `sweep_at` is when the provider is asked again, whatever happens. `withdrawn_at` where it was ended here for good.
    """

    account_id = fields.UUIDField()
    offer_id = fields.UUIDField()
    first_order_id = fields.UUIDField()
    status = fields.CharEnumField(SubscriptionStatus, max_length=16)
    currency = fields.CharField(3)
    amount = fields.BigIntField()
    provider_subscription_id = fields.CharField(255, null=True)
    current_period_start = fields.DatetimeField(null=True)
    current_period_end = fields.DatetimeField(null=True)
    cancel_at_period_end = fields.BooleanField(default=False)
    canceled_at = fields.DatetimeField(null=True)
    resumes_at = fields.DatetimeField(null=True)
    grace_until = fields.DatetimeField(null=True)
    installments_total = fields.SmallIntField(null=True)
    installments_paid = fields.SmallIntField(default=0)
    paid_until = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    sweep_at = fields.DatetimeField(null=True)
    revision = fields.IntField(default=0, db_default=0)
    terms = fields.JSONField(default=dict)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "subscriptions"


class SubscriptionRequest(TenantRow):
    """What is to be done with a plan at the provider: reserved here first, then asked there, then settled. At most one of a plan is PENDING."""

    subscription_id = fields.UUIDField()
    kind = fields.CharEnumField(RequestKind, max_length=8)
    state = fields.CharEnumField(RequestState, max_length=8, default=RequestState.PENDING)
    at_period_end = fields.BooleanField(default=True)
    resumes_at = fields.DatetimeField(null=True)
    offer_id = fields.UUIDField(null=True)
    amount = fields.BigIntField(null=True)
    prorated_amount = fields.BigIntField(null=True)
    terms = fields.JSONField(default=dict)
    failure_code = fields.CharField(60, null=True)
    failure_message = fields.CharField(500, null=True)
    requested_by_account_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "subscription_requests"


class AccessPool(TenantRow):
    """A calendar month (UTC) in which all-access was paid for. At its close the money is divided by what was watched: `watched` holds the seconds by course, as they were counted then."""

    period_start = fields.DatetimeField()
    period_end = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    watched = fields.JSONField(default=dict)
    created_at = fields.DatetimeField()

    class Meta:
        table = "access_pools"
        unique_together = (("tenant_id", "period_start"),)


class PaymentCustomer(TenantRow):
    """What the provider calls an account, per account at the provider."""

    account_id = fields.UUIDField()
    provider_customer_id = fields.CharField(255)
    is_own_provider = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "payment_customers"
        unique_together = (("tenant_id", "account_id", "is_own_provider"),)


class ProviderObject(TenantRow):
    """What the provider calls one of our rows. How an event finds its tenant and its row: an object that is not here is not ours, and has no effect."""

    provider_id = fields.CharField(255)
    kind = fields.CharField(20)
    own_id = fields.UUIDField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "provider_objects"
        unique_together = (("tenant_id", "provider_id"),)


class ProviderEvent(TenantRow):
    """An event as the provider sent it, stored once by its id before it is answered; worked by a job. Unknown kinds are kept too."""

    provider_event_id = fields.CharField(255)
    type = fields.CharField(100)
    object_id = fields.CharField(255, null=True)
    account = fields.CharField(255, null=True)
    payload = fields.JSONField()
    happened_at = fields.DatetimeField()
    received_at = fields.DatetimeField()
    worked_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(200, null=True)

    class Meta:
        table = "provider_events"
        unique_together = (("tenant_id", "provider_event_id"),)


class InvoiceKind(StrEnum):
    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"


class InvoiceCounter(TenantRow):
    """The last serial of a school's invoices or credit notes. Its row is locked until the document is committed: so serials have no gaps."""

    kind = fields.CharEnumField(InvoiceKind, max_length=16)
    last_serial = fields.IntField()

    class Meta:
        table = "invoice_counters"
        unique_together = (("tenant_id", "kind"),)


class Invoice(TenantRow):
    """An invoice of an order, or a credit note of a refund. `snapshot` is what it says, frozen at issue; nothing of it is ever changed."""

    kind = fields.CharEnumField(InvoiceKind, max_length=16)
    serial = fields.IntField()
    number = fields.CharField(40)
    order_id = fields.UUIDField()
    refund_id = fields.UUIDField(null=True)
    currency = fields.CharField(3)
    total_amount = fields.BigIntField()
    tax_amount = fields.BigIntField()
    snapshot = fields.JSONField()
    issued_at = fields.DatetimeField()
    pdf_file_id = fields.UUIDField(null=True)

    class Meta:
        table = "invoices"
        unique_together = (("tenant_id", "kind", "serial"),)


class PoolKind(StrEnum):
    SEATS = "SEATS"
    GIFT = "GIFT"
    VOUCHER = "VOUCHER"


class SeatStatus(StrEnum):
    ASSIGNED = "ASSIGNED"
    REDEEMED = "REDEEMED"
    RECLAIMED = "RECLAIMED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class SeatPool(TenantRow):
    """Seats of a course: bought (`order_line_id`), or given away by the school as a voucher. `taken` counts those that are assigned or redeemed, and never passes `seats`.

    Its owner is shown `code`; who brings one is looked up by its hash, so that the time this takes tells nothing.
    """

    kind = fields.CharEnumField(PoolKind, max_length=16)
    owner_account_id = fields.UUIDField(null=True)
    order_id = fields.UUIDField(null=True)
    order_line_id = fields.UUIDField(null=True)
    course_id = fields.UUIDField()
    seats = fields.IntField()
    taken = fields.IntField(default=0)
    code = fields.CharField(32)
    code_sha256 = fields.CharField(64)
    message = fields.CharField(1000, null=True)
    expires_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    closed_reason = fields.CharField(200, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "seat_pools"
        unique_together = (("tenant_id", "code_sha256"),)


class SeatAssignment(TenantRow):
    """A seat that somebody has, or had. The grant that it gave has its id as source. `email` is the address it was assigned to, or null where somebody took it with the pool's code."""

    pool_id = fields.UUIDField()
    status = fields.CharEnumField(SeatStatus, max_length=16)
    email = fields.CharField(254, null=True)
    email_key = fields.CharField(254, null=True)
    code = fields.CharField(32, null=True)
    code_sha256 = fields.CharField(64, null=True)
    account_id = fields.UUIDField(null=True)
    enrollment_id = fields.UUIDField(null=True)
    assigned_at = fields.DatetimeField()
    redeemed_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "seat_assignments"

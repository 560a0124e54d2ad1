"""Offers, coupons, checkouts, orders, payments, refunds, disputes and plans; and what the payment provider calls them."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.ddl import check, for_system, one_of, reference, tenant_table
from lms_graph.kit.ids import new_id
from lms_graph.models.commerce import AccessChange, BillingInterval, CheckoutStatus, CouponKind, DefaultRule, DisputeStatus, HoldState, OfferKind, OfferSubject, OrderKind, OrderStatus, PaymentStatus, RefundStatus, SubscriptionStatus, TaxMode
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

_KEYS = "".join(
    tenant_table(table)
    for table in "commerce_settings tax_rates bundles bundle_courses offers offer_prices coupons coupon_courses coupon_holds checkouts subscriptions payment_customers provider_accounts".split()
) + "".join(tenant_table(table, app="SELECT, INSERT, UPDATE") for table in "orders order_lines payments refunds disputes provider_objects provider_events".split())  # what was sold stays

_VALUES = (
    one_of("commerce_settings", "tax_mode", "NONE", "RATES", "PROVIDER")
    + one_of("offers", "kind", "ONE_TIME", "RECURRING", "INSTALLMENTS", "FREE", "PAY_WHAT_YOU_WANT")
    + one_of("offers", "subject", "COURSE", "BUNDLE", "PATH", "ALL_ACCESS", "SEATS")
    + one_of("offers", "billing_interval", "MONTH", "YEAR")
    + one_of("offers", "on_default", "SUSPEND", "KEEP")
    + one_of("coupons", "kind", "PERCENT", "AMOUNT", "FIXED_PRICE")
    + one_of("coupon_holds", "state", "HELD", "REDEEMED", "RELEASED")
    + one_of("checkouts", "status", "OPEN", "PROCESSING", "COMPLETED", "EXPIRED", "FAILED")
    + one_of("orders", "kind", "PURCHASE", "RENEWAL", "INSTALLMENT", "PRORATION")
    + one_of("orders", "status", "PENDING", "PAID", "PARTIALLY_REFUNDED", "REFUNDED", "CANCELED")
    + one_of("order_lines", "offer_kind", "ONE_TIME", "RECURRING", "INSTALLMENTS", "FREE", "PAY_WHAT_YOU_WANT")
    + one_of("order_lines", "subject", "COURSE", "BUNDLE", "PATH", "ALL_ACCESS", "SEATS")
    + one_of("payments", "status", "PENDING", "SUCCEEDED", "FAILED")
    + one_of("refunds", "status", "REQUESTED", "REJECTED", "PENDING", "SUCCEEDED", "FAILED")
    + one_of("refunds", "access_change", "KEEP", "REVOKE")
    + one_of("disputes", "status", "NEEDS_RESPONSE", "UNDER_REVIEW", "WON", "LOST")
    + one_of("subscriptions", "status", "INCOMPLETE", "TRIALING", "ACTIVE", "PAST_DUE", "PAUSED", "CANCELED", "COMPLETED")
)

_CHECKS = (
    check("commerce_settings", "grace", "grace_days BETWEEN 0 AND 60")
    + check("tax_rates", "rate", "rate_ppm BETWEEN 0 AND 1000000")
    + check("offers", "subject_id", "(subject = 'ALL_ACCESS') = (subject_id IS NULL)")
    + check("offers", "intervals", "(kind IN ('RECURRING', 'INSTALLMENTS')) = (billing_interval IS NOT NULL)")
    + check("offers", "installments", "(kind = 'INSTALLMENTS') = (installments IS NOT NULL) AND (installments IS NULL OR installments BETWEEN 2 AND 36)")
    + check("offers", "trial", "trial_days BETWEEN 0 AND 730 AND (trial_days = 0 OR kind = 'RECURRING')")
    + check("offers", "access_days", "access_days IS NULL OR access_days BETWEEN 1 AND 36500")
    + check("offers", "quantity", "min_quantity >= 1 AND max_quantity BETWEEN min_quantity AND 10000 AND (subject = 'SEATS' OR max_quantity = 1)")
    + check("offers", "sale", "sale_starts_at IS NULL OR sale_ends_at IS NULL OR sale_starts_at < sale_ends_at")
    + check("offer_prices", "amount", "amount >= 0 AND (compare_at_amount IS NULL OR compare_at_amount > amount) AND (suggested_amount IS NULL OR suggested_amount >= amount)")
    + check("coupons", "percent", "(kind = 'PERCENT') = (percent_off_bps IS NOT NULL) AND (percent_off_bps IS NULL OR percent_off_bps BETWEEN 1 AND 10000)")
    + check("coupons", "amount", "(kind = 'PERCENT') = (amount IS NULL) AND (amount IS NULL OR amount >= 0) AND ((amount IS NULL AND minimum_amount IS NULL) OR currency IS NOT NULL)")
    + check("coupons", "affiliate", "(affiliate_account_id IS NULL) = (affiliate_share_bps IS NULL) AND (affiliate_share_bps IS NULL OR affiliate_share_bps BETWEEN 0 AND 10000)")
    + check("coupons", "uses", "held >= 0 AND redemptions >= 0 AND (max_redemptions IS NULL OR held + redemptions <= max_redemptions)")
    + check("orders", "amounts", "least(subtotal_amount, discount_amount, credit_amount, tax_amount, total_amount, refunded_amount, refund_requested_amount) >= 0")
    + check("orders", "total", "total_amount = subtotal_amount - discount_amount - credit_amount + CASE WHEN is_tax_included THEN 0 ELSE tax_amount END")
    + check("orders", "refunds", "refunded_amount + refund_requested_amount <= total_amount")
    + check("orders", "paid", "status NOT IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') OR paid_at IS NOT NULL")
    + check("order_lines", "amounts", "least(subtotal_amount, discount_amount, credit_amount, tax_amount, total_amount, refunded_amount, refunded_tax_amount, unit_amount) >= 0 AND quantity >= 1")
    + check("order_lines", "refunds", "refunded_amount <= total_amount AND refunded_tax_amount <= tax_amount")
    + check("payments", "amount", "amount >= 0")
    + check("refunds", "amount", "amount > 0")
    + check("refunds", "settled", "(status = 'SUCCEEDED') = (settled_at IS NOT NULL)")
    + check("disputes", "amount", "amount >= 0 AND fee_amount >= 0")
    + check("subscriptions", "amounts", "amount >= 0 AND installments_paid >= 0 AND (installments_total IS NULL OR installments_paid <= installments_total)")
    + check("checkouts", "completed", "(status = 'COMPLETED') = (completed_at IS NOT NULL)")
)

_REFERENCES = (
    reference("bundle_courses", "bundle_id", "bundles", on_delete="CASCADE", index=False)
    + reference("bundle_courses", "course_id", "courses")
    + reference("offer_prices", "offer_id", "offers", on_delete="CASCADE")
    + reference("coupons", "affiliate_account_id", "accounts")
    + reference("coupon_courses", "coupon_id", "coupons", on_delete="CASCADE", index=False)
    + reference("coupon_courses", "course_id", "courses")
    + reference("coupon_holds", "coupon_id", "coupons")
    + reference("coupon_holds", "checkout_id", "checkouts", index=False)
    + reference("checkouts", "order_id", "orders", index=False)
    + reference("checkouts", "account_id", "accounts")
    + reference("orders", "account_id", "accounts")
    + reference("orders", "coupon_id", "coupons")
    + reference("orders", "subscription_id", "subscriptions")
    + reference("order_lines", "order_id", "orders", index=False)
    + reference("order_lines", "offer_id", "offers")
    + reference("payments", "order_id", "orders")
    + reference("refunds", "order_id", "orders")
    + reference("refunds", "payment_id", "payments")
    + reference("refunds", "requested_by_account_id", "accounts")
    + reference("refunds", "decided_by_account_id", "accounts")
    + reference("disputes", "order_id", "orders")
    + reference("disputes", "payment_id", "payments")
    + reference("subscriptions", "account_id", "accounts")
    + reference("subscriptions", "offer_id", "offers")
    + reference("subscriptions", "first_order_id", "orders")
    + reference("payment_customers", "account_id", "accounts", index=False)
)

_INDEXES = """
    CREATE UNIQUE INDEX tax_rates_place ON tax_rates (tenant_id, country, region) NULLS NOT DISTINCT;
    CREATE INDEX bundles_page ON bundles (tenant_id, created_at, id);
    CREATE INDEX offers_of_subject ON offers (tenant_id, subject, subject_id);
    CREATE INDEX offers_page ON offers (tenant_id, created_at, id);
    CREATE UNIQUE INDEX offer_prices_market ON offer_prices (tenant_id, offer_id, market) NULLS NOT DISTINCT;
    CREATE INDEX coupons_page ON coupons (tenant_id, created_at, id);
    CREATE INDEX coupon_holds_of_buyer ON coupon_holds (tenant_id, coupon_id, buyer);
    CREATE UNIQUE INDEX checkouts_order ON checkouts (tenant_id, order_id);
    CREATE UNIQUE INDEX checkouts_session ON checkouts (tenant_id, provider_session_id);
    CREATE INDEX checkouts_open ON checkouts (tenant_id, expires_at, id) WHERE status IN ('OPEN', 'PROCESSING');
    CREATE INDEX orders_page ON orders (tenant_id, placed_at, id);
    CREATE INDEX orders_of_account ON orders (tenant_id, account_id, placed_at, id);
    CREATE INDEX orders_of_status ON orders (tenant_id, status, placed_at, id);
    CREATE INDEX orders_unclaimed ON orders (tenant_id, lower(email)) WHERE account_id IS NULL;
    CREATE UNIQUE INDEX orders_invoice ON orders (tenant_id, provider_invoice_id);
    CREATE UNIQUE INDEX payments_once ON payments (tenant_id, order_id) WHERE status = 'SUCCEEDED'; -- two tabs, two events: one sale
    CREATE UNIQUE INDEX payments_provider ON payments (tenant_id, provider_payment_id);
    CREATE UNIQUE INDEX refunds_provider ON refunds (tenant_id, provider_refund_id);
    CREATE INDEX refunds_page ON refunds (tenant_id, created_at, id);
    CREATE INDEX refunds_of_status ON refunds (tenant_id, status, created_at, id);
    CREATE INDEX disputes_page ON disputes (tenant_id, opened_at, id);
    CREATE INDEX subscriptions_of_account ON subscriptions (tenant_id, account_id, created_at, id);
    CREATE INDEX subscriptions_page ON subscriptions (tenant_id, created_at, id);
    CREATE UNIQUE INDEX subscriptions_provider ON subscriptions (tenant_id, provider_subscription_id);
    CREATE INDEX provider_objects_look_up ON provider_objects (provider_id);
    CREATE INDEX provider_objects_of ON provider_objects (tenant_id, kind, own_id);
    CREATE INDEX provider_events_page ON provider_events (tenant_id, received_at, id);
    CREATE INDEX provider_events_waiting ON provider_events (tenant_id, received_at, id) WHERE worked_at IS NULL;
    DROP INDEX subscriptions_account_id;
    DROP INDEX orders_account_id;
"""


class Migration(migrations.Migration):
    dependencies = [('models', '0010_grants')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Bundle',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(max_length=80)),
                ('title', fields.CharField(max_length=200)),
                ('description_markdown', fields.TextField(default='', unique=False)),
                ('description_html', fields.TextField(default='', unique=False)),
                ('is_active', fields.BooleanField(default=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'bundles', 'app': 'models', 'unique_together': (('tenant_id', 'slug'),), 'pk_attr': 'id'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='BundleCourse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('bundle_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('position', fields.IntField()),
            ],
            options={'table': 'bundle_courses', 'app': 'models', 'unique_together': (('tenant_id', 'bundle_id', 'course_id'),), 'pk_attr': 'id'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Checkout',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('account_id', fields.UUIDField(null=True)),
                ('guest_token_sha256', fields.CharField(null=True, max_length=64)),
                ('status', fields.CharEnumField(default=CheckoutStatus.OPEN, description='OPEN: OPEN\nPROCESSING: PROCESSING\nCOMPLETED: COMPLETED\nEXPIRED: EXPIRED\nFAILED: FAILED', enum_type=CheckoutStatus, max_length=16)),
                ('provider_session_id', fields.CharField(null=True, max_length=255)),
                ('payment_url', fields.TextField(null=True, unique=False)),
                ('client_secret', fields.TextField(null=True, unique=False)),
                ('success_url', fields.CharField(null=True, max_length=2000)),
                ('cancel_url', fields.CharField(null=True, max_length=2000)),
                ('is_embedded', fields.BooleanField(default=False)),
                ('asked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'checkouts', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A reservation of price, coupon and seats, and the way to pay. Its order is made with it. A guest has an address and a token, of which the hash is kept.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CommerceSettings',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('tax_mode', fields.CharEnumField(default=TaxMode.NONE, description='NONE: NONE\nRATES: RATES\nPROVIDER: PROVIDER', enum_type=TaxMode, max_length=16)),
                ('prices_include_tax', fields.BooleanField(default=True)),
                ('seller', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('grace_days', fields.SmallIntField(default=7)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'commerce_settings', 'app': 'models', 'unique_together': (('tenant_id',),), 'pk_attr': 'id', 'table_description': "How a school sells; at most one row of a tenant. Without one, what the columns' defaults say."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Coupon',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('code', fields.CharField(max_length=40)),
                ('kind', fields.CharEnumField(description='PERCENT: PERCENT\nAMOUNT: AMOUNT\nFIXED_PRICE: FIXED_PRICE', enum_type=CouponKind, max_length=16)),
                ('percent_off_bps', fields.IntField(null=True)),
                ('amount', fields.BigIntField(null=True)),
                ('currency', fields.CharField(null=True, max_length=3)),
                ('is_for_all', fields.BooleanField(default=True)),
                ('max_redemptions', fields.IntField(null=True)),
                ('max_per_learner', fields.IntField(null=True)),
                ('is_first_purchase_only', fields.BooleanField(default=False)),
                ('minimum_amount', fields.BigIntField(null=True)),
                ('starts_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ends_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('affiliate_account_id', fields.UUIDField(null=True)),
                ('affiliate_share_bps', fields.IntField(null=True)),
                ('held', fields.IntField(default=0)),
                ('redemptions', fields.IntField(default=0)),
                ('is_active', fields.BooleanField(default=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'coupons', 'app': 'models', 'unique_together': (('tenant_id', 'code'),), 'pk_attr': 'id', 'table_description': 'A code that lowers a price. `held` counts open checkouts, `redemptions` paid ones: both change by one conditional statement, and never pass `max_redemptions` together.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CouponCourse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('coupon_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
            ],
            options={'table': 'coupon_courses', 'app': 'models', 'unique_together': (('tenant_id', 'coupon_id', 'course_id'),), 'pk_attr': 'id'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CouponHold',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('coupon_id', fields.UUIDField()),
                ('checkout_id', fields.UUIDField()),
                ('buyer', fields.CharField(max_length=254)),
                ('state', fields.CharEnumField(default=HoldState.HELD, description='HELD: HELD\nREDEEMED: REDEEMED\nRELEASED: RELEASED', enum_type=HoldState, max_length=16)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'coupon_holds', 'app': 'models', 'unique_together': (('tenant_id', 'checkout_id'),), 'pk_attr': 'id', 'table_description': "One use of a coupon by a checkout. `buyer` is the account's id or the guest's address, in lower case: what limits per learner count."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Dispute',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('payment_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='NEEDS_RESPONSE: NEEDS_RESPONSE\nUNDER_REVIEW: UNDER_REVIEW\nWON: WON\nLOST: LOST', enum_type=DisputeStatus, max_length=16)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('fee_amount', fields.BigIntField(default=0)),
                ('reason', fields.CharField(max_length=60)),
                ('provider_dispute_id', fields.CharField(max_length=255)),
                ('evidence', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('evidence_due_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('evidence_submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'disputes', 'app': 'models', 'unique_together': (('tenant_id', 'provider_dispute_id'),), 'pk_attr': 'id', 'table_description': "A payment that its card's owner contests at their bank."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Offer',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='ONE_TIME: ONE_TIME\nRECURRING: RECURRING\nINSTALLMENTS: INSTALLMENTS\nFREE: FREE\nPAY_WHAT_YOU_WANT: PAY_WHAT_YOU_WANT', enum_type=OfferKind, max_length=20)),
                ('subject', fields.CharEnumField(description='COURSE: COURSE\nBUNDLE: BUNDLE\nPATH: PATH\nALL_ACCESS: ALL_ACCESS\nSEATS: SEATS', enum_type=OfferSubject, max_length=16)),
                ('subject_id', fields.UUIDField(null=True)),
                ('title', fields.CharField(max_length=200)),
                ('billing_interval', fields.CharEnumField(null=True, description='MONTH: MONTH\nYEAR: YEAR', enum_type=BillingInterval, max_length=8)),
                ('trial_days', fields.SmallIntField(default=0)),
                ('installments', fields.SmallIntField(null=True)),
                ('on_default', fields.CharEnumField(default=DefaultRule.SUSPEND, description='SUSPEND: SUSPEND\nKEEP: KEEP', enum_type=DefaultRule, max_length=8)),
                ('access_days', fields.IntField(null=True)),
                ('min_quantity', fields.IntField(default=1)),
                ('max_quantity', fields.IntField(default=1)),
                ('tax_code', fields.CharField(null=True, max_length=20)),
                ('sale_starts_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('sale_ends_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('is_active', fields.BooleanField(default=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'offers', 'app': 'models', 'pk_attr': 'id', 'table_description': "A way to get something: what (`subject`), how it is paid (`kind`), and when it is sold. What was sold is frozen on the order's line, so an offer may be changed."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='OfferPrice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('offer_id', fields.UUIDField()),
                ('market', fields.CharField(null=True, max_length=2)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('compare_at_amount', fields.BigIntField(null=True)),
                ('suggested_amount', fields.BigIntField(null=True)),
            ],
            options={'table': 'offer_prices', 'app': 'models', 'pk_attr': 'id', 'table_description': "What an offer costs in a market: a country's two letters, or null where no other price holds. For INSTALLMENTS and RECURRING each payment; for PAY_WHAT_YOU_WANT the least."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Order',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('number', fields.CharField(max_length=20)),
                ('kind', fields.CharEnumField(default=OrderKind.PURCHASE, description='PURCHASE: PURCHASE\nRENEWAL: RENEWAL\nINSTALLMENT: INSTALLMENT\nPRORATION: PRORATION', enum_type=OrderKind, max_length=16)),
                ('status', fields.CharEnumField(default=OrderStatus.PENDING, description='PENDING: PENDING\nPAID: PAID\nPARTIALLY_REFUNDED: PARTIALLY_REFUNDED\nREFUNDED: REFUNDED\nCANCELED: CANCELED', enum_type=OrderStatus, max_length=20)),
                ('account_id', fields.UUIDField(null=True)),
                ('email', fields.CharField(max_length=254)),
                ('name', fields.CharField(default='', max_length=200)),
                ('country', fields.CharField(null=True, max_length=2)),
                ('postal_code', fields.CharField(null=True, max_length=20)),
                ('market', fields.CharField(null=True, max_length=2)),
                ('currency', fields.CharField(max_length=3)),
                ('subtotal_amount', fields.BigIntField()),
                ('discount_amount', fields.BigIntField()),
                ('credit_amount', fields.BigIntField()),
                ('tax_amount', fields.BigIntField()),
                ('total_amount', fields.BigIntField()),
                ('refunded_amount', fields.BigIntField(default=0)),
                ('refund_requested_amount', fields.BigIntField(default=0)),
                ('is_tax_included', fields.BooleanField(default=True)),
                ('tax_lines', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('coupon_id', fields.UUIDField(null=True)),
                ('subscription_id', fields.UUIDField(null=True)),
                ('provider_invoice_id', fields.CharField(null=True, max_length=255)),
                ('claimed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('placed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('paid_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'orders', 'app': 'models', 'unique_together': (('tenant_id', 'number'),), 'pk_attr': 'id', 'table_description': 'A sale, from the moment it is reserved. `total = subtotal - discount - credit + tax`, where tax is added only if prices do not include it; else it is the part of the total that is tax.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='OrderLine',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('position', fields.IntField()),
                ('offer_id', fields.UUIDField()),
                ('offer_kind', fields.CharEnumField(description='ONE_TIME: ONE_TIME\nRECURRING: RECURRING\nINSTALLMENTS: INSTALLMENTS\nFREE: FREE\nPAY_WHAT_YOU_WANT: PAY_WHAT_YOU_WANT', enum_type=OfferKind, max_length=20)),
                ('subject', fields.CharEnumField(description='COURSE: COURSE\nBUNDLE: BUNDLE\nPATH: PATH\nALL_ACCESS: ALL_ACCESS\nSEATS: SEATS', enum_type=OfferSubject, max_length=16)),
                ('subject_id', fields.UUIDField(null=True)),
                ('title', fields.CharField(max_length=200)),
                ('quantity', fields.IntField(default=1)),
                ('unit_amount', fields.BigIntField()),
                ('subtotal_amount', fields.BigIntField()),
                ('discount_amount', fields.BigIntField()),
                ('credit_amount', fields.BigIntField()),
                ('tax_amount', fields.BigIntField()),
                ('total_amount', fields.BigIntField()),
                ('refunded_amount', fields.BigIntField(default=0)),
                ('refunded_tax_amount', fields.BigIntField(default=0)),
                ('gift_email', fields.CharField(null=True, max_length=254)),
                ('gift_message', fields.CharField(null=True, max_length=1000)),
                ('terms', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'order_lines', 'app': 'models', 'unique_together': (('tenant_id', 'order_id', 'position'),), 'pk_attr': 'id', 'table_description': 'What was sold, as it was offered then. `terms` freezes it: `courses` (`[{"id", "weight"}]`, in order; list prices in minor units as weights), `access_days`, `installments`, `on_default`, `affiliate`.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Payment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nSUCCEEDED: SUCCEEDED\nFAILED: FAILED', enum_type=PaymentStatus, max_length=16)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('provider_payment_id', fields.CharField(null=True, max_length=255)),
                ('provider_charge_id', fields.CharField(null=True, max_length=255)),
                ('provider_fee_amount', fields.BigIntField(null=True)),
                ('failure_code', fields.CharField(null=True, max_length=60)),
                ('failure_message', fields.CharField(null=True, max_length=500)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payments', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Money that came in for an order, or did not. At most one of an order succeeds.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='PaymentCustomer',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('provider_customer_id', fields.CharField(max_length=255)),
                ('is_own_provider', fields.BooleanField(default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payment_customers', 'app': 'models', 'unique_together': (('tenant_id', 'account_id', 'is_own_provider'),), 'pk_attr': 'id', 'table_description': 'What the provider calls an account, per account at the provider.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='ProviderAccount',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('sealed_secret_key', fields.BinaryField()),
                ('sealed_webhook_secrets', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'provider_accounts', 'app': 'models', 'unique_together': (('tenant_id',),), 'pk_attr': 'id', 'table_description': "The keys of a school that has its own account at the payment provider; at most one row of a tenant. Without one it sells through the deployment's."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='ProviderEvent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('provider_event_id', fields.CharField(max_length=255)),
                ('type', fields.CharField(max_length=100)),
                ('object_id', fields.CharField(null=True, max_length=255)),
                ('account', fields.CharField(null=True, max_length=255)),
                ('payload', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('happened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('received_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('worked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('outcome', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'provider_events', 'app': 'models', 'unique_together': (('tenant_id', 'provider_event_id'),), 'pk_attr': 'id', 'table_description': 'An event as the provider sent it, stored once by its id before it is answered; worked by a job. Unknown kinds are kept too.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='ProviderObject',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('provider_id', fields.CharField(max_length=255)),
                ('kind', fields.CharField(max_length=20)),
                ('own_id', fields.UUIDField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'provider_objects', 'app': 'models', 'unique_together': (('tenant_id', 'provider_id'),), 'pk_attr': 'id', 'table_description': 'What the provider calls one of our rows. How an event finds its tenant and its row: an object that is not here is not ours, and has no effect.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Refund',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('order_id', fields.UUIDField()),
                ('payment_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='REQUESTED: REQUESTED\nREJECTED: REJECTED\nPENDING: PENDING\nSUCCEEDED: SUCCEEDED\nFAILED: FAILED', enum_type=RefundStatus, max_length=16)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('reason', fields.CharField(max_length=500)),
                ('access_change', fields.CharEnumField(description='KEEP: KEEP\nREVOKE: REVOKE', enum_type=AccessChange, max_length=8)),
                ('allocation', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('requested_by_account_id', fields.UUIDField(null=True)),
                ('decided_by_account_id', fields.UUIDField(null=True)),
                ('decision_note', fields.CharField(null=True, max_length=500)),
                ('provider_refund_id', fields.CharField(null=True, max_length=255)),
                ('failure_message', fields.CharField(null=True, max_length=500)),
                ('asked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('settled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'refunds', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Money that goes back. REQUESTED by a learner waits for a decision; PENDING is with the provider. `allocation` is what each line gives: `[{"line_id", "amount", "tax"}]`, frozen when it is sent.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Subscription',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('offer_id', fields.UUIDField()),
                ('first_order_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='INCOMPLETE: INCOMPLETE\nTRIALING: TRIALING\nACTIVE: ACTIVE\nPAST_DUE: PAST_DUE\nPAUSED: PAUSED\nCANCELED: CANCELED\nCOMPLETED: COMPLETED', enum_type=SubscriptionStatus, max_length=16)),
                ('currency', fields.CharField(max_length=3)),
                ('amount', fields.BigIntField()),
                ('provider_subscription_id', fields.CharField(null=True, max_length=255)),
                ('current_period_start', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('current_period_end', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('cancel_at_period_end', fields.BooleanField(default=False)),
                ('canceled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('resumes_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('grace_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('installments_total', fields.SmallIntField(null=True)),
                ('installments_paid', fields.SmallIntField(default=0)),
                ('terms', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'subscriptions', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A plan: all-access or a course that renews, or a purchase in installments (`installments_total` is set). Grants carry its id as their source.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='TaxRate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('country', fields.CharField(max_length=2)),
                ('region', fields.CharField(null=True, max_length=3)),
                ('name', fields.CharField(max_length=60)),
                ('rate_ppm', fields.IntField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'tax_rates', 'app': 'models', 'pk_attr': 'id', 'table_description': "A rate of the school's own, in parts per million, for a country or a part of one."},
            bases=['TenantRow'],
        ),
        ops.RunSQL(_KEYS + _VALUES + _CHECKS + _REFERENCES + _INDEXES + for_system("provider_objects", "SELECT", name="look_up")),
    ]

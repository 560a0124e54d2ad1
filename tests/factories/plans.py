"""Plans as they are bought: an offer, an order, and its checkout at Stripe's twin, paid there and settled here."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.commerce.operations import plan_states, settlement
from lms_graph.domain.payouts.ports import CheckoutRequest, Item, PaymentGateway, Recurrence
from lms_graph.integrations.stripe import StripePayments
from lms_graph.integrations.twins.stripe import TEST_KEY, StripeTwin
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, DefaultRule, Offer, OfferKind, OfferPrice, OfferSubject, Order, OrderLine, OrderStatus
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.fixtures.callers import School


@dataclass
class Shop:
    """A school's side and Stripe's, with one clock: the twin's."""

    twin: StripeTwin
    gateway: PaymentGateway
    school: School

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.twin.now(), UTC)

    @property
    def caller(self) -> Caller:
        return Caller.system(self.school.id, now=self.now)

    async def row(self, plan: "Bought") -> Any:
        return await self.one("SELECT * FROM subscriptions WHERE tenant_id = $1 AND id = $2", plan.id)

    async def one(self, sql: str, *parameters: Any) -> Any:
        async with database.reading(self.school.system):
            return await database.fetch_one(sql, self.school.id, *parameters)

    async def all(self, sql: str, *parameters: Any) -> list[Any]:
        async with database.reading(self.school.system):
            return await database.fetch(sql, self.school.id, *parameters)

    async def refresh(self, plan: "Bought") -> None:
        async with database.reading(self.caller):
            await plan_states.refresh(caller=self.caller, provider_id=plan.provider_id, gateway=self.gateway)

    async def sweep(self, plan: "Bought") -> None:
        async with database.reading(self.caller):
            await plan_states.sweep(caller=self.caller, subscription_id=plan.id, gateway=self.gateway)

    async def orders(self, plan: "Bought") -> list[tuple[str, str, int]]:
        """Of a plan in the order of their making: kind, status, total."""
        rows = await self.all("SELECT kind, status, total_amount FROM orders WHERE tenant_id = $1 AND subscription_id = $2 ORDER BY placed_at, id", plan.id)
        return [(row["kind"], row["status"], row["total_amount"]) for row in rows]

    async def grants(self, plan: "Bought") -> list[Any]:
        return await self.all("SELECT subject_id, kind, state, ends_at, grace_until, revoked_at FROM entitlements WHERE tenant_id = $1 AND source_id = $2 ORDER BY id", plan.id)

    def customer(self, plan: "Bought") -> str:
        return str(self.twin.store.kinds["subscription"][plan.provider_id]["customer"])

    def use_card(self, plan: "Bought", card: str) -> None:
        self.twin.customers.use_card(self.customer(plan), card)


@dataclass(frozen=True)
class Bought:
    """A plan that began, and who holds it."""

    id: UUID
    provider_id: str
    account_id: UUID
    order_id: UUID
    line_id: UUID
    offer_id: UUID

    @property
    def public_id(self) -> str:
        return public_id("sub", self.id)


def gateway(twin: StripeTwin) -> StripePayments:
    return StripePayments(secret_key=TEST_KEY, webhook_secrets=(), url=twin.url)


async def offer(
    shop: Shop,
    *course_ids: UUID,
    kind: OfferKind = OfferKind.RECURRING,
    amount: int = 3000,
    currency: str = "EUR",
    interval: BillingInterval = BillingInterval.MONTH,
    trial_days: int = 0,
    installments: int | None = None,
    on_default: DefaultRule = DefaultRule.SUSPEND,
    title: str = "A plan",
    subject: OfferSubject | None = None,
) -> UUID:
    """Of one course, or with none of all access, or of what `subject` says."""
    tenant, now = {"tenant_id": shop.school.id}, shop.now
    async with unit_of_work(shop.caller):
        made = await Offer.create(
            **tenant,
            kind=kind,
            subject=subject or (OfferSubject.COURSE if course_ids else OfferSubject.ALL_ACCESS),
            subject_id=course_ids[0] if course_ids else None,
            title=title,
            billing_interval=interval,
            trial_days=trial_days,
            installments=installments,
            on_default=on_default,
            created_at=now,
            updated_at=now,
        )
        await OfferPrice.create(**tenant, offer_id=made.id, currency=currency, amount=amount)
    id: UUID = made.id
    return id


async def ordered(shop: Shop, offer_id: UUID, account_id: UUID | None = None, *, tax: int = 0, tax_included: bool = True, **terms: Any) -> tuple[UUID, UUID, UUID]:
    """A pending order of a plan, as its checkout makes it: the ids of the order, its line and who holds it. `tax` is that of each payment."""
    account_id = account_id or await account(shop.caller)
    tenant = {"tenant_id": shop.school.id}
    async with unit_of_work(shop.caller):
        sold = await Offer.for_caller(shop.caller, id=offer_id).get()
        price = await OfferPrice.for_caller(shop.caller, offer_id=offer_id).get()
        due = 0 if sold.trial_days else price.amount
        due_tax = tax if due else 0
        total = due + (0 if tax_included else due_tax)
        amounts = {"subtotal_amount": due, "discount_amount": 0, "credit_amount": 0, "tax_amount": due_tax, "total_amount": total}
        order = await Order.create(
            **tenant,
            **amounts,
            number=uuid4().hex[:10].upper(),
            status=OrderStatus.PENDING,
            account_id=account_id,
            email="ada@home.example",
            currency=price.currency,
            is_tax_included=tax_included,
            tax_lines=[{"name": "VAT", "rate_ppm": 190_000, "amount": due_tax}] if tax else [],
            placed_at=shop.now,
        )
        line = await OrderLine.create(
            **tenant,
            **amounts,
            order_id=order.id,
            position=0,
            offer_id=offer_id,
            offer_kind=sold.kind,
            subject=sold.subject,
            subject_id=sold.subject_id,
            title=sold.title,
            unit_amount=due,
            terms={
                "courses": [{"id": str(sold.subject_id), "weight": 1}] if sold.subject_id else [],
                "access_days": None,
                "installments": sold.installments,
                "on_default": sold.on_default.value,
                "affiliate": None,
                "recurring_amount": price.amount,
                "recurring_tax": tax,
                "interval": sold.billing_interval.value if sold.billing_interval else None,
                "trial_days": sold.trial_days,
                **terms,
            },
        )
    return order.id, line.id, account_id


async def bought(shop: Shop, offer_id: UUID, account_id: UUID | None = None, *, refreshed: bool = True, **differs: Any) -> Bought:
    """A plan whose first payment was made, or whose trial began."""
    order_id, line_id, account_id = await ordered(shop, offer_id, account_id, **differs)
    line = await shop.one(
        "SELECT l.*, o.currency, o.is_tax_included FROM order_lines l JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id WHERE l.tenant_id = $1 AND l.id = $2", line_id
    )
    terms = database.from_json(line["terms"])
    each = terms["recurring_amount"] + (0 if line["is_tax_included"] else terms["recurring_tax"])
    request = CheckoutRequest(
        currency=line["currency"],
        items=[Item(title=line["title"], unit_amount=each)],
        email="ada@home.example",
        metadata={"tenant": str(shop.school.id), "order": str(order_id)},
        transfer_group=str(order_id),
        success_url="https://school.example/done",
        cancel_url="https://school.example/cart",
        is_embedded=False,
        expires_at=shop.now + timedelta(hours=1),
        locale="en",
        recurrence=Recurrence(interval=terms["interval"], trial_days=terms["trial_days"], payments=terms["installments"]),
    )
    made = await shop.gateway.open_checkout(request, key=f"checkout:{order_id}")
    shop.twin.checkout.pay(made.id)
    done = await shop.gateway.checkout(made.id)
    assert done.subscription_id and done.invoice_id
    payment = None
    if not terms["trial_days"]:
        invoice = await shop.gateway.invoice(done.invoice_id)
        assert invoice.payment_id
        payment = await shop.gateway.payment(invoice.payment_id)
    await settlement.settle_order(caller=shop.caller, order_id=order_id, payment=payment, subscription_id=done.subscription_id)
    row = await shop.one("SELECT id FROM subscriptions WHERE tenant_id = $1 AND first_order_id = $2", order_id)
    plan = Bought(row["id"], done.subscription_id, account_id, order_id, line_id, offer_id)
    if refreshed:
        await shop.refresh(plan)
    return plan

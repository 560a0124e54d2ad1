"""Paid orders, whose money lies with the payment provider's twin."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.commerce.operations import settlement
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.ports import CheckoutRequest, Item, PaymentGateway
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.secrets import new_code
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.models.commerce import OfferKind, OfferSubject
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School


@dataclass(frozen=True, kw_only=True)
class Sold:
    """What a line sells: courses, for a total with its tax in it."""

    total: int
    tax: int = 0
    courses: tuple[UUID, ...] = ()
    subject: OfferSubject = OfferSubject.COURSE


@dataclass(frozen=True, kw_only=True)
class PaidOrder:
    id: UUID
    account_id: UUID
    line_ids: list[UUID] = field(default_factory=list)
    provider_payment_id: str

    @property
    def public_id(self) -> str:
        return public_id("ord", self.id)

    @property
    def lines(self) -> list[str]:
        return [public_id("lin", id) for id in self.line_ids]


async def placed_order(school: School, account_id: UUID, *lines: Sold, currency: str = "EUR") -> tuple[UUID, list[UUID]]:
    """An order that is not paid yet, and its lines."""
    caller, now = school.system, datetime.now(UTC)
    order_id, line_ids = new_id(), [new_id() for _ in lines]
    total, tax = sum(line.total for line in lines), sum(line.tax for line in lines)
    async with unit_of_work(caller):
        await rows.Order.create(
            tenant_id=school.id,
            id=order_id,
            number=new_code(10),
            account_id=account_id,
            email="ada@home.example",
            name="Ada Example",
            country="DE",
            postal_code="10115",
            currency=currency,
            subtotal_amount=total,
            discount_amount=0,
            credit_amount=0,
            tax_amount=tax,
            tax_lines=[{"name": "VAT", "rate_ppm": 190_000, "amount": tax}] if tax else [],
            total_amount=total,
            placed_at=now,
        )
        for position, (line_id, line) in enumerate(zip(line_ids, lines, strict=True)):
            subject_id = None if line.subject is OfferSubject.ALL_ACCESS else (line.courses[0] if line.courses else uuid4())
            what: dict[str, Any] = {"subject": line.subject, "subject_id": subject_id}
            offer_id = new_id()
            await rows.Offer.create(tenant_id=school.id, id=offer_id, kind=OfferKind.ONE_TIME, title=f"Offer {position}", max_quantity=1, created_at=now, updated_at=now, **what)
            await rows.OfferPrice.create(tenant_id=school.id, offer_id=offer_id, currency=currency, amount=line.total)
            await rows.OrderLine.create(
                tenant_id=school.id,
                id=line_id,
                order_id=order_id,
                position=position,
                offer_id=offer_id,
                offer_kind=OfferKind.ONE_TIME,
                title=f"Course {position}",
                unit_amount=line.total,
                subtotal_amount=line.total,
                discount_amount=0,
                credit_amount=0,
                tax_amount=line.tax,
                total_amount=line.total,
                terms={"courses": [{"id": str(id), "weight": 100} for id in line.courses], "access_days": None, "affiliate": None},
                **what,
            )
    return order_id, line_ids


async def charged(school: School, order_id: UUID, gateway: PaymentGateway, stripe: StripeTwin, *, key: str = "") -> str:
    """Pay an order at the twin; nothing is settled by it. Gives the payment's name there; with another key it is paid again."""
    async with database.reading(school.system):
        order = await database.fetch_one("SELECT currency, total_amount FROM orders WHERE tenant_id = $1 AND id = $2", school.id, order_id)
    assert order is not None
    request = CheckoutRequest(
        currency=order["currency"],
        items=[Item(title="Course", unit_amount=order["total_amount"])],
        email="ada@home.example",
        metadata={"tenant": str(school.id), "order": str(order_id)},
        transfer_group=str(order_id),
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/",
        is_embedded=False,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        locale="en",
    )
    session = await gateway.open_checkout(request, key=f"checkout-{order_id}{key}")
    stripe.checkout.pay(session.id)
    payment_id = (await gateway.checkout(session.id)).payment_id
    assert payment_id is not None
    return payment_id


async def settled(school: School, order_id: UUID, payment_id: str, line_ids: list[UUID], lines: tuple[Sold, ...], *, gateway: PaymentGateway, currency: str) -> None:
    """Settle what was paid, and book it: again changes nothing."""
    caller = school.system
    await settlement.settle_order(caller=caller, order_id=order_id, payment=await gateway.payment(payment_id))
    async with unit_of_work(caller):
        payment = await rows.Payment.for_caller(caller, order_id=order_id, provider_payment_id=payment_id).get()
        sold = [
            sales.SoldLine(line_id=id, net_amount=line.total - line.tax, tax_amount=line.tax, courses=tuple((course, 100) for course in line.courses))
            for id, line in zip(line_ids, lines, strict=True)
        ]
        await sales.post_sale(caller=caller, order_id=order_id, payment_id=payment.id, currency=currency, lines=sold)


async def paid_order(school: School, account_id: UUID, *lines: Sold, gateway: PaymentGateway, stripe: StripeTwin, currency: str = "EUR") -> PaidOrder:
    """An order that was paid at the twin and is settled here: what it sells is open."""
    order_id, line_ids = await placed_order(school, account_id, *lines, currency=currency)
    payment_id = await charged(school, order_id, gateway, stripe)
    await settled(school, order_id, payment_id, line_ids, lines, gateway=gateway, currency=currency)
    return PaidOrder(id=order_id, account_id=account_id, line_ids=line_ids, provider_payment_id=payment_id)

"""Offers, bundles, coupons, and sales of them: valid by default, and only what a test says differs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.commerce.operations import bundles, coupons, offers
from lms_graph.domain.commerce.rules.offers import Amount, BundleDraft, CouponDraft, OfferDraft, PriceDraft
from lms_graph.domain.learning.operations import entitlements
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models.commerce import CheckoutStatus, OfferKind, OfferSubject, OrderStatus
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.unit_of_work import unit_of_work


def price(amount: str = "20.00", currency: str = "EUR", market: str | None = None, **differs: Any) -> PriceDraft:
    return PriceDraft(market=market, price=Amount(amount=Decimal(amount), currency=currency), **differs)


async def offer(caller: Caller, subject_id: UUID | None, *prices: PriceDraft, **differs: Any) -> UUID:
    """Sold once for 20 EUR: a course, or what `subject` says."""
    kind = differs.get("kind", OfferKind.ONE_TIME)
    values = {"kind": kind, "subject": OfferSubject.COURSE, "subject_id": subject_id, "prices": () if kind is OfferKind.FREE else prices or (price(),)} | differs
    return await offers.save_offer(caller=caller, offer_id=None, draft=OfferDraft(**values), key=None if caller.is_system else uuid4().hex)


async def bundle(caller: Caller, *course_ids: UUID, **differs: Any) -> UUID:
    values = {"slug": f"bundle-{uuid4().hex[:12]}", "title": "A Bundle", "course_ids": course_ids} | differs
    return await bundles.save_bundle(caller=caller, bundle_id=None, draft=BundleDraft(**values))


async def coupon(caller: Caller, **differs: Any) -> tuple[UUID, str]:
    """Ten percent off everything: its id and code."""
    code = f"C{uuid4().hex[:12].upper()}"
    values = {"code": code} | ({} if differs.keys() & {"amount_off", "fixed_price"} else {"percent_off": Decimal(10)}) | differs
    return await coupons.create_coupon(caller=caller, draft=CouponDraft(**values), key=None if caller.is_system else uuid4().hex), values["code"]


async def checkout(caller: Caller, *, account_id: UUID | None = None, email: str = "buyer@example.com", paid: bool = False, **line: Any) -> tuple[UUID, UUID]:
    """A checkout and its order, of one line if `line` says what differs of it: the ids of checkout and line."""
    order_id, checkout_id, line_id = new_id(), new_id(), new_id()
    amount = line.get("total_amount", 0)
    tenant = {"tenant_id": caller.tenant_id}
    sums = {"subtotal_amount": amount, "discount_amount": 0, "credit_amount": 0, "tax_amount": 0, "total_amount": amount}
    async with unit_of_work(caller):
        await rows.Order.create(
            **tenant,
            id=order_id,
            number=uuid4().hex[:10].upper(),
            status=OrderStatus.PAID if paid else OrderStatus.PENDING,
            account_id=account_id,
            email=email,
            currency=line.pop("currency", "EUR"),
            placed_at=caller.now,
            paid_at=caller.now if paid else None,
            **sums,
        )
        await rows.Checkout.create(
            **tenant,
            id=checkout_id,
            order_id=order_id,
            account_id=account_id,
            status=CheckoutStatus.COMPLETED if paid else CheckoutStatus.OPEN,
            completed_at=caller.now if paid else None,
            expires_at=caller.now + timedelta(hours=1),
            created_at=caller.now,
        )
        if line:
            values = {"position": 0, "offer_kind": OfferKind.ONE_TIME, "subject": OfferSubject.COURSE, "title": "A Course", "unit_amount": amount} | sums | line
            await rows.OrderLine.create(**tenant, id=line_id, order_id=order_id, **values)
    return checkout_id, line_id


async def bought(caller: Caller, account_id: UUID, offer_id: UUID, *course_ids: UUID, amount: int, currency: str = "EUR", **line: Any) -> UUID:
    """These courses, paid by an account and granted; gives the id of the order's line."""
    terms = {"courses": [{"id": str(id), "weight": 1} for id in course_ids]}
    _, line_id = await checkout(caller, account_id=account_id, paid=True, offer_id=offer_id, total_amount=amount, currency=currency, terms=terms, **line)
    for course_id in course_ids:
        await entitlements.grant_course(caller=caller, account_id=account_id, course_id=course_id, kind=EntitlementKind.ORDER, source_id=line_id)
    return line_id

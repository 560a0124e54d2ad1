"""Orders as they stand once they are paid, and refunds once they are settled. Made without a checkout: for what follows from them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from lms_graph.kit.secrets import new_code
from lms_graph.models import commerce as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School

VAT = [{"name": "VAT", "rate_ppm": 190000, "amount": 1597}]


async def offer(school: School, **changes: Any) -> rows.Offer:
    """An offer of all courses, sold once."""
    now = school.system.now
    values: dict[str, Any] = {"kind": rows.OfferKind.ONE_TIME, "subject": rows.OfferSubject.ALL_ACCESS, "title": "All courses", "created_at": now, "updated_at": now}
    async with unit_of_work(school.system):
        return await rows.Offer.create(tenant_id=school.id, **values | changes)


async def paid_order(
    school: School, *, account_id: UUID | None = None, total: int = 10000, tax: int = 1597, currency: str = "EUR", titles: tuple[str, ...] = ("All courses",), **changes: Any
) -> rows.Order:
    """An order of one line per title, each of the same price, with its payment."""
    now = school.system.now - timedelta(minutes=1)
    sold = await offer(school)
    values: dict[str, Any] = {
        "number": new_code(10),
        "status": rows.OrderStatus.PAID,
        "account_id": account_id,
        "email": "buyer@mail.example",
        "name": "Bo Buyer",
        "country": "DE",
        "postal_code": "10115",
        "currency": currency,
        "subtotal_amount": total,
        "discount_amount": 0,
        "credit_amount": 0,
        "tax_amount": tax,
        "total_amount": total,
        "tax_lines": [{**VAT[0], "amount": tax}] if tax else [],
        "placed_at": now,
        "paid_at": now,
    }
    async with unit_of_work(school.system):
        order = await rows.Order.create(tenant_id=school.id, **values | changes)
        for position, title in enumerate(titles):
            part, part_of_tax = total // len(titles), tax // len(titles)
            await rows.OrderLine.create(
                tenant_id=school.id, order_id=order.id, position=position, offer_id=sold.id, offer_kind=sold.kind, subject=sold.subject, title=title,
                unit_amount=part, subtotal_amount=part, discount_amount=0, credit_amount=0, tax_amount=part_of_tax, total_amount=part,
            )  # fmt: skip
        if total:
            await rows.Payment.create(
                tenant_id=school.id,
                order_id=order.id,
                status=rows.PaymentStatus.SUCCEEDED,
                currency=currency,
                amount=total,
                provider_payment_id=f"pi_{order.id.hex}",
                created_at=now,
            )
    return order


async def settled_refund(school: School, order: rows.Order, amount: int, tax: int) -> rows.Refund:
    """Money that went back for the order's first line."""
    async with unit_of_work(school.system):
        line = await rows.OrderLine.for_caller(school.system, order_id=order.id).order_by("position").first()
        payment = await rows.Payment.for_caller(school.system, order_id=order.id).get()
        assert line is not None
        return await rows.Refund.create(
            tenant_id=school.id, order_id=order.id, payment_id=payment.id, status=rows.RefundStatus.SUCCEEDED, currency=order.currency, amount=amount, reason="x", access_change="KEEP",
            allocation=[{"line_id": str(line.id), "amount": amount, "tax": tax}], created_at=school.system.now, settled_at=school.system.now,
        )  # fmt: skip

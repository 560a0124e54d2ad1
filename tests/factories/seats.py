"""Seats that were bought: the order and its line, and the pool that its settlement opens."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.commerce.operations import seats
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True)
class Bought:
    """A pool, and what it came from."""

    pool_id: UUID
    order_id: UUID
    line_id: UUID

    @property
    def id(self) -> str:
        return public_id("sea", self.pool_id)


async def bought(caller: Caller, owner: UUID, course_id: UUID, count: int = 3, **gift: Any) -> Bought:
    """A paid order of so many seats, and their pool; `gift_email`, `gift_message`, `expires_at` as the buyer chose."""
    tenant, now = {"tenant_id": caller.tenant_id}, datetime.now(UTC)
    async with unit_of_work(caller):
        offer = await commerce.Offer.create(**tenant, kind="ONE_TIME", subject="SEATS", subject_id=course_id, title="Seats", max_quantity=10_000, created_at=now, updated_at=now)
        await commerce.OfferPrice.create(**tenant, offer_id=offer.id, market=None, currency="EUR", amount=100)
        order = await commerce.Order.create(
            **tenant, number=uuid4().hex[:10].upper(), status="PAID", account_id=owner, email="x@example.com", currency="EUR", subtotal_amount=100, discount_amount=0, credit_amount=0,
            tax_amount=0, total_amount=100, placed_at=now, paid_at=now, claimed_at=now,
        )  # fmt: skip
        line = await commerce.OrderLine.create(
            **tenant, order_id=order.id, position=0, offer_id=offer.id, offer_kind="ONE_TIME", subject="SEATS", subject_id=course_id, title="Seats", quantity=count, unit_amount=100,
            subtotal_amount=100, discount_amount=0, credit_amount=0, tax_amount=0, total_amount=100,
        )  # fmt: skip
        pool_id = await seats.open_pool(caller=caller, order_id=order.id, line_id=line.id, owner_account_id=owner, course_id=course_id, seats=count, **gift)
    return Bought(pool_id, order.id, line.id)

"""Courses that earn, and sales of them as commerce tells the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lms_graph.domain.payouts.operations import accounts as payees
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.operations.sales import SoldLine
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import payouts as rows
from lms_graph.models.catalog import CourseInstructor, InstructorRole
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import instructor
from tests.factories.courses import course, text


@dataclass(frozen=True)
class Sale:
    order_id: UUID
    payment_id: UUID
    currency: str
    lines: tuple[SoldLine, ...]


async def teacher(caller: Caller, *, is_premium: bool = False, name: str = "Ida Example") -> UUID:
    """An account that teaches, and has a payee; a premium one until next year."""
    account_id = await instructor(caller, name=name)
    payee_id = await payees.payee_of(caller=caller, account_id=account_id)
    if is_premium:
        async with unit_of_work(caller):
            await rows.Payee.for_caller(caller, id=payee_id).update(is_premium_until=caller.now + timedelta(days=365))
    return account_id


async def earning(caller: Caller, shares: Mapping[UUID, int]) -> UUID:
    """A course whose instructors have these basis points of it; the first is its first lead."""
    made = await course(caller, text(), instructors=tuple((account_id, InstructorRole.LEAD) for account_id in shares))
    async with unit_of_work(caller):
        for account_id, bps in shares.items():
            await CourseInstructor.for_caller(caller, course_id=made.course_id, account_id=account_id).update(revenue_share_basis_points=bps)
    return made.course_id


async def terms(
    caller: Caller, *, fee_bps: int, premium_bps: int | None = None, fee_tax_ppm: int = 0, refund_days: int = 0, tiers: Mapping[tuple[str, int], int] | None = None
) -> None:
    """What the platform keeps; `tiers` by currency and from which amount on."""
    async with unit_of_work(caller):
        await Tenant.for_caller(caller, id=caller.tenant_id).update(platform_fee_bps=fee_bps, refund_days=refund_days)
        await rows.Commission.create(tenant_id=caller.tenant_id, premium_bps=premium_bps, fee_tax_ppm=fee_tax_ppm, updated_at=caller.now)
        for (currency, amount), bps in (tiers or {}).items():
            await rows.CommissionTier.create(tenant_id=caller.tenant_id, currency=currency, from_amount=amount, rate_bps=bps)


def line(net: int, *courses: tuple[UUID, int], tax: int = 0, **differs: Any) -> SoldLine:
    return replace(SoldLine(line_id=new_id(), net_amount=net, tax_amount=tax, courses=courses), **differs)


async def sold(caller: Caller, *lines: SoldLine, currency: str = "EUR", at: datetime | None = None) -> Sale:
    """A paid order of these lines, booked."""
    sale = Sale(order_id=new_id(), payment_id=new_id(), currency=currency, lines=lines)
    assert await book(caller.at(at) if at else caller, sale)
    return sale


async def book(caller: Caller, sale: Sale) -> bool:
    return await sales.post_sale(caller=caller, order_id=sale.order_id, payment_id=sale.payment_id, currency=sale.currency, lines=sale.lines)

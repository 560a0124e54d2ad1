"""What a paid line opens, and how that is taken back. One function per kind of thing sold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.operations import seats, subscriptions
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.payouts.operations import premium
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.commerce import OfferKind, OfferSubject, OrderKind
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True)
class SoldLine:
    """A line of a paid order that somebody holds."""

    order_id: UUID
    line_id: UUID
    account_id: UUID
    offer_kind: OfferKind
    subject: OfferSubject
    subject_id: UUID | None
    quantity: int
    gift_email: str | None
    gift_message: str | None
    terms: dict[str, Any]
    paid_at: datetime
    provider_subscription_id: str | None

    @property
    def is_gift(self) -> bool:
        return self.gift_email is not None or self.gift_message is not None

    @property
    def ends_at(self) -> datetime | None:
        days = self.terms.get("access_days")
        return self.paid_at + timedelta(days=days) if days else None


Fulfill = Callable[[Caller, SoldLine], Awaitable[None]]


async def _grant(caller: Caller, line: SoldLine) -> None:
    """Courses, each with its run; or all of them, whose runs their learner begins."""
    if line.subject is OfferSubject.ALL_ACCESS:
        await entitlements.grant_course(
            caller=caller, account_id=line.account_id, course_id=None, kind=EntitlementKind.ORDER, source_id=line.line_id, starts_at=line.paid_at, ends_at=line.ends_at
        )
        return
    kind = EntitlementKind.BUNDLE if line.subject is OfferSubject.BUNDLE else EntitlementKind.ORDER
    for course_id in sorted(UUID(course["id"]) for course in line.terms["courses"]):  # in one order, for their locks
        grant_id = await entitlements.grant_course(
            caller=caller, account_id=line.account_id, course_id=course_id, kind=kind, source_id=line.line_id, starts_at=line.paid_at, ends_at=line.ends_at
        )
        await enrollments.open_granted(caller=caller, entitlement_id=grant_id, account_id=line.account_id, course_id=course_id)


async def _begin_plan(caller: Caller, line: SoldLine) -> None:
    await subscriptions.begin(caller=caller, order_id=line.order_id, line_id=line.line_id, account_id=line.account_id, provider_subscription_id=line.provider_subscription_id)


async def _open_seats(caller: Caller, line: SoldLine) -> None:
    """Seats of a course, or one for somebody who is given it: never for the buyer."""
    assert line.subject_id is not None
    await seats.open_pool(
        caller=caller,
        order_id=line.order_id,
        line_id=line.line_id,
        owner_account_id=line.account_id,
        course_id=line.subject_id,
        seats=line.quantity,
        gift_email=line.gift_email,
        gift_message=line.gift_message,
        expires_at=line.ends_at,
    )


async def _make_premium(caller: Caller, line: SoldLine) -> None:
    assert line.ends_at is not None
    await premium.keep_premium(caller=caller, account_id=line.account_id, source_id=line.line_id, until=line.ends_at)


def fulfiller_of(*, kind: OfferKind, subject: OfferSubject, is_gift: bool) -> Fulfill | None:
    """What is done for such a line; None where nothing can be, so that it is not sold."""
    if subject is OfferSubject.SEATS or is_gift:
        return _open_seats
    if subject is OfferSubject.INSTRUCTOR_PREMIUM and kind is OfferKind.ONE_TIME:
        return _make_premium
    return BY_KIND.get(kind)


BY_KIND: dict[OfferKind, Fulfill] = {
    OfferKind.ONE_TIME: _grant,
    OfferKind.FREE: _grant,
    OfferKind.PAY_WHAT_YOU_WANT: _grant,
    OfferKind.RECURRING: _begin_plan,
    OfferKind.INSTALLMENTS: _begin_plan,
}


async def fulfill(*, caller: Caller, order_id: UUID, provider_subscription_id: str | None = None) -> None:
    """Give what a paid order's lines are for to the account that holds it: nothing while nobody does, nothing twice, and nothing of what was taken back. A plan's later payments open nothing new."""
    async with unit_of_work(caller):
        lines = await database.fetch(
            "SELECT l.id, l.offer_kind, l.subject, l.subject_id, l.quantity, l.gift_email, l.gift_message, l.terms, o.account_id, o.paid_at FROM order_lines l "
            "JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id "
            "WHERE l.tenant_id = $1 AND l.order_id = $2 AND o.kind = $3 AND o.account_id IS NOT NULL AND o.paid_at IS NOT NULL AND o.status <> 'REFUNDED' "
            "AND (l.total_amount = 0 OR l.refunded_amount < l.total_amount) "
            # What was taken back before somebody claimed it stays so, though a part of it is still paid.
            "AND NOT EXISTS (SELECT FROM refunds r WHERE r.tenant_id = l.tenant_id AND r.order_id = l.order_id AND r.status = 'SUCCEEDED' AND r.access_change = 'REVOKE' "
            "AND r.allocation @> jsonb_build_array(jsonb_build_object('line_id', l.id, 'closes', true))) "
            "AND NOT EXISTS (SELECT FROM disputes d JOIN payments p ON p.tenant_id = d.tenant_id AND p.id = d.payment_id AND p.status = 'SUCCEEDED' "
            "WHERE d.tenant_id = l.tenant_id AND d.order_id = l.order_id AND d.status = 'LOST' AND d.is_held) ORDER BY l.position",
            caller.tenant_id,
            order_id,
            OrderKind.PURCHASE.value,
        )
        for row in lines:
            line = SoldLine(
                order_id=order_id,
                line_id=row["id"],
                account_id=row["account_id"],
                offer_kind=OfferKind(row["offer_kind"]),
                subject=OfferSubject(row["subject"]),
                subject_id=row["subject_id"],
                quantity=row["quantity"],
                gift_email=row["gift_email"],
                gift_message=row["gift_message"],
                terms=database.from_json(row["terms"]),
                paid_at=row["paid_at"],
                provider_subscription_id=provider_subscription_id,
            )
            run = fulfiller_of(kind=line.offer_kind, subject=line.subject, is_gift=line.is_gift)
            if run is None:
                raise RuntimeError(f"nothing fulfills line {line.line_id}")
            await run(caller, line)


async def withdraw(*, caller: Caller, line_id: UUID, reason: str) -> None:
    """End what a line opened, now; a second time changes nothing. Whatever else its learner holds stays open."""
    async with unit_of_work(caller):
        await seats.close_pool(caller=caller, line_id=line_id, reason=reason)
        await entitlements.end_by_source(caller=caller, source_id=line_id, reason=reason)
        await premium.end_premium(caller=caller, source_id=line_id)

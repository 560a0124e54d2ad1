"""What the platform keeps now, of which courses."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.payouts.rules.splits import CourseTerms
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The platform's rate by what the school has sold this month, its rate for premium instructors if there is another, the tax on its fee, and how long a share waits before it may be paid out."""

    commission_bps: int
    premium_bps: int | None
    fee_tax_ppm: int
    hold_days: int


async def rules_now(*, caller: Caller, currency: str) -> Rules:
    base = await tenants.selling_terms(caller=caller)
    row = await database.fetch_one("SELECT premium_bps, fee_tax_ppm FROM commissions WHERE tenant_id = $1", caller.tenant_id)
    tier = await _tier(caller, currency)
    return Rules(
        commission_bps=base.platform_fee_bps if tier is None else min(base.platform_fee_bps, tier),
        premium_bps=row["premium_bps"] if row else None,
        fee_tax_ppm=row["fee_tax_ppm"] if row else 0,
        hold_days=base.refund_days,
    )


async def _tier(caller: Caller, currency: str) -> int | None:
    """The rate of the highest step that this calendar month's payments in this currency have reached; None where there are no steps, or none is reached."""
    tiers = await database.fetch("SELECT from_amount, rate_bps FROM commission_tiers WHERE tenant_id = $1 AND currency = $2 ORDER BY from_amount DESC", caller.tenant_id, currency)
    if not tiers:
        return None
    start = caller.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    sold = await database.fetch_value(
        "SELECT coalesce(sum(amount), 0) FROM ledger_entries WHERE tenant_id = $1 AND kind = 'SALE' AND account = 'PROVIDER' AND currency = $3 AND at >= $2",
        caller.tenant_id,
        start,
        currency,
    )
    return next((tier["rate_bps"] for tier in tiers if sold >= tier["from_amount"]), None)


async def terms_of_courses(*, caller: Caller, course_ids: list[UUID], rules: Rules) -> dict[UUID | None, CourseTerms]:
    """For each course its instructors' parts and the rate that holds: the premium one where the first of its leads is a premium instructor now and it is lower. Under None what holds without a course."""
    taught = await outline.instructor_shares(caller=caller, course_ids=course_ids)
    premium = await _premium(caller, [account_id for shares in taught.values() for account_id, _ in shares]) if rules.premium_bps is not None else set()
    terms: dict[UUID | None, CourseTerms] = {None: CourseTerms(commission_bps=rules.commission_bps)}
    for course_id in course_ids:
        shares = taught.get(course_id, [])
        is_premium = bool(shares) and shares[0][0] in premium
        rate = min(rules.commission_bps, rules.premium_bps) if is_premium and rules.premium_bps is not None else rules.commission_bps
        terms[course_id] = CourseTerms(commission_bps=rate, instructors=[(account_id, bps) for account_id, bps in shares if bps])
    return terms


async def _premium(caller: Caller, account_ids: list[UUID]) -> set[UUID]:
    found = await database.fetch("SELECT account_id FROM payees WHERE tenant_id = $1 AND account_id = ANY($2) AND is_premium_until > $3", caller.tenant_id, account_ids, caller.now)
    return {row["account_id"] for row in found}

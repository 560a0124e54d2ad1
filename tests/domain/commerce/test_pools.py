"""All-access: what came in for it in a month is divided by what was watched."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce.operations import pools
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.learning.operations import enrollments, progress
from lms_graph.domain.learning.queries import watching
from lms_graph.domain.learning.rules.events_in import EventKind, ProgressEvent
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.operations.sales import SoldLine
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from tests.factories.courses import MadeCourse, course, video
from tests.factories.plans import Bought, Shop, bought, offer
from tests.fixtures.callers import School
from tests.fixtures.rights import facts_of

pytestmark = pytest.mark.anyio


async def watch(shop: Shop, account_id: UUID, made: MadeCourse, seconds: int) -> None:
    """A learner's run of a course, of whose video they have seen so much."""
    learner = Caller(tenant_id=shop.school.id, account_id=account_id, now=shop.now)
    run = await enrollments.enroll_course(caller=learner, course_id=made.course_id, idempotency_key=uuid4().hex)
    seen = ProgressEvent(client_event_id=1, kind=EventKind.WATCHED, lecture_id=made.lectures["video"], from_ms=0, to_ms=seconds * 1000 + 400, occurred_at=learner.now)
    async with database.reading(learner):
        await progress.record_progress(caller=learner, enrollment_id=run, device_id="phone", batch=[seen])


async def a_video(shop: Shop) -> MadeCourse:
    return await course(shop.school.system, await video(shop.school.system, seconds=1000))


async def sold(shop: Shop, plan: Bought) -> None:
    """Its first payment stands in the ledger, and the month has a pool; both again change nothing."""
    payment = await shop.one("SELECT id, amount, currency FROM payments WHERE tenant_id = $1 AND order_id = $2", plan.order_id)
    line = SoldLine(line_id=plan.line_id, net_amount=payment["amount"], tax_amount=0, is_pooled=True)
    for _ in range(2):
        await sales.post_sale(caller=shop.caller, order_id=plan.order_id, payment_id=payment["id"], currency=payment["currency"], lines=[line])
        await pools.open_pool(caller=shop.caller, order_id=plan.order_id)


async def balances(shop: Shop) -> dict[str, int]:
    rows = await shop.all("SELECT account, sum(amount)::bigint AS amount FROM ledger_entries WHERE tenant_id = $1 GROUP BY account")
    return {row["account"]: row["amount"] for row in rows}


async def close(shop: Shop, *, after: timedelta = timedelta(0)) -> UUID:
    pool = await shop.one("SELECT id, closes_at FROM access_pools WHERE tenant_id = $1")
    caller = shop.caller.at(pool["closes_at"] + after)
    async with database.reading(caller):
        await pools.close_pool(caller=caller, pool_id=pool["id"])
    id: UUID = pool["id"]
    return id


async def test_a_month_is_divided_once_by_what_its_subscribers_watched(shop: Shop) -> None:
    plan = await bought(shop, await offer(shop))
    first, second = await a_video(shop), await a_video(shop)
    await watch(shop, plan.account_id, first, 300)
    await watch(shop, plan.account_id, second, 100)
    await sold(shop, plan)
    pooled = -(await balances(shop))["POOL"]
    assert pooled > 0

    await asyncio.gather(*(close(shop) for _ in range(4)))

    after = await balances(shop)
    assert (after.get("POOL", 0), sum(after.values())) == (0, 0)
    pool = await shop.one("SELECT * FROM access_pools WHERE tenant_id = $1")
    assert database.from_json(pool["watched"]) == {str(first.course_id): 300, str(second.course_id): 100}
    assert (pool["period_start"], pool["period_end"]) == rules.month_of(shop.now)
    assert [name for name, _ in await facts_of(shop.school, ["AccessPoolOpened", "AccessPoolClosed"])] == ["AccessPoolOpened", "AccessPoolClosed"]
    closed = await shop.one("SELECT count(*) AS n FROM ledger_transactions WHERE tenant_id = $1 AND kind = 'POOL_CLOSED'")
    assert closed == (1,)


async def test_where_nobody_watched_it_is_the_schools(shop: Shop) -> None:
    await sold(shop, await bought(shop, await offer(shop)))

    await close(shop)

    assert (await balances(shop)).get("POOL", 0) == 0
    kinds = await shop.all(
        "SELECT DISTINCT p.kind FROM ledger_entries e JOIN payees p ON p.tenant_id = e.tenant_id AND p.id = e.payee_id JOIN ledger_transactions t ON t.tenant_id = e.tenant_id "
        "AND t.id = e.transaction_id WHERE e.tenant_id = $1 AND t.kind = 'POOL_CLOSED'"
    )
    assert [row["kind"] for row in kinds] == ["TENANT"]


async def test_nothing_is_divided_before_the_month_is_over(shop: Shop) -> None:
    await sold(shop, await bought(shop, await offer(shop)))

    await close(shop, after=-timedelta(seconds=1))

    assert (await balances(shop))["POOL"] < 0
    assert (await shop.one("SELECT closed_at FROM access_pools WHERE tenant_id = $1"))["closed_at"] is None


async def test_a_sale_of_a_course_opens_no_pool(shop: Shop) -> None:
    made = await a_video(shop)
    plan = await bought(shop, await offer(shop, made.course_id))

    await pools.open_pool(caller=shop.caller, order_id=plan.order_id)

    assert await shop.all("SELECT id FROM access_pools WHERE tenant_id = $1") == []


async def test_only_what_holders_of_all_access_watched_in_the_period_counts(shop: Shop, other_school: School) -> None:
    plan = await bought(shop, await offer(shop))
    made = await a_video(shop)
    owner = await bought(shop, await offer(shop, made.course_id))
    await watch(shop, plan.account_id, made, 50)
    await watch_run(shop, owner, made, 70)
    start, end = rules.month_of(shop.now)

    async def seconds(school: School, *period: object) -> dict[UUID, int]:
        async with database.reading(school.system):
            return await watching.seconds_with_all_access(caller=school.system, start=period[0], end=period[1])  # type: ignore[arg-type]

    assert await seconds(shop.school, start, end) == {made.course_id: 50}
    assert await seconds(shop.school, end, rules.month_of(end)[1]) == {}
    assert await seconds(other_school, start, end) == {}


async def watch_run(shop: Shop, plan: Bought, made: MadeCourse, seconds: int) -> None:
    """The same in the run that a plan for the course opened."""
    learner = Caller(tenant_id=shop.school.id, account_id=plan.account_id, now=shop.now)
    run = await shop.one("SELECT id FROM enrollments WHERE tenant_id = $1 AND account_id = $2", plan.account_id)
    seen = ProgressEvent(client_event_id=1, kind=EventKind.WATCHED, lecture_id=made.lectures["video"], from_ms=0, to_ms=seconds * 1000, occurred_at=learner.now)
    async with database.reading(learner):
        await progress.record_progress(caller=learner, enrollment_id=run["id"], device_id="phone", batch=[seen])

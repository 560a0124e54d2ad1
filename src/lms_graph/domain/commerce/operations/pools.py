"""The pools of all-access: what came in for it in a calendar month (UTC), divided at the month's close by what was watched.

A payment counts to the month in which it was made, whole: one for a year is not spread. Where nobody watched anything, the ledger's rule for that holds.
"""

from datetime import timedelta
from uuid import UUID, uuid5

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.learning.queries import watching
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.queries import ledger
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work

CLOSES_AFTER = timedelta(hours=2)
"""How long after its month a pool closes: what began within it has been committed by then."""


async def open_pool(*, caller: Caller, order_id: UUID, closes: Delivery | None = None) -> None:
    """The month of a paid order for all-access has a pool; nothing for other orders. Records AccessPoolOpened for the first of a month."""
    async with unit_of_work(caller, closes=closes) as work:
        paid_at = await database.fetch_value(
            "SELECT o.paid_at FROM orders o WHERE o.tenant_id = $1 AND o.id = $2 AND o.total_amount > 0 "
            "AND EXISTS (SELECT FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.subject = 'ALL_ACCESS')",
            caller.tenant_id,
            order_id,
        )
        if paid_at is None:
            return
        start, end = rules.month_of(paid_at)
        id = await database.fetch_value(
            "INSERT INTO access_pools (tenant_id, id, period_start, period_end, closes_at, watched, created_at) VALUES ($1, $2, $3, $4, $5, '{}', $6) "
            "ON CONFLICT (tenant_id, period_start) DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            start,
            end,
            end + CLOSES_AFTER,
            caller.now,
        )
        if id is not None:
            work.record(events.AccessPoolOpened(pool_id=id, closes_at=(end + CLOSES_AFTER).isoformat()))


async def close_pool(*, caller: Caller, pool_id: UUID, closes: Delivery | None = None) -> None:
    """Divide a month's money, once, in each currency in which it came in. Nothing before its time. Records AccessPoolClosed, and what the ledger records."""
    pool = await database.fetch_one("SELECT period_start, period_end, closes_at, closed_at FROM access_pools WHERE tenant_id = $1 AND id = $2", caller.tenant_id, pool_id)
    is_due = pool is not None and pool["closed_at"] is None and pool["closes_at"] <= caller.now
    watched = await watching.seconds_with_all_access(caller=caller, start=pool["period_start"], end=pool["period_end"]) if pool is not None and is_due else {}
    async with unit_of_work(caller, closes=closes) as work:
        if pool is None or not is_due:
            return
        mine = await database.fetch_value(
            "UPDATE access_pools SET closed_at = $3, watched = $4 WHERE tenant_id = $1 AND id = $2 AND closed_at IS NULL RETURNING id",
            caller.tenant_id,
            pool_id,
            caller.now,
            database.to_json({str(course_id): seconds for course_id, seconds in sorted(watched.items())}),
        )
        if mine is None:
            return
        for currency in await ledger.pool_currencies(caller=caller):  # also those of a month before that refunds had made negative
            await sales.close_pool(caller=caller, pool_id=uuid5(pool_id, currency), period_end=pool["period_end"], currency=currency, seconds=watched)
        work.record(events.AccessPoolClosed(pool_id=pool_id))

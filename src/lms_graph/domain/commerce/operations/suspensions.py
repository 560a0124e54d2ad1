"""What a contested purchase opened, closed while its dispute is open where the school wants it so."""

from uuid import UUID

from lms_graph.domain.commerce.operations import subscriptions
from lms_graph.domain.commerce.queries import disputes, seats
from lms_graph.domain.learning.operations import entitlements
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.learning import EntitlementState
from lms_graph.outbox.unit_of_work import unit_of_work


async def write_access(*, caller: Caller, order_id: UUID) -> None:
    """Close what an order opened, its seats and its plan among it, while a dispute of it is open; and open it again after the last. The order is locked by the caller. Records what grants record."""
    async with unit_of_work(caller):
        plan_id = await database.fetch_value("SELECT subscription_id FROM orders WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order_id)
        if plan_id is not None:
            plan = await database.fetch_one(subscriptions.LOCK, caller.tenant_id, plan_id)
            await subscriptions.write_grants(caller=caller, id=plan_id, plan=subscriptions.plan_of(plan))
            return
        state = EntitlementState.PAUSED if await disputes.is_suspended(caller=caller, order_id=order_id) else EntitlementState.ACTIVE
        lines = await database.fetch("SELECT id FROM order_lines WHERE tenant_id = $1 AND order_id = $2 ORDER BY position", caller.tenant_id, order_id)
        line_ids = [line["id"] for line in lines]
        await seats.lock_pools_of_lines(caller=caller, line_ids=line_ids)
        for source_id in (*line_ids, *await seats.redeemed_of_lines(caller=caller, line_ids=line_ids)):
            await entitlements.change_by_source(caller=caller, source_id=source_id, state=state)

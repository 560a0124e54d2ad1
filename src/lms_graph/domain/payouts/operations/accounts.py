"""Payees: made at first need."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.payouts import PayeeKind
from lms_graph.outbox.unit_of_work import unit_of_work


async def payee_of(*, caller: Caller, account_id: UUID | None) -> UUID:
    """The payee of a person, or with None of the school; made at first need. Joins the unit of work around it."""
    async with unit_of_work(caller):
        found = await _find(caller, account_id)
        if found is None:
            await database.fetch(
                "INSERT INTO payees (tenant_id, id, kind, account_id, charges_enabled, payouts_enabled, details_submitted, schedule_kind, created_at) "
                "VALUES ($1, $2, $3, $4, false, false, false, 'MONTHLY', $5) ON CONFLICT (tenant_id, account_id) DO NOTHING",
                caller.tenant_id,
                new_id(),
                (PayeeKind.TENANT if account_id is None else PayeeKind.PERSON).value,
                account_id,
                caller.now,
            )
            found = await _find(caller, account_id)
    assert found is not None, "made, or made by another"
    return found


async def _find(caller: Caller, account_id: UUID | None) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM payees WHERE tenant_id = $1 AND account_id IS NOT DISTINCT FROM $2", caller.tenant_id, account_id)
    return id

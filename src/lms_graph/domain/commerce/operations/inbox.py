"""Events of the payment provider: kept once, answered at once, worked by a job. An event is believed for nothing but that something happened to an object, whose state is then asked for."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

import structlog

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import plan_states
from lms_graph.domain.commerce.rules import provider_events as rules
from lms_graph.domain.payouts.ports import EventObject, PaymentGateway, ProviderEvent
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


class Refresh(Protocol):
    """Ask the provider how an object is, and settle what follows: in any order, any number of times. Does nothing for an object that is not ours."""

    def __call__(self, *, caller: Caller, provider_id: str, gateway: PaymentGateway) -> Awaitable[None]: ...


HANDLERS: dict[EventObject, Refresh] = {EventObject.SUBSCRIPTION: plan_states.refresh, EventObject.INVOICE: plan_states.refresh_invoice}
"""Who works the events about an object. Those of a kind that is not here are kept, and change nothing."""

OF_CONNECTED_ACCOUNTS = frozenset({EventObject.ACCOUNT, EventObject.PAYOUT})


async def store_event(*, caller: Caller, event: ProviderEvent) -> bool:
    """Keep an event, once by its id; True if it is new. Records ProviderEventStored."""
    async with unit_of_work(caller) as work:
        row = await database.fetch_one(
            "INSERT INTO provider_events (tenant_id, id, provider_event_id, type, object_id, account, payload, happened_at, received_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, provider_event_id) DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            event.id[:255],
            event.type[:100],
            event.object_id,
            event.account,
            database.to_json({"about": event.about.value, "parents": list(event.parents), "event": rules.kept(event.payload)}),
            event.happened_at,
            caller.now,
        )
        if row is not None:
            work.record(events.ProviderEventStored(provider_event_id=row["id"]))
    return row is not None


async def work_event(*, caller: Caller, provider_event_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Let what the event is about be asked for and settled, and note how that went. Never inside a unit of work. Raises Unavailable, to be tried again."""
    row = await database.fetch_one("SELECT object_id, account, payload, worked_at FROM provider_events WHERE tenant_id = $1 AND id = $2", caller.tenant_id, provider_event_id)
    outcome = None
    if row is not None and row["worked_at"] is None:
        about = EventObject(database.from_json(row["payload"])["about"])
        await database.pause_reading()
        outcome = await _work(caller, about, row["object_id"], row["account"], gateway)
    async with unit_of_work(caller, closes=closes):
        await database.fetch(
            "UPDATE provider_events SET worked_at = $3, outcome = $4 WHERE tenant_id = $1 AND id = $2 AND worked_at IS NULL",
            caller.tenant_id,
            provider_event_id,
            caller.now,
            outcome,
        )


async def _work(caller: Caller, about: EventObject, object_id: str | None, account: str | None, gateway: PaymentGateway) -> str:
    refresh = HANDLERS.get(about)
    if refresh is None or object_id is None:
        return "kept: nothing follows from it"
    if account is not None and about not in OF_CONNECTED_ACCOUNTS:
        return "kept: it is about an object of a connected account, which is not ours"
    try:
        await refresh(caller=caller, provider_id=object_id, gateway=gateway)
    except Unavailable:
        raise
    except DomainError as error:  # told to people, and not to be tried again
        log.error("commerce.event_refused", provider_object=object_id, code=error.code, error=str(error))
        return f"refused: {error.code}: {error}"[:200]
    return "worked"

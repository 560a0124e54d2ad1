"""Events of the payment provider: kept once, answered at once, worked by a job. An event is believed for nothing but that something happened to an object, whose state is then asked for."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

import structlog

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import checkouts, disputes, plan_states, provider_objects, refunds
from lms_graph.domain.commerce.operations import payments as order_payments
from lms_graph.domain.commerce.rules import provider_events as rules
from lms_graph.domain.payouts.operations import accounts, transfers
from lms_graph.domain.payouts.ports import EventObject, EventRefused, PaymentGateway, Payments, ProviderEvent
from lms_graph.domain.payouts.queries.providers import own_provider
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


class Refresh(Protocol):
    """Ask the provider how an object is, and settle what follows: in any order, any number of times. Does nothing for an object that is not ours."""

    def __call__(self, *, caller: Caller, provider_id: str, gateway: PaymentGateway) -> Awaitable[None]: ...


HANDLERS: dict[EventObject, Refresh] = {
    EventObject.CHECKOUT: checkouts.refresh,
    EventObject.PAYMENT: order_payments.refresh,
    EventObject.SUBSCRIPTION: plan_states.refresh,
    EventObject.INVOICE: plan_states.refresh_invoice,
    EventObject.REFUND: refunds.refresh,
    EventObject.DISPUTE: disputes.refresh,
    EventObject.ACCOUNT: accounts.refresh,
    EventObject.TRANSFER: transfers.refresh,
    EventObject.PAYOUT: transfers.refresh_bank,  # by the account: a payout to a bank cannot be read without it
}
"""Who works the events about an object. Those of a kind that is not here are kept, and change nothing."""

OF_CONNECTED_ACCOUNTS = frozenset({EventObject.ACCOUNT, EventObject.PAYOUT})


async def receive(*, body: bytes, signature: str | None, slug: str | None, payments: Payments, secret_keys: SecretKeys) -> None:
    """Keep an event for the school that its object is of: for the one whose own keys it was signed for, or, from the deployment's account, for the one that has such an object, or whose
    words the object carries. What is nobody's is kept for the platform.

    Raises EventRefused for what the provider did not sign, and for a school without keys of its own.
    """
    own = None
    if slug is not None:
        tenant_id = await tenants.tenant_id_by_slug(slug=slug)
        if tenant_id is not None:
            caller = Caller.system(tenant_id)
            async with database.reading(caller):
                own = await own_provider(caller=caller, secret_keys=secret_keys)
        if own is None:
            raise EventRefused("no school of this name has keys of its own")
    event = payments.read_event(body, signature, own)
    found = own.tenant_id if own else await _whose(event)
    if found is None:
        log.warning("commerce.event_of_nobody", event_id=event.id, type=event.type)
        return
    await store_event(caller=Caller.system(found), event=event)


async def _whose(event: ProviderEvent) -> UUID | None:
    """The school of an event of the deployment's account, else the platform. What an event says of itself decides only where it is kept: whether its object is ours is asked of the provider."""
    known = [event.account] if event.account is not None else [id for id in (event.object_id, *event.parents) if id]
    tenant_id = await provider_objects.tenant_of_object(known)
    if tenant_id is None and event.account is None:
        tenant_id = await tenants.tenant_id_if_there(text=event.metadata.get("tenant"))
    return tenant_id or await tenants.platform_id_or_none()


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
        provider_id = account if about is EventObject.PAYOUT and account is not None else object_id
        await refresh(caller=caller, provider_id=provider_id, gateway=gateway)
    except Unavailable:
        raise
    except DomainError as error:  # told to people, and not to be tried again
        log.error("commerce.event_refused", provider_object=object_id, code=error.code, error=str(error))
        return f"refused: {error.code}: {error}"[:200]
    return "worked"

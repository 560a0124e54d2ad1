"""What the payment provider calls our rows: by this an event finds its tenant and its row."""

from collections.abc import Iterable
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


async def remember(*, caller: Caller, provider_id: str, kind: str, own_id: UUID) -> None:
    """An object of the provider stands for a row of ours; the first that is said of it stays."""
    async with unit_of_work(caller):
        await database.fetch(
            "INSERT INTO provider_objects (tenant_id, id, provider_id, kind, own_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, provider_id) DO NOTHING",
            caller.tenant_id,
            new_id(),
            provider_id,
            kind,
            own_id,
            caller.now,
        )


async def own_id_of(*, caller: Caller, provider_id: str, kind: str) -> UUID | None:
    """The row of this kind that an object of the provider stands for, if it is one of the tenant's."""
    id: UUID | None = await database.fetch_value("SELECT own_id FROM provider_objects WHERE tenant_id = $1 AND provider_id = $2 AND kind = $3", caller.tenant_id, provider_id, kind)
    return id


async def provider_id_of(*, caller: Caller, kind: str, own_id: UUID) -> str | None:
    """What the provider calls a row: the latest object, if there are several."""
    id: str | None = await database.fetch_value(
        "SELECT provider_id FROM provider_objects WHERE tenant_id = $1 AND kind = $2 AND own_id = $3 ORDER BY created_at DESC, id DESC LIMIT 1", caller.tenant_id, kind, own_id
    )
    return id


async def tenant_of_object(provider_ids: Iterable[str]) -> UUID | None:
    """Whose these objects are; None where nobody's, or more than one tenant's. One statement as the system role."""
    found = await database.fetch_as_system("SELECT DISTINCT tenant_id FROM provider_objects WHERE provider_id = ANY($1)", list(provider_ids))
    return found[0]["tenant_id"] if len(found) == 1 else None

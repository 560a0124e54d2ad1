"""A fact of no area, written and looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.facts import Event
from lms_graph.models import database
from lms_graph.outbox import store
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School

REACTION = "tests.react"


@dataclass(frozen=True, kw_only=True)
class Happened(Event, about="thing_id"):
    thing_id: UUID


async def happen(school: School, *things: UUID) -> None:
    """One unit of work with a fact about each thing, in the order given."""
    async with unit_of_work(school.system) as work:
        for thing in things:
            work.record(Happened(thing_id=thing))


def once_each(name: str, payload: dict[str, Any]) -> list[tuple[str, datetime | None]]:
    return [(REACTION, None)] if name == Happened.name else []


async def tell_all(school: School) -> list[store.Told]:
    told = []
    while some := await store.tell(once_each):
        told += some
    return [fact for fact in told if fact.tenant_id == school.id and fact.name == Happened.name]


async def rows(sql: str, *parameters: Any) -> list[Any]:
    async with database.as_system() as connection:
        found: list[Any] = await connection.fetch(sql, *parameters)
    return found


async def deliveries(school: School) -> list[Any]:
    return await rows("SELECT *, extract(epoch FROM due_at - now()) AS wait FROM deliveries WHERE tenant_id = $1 ORDER BY id", school.id)


async def make_due(school: School, **values: Any) -> None:
    """Let time pass: everything of the school is due now."""
    await rows("UPDATE deliveries SET due_at = now() - interval '1 second', attempts = coalesce($2, attempts) WHERE tenant_id = $1", school.id, values.get("attempts"))

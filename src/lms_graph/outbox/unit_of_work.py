"""The one way to write: a transaction, and the facts it makes, committed together.

    async with unit_of_work(caller) as work:
        …                                   # load → allow → decide → write
        work.record(events.CourseCompleted(…))    # tell

Opened in operations only. A nested one joins the outer one, so an error undoes everything. Inside there is no network, no rendering, no `gather`.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.facts import Event
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox import audit
from lms_graph.outbox.store import AlreadyDone, Delivery


class UnitOfWork:
    """What the transaction will commit beside its rows."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._events: list[Event] = []
        self._told_by: list[Caller] = []

    def record(self, event: Event, *, by: Caller | None = None) -> None:
        """Tell a fact: it becomes a row before the commit, and wakes the relay after it. `by` says whose it is where the unit of work is of several callers of one tenant."""
        self._events.append(event)
        self._told_by.append(by or self.caller)

    def forget(self) -> None:
        """Drop what was recorded: the part that recorded it was undone."""
        self._events.clear()
        self._told_by.clear()

    async def _write_facts(self) -> None:
        if not self._events:
            return
        rows = [
            {
                "id": new_id(),
                "name": event.name,
                "version": event.version,
                "aggregate_id": event.aggregate_id,
                "payload": event.payload(),
                "ordinal": ordinal,
                "account_id": by.account_id,
            }
            for ordinal, (event, by) in enumerate(zip(self._events, self._told_by, strict=True))
        ]
        # One statement: the aggregate's row is the lock that makes its sequence gapless in the order of commits. Sorted, so that two never wait in a ring.
        # Recorded by the clock after that lock: what waited for it must not look older than what it waited for.
        await database.fetch(
            """
            WITH told AS (
                SELECT * FROM jsonb_to_recordset($2::jsonb) AS r(id uuid, name text, version int, aggregate_id uuid, payload jsonb, ordinal int, account_id uuid)
            ), numbered AS (
                SELECT *, row_number() OVER (PARTITION BY aggregate_id ORDER BY ordinal) AS nth, count(*) OVER (PARTITION BY aggregate_id) AS many FROM told
            ), counted AS (
                INSERT INTO aggregates AS a (tenant_id, id, last_sequence)
                SELECT $1, aggregate_id, count(*) FROM told GROUP BY aggregate_id ORDER BY aggregate_id
                ON CONFLICT (tenant_id, id) DO UPDATE SET last_sequence = a.last_sequence + excluded.last_sequence
                RETURNING a.id, a.last_sequence
            ), written AS (
                INSERT INTO facts (tenant_id, id, name, version, aggregate_id, sequence, payload, account_id, recorded_at)
                SELECT $1, n.id, n.name, n.version, n.aggregate_id, c.last_sequence - n.many + n.nth, n.payload, n.account_id, clock_timestamp()
                FROM numbered n JOIN counted c ON c.id = n.aggregate_id
                RETURNING 1
            )
            SELECT pg_notify('outbox', '') FROM (SELECT count(*) FROM written) AS done
            """,
            self.caller.tenant_id,
            database.to_json(rows),
        )
        audited = [(by, event) for by, event in zip(self._told_by, self._events, strict=True) if event.audited]
        for teller in dict.fromkeys(by for by, _ in audited):
            await audit.write(teller, [event for by, event in audited if by == teller])


committed: list[Callable[[Collection[UUID]], None]] = []
"""Told the aggregates of the facts that this process has just committed. For what it keeps in memory only: everything else follows from the facts themselves."""

_current: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)


def is_open() -> bool:
    """Whether the present call is inside a unit of work."""
    return _current.get() is not None


@asynccontextmanager
async def unit_of_work(caller: Caller, *, closes: Delivery | None = None) -> AsyncIterator[UnitOfWork]:
    """A transaction under the caller's tenant. `closes` marks the delivery done in the same commit; raises AlreadyDone when another run did it first."""
    if (outer := _current.get()) is not None:
        if outer.caller.tenant_id != caller.tenant_id:
            raise RuntimeError("a unit of work belongs to one tenant")
        yield outer
        if closes:
            await _close(closes)
        return
    async with database.writing(caller):
        work = UnitOfWork(caller)
        token = _current.set(work)
        try:
            if closes:
                await _close(closes)
            yield work
            await work._write_facts()
        finally:
            _current.reset(token)
    happened = {event.aggregate_id for event in work._events}
    for tell in committed if happened else ():
        tell(happened)


@asynccontextmanager
async def on_behalf_of(work: UnitOfWork, tenant_id: UUID) -> AsyncIterator[UnitOfWork]:
    """What the platform does in another tenant: within its own unit of work a part under that tenant, as the house itself, with facts of its own. Both are committed together.

    For operations of the platform alone: nobody else has anything to do in two tenants. Whatever is raised inside undoes the part.
    """
    inner = UnitOfWork(Caller.system(tenant_id, now=work.caller.now))
    async with database.savepoint():  # which also takes the tenant back when it is undone
        await database.become(inner.caller)
        token = _current.set(inner)
        try:
            yield inner
            await inner._write_facts()
        finally:
            _current.reset(token)
        await database.become(work.caller)


async def _close(delivery: Delivery) -> None:
    """First of all, so that two runs of one job wait for each other here and the second does nothing."""
    closed: Any = await database.fetch_one(
        "UPDATE deliveries SET state = 'DONE', done_at = now(), error = NULL WHERE tenant_id = $1 AND id = $2 AND state <> 'DONE' RETURNING id",
        delivery.tenant_id,
        delivery.id,
    )
    if closed is None:
        raise AlreadyDone()

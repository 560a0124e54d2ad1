"""Deliveries: one row per fact and reaction, pending → sent → done. The table is the truth; what Redis holds is only a reminder of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database

MAX_ATTEMPTS = 16
MAX_DOUBLINGS = 10  # with a first wait of six seconds, the last tries are 1.7 hours apart and all of them take about half a day

FACTS_AT_ONCE = 100


class AlreadyDone(Exception):
    """Another run of the job did it; nothing is left to do."""


@dataclass(frozen=True)
class Delivery:
    """One reaction's debt to one fact, as a job holds it."""

    tenant_id: UUID
    id: UUID


@dataclass(frozen=True)
class Message:
    """A delivery on its way to a job."""

    delivery: Delivery
    reaction: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A fact as the feed and the live streams see it."""

    tenant_id: UUID
    id: UUID
    name: str
    aggregate_id: UUID
    sequence: int
    payload: dict[str, Any]


@dataclass(frozen=True)
class DeadDelivery:
    """A delivery that was given up, for `lms-graph jobs dead list`."""

    tenant_id: UUID
    id: UUID
    reaction: str
    fact: str
    attempts: int
    error: str


async def tell(reactions_to: Callable[[str, dict[str, Any]], Iterable[tuple[str, datetime | None]]], *, limit: int = 500) -> list[Told]:
    """Give untold facts their place in the feed and a delivery per reaction, due now or at its own time. Positions commit in order: a feed's cursor never skips one.

    One relay at a time: another that comes meanwhile tells nothing, and is not held up.
    """
    async with database.as_system() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(7020191)"):
            return []
        rows = await connection.fetch(
            """
            WITH untold AS (
                SELECT tenant_id, id, recorded_at, sequence FROM facts WHERE position IS NULL ORDER BY recorded_at, sequence LIMIT $1 FOR UPDATE
            ), placed AS (
                SELECT tenant_id, id, nextval('fact_positions') AS position FROM (SELECT * FROM untold ORDER BY recorded_at, sequence) AS in_order
            )
            UPDATE facts f SET position = p.position FROM placed p WHERE f.tenant_id = p.tenant_id AND f.id = p.id
            RETURNING f.tenant_id, f.id, f.name, f.aggregate_id, f.sequence, f.payload
            """,
            limit,
        )
        told = [Told(row["tenant_id"], row["id"], row["name"], row["aggregate_id"], row["sequence"], database.from_json(row["payload"])) for row in rows]
        owed = [(fact.tenant_id, new_id(), fact.id, reaction, due_at) for fact in told for reaction, due_at in reactions_to(fact.name, fact.payload)]
        await connection.executemany(
            "INSERT INTO deliveries (tenant_id, id, fact_id, reaction, state, attempts, due_at) VALUES ($1, $2, $3, $4, 'PENDING', 0, coalesce($5, now())) "
            "ON CONFLICT (tenant_id, fact_id, reaction) DO NOTHING",
            owed,
        )
    return told


async def claim_due(*, resend_after: float, limit: int = 200) -> list[Message]:
    """Deliveries that are due: new ones, and those sent earlier that nobody finished. Each is marked sent, due again after a growing wait, and then buried."""
    async with database.as_system() as connection:
        await connection.execute(
            "UPDATE deliveries SET state = 'BURIED', error = coalesce(error, 'never finished: the worker died or hung each time') "
            "WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM deliveries WHERE state IN ('PENDING', 'SENT') AND due_at <= now() AND attempts >= $1 FOR UPDATE SKIP LOCKED)",
            MAX_ATTEMPTS,
        )
        rows = await connection.fetch(
            """
            WITH due AS (
                SELECT tenant_id, id FROM deliveries WHERE state IN ('PENDING', 'SENT') AND due_at <= now() ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            UPDATE deliveries d SET state = 'SENT', attempts = d.attempts + 1, due_at = now() + make_interval(secs => $1::float8 * 2 ^ least(d.attempts, $3))
            FROM due, facts f
            WHERE d.tenant_id = due.tenant_id AND d.id = due.id AND f.tenant_id = d.tenant_id AND f.id = d.fact_id
            RETURNING d.tenant_id, d.id, d.reaction, f.payload
            """,
            resend_after,
            limit,
            MAX_DOUBLINGS,
        )
    return [Message(Delivery(row["tenant_id"], row["id"]), row["reaction"], database.from_json(row["payload"])) for row in rows]


async def unsend(messages: list[Message], *, wait: float) -> None:
    """What could not be handed to the queue comes again after a little; it counts as no attempt."""
    async with database.as_system() as connection:
        await connection.execute(
            "UPDATE deliveries SET attempts = attempts - 1, due_at = now() + make_interval(secs => $2) WHERE id = ANY($1) AND state = 'SENT'",
            [message.delivery.id for message in messages],
            wait,
        )


async def hold(delivery: Delivery, *, seconds: float) -> bool:
    """Keep a delivery from being sent again while its job runs, for so long; False when nothing is owed any more, or it is being closed just now. A holder that dies lets go by the clock."""
    async with database.as_system() as connection:
        held = await connection.fetchval(
            "UPDATE deliveries SET due_at = greatest(due_at, now() + make_interval(secs => $3)) WHERE (tenant_id, id) IN "
            "(SELECT tenant_id, id FROM deliveries WHERE tenant_id = $1 AND id = $2 AND state IN ('PENDING', 'SENT') FOR UPDATE SKIP LOCKED) RETURNING true",
            delivery.tenant_id,
            delivery.id,
            seconds,
        )
    return bool(held)


async def finish(delivery: Delivery) -> None:
    """Mark done what had nothing to change: the effect was there already."""
    async with database.as_system() as connection:
        await connection.execute("UPDATE deliveries SET state = 'DONE', done_at = now(), error = NULL WHERE tenant_id = $1 AND id = $2", delivery.tenant_id, delivery.id)


async def note_failure(delivery: Delivery, error: str, *, final: bool) -> None:
    """Keep why it failed. It stays sent and comes again when due; a final failure is buried at once."""
    async with database.as_system() as connection:
        await connection.execute(
            "UPDATE deliveries SET error = $3, state = CASE WHEN $4 THEN 'BURIED' ELSE state END WHERE tenant_id = $1 AND id = $2 AND state <> 'DONE'",
            delivery.tenant_id,
            delivery.id,
            error[:2000],
            final,
        )


async def unfinished() -> int:
    """How many facts are untold and deliveries due and not done (buried ones left out): zero means that everything has followed."""
    async with database.as_system() as connection:
        return int(
            await connection.fetchval(
                "SELECT (SELECT count(*) FROM facts WHERE position IS NULL) + (SELECT count(*) FROM deliveries WHERE state = 'SENT' OR (state = 'PENDING' AND due_at <= now()))"
            )
        )


async def backlog() -> dict[tuple[str], int]:
    """How many deliveries are waiting (due, or sent and not done) and how many are buried. Both counts come from small indexes."""
    async with database.as_system() as connection:
        row = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE state <> 'BURIED' AND due_at <= now() OR state = 'SENT') AS waiting, count(*) FILTER (WHERE state = 'BURIED') AS buried "
            "FROM deliveries WHERE state IN ('PENDING', 'SENT', 'BURIED')"
        )
    return {("waiting",): row["waiting"], ("buried",): row["buried"]}


async def dead(*, limit: int = 100) -> list[DeadDelivery]:
    """What was given up, latest first."""
    async with database.as_system() as connection:
        rows = await connection.fetch(
            "SELECT d.tenant_id, d.id, d.reaction, f.name, d.attempts, d.error FROM deliveries d JOIN facts f ON f.tenant_id = d.tenant_id AND f.id = d.fact_id "
            "WHERE d.state = 'BURIED' ORDER BY d.due_at DESC LIMIT $1",
            limit,
        )
    return [DeadDelivery(row["tenant_id"], row["id"], row["reaction"], row["name"], row["attempts"], row["error"] or "") for row in rows]


async def requeue(ids: list[UUID] | None = None) -> int:
    """Try buried deliveries again, all or the named; gives how many."""
    async with database.as_system() as connection:
        rows = await connection.fetch(
            "UPDATE deliveries SET state = 'PENDING', attempts = 0, due_at = now() WHERE state = 'BURIED' AND ($1::uuid[] IS NULL OR id = ANY($1)) RETURNING id", ids
        )
    return len(rows)


async def sweep(*, keep_days: int = 30) -> None:
    """Forget idempotency keys after two days and finished deliveries after `keep_days`. Facts stay: they are the feed."""
    async with database.as_system() as connection:
        await connection.execute("DELETE FROM idempotency_keys WHERE created_at < now() - interval '2 days'")
        await connection.execute("DELETE FROM deliveries WHERE state = 'DONE' AND done_at < now() - make_interval(days => $1)", keep_days)


async def prepare_partitions(*, months_kept: int) -> int:
    """Make the coming months' partitions of raw progress events and drop those past the stated time."""
    async with database.as_system() as connection:
        return int(await connection.fetchval("SELECT prepare_progress_partitions(3, $1)", months_kept))


async def facts_since(caller: Caller, aggregate_id: UUID, sequence: int, *, limit: int = FACTS_AT_ONCE) -> list[Told]:
    """The facts about one aggregate after a sequence, in order: what a live stream has still to say. Rights are the asker's to check."""
    rows = await database.fetch(
        "SELECT tenant_id, id, name, aggregate_id, sequence, payload FROM facts WHERE tenant_id = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
        caller.tenant_id,
        aggregate_id,
        sequence,
        limit,
    )
    return [Told(row["tenant_id"], row["id"], row["name"], row["aggregate_id"], row["sequence"], database.from_json(row["payload"])) for row in rows]


async def last_sequence(caller: Caller, aggregate_id: UUID) -> int:
    value = await database.fetch_value("SELECT last_sequence FROM aggregates WHERE tenant_id = $1 AND id = $2", caller.tenant_id, aggregate_id)
    return int(value or 0)

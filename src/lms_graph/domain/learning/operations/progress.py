"""Progress as devices send it: batches of client-numbered events, taken once each, in any order."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asyncpg import Range

from lms_graph.domain.learning import errors
from lms_graph.domain.learning.operations import completion
from lms_graph.domain.learning.queries import access, progress, runs
from lms_graph.domain.learning.rules import progress as rules
from lms_graph.domain.learning.rules.access import Granted
from lms_graph.domain.learning.rules.counters import Taken
from lms_graph.domain.learning.rules.events_in import (
    CLOCK_SKEW,
    HEARTBEAT_SECONDS,
    MAX_EVENTS,
    MAX_POSITION_MS,
    MAX_RANGE_MS,
    EventKind,
    EventResult,
    ProgressEvent,
    Reason,
    Recorded,
    Status,
)
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass
class _Watched:
    """What a batch adds to one lecture."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    watch_time_ms: int = 0
    position_ms: int = 0
    at: datetime | None = None


async def record_progress(*, caller: Caller, enrollment_id: UUID, device_id: str, batch: list[ProgressEvent]) -> Recorded:
    """Take a batch of a device's events into a run. Each number counts once, whenever and however often it comes.

    A refused event says why and is not taken again, but for OUT_OF_ORDER: there the missing earlier numbers must come first. Raises Invalid for a batch
    of none or over 100, RunNotFound, RunClosed, AccessDenied. Records LectureCompleted, CourseCompleted, or ProgressAdvanced when the percentage moved.
    """
    issues = []
    if not 1 <= len(batch) <= MAX_EVENTS:
        issues.append(Issue(f"Send from 1 to {MAX_EVENTS} events at a time.", ("events",)))
    if not 1 <= len(device_id) <= 64:
        issues.append(Issue("`deviceId` must have from 1 to 64 characters.", ("deviceId",)))
    issues += [Issue("Events are numbered from 1.", ("events", str(index), "clientEventId")) for index, event in enumerate(batch) if event.client_event_id < 1]
    if issues:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        run = await runs.lock_open_run(caller=caller, enrollment_id=enrollment_id)
        if not isinstance(await access.decide_run(caller=caller, run=run), Granted):
            raise errors.AccessDenied()
        plan = {lecture.lecture_id: lecture for lecture in await progress.plan_of(caller=caller, version_id=run.version_id)}
        taken = await _taken(caller, run.id, device_id)
        results, accepted = _sort_out(caller, plan, taken, batch)
        if any(result.status is not Status.DUPLICATE for result in results):
            await _keep_taken(caller, run.id, device_id, taken)
        if accepted:
            await _keep_events(caller, run.id, device_id, accepted)
            added = _add_up(plan, accepted)
            await _keep_ranges(caller, run.id, added)
            await completion.advance(work=work, caller=caller, run=run)
    return Recorded(run.id, results, HEARTBEAT_SECONDS)


def _sort_out(caller: Caller, plan: dict[UUID, rules.PlannedLecture], taken: Taken, batch: list[ProgressEvent]) -> tuple[list[EventResult], list[ProgressEvent]]:
    """A result per event in the order sent, and the events to count."""
    results: dict[int, EventResult] = {}
    accepted = []
    for event in sorted(batch, key=lambda event: event.client_event_id):
        if event.client_event_id in results:
            continue
        if taken.has(event.client_event_id):
            results[event.client_event_id] = EventResult(event.client_event_id, Status.DUPLICATE)
        elif not taken.take(event.client_event_id):
            results[event.client_event_id] = EventResult(event.client_event_id, Status.REJECTED, Reason.OUT_OF_ORDER)
        elif reason := _refusal(caller, plan, event):
            results[event.client_event_id] = EventResult(event.client_event_id, Status.REJECTED, reason)
        else:
            results[event.client_event_id] = EventResult(event.client_event_id, Status.ACCEPTED)
            accepted.append(event)
    first: set[int] = set()
    told = []
    for event in batch:
        result = results[event.client_event_id]
        told.append(EventResult(event.client_event_id, Status.DUPLICATE) if event.client_event_id in first else result)
        first.add(event.client_event_id)
    return told, accepted


def _refusal(caller: Caller, plan: dict[UUID, rules.PlannedLecture], event: ProgressEvent) -> Reason | None:
    lecture = plan.get(event.lecture_id) if event.lecture_id else None
    if lecture is None:
        return Reason.LECTURE_UNKNOWN
    if event.occurred_at > caller.now + CLOCK_SKEW:
        return Reason.CLOCK_AHEAD
    start, end = event.from_ms, event.to_ms
    if event.kind is EventKind.POSITION:
        return None if start is not None and 0 <= start <= MAX_POSITION_MS else Reason.RANGE_INVALID
    if start is None or end is None or not 0 <= start < end or end - start > MAX_RANGE_MS or start >= max(lecture.duration_ms, 1):
        return Reason.RANGE_INVALID
    return None


def _add_up(plan: dict[UUID, rules.PlannedLecture], accepted: list[ProgressEvent]) -> dict[UUID, _Watched]:
    """What lies past a lecture's end covers nothing. Of two events at one moment the later place is the position, whichever came first."""
    added: dict[UUID, _Watched] = defaultdict(_Watched)
    for event in accepted:
        assert event.lecture_id is not None and event.from_ms is not None
        watched = added[event.lecture_id]
        if event.kind is EventKind.WATCHED:
            assert event.to_ms is not None
            end = min(event.to_ms, max(plan[event.lecture_id].duration_ms, 1))
            watched.ranges.append((event.from_ms, end))
            watched.watch_time_ms += end - event.from_ms
        position_ms = event.to_ms if event.to_ms is not None else event.from_ms
        if watched.at is None or (event.occurred_at, position_ms) > (watched.at, watched.position_ms):
            watched.at, watched.position_ms = event.occurred_at, position_ms
    return dict(added)


async def _taken(caller: Caller, enrollment_id: UUID, device_id: str) -> Taken:
    row = await database.fetch_one(
        "SELECT high_water, ahead FROM progress_devices WHERE tenant_id = $1 AND enrollment_id = $2 AND device_id = $3", caller.tenant_id, enrollment_id, device_id
    )
    return Taken(row["high_water"], [(part.lower, part.upper) for part in row["ahead"]]) if row else Taken()


async def _keep_taken(caller: Caller, enrollment_id: UUID, device_id: str, taken: Taken) -> None:
    await database.fetch(
        "INSERT INTO progress_devices (tenant_id, id, enrollment_id, device_id, high_water, ahead) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (tenant_id, enrollment_id, device_id) DO UPDATE SET high_water = excluded.high_water, ahead = excluded.ahead",
        caller.tenant_id,
        new_id(),
        enrollment_id,
        device_id,
        taken.high_water,
        [Range(low, high) for low, high in taken.ahead],
    )


async def _keep_events(caller: Caller, enrollment_id: UUID, device_id: str, accepted: list[ProgressEvent]) -> None:
    await database.fetch(
        "INSERT INTO progress_events (tenant_id, enrollment_id, device_id, client_event_id, lecture_id, kind, from_ms, to_ms, occurred_at, received_at) "
        "SELECT $1, $2, $3, e.*, $10 FROM unnest($4::bigint[], $5::uuid[], $6::text[], $7::int[], $8::int[], $9::timestamptz[]) AS e",
        caller.tenant_id,
        enrollment_id,
        device_id,
        [event.client_event_id for event in accepted],
        [event.lecture_id for event in accepted],
        [event.kind.value for event in accepted],
        [event.from_ms for event in accepted],
        [event.to_ms for event in accepted],
        [event.occurred_at for event in accepted],
        caller.now,
    )


async def _keep_ranges(caller: Caller, enrollment_id: UUID, added: dict[UUID, _Watched]) -> None:
    """Join the new ranges to the old ones: a union, whatever came first. The position is the latest event's, by the clock of the device."""
    await database.fetch(
        """
        INSERT INTO lecture_progress AS p (tenant_id, id, enrollment_id, lecture_id, ranges, covered_ms, watch_time_ms, last_position_ms, last_event_at)
        SELECT $1, a.id, $2, a.lecture_id, a.ranges::int4multirange, (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(a.ranges::int4multirange) AS r), a.watched, a.place, a.at
        FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::int[], $8::timestamptz[]) AS a(id, lecture_id, ranges, watched, place, at)
        ORDER BY a.lecture_id
        ON CONFLICT (tenant_id, enrollment_id, lecture_id) DO UPDATE SET
            ranges = p.ranges + excluded.ranges,
            covered_ms = (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(p.ranges + excluded.ranges) AS r),
            watch_time_ms = p.watch_time_ms + excluded.watch_time_ms,
            last_position_ms = CASE WHEN p.last_event_at IS NULL OR (excluded.last_event_at, excluded.last_position_ms) > (p.last_event_at, p.last_position_ms) THEN excluded.last_position_ms ELSE p.last_position_ms END,
            last_event_at = greatest(p.last_event_at, excluded.last_event_at)
        """,
        caller.tenant_id,
        enrollment_id,
        [new_id() for _ in added],
        list(added),
        ["{" + ",".join(f"[{low},{high})" for low, high in watched.ranges) + "}" for watched in added.values()],
        [watched.watch_time_ms for watched in added.values()],
        [watched.position_ms for watched in added.values()],
        [watched.at for watched in added.values()],
    )

"""Progress as devices send it: batches of client-numbered events, taken once each, in any order.

Calls that come while others are being written are written together, in one unit of work with two statements that read and one that writes (`kit.groups`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from lms_graph.domain.learning import errors, events
from lms_graph.domain.learning.queries import progress, runs
from lms_graph.domain.learning.queries.runs import Run
from lms_graph.domain.learning.rules import access
from lms_graph.domain.learning.rules import progress as rules
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
from lms_graph.kit.errors import DomainError, Invalid, Issue
from lms_graph.kit.groups import Groups
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.learning import EnrollmentStatus
from lms_graph.outbox.unit_of_work import UnitOfWork, is_open, unit_of_work

AT_ONCE = 100  # calls in one transaction


@dataclass(frozen=True, eq=False)
class _Call:
    caller: Caller
    enrollment_id: UUID
    device_id: str
    batch: list[ProgressEvent]


@dataclass
class _Watched:
    """What is added to one lecture."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    watch_time_ms: int = 0
    position_ms: int = 0
    at: datetime | None = None


@dataclass(eq=False)
class _Open:
    """A locked run while calls are taken into it, one after another, and what is to be written of it."""

    run: Run
    plan: rules.Plan
    grants: list[access.Grant]
    seen: dict[UUID, rules.Seen]
    ranges: dict[UUID, list[tuple[int, int]]]
    devices: dict[str, Taken] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    events: list[dict[str, object]] = field(default_factory=list)
    added: defaultdict[UUID, _Watched] = field(default_factory=lambda: defaultdict(_Watched))


async def record_progress(*, caller: Caller, enrollment_id: UUID, device_id: str, batch: list[ProgressEvent]) -> Recorded:
    """Take a batch of a device's events into a run. Each number counts once, whenever and however often it comes.

    A refused event says why and is not taken again, but for OUT_OF_ORDER: there the missing earlier numbers must come first. Raises Invalid for a batch
    of none or over 100, SignedOut, RunNotFound, RunClosed, AccessDenied. Records LectureCompleted, CourseCompleted, or ProgressAdvanced when the percentage moved.
    """
    issues = []
    if not 1 <= len(batch) <= MAX_EVENTS:
        issues.append(Issue(f"Send from 1 to {MAX_EVENTS} events at a time.", ("events",)))
    if not 1 <= len(device_id) <= 64:
        issues.append(Issue("`deviceId` must have from 1 to 64 characters.", ("deviceId",)))
    issues += [Issue("Events are numbered from 1.", ("events", str(index), "clientEventId")) for index, event in enumerate(batch) if event.client_event_id < 1]
    if issues:
        raise Invalid(*issues)
    if not caller.is_system:
        _ = caller.account
    call = _Call(caller, enrollment_id, device_id, batch)
    told = None if is_open() else await _together(caller.tenant_id, call)
    if told is None:
        (told,) = await _record(caller, [call], wait=True)
    if not isinstance(told, Recorded):
        raise told or errors.RunNotFound()
    return told


async def _record_group(tenant_id: UUID, calls: Sequence[_Call]) -> list[Recorded | DomainError | None]:
    """None for those that have to try alone: their run is not there or somebody else holds it, or something went wrong for all of them."""
    try:
        return await _record(Caller.system(tenant_id), calls, wait=False)
    except Exception:  # noqa: BLE001  # whose fault it was shows alone, and is told there
        return [None] * len(calls)


_together: Groups[UUID, _Call, Recorded | DomainError | None] = Groups(_record_group, at_most=AT_ONCE)


async def _record(by: Caller, calls: Sequence[_Call], *, wait: bool) -> list[Recorded | DomainError | None]:
    """Decide each call by what was before it, then write all of them. Gives what it came to, in the order of the calls; None where the run could not be locked."""
    async with unit_of_work(by) as work:
        owners = None if any(call.caller.is_system for call in calls) else [call.caller.account for call in calls]
        locked = await runs.lock_runs(caller=by, enrollment_ids=[call.enrollment_id for call in calls], owners=owners, wait=wait)
        found = {call: run for call in calls if (run := locked.get(call.enrollment_id)) and (call.caller.is_system or call.caller.account_id == run.account_id)}
        opened = await _open(by, found) if found else {}
        told = [_take(work, call, opened[call.enrollment_id]) if call in found else None for call in calls]
        await _keep(by, [each for each in opened.values() if each.heard])
    return told


async def _open(by: Caller, found: dict[_Call, Run]) -> dict[UUID, _Open]:
    lecture_ids = {event.lecture_id for call in found for event in call.batch if event.lecture_id}
    before = await progress.before_events(caller=by, places=[(run, call.device_id) for call, run in found.items()], lecture_ids=lecture_ids)
    opened: dict[UUID, _Open] = {}
    for (call, run), each in zip(found.items(), before, strict=True):
        if run.id not in opened:
            plan = await progress.plan_of(caller=by, version_id=run.version_id)
            opened[run.id] = _Open(run, plan, each.grants, each.seen, each.ranges)
        opened[run.id].devices.setdefault(call.device_id, each.taken)
    return opened


def _take(work: UnitOfWork, call: _Call, into: _Open) -> Recorded | DomainError:
    """What a call comes to in its run as it stands now; the run then stands as the call leaves it."""
    caller, run = call.caller, into.run
    if run.status == EnrollmentStatus.CANCELED:
        return errors.RunClosed()
    decision = access.decide_course(now=caller.now, course_id=run.course_id, signed_in=True, published=True, has_run=True, grants=into.grants)
    if not isinstance(decision, access.Granted):
        return errors.AccessDenied()
    results, accepted = _sort_out(caller, into.plan.by_id, into.devices[call.device_id], call.batch)
    if any(result.status is not Status.DUPLICATE for result in results):
        into.heard.add(call.device_id)
    if accepted:
        into.events += [_raw(call, event) for event in accepted]
        for lecture_id, watched in _add_up(into.plan.by_id, accepted).items():
            _watch(into, lecture_id, watched)
        _advance(work, caller, into)
    return Recorded(run.id, results, HEARTBEAT_SECONDS)


def _raw(call: _Call, event: ProgressEvent) -> dict[str, object]:
    return {
        "enrollment_id": call.enrollment_id,
        "device_id": call.device_id,
        "client_event_id": event.client_event_id,
        "lecture_id": event.lecture_id,
        "kind": event.kind,
        "from_ms": event.from_ms,
        "to_ms": event.to_ms,
        "occurred_at": event.occurred_at,
        "received_at": call.caller.now,
    }


def _watch(into: _Open, lecture_id: UUID, watched: _Watched) -> None:
    """Join the new ranges to the old ones: a union, whatever came first. The position is the latest event's, by the clock of the device."""
    seen = into.seen.get(lecture_id, rules.Seen())
    ranges = into.ranges[lecture_id] = rules.joined([*into.ranges.get(lecture_id, ()), *watched.ranges])
    is_later = seen.last_event_at is None or (watched.at, watched.position_ms) > (seen.last_event_at, seen.last_position_ms)
    position, moment = (watched.position_ms, watched.at) if is_later else (seen.last_position_ms, seen.last_event_at)
    into.seen[lecture_id] = rules.Seen(sum(end - start for start, end in ranges), position, seen.completed_at, moment)
    into.added[lecture_id].ranges += watched.ranges
    into.added[lecture_id].watch_time_ms += watched.watch_time_ms


def _advance(work: UnitOfWork, caller: Caller, into: _Open) -> None:
    """Mark the videos that are watched enough and wait for nothing, of which one may set others free, and see how far the run is."""
    run, told = into.run, False
    while found := rules.ready(into.plan, into.seen):
        for lecture_id in found:
            into.seen[lecture_id] = into.seen[lecture_id]._replace(completed_at=caller.now)
            _ = into.added[lecture_id]
            work.record(events.LectureCompleted(enrollment_id=run.id, lecture_id=lecture_id), by=caller)
            told = True
    now = rules.standing(into.plan, into.seen, is_active=run.status == EnrollmentStatus.ACTIVE, was_completed=run.completed_at is not None, here=None)
    into.run = run._replace(
        status=EnrollmentStatus.COMPLETED if now.is_complete else run.status,
        completed_at=caller.now if now.is_complete else run.completed_at,
        progress_percent=now.percent,
        last_activity_at=caller.now,
        resume_lecture_id=now.resume,
        resume_position_ms=now.resume_position_ms,
    )
    if now.is_complete:
        work.record(events.CourseCompleted(enrollment_id=run.id, account_id=run.account_id, course_id=run.course_id), by=caller)
    elif not told and now.percent != run.progress_percent:
        work.record(events.ProgressAdvanced(enrollment_id=run.id, lecture_id=now.last, progress_percent=now.percent), by=caller)


def _sort_out(caller: Caller, plan: Mapping[UUID, rules.PlannedLecture], taken: Taken, batch: list[ProgressEvent]) -> tuple[list[EventResult], list[ProgressEvent]]:
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


def _refusal(caller: Caller, plan: Mapping[UUID, rules.PlannedLecture], event: ProgressEvent) -> Reason | None:
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


def _add_up(plan: Mapping[UUID, rules.PlannedLecture], accepted: list[ProgressEvent]) -> dict[UUID, _Watched]:
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


async def _keep(by: Caller, opened: Sequence[_Open]) -> None:
    """All that is to be written, in one statement. The runs are locked: what is read of them stands until then."""
    if not opened:
        return
    devices = [
        {
            "id": new_id(),
            "enrollment_id": each.run.id,
            "device_id": device_id,
            "high_water": each.devices[device_id].high_water,
            "ahead": _multirange(each.devices[device_id].ahead),
        }
        for each in opened
        for device_id in each.heard
    ]
    lectures = [
        {
            "id": new_id(),
            "enrollment_id": each.run.id,
            "lecture_id": lecture_id,
            "ranges": _multirange(added.ranges),
            "watch_time_ms": added.watch_time_ms,
            "covered_ms": (seen := each.seen[lecture_id]).covered_ms,
            "last_position_ms": seen.last_position_ms,
            "last_event_at": seen.last_event_at,
            "completed_at": seen.completed_at,
        }
        for each in opened
        for lecture_id, added in each.added.items()
    ]
    advanced = [
        {
            "id": run.id,
            "status": run.status,
            "progress_percent": run.progress_percent,
            "completed_at": run.completed_at,
            "last_activity_at": run.last_activity_at,
            "resume_lecture_id": run.resume_lecture_id,
            "resume_position_ms": run.resume_position_ms,
        }
        for each in opened
        if each.events
        for run in (each.run,)
    ]
    raw = [event for each in opened for event in each.events]
    await database.fetch(_KEEP, by.tenant_id, *(database.to_json(rows) for rows in (devices, raw, lectures, advanced)))


_KEEP = """
    WITH devices AS (
        INSERT INTO progress_devices (tenant_id, id, enrollment_id, device_id, high_water, ahead)
        SELECT $1, r.* FROM jsonb_to_recordset($2::jsonb) AS r(id uuid, enrollment_id uuid, device_id text, high_water bigint, ahead int8multirange)
        ON CONFLICT (tenant_id, enrollment_id, device_id) DO UPDATE SET high_water = excluded.high_water, ahead = excluded.ahead
    ), raw AS (
        INSERT INTO progress_events (tenant_id, enrollment_id, device_id, client_event_id, lecture_id, kind, from_ms, to_ms, occurred_at, received_at)
        SELECT $1, r.* FROM jsonb_to_recordset($3::jsonb) AS r(enrollment_id uuid, device_id text, client_event_id bigint, lecture_id uuid, kind text, from_ms int, to_ms int,
            occurred_at timestamptz, received_at timestamptz)
    ), lectures AS (
        INSERT INTO lecture_progress AS p (tenant_id, id, enrollment_id, lecture_id, ranges, watch_time_ms, covered_ms, last_position_ms, last_event_at, completed_at)
        SELECT $1, r.* FROM jsonb_to_recordset($4::jsonb) AS r(id uuid, enrollment_id uuid, lecture_id uuid, ranges int4multirange, watch_time_ms bigint, covered_ms int, last_position_ms int,
            last_event_at timestamptz, completed_at timestamptz)
        ON CONFLICT (tenant_id, enrollment_id, lecture_id) DO UPDATE SET
            ranges = p.ranges + excluded.ranges,
            watch_time_ms = p.watch_time_ms + excluded.watch_time_ms,
            covered_ms = excluded.covered_ms,
            last_position_ms = excluded.last_position_ms,
            last_event_at = excluded.last_event_at,
            completed_at = excluded.completed_at
    )
    UPDATE enrollments e SET status = r.status, progress_percent = r.progress_percent, completed_at = r.completed_at, last_activity_at = r.last_activity_at,
        resume_lecture_id = r.resume_lecture_id, resume_position_ms = r.resume_position_ms
    FROM jsonb_to_recordset($5::jsonb) AS r(id uuid, status text, progress_percent int, completed_at timestamptz, last_activity_at timestamptz, resume_lecture_id uuid, resume_position_ms int)
    WHERE e.tenant_id = $1 AND e.id = r.id
"""


def _multirange(ranges: Sequence[tuple[int, int]]) -> str:
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"

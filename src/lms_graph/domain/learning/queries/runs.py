"""Runs: a learner's enrollments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from lms_graph.domain.catalog.queries import teams
from lms_graph.domain.learning import errors
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.learning import EnrollmentStatus

COLUMNS = "e.id, e.account_id, e.course_id, e.version_id, e.run_number, e.status, e.progress_percent, e.enrolled_at, e.completed_at, e.last_activity_at, e.resume_lecture_id, e.resume_position_ms"


class Run(NamedTuple):
    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    run_number: int
    status: str
    progress_percent: int
    enrolled_at: datetime
    completed_at: datetime | None
    last_activity_at: datetime | None
    resume_lecture_id: UUID | None
    resume_position_ms: int

    @classmethod
    def of(cls, row: Any) -> "Run":
        return cls(*[row[name] for name in cls._fields])


@dataclass(frozen=True)
class FinishedRun:
    """A completed run, as a certificate needs it."""

    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    completed_at: datetime


def _is_own(caller: Caller) -> str:
    return "$2::uuid IS NULL" if caller.is_system else "e.account_id = $2"


def may_read(caller: Caller, account: str) -> str:
    """The condition that the caller may read a run `e`; `account` is the parameter with the caller's account. One's own, those of a course in whose team they are, and everybody's for
    those who may see enrollments: how far they are, never what was answered, and nothing can be done in them."""
    if caller.may(Permission.ENROLLMENTS_READ):
        return f"({account}::uuid IS NULL OR TRUE)"
    return f"(e.account_id = {account} OR {teams.in_team('e.course_id', account)})"


async def run_of(*, caller: Caller, enrollment_id: UUID) -> Run | None:
    """A run of the caller's own; of anybody for the system."""
    row = await database.fetch_one(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = $3 AND {_is_own(caller)}", caller.tenant_id, caller.account_id, enrollment_id
    )
    return Run.of(row) if row else None


async def lock_run(*, caller: Caller, enrollment_id: UUID) -> Run:
    """A run of the caller's own, locked until the unit of work ends. Raises SignedOut, RunNotFound."""
    account_id = None if caller.is_system else caller.account
    row = await database.fetch_one(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = $3 AND {_is_own(caller)} FOR UPDATE", caller.tenant_id, account_id, enrollment_id
    )
    if row is None:
        raise errors.RunNotFound()
    return Run.of(row)


async def lock_runs(*, caller: Caller, enrollment_ids: list[UUID], owners: list[UUID] | None, wait: bool) -> dict[UUID, Run]:
    """Runs of these owners, of anybody for None, locked until the unit of work ends. Without `wait` only those that nobody else holds."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = ANY($2) AND ($3::uuid[] IS NULL OR e.account_id = ANY($3)) "
        f"ORDER BY e.id FOR UPDATE {'' if wait else 'SKIP LOCKED'}",
        caller.tenant_id,
        enrollment_ids,
        owners,
    )
    return {row["id"]: Run.of(row) for row in rows}


async def lock_open_run(*, caller: Caller, enrollment_id: UUID) -> Run:
    """As `lock_run`, for what changes the run. Raises RunClosed for a canceled one too."""
    run = await lock_run(caller=caller, enrollment_id=enrollment_id)
    if run.status == EnrollmentStatus.CANCELED:
        raise errors.RunClosed()
    return run


async def finished_run(*, caller: Caller, enrollment_id: UUID) -> FinishedRun | None:
    """A completed run; None while it is not."""
    run = await run_of(caller=caller, enrollment_id=enrollment_id)
    if run is None or run.completed_at is None or run.status != EnrollmentStatus.COMPLETED:
        return None
    return FinishedRun(run.id, run.account_id, run.course_id, run.version_id, run.completed_at)


async def runs_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Those of these that the caller may read."""
    return await database.fetch(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = ANY($3) AND {may_read(caller, '$2')}", caller.tenant_id, caller.account_id, ids
    )


async def runs_of_grants(*, caller: Caller, entitlement_ids: list[UUID]) -> list[database.Record]:
    """The latest run of each grant's learner in the course it is for, by `grant_id`: those that the caller may read."""
    return await database.fetch(
        f"SELECT DISTINCT ON (g.id) g.id AS grant_id, {COLUMNS} FROM entitlements g "
        "JOIN enrollments e ON e.tenant_id = g.tenant_id AND e.account_id = g.account_id AND e.course_id = g.subject_id AND e.status <> 'CANCELED' "
        f"WHERE g.tenant_id = $1 AND g.id = ANY($3) AND {may_read(caller, '$2')} ORDER BY g.id, e.run_number DESC",
        caller.tenant_id,
        caller.account_id,
        entitlement_ids,
    )


async def latest_runs(*, caller: Caller, course_ids: list[UUID]) -> list[database.Record]:
    """The caller's latest run of each course: the open one, else the last that was not canceled."""
    if caller.account_id is None:
        return []
    return await database.fetch(
        f"SELECT DISTINCT ON (e.course_id) {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.account_id = $2 AND e.course_id = ANY($3) AND e.status <> 'CANCELED' "
        "ORDER BY e.course_id, e.run_number DESC",
        caller.tenant_id,
        caller.account_id,
        course_ids,
    )


async def run_with_progress(*, caller: Caller, course_id: UUID) -> UUID | None:
    """The caller's latest run of a course that got anywhere, whatever became of it; None for visitors too."""
    id: UUID | None = await database.fetch_value(
        "SELECT e.id FROM enrollments e WHERE e.tenant_id = $1 AND e.account_id = $2 AND e.course_id = $3 AND e.progress_percent > 0 ORDER BY e.run_number DESC LIMIT 1",
        caller.tenant_id,
        caller.account_id,
        course_id,
    )
    return id


def _status_filter(statuses: list[str] | None) -> tuple[str, list[Any]]:
    return ("TRUE", []) if statuses is None else ("e.status = ANY($3::text[])", [statuses])


async def page_of_runs(*, caller: Caller, account_id: UUID, cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    """An account's runs, latest first."""
    return await _page(caller, "account_id", account_id, ("runs",), cursors, request, statuses)


async def count_runs(*, caller: Caller, account_id: UUID, statuses: list[str] | None) -> int:
    return await _count(caller, "account_id", account_id, statuses)


async def _require_roster(caller: Caller, course_id: UUID) -> None:
    """All who learn a course: for its team, whatever their part, and for those who may see enrollments."""
    if not caller.may(Permission.ENROLLMENTS_READ) and await teams.role_in_team(caller=caller, course_id=course_id) is None:
        caller.require(Permission.ENROLLMENTS_READ)


async def page_of_roster(*, caller: Caller, course_id: UUID, cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    """A course's runs, latest first. Raises SignedOut, NotAllowed."""
    await _require_roster(caller, course_id)
    return await _page(caller, "course_id", course_id, ("roster",), cursors, request, statuses)


async def count_roster(*, caller: Caller, course_id: UUID, statuses: list[str] | None) -> int:
    """Raises SignedOut, NotAllowed."""
    await _require_roster(caller, course_id)
    return await _count(caller, "course_id", course_id, statuses)


async def _page(caller: Caller, column: str, id: UUID, of: tuple[str, ...], cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    condition, parameters = _status_filter(statuses)
    terms = [Term("ENROLLED_AT", "e.enrolled_at", "timestamptz", descending=True), Term("ID", "e.id", "uuid", descending=True)]
    keys = keyset(cursors, request, terms, of=(*of, caller.tenant_id, id), offset=2 + len(parameters))
    rows = await database.fetch(
        f'SELECT {COLUMNS}, e.enrolled_at AS "_ENROLLED_AT", e.id AS "_ID" FROM enrollments e WHERE e.tenant_id = $1 AND e.{column} = $2 AND {condition} AND {keys.where} '
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        id,
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows)


async def _count(caller: Caller, column: str, id: UUID, statuses: list[str] | None) -> int:
    condition, parameters = _status_filter(statuses)
    return int(await database.fetch_value(f"SELECT count(*) FROM enrollments e WHERE e.tenant_id = $1 AND e.{column} = $2 AND {condition}", caller.tenant_id, id, *parameters))

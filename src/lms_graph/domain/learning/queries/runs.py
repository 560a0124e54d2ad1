"""Runs: a learner's enrollments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.learning import errors
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.models import database
from lms_graph.models.learning import EnrollmentStatus

COLUMNS = "e.id, e.account_id, e.course_id, e.version_id, e.run_number, e.status, e.progress_percent, e.enrolled_at, e.completed_at, e.last_activity_at, e.resume_lecture_id, e.resume_position_ms"


@dataclass(frozen=True)
class Run:
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
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class FinishedRun:
    """A completed run, as a certificate needs it."""

    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    completed_at: datetime


def _may_see(caller: Caller) -> str:
    return "$2::uuid IS NULL" if caller.is_system else "e.account_id = $2"


async def run_of(*, caller: Caller, enrollment_id: UUID) -> Run | None:
    """A run of the caller's own; of anybody for the system."""
    row = await database.fetch_one(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = $3 AND {_may_see(caller)}", caller.tenant_id, caller.account_id, enrollment_id
    )
    return Run.of(row) if row else None


async def lock_run(*, caller: Caller, enrollment_id: UUID) -> Run:
    """A run of the caller's own, locked until the unit of work ends. Raises SignedOut, RunNotFound."""
    account_id = None if caller.is_system else caller.account
    row = await database.fetch_one(
        f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = $3 AND {_may_see(caller)} FOR UPDATE", caller.tenant_id, account_id, enrollment_id
    )
    if row is None:
        raise errors.RunNotFound()
    return Run.of(row)


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
    return await database.fetch(f"SELECT {COLUMNS} FROM enrollments e WHERE e.tenant_id = $1 AND e.id = ANY($3) AND {_may_see(caller)}", caller.tenant_id, caller.account_id, ids)


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


def _status_filter(statuses: list[str] | None) -> tuple[str, list[Any]]:
    return ("TRUE", []) if statuses is None else ("e.status = ANY($3::text[])", [statuses])


async def page_of_runs(*, caller: Caller, account_id: UUID, cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    """An account's runs, latest first."""
    condition, parameters = _status_filter(statuses)
    terms = [Term("ENROLLED_AT", "e.enrolled_at", "timestamptz", descending=True), Term("ID", "e.id", "uuid", descending=True)]
    keys = keyset(cursors, request, terms, of=("runs", caller.tenant_id, account_id), offset=2 + len(parameters))
    rows = await database.fetch(
        f'SELECT {COLUMNS}, e.enrolled_at AS "_ENROLLED_AT", e.id AS "_ID" FROM enrollments e WHERE e.tenant_id = $1 AND e.account_id = $2 AND {condition} AND {keys.where} '
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        account_id,
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_runs(*, caller: Caller, account_id: UUID, statuses: list[str] | None) -> int:
    condition, parameters = _status_filter(statuses)
    return int(
        await database.fetch_value(f"SELECT count(*) FROM enrollments e WHERE e.tenant_id = $1 AND e.account_id = $2 AND {condition}", caller.tenant_id, account_id, *parameters)
    )

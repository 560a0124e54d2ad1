"""Runs of a learner."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.models import database


@dataclass(frozen=True)
class Run:
    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    status: str


async def run_of(*, caller: Caller, enrollment_id: UUID) -> Run | None:
    """The caller's own run; any of the tenant for the system."""
    return await _run(caller, enrollment_id, "")


async def lock_run(*, caller: Caller, enrollment_id: UUID) -> Run:
    """The run, locked until the unit of work ends. Raises NotFound."""
    run = await _run(caller, enrollment_id, "FOR UPDATE")
    if run is None:
        raise NotFound("There is no such run of yours.", path=("enrollmentId",))
    return run


async def _run(caller: Caller, enrollment_id: UUID, lock: str) -> Run | None:
    row: Any = await database.fetch_one(
        f"SELECT id, account_id, course_id, version_id, status FROM enrollments WHERE tenant_id = $1 AND id = $2 AND ($3 OR account_id = $4) {lock}",
        caller.tenant_id,
        enrollment_id,
        caller.is_system,
        None if caller.is_system else caller.account,
    )
    return Run(**row) if row else None

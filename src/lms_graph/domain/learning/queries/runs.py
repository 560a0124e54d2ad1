"""Runs of courses."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True)
class FinishedRun:
    """A finished run as other areas see it."""

    id: UUID
    account_id: UUID
    course_id: UUID
    version_id: UUID
    completed_at: datetime


async def finished_run(*, caller: Caller, enrollment_id: UUID) -> FinishedRun | None:
    """The run, if it is finished."""
    row = await database.fetch_one(
        "SELECT id, account_id, course_id, version_id, completed_at FROM enrollments WHERE tenant_id = $1 AND id = $2 AND status = 'COMPLETED'",
        caller.tenant_id,
        enrollment_id,
    )
    return FinishedRun(**row) if row else None


async def run_owner(*, caller: Caller, enrollment_id: UUID) -> UUID | None:
    """The account whose run it is, finished or not."""
    owner: UUID | None = await database.fetch_value("SELECT account_id FROM enrollments WHERE tenant_id = $1 AND id = $2", caller.tenant_id, enrollment_id)
    return owner

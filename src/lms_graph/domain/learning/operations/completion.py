"""Finishing lectures."""

from uuid import UUID

from lms_graph.domain.learning.queries.runs import Run
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import UnitOfWork


async def finish_lecture(*, work: UnitOfWork, caller: Caller, run: Run, lecture_id: UUID) -> None:
    """Mark the lecture done. A stand-in until learning is built."""
    await database.fetch("UPDATE enrollments SET progress_percent = 100, resume_lecture_id = $3 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, run.id, lecture_id)

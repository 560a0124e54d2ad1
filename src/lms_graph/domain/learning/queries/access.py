"""What a run opens."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.learning.queries.runs import Run
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.models import database


@dataclass(frozen=True)
class OpenLecture:
    lecture_id: UUID
    content_type: str
    quiz_revision_id: UUID | None
    completion_kind: str


async def require_lecture(*, caller: Caller, run: Run, lecture_id: UUID) -> OpenLecture:
    """The lecture as the run's version has it. Raises NotFound."""
    row: Any = await database.fetch_one(
        "SELECT l.lecture_id, l.content_type, c.quiz_revision_id, l.completion_kind FROM version_lectures l "
        "JOIN lecture_contents c ON c.tenant_id = l.tenant_id AND c.id = l.content_id WHERE l.tenant_id = $1 AND l.version_id = $2 AND l.lecture_id = $3",
        caller.tenant_id,
        run.version_id,
        lecture_id,
    )
    if row is None:
        raise NotFound("The run has no such lecture.", path=("lectureId",))
    return OpenLecture(**row)

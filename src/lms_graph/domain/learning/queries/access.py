"""Access decisions, from the caller's grants and runs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning import errors
from lms_graph.domain.learning.queries import progress
from lms_graph.domain.learning.queries.runs import Run
from lms_graph.domain.learning.rules import access
from lms_graph.domain.learning.rules.access import Decision, Grant
from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True)
class OpenLecture:
    """A lecture that the caller may open in a run."""

    quiz_revision_id: UUID | None
    completion_kind: str


async def grants_of_courses(*, caller: Caller, course_ids: list[UUID], account_id: UUID | None = None) -> dict[UUID, list[Grant]]:
    """The grants that bear on each course, live or not: those for the course and those for all of the tenant's courses."""
    account = account_id or caller.account_id
    if account is None:
        return {id: [] for id in course_ids}
    rows = await database.fetch(
        "SELECT subject_id, kind, starts_at, ends_at, state, grace_until, revoked_at FROM entitlements "
        "WHERE tenant_id = $1 AND account_id = $2 AND (subject_kind = 'ALL_ACCESS' OR subject_id = ANY($3)) ORDER BY created_at, id",
        caller.tenant_id,
        account,
        course_ids,
    )
    return {id: [_grant(row) for row in rows if row["subject_id"] in (None, id)] for id in course_ids}


def _grant(row: Any) -> Grant:
    return Grant(row["kind"], row["starts_at"], row["ends_at"], row["state"], row["grace_until"], row["revoked_at"])


async def decide_run(*, caller: Caller, run: Run) -> Decision:
    """May the run's learner open the course now?"""
    grants = await grants_of_courses(caller=caller, course_ids=[run.course_id], account_id=run.account_id)
    return access.decide_course(now=caller.now, course_id=run.course_id, signed_in=True, published=True, has_run=True, grants=grants[run.course_id])


async def require_lecture(*, caller: Caller, run: Run, lecture_id: UUID) -> OpenLecture:
    """The lecture, if the run's learner may open it now. Raises LectureNotFound, AccessDenied."""
    lecture = next((lecture for lecture in await progress.plan_of(caller=caller, version_id=run.version_id) if lecture.lecture_id == lecture_id), None)
    if lecture is None:
        raise errors.LectureNotFound()
    seen = await progress.seen_in(caller=caller, enrollment_id=run.id)
    done = {id for id, known in seen.items() if known.completed_at}
    decision = access.decide_lecture(
        await decide_run(caller=caller, run=run), is_preview=lecture.is_preview, published=False, opens_after=lecture.opens_after, completed=done, is_completed=lecture_id in done
    )
    if not isinstance(decision, access.Granted):
        raise errors.AccessDenied()
    (content,) = await outline.contents_by_ids(caller=caller, ids=[lecture.content_id])
    return OpenLecture(content["quiz_revision_id"], lecture.completion_kind)

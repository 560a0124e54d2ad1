"""Finishing: a lecture, and with the last one the run. Called inside a unit of work that has locked the run."""

from uuid import UUID

from lms_graph.domain.learning import errors, events
from lms_graph.domain.learning.queries import access, progress, runs
from lms_graph.domain.learning.queries.runs import Run
from lms_graph.domain.learning.rules import progress as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import learning as rows
from lms_graph.models.catalog import CompletionKind
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def complete_lecture(*, caller: Caller, enrollment_id: UUID, lecture_id: UUID) -> UUID:
    """The learner says that a lecture is done. Videos are done by watching and quizzes by passing: those raise NotYetDone until they are.

    Doing it again changes nothing. Raises RunNotFound, RunClosed, LectureNotFound, AccessDenied. Records LectureCompleted, and CourseCompleted with the last.
    """
    async with unit_of_work(caller) as work:
        run = await runs.lock_open_run(caller=caller, enrollment_id=enrollment_id)
        lecture = await access.require_lecture(caller=caller, run=run, lecture_id=lecture_id)
        seen = (await progress.seen_in(caller=caller, enrollment_id=run.id)).get(lecture_id, rules.Seen())
        if not seen.completed_at and lecture.completion_kind == CompletionKind.WATCHED:
            raise errors.NotYetDone("A video is done by watching it: send what was watched with `progressRecord`.")
        if not seen.completed_at and lecture.completion_kind == CompletionKind.PASSED:
            raise errors.NotYetDone("A quiz is done by passing it: start an attempt with `attemptStart`.")
        await finish_lecture(work=work, caller=caller, run=run, lecture_id=lecture_id)
    return run.id


async def finish_lecture(*, work: UnitOfWork, caller: Caller, run: Run, lecture_id: UUID) -> None:
    """Mark a lecture of the locked run done, with the videos that were watched already and waited for it, and see how far the run is.

    Nothing happens when it was done before.
    """
    if not await _mark(work, caller, run, lecture_id):
        return
    await _mark_ready(work, caller, run)
    await _derive(work, caller, run, here=lecture_id)


async def _mark_ready(work: UnitOfWork, caller: Caller, run: Run) -> None:
    """Mark the videos that are watched enough and wait for nothing; one may set others free."""
    plan = await progress.plan_of(caller=caller, version_id=run.version_id)
    while found := rules.ready(plan, await progress.seen_in(caller=caller, enrollment_id=run.id)):
        for lecture_id in found:
            await _mark(work, caller, run, lecture_id)


async def _mark(work: UnitOfWork, caller: Caller, run: Run, lecture_id: UUID) -> bool:
    """Whether it was not done before."""
    marked = await database.fetch_one(
        "INSERT INTO lecture_progress AS p (tenant_id, id, enrollment_id, lecture_id, ranges, covered_ms, watch_time_ms, last_position_ms, completed_at) VALUES ($1, $2, $3, $4, '{}', 0, 0, 0, $5) "
        "ON CONFLICT (tenant_id, enrollment_id, lecture_id) DO UPDATE SET completed_at = excluded.completed_at WHERE p.completed_at IS NULL RETURNING id",
        caller.tenant_id,
        new_id(),
        run.id,
        lecture_id,
        caller.now,
    )
    if marked:
        work.record(events.LectureCompleted(enrollment_id=run.id, lecture_id=lecture_id))
    return marked is not None


async def _derive(work: UnitOfWork, caller: Caller, run: Run, *, here: UUID) -> None:
    """The run's percentage and where to go on from `here`; complete when nothing is missing."""
    plan = await progress.plan_of(caller=caller, version_id=run.version_id)
    seen = await progress.seen_in(caller=caller, enrollment_id=run.id)
    now = rules.standing(plan, seen, is_active=run.status == rows.EnrollmentStatus.ACTIVE, was_completed=run.completed_at is not None, here=here)
    changes: dict[str, object] = {
        "progress_percent": now.percent,
        "last_activity_at": caller.now,
        "resume_lecture_id": now.resume,
        "resume_position_ms": now.resume_position_ms,
    }
    if now.is_complete:
        changes |= {"status": rows.EnrollmentStatus.COMPLETED, "completed_at": caller.now}
    await rows.Enrollment.for_caller(caller, id=run.id).update(**changes)
    if now.is_complete:
        work.record(events.CourseCompleted(enrollment_id=run.id, account_id=run.account_id, course_id=run.course_id))

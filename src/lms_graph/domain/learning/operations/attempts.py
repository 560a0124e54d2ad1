"""Quizzes of a run: sitting them, and what passing finishes. The run's row is locked first and the attempt's after it, everywhere."""

from typing import Any
from uuid import UUID

from lms_graph.domain.assessment import errors as assessment
from lms_graph.domain.assessment.operations import attempts
from lms_graph.domain.assessment.operations.attempts import Result, SavedAnswer
from lms_graph.domain.assessment.queries import attempts as attempt_queries
from lms_graph.domain.learning.operations import completion
from lms_graph.domain.learning.queries import access, runs
from lms_graph.domain.learning.queries.runs import Run
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.models.learning import EnrollmentStatus
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def start_attempt(*, caller: Caller, enrollment_id: UUID, lecture_id: UUID, idempotency_key: str) -> UUID:
    """Open the lecture's quiz for the caller's run, or give the attempt that is open already. Records AttemptStarted.

    Raises NotFound, RunClosed, AccessDenied, AttemptsUsedUp, IdempotencyConflict.
    """

    async def run(work: UnitOfWork) -> UUID:
        locked = await runs.lock_open_run(caller=caller, enrollment_id=enrollment_id)
        lecture = await access.require_lecture(caller=caller, run=locked, lecture_id=lecture_id)
        if lecture.quiz_revision_id is None:
            raise NotFound("This lecture is no quiz.", path=("lectureId",))
        started = await attempts.start(caller=caller, quiz_revision_id=lecture.quiz_revision_id, subject_id=locked.id, place_id=lecture_id)
        if started.closed:
            await _finish_if_passed(work, caller, locked, started.closed)
        return started.attempt_id

    try:
        return await once(caller, field="attemptStart", key=idempotency_key, body={"enrollment_id": enrollment_id, "lecture_id": lecture_id}, run=run)
    except assessment.AttemptsUsedUp as used_up:
        if used_up.overdue_id:
            await _submit(caller, used_up.overdue_id, closes=None)
        raise


async def save_answer(*, caller: Caller, attempt_id: UUID, question_id: UUID, response: dict[str, Any]) -> SavedAnswer:
    """Keep an answer. One that comes after the deadline is refused, and the attempt is handed in with what was saved.

    Raises NotFound, Invalid, AttemptClosed.
    """
    try:
        return await attempts.save_answer(caller=caller, attempt_id=attempt_id, question_id=question_id, response=response)
    except assessment.AttemptOverdue:
        await _submit(caller, attempt_id, closes=None)
        raise


async def submit_attempt(*, caller: Caller, attempt_id: UUID) -> Result:
    """Hand the caller's attempt in; passing finishes its lecture in the same transaction. Again it gives the same result.

    Raises NotFound. Records AttemptSubmitted, AttemptGraded, and what finishing a lecture records.
    """
    return await _submit(caller, attempt_id, closes=None)


async def submit_overdue_attempt(*, caller: Caller, attempt_id: UUID, closes: Delivery | None = None) -> Result:
    """Hand in, as the system, an attempt whose deadline has passed; one that was handed in is left as it is. Raises Unavailable before the deadline."""
    return await _submit(caller, attempt_id, closes=closes)


async def _submit(caller: Caller, attempt_id: UUID, *, closes: Delivery | None) -> Result:
    async with unit_of_work(caller, closes=closes) as work:
        seat = await attempt_queries.seat_of(caller=caller, attempt_id=attempt_id)
        run = await runs.lock_run(caller=caller, enrollment_id=seat.subject_id)
        result = await attempts.submit(caller=caller, attempt_id=attempt_id)
        await _finish_if_passed(work, caller, run, result)
    return result


async def _finish_if_passed(work: UnitOfWork, caller: Caller, run: Run, result: Result) -> None:
    """A canceled run keeps its result and finishes nothing."""
    if result.newly and result.passed and run.status != EnrollmentStatus.CANCELED:
        await completion.finish_lecture(work=work, caller=caller, run=run, lecture_id=result.place_id)

"""Attempts: sealed at the start, saved answer by answer, graded once.

All join the caller's open unit of work. An area that finishes something with a passed attempt locks its own row first and the attempt after it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.assessment import errors, events
from lms_graph.domain.assessment.queries import attempts as queries
from lms_graph.domain.assessment.queries import quizzes as quiz_queries
from lms_graph.domain.assessment.queries.quizzes import StoredQuestion
from lms_graph.domain.assessment.rules import kinds, scoring
from lms_graph.domain.assessment.rules.clock import is_over, seconds_left
from lms_graph.domain.assessment.rules.lots import SEED_BITS, Lot
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound, Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.models import assessment as rows
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

# What the operations look at: all but the snapshot, which may be long and is read in SQL.
_COLUMNS = ("id", "quiz_revision_id", "account_id", "subject_id", "place_id", "status", "deadline_at", "possible_points", "score", "passed")


@dataclass(frozen=True, kw_only=True)
class Result:
    """A graded attempt. `newly` tells whether this very call graded it: then what follows from passing is to be done, and else it was."""

    attempt_id: UUID
    subject_id: UUID
    place_id: UUID
    score: Decimal
    passed: bool
    newly: bool


@dataclass(frozen=True, kw_only=True)
class Started:
    """The open attempt, and the overdue one that had to be closed for it."""

    attempt_id: UUID
    closed: Result | None


@dataclass(frozen=True, kw_only=True)
class SavedAnswer:
    """When the answer was saved, and the whole seconds left; None without a deadline."""

    saved_at: datetime
    seconds_left: int | None


async def start(*, caller: Caller, quiz_revision_id: UUID, subject_id: UUID, place_id: UUID) -> Started:
    """The caller's open attempt at the quiz for this subject, made if there is none. Whether they may sit it is for the area above to say.

    An open attempt whose time is over is closed first, with what was saved. Raises AttemptsUsedUp, NotFound. Records AttemptStarted.
    """
    async with unit_of_work(caller) as work:
        revision = await rows.QuizRevision.for_caller(caller, id=quiz_revision_id).get_or_none()
        if revision is None:
            raise NotFound("There is no such quiz.")
        await _take_turns(caller, subject_id, revision.quiz_id)
        earlier = rows.Attempt.for_caller(caller, account_id=caller.account, subject_id=subject_id, quiz_id=revision.quiz_id)
        attempt = await earlier.filter(status=rows.AttemptStatus.OPEN).select_for_update().only(*_COLUMNS).get_or_none()
        closed = None
        if attempt and not is_over(attempt.deadline_at, caller.now):
            return Started(attempt_id=attempt.id, closed=None)
        count = await earlier.count()
        if revision.max_attempts is not None and count >= revision.max_attempts:
            raise errors.AttemptsUsedUp(revision.max_attempts, overdue_id=attempt.id if attempt else None)  # closing it here would be undone with this failure
        if attempt:
            closed = await _close(caller, work, attempt)
        attempt = await _seal(caller, revision, subject_id, place_id, number=count + 1)
        work.record(events.AttemptStarted(attempt_id=attempt.id, subject_id=subject_id, deadline_at=attempt.deadline_at))
    return Started(attempt_id=attempt.id, closed=closed)


async def _take_turns(caller: Caller, subject_id: UUID, quiz_id: UUID) -> None:
    """There is no row to lock before the first attempt; the unique indexes on open attempts and numbers are the last word."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 7020194))", f"{caller.tenant_id}:{subject_id}:{quiz_id}")


async def _seal(caller: Caller, revision: rows.QuizRevision, subject_id: UUID, place_id: UUID, *, number: int) -> rows.Attempt:
    seed = secrets.randbits(SEED_BITS)
    questions = _drawn(await quiz_queries.questions_of_revision(caller=caller, revision_id=revision.id), Lot(seed), revision)
    return await rows.Attempt.create(
        tenant_id=caller.tenant_id,
        quiz_id=revision.quiz_id,
        quiz_revision_id=revision.id,
        account_id=caller.account,
        subject_id=subject_id,
        place_id=place_id,
        number=number,
        seed=seed,
        snapshot={"questions": [_sealed(question, Lot(seed), shuffle=revision.shuffle) for question in questions]},
        started_at=caller.now,
        deadline_at=caller.now + timedelta(minutes=revision.time_limit_minutes) if revision.time_limit_minutes else None,
        possible_points=scoring.total(question.points for question in questions),
    )


def _drawn(questions: list[StoredQuestion], lot: Lot, revision: rows.QuizRevision) -> list[StoredQuestion]:
    """As many as the quiz draws; in the author's order unless it shuffles."""
    chosen = questions
    if revision.draw_count is not None:
        drawn = {question.id for question in lot.shuffled(questions, lambda question: str(question.id), purpose="draw")[: revision.draw_count]}
        chosen = [question for question in questions if question.id in drawn]
    return lot.shuffled(chosen, lambda question: str(question.id), purpose="question") if revision.shuffle else chosen


def _sealed(question: StoredQuestion, lot: Lot, *, shuffle: bool) -> dict[str, Any]:
    """Question revisions never change, so that naming one freezes it."""
    sealed = kinds.kind_of(question.kind, question.body).seal(question.body, str(question.id), lot, shuffle=shuffle)
    return {"question": str(question.id), "revision": str(question.revision_id), "sealed": sealed}


async def save_answer(*, caller: Caller, attempt_id: UUID, question_id: UUID, response: dict[str, Any]) -> SavedAnswer:
    """Keep the caller's answer to one question; the last one counts. `response` is `{"choice": [option ids]}` or `{"trueFalse": bool}`.

    Raises NotFound, Invalid, AttemptClosed when it was handed in, and AttemptOverdue when the deadline has passed: nothing is saved then, and the
    caller closes it (`submit`) in a unit of work of its own.
    """
    async with unit_of_work(caller):
        attempt = await _locked(caller, attempt_id)
        if attempt.status is not rows.AttemptStatus.OPEN:
            raise errors.AttemptClosed("This attempt was handed in; its answers stand. Read its `result`.", path=("attemptId",))
        if is_over(attempt.deadline_at, caller.now):
            raise errors.AttemptOverdue("The time for this attempt is over; it was handed in with the answers saved until then.", path=("attemptId",))
        found = await queries.seated(caller=caller, attempt_id=attempt_id, question_id=question_id)
        if not found:
            raise NotFound("This attempt has no such question.", path=("questionId",))
        question = found[0].question
        read = kinds.kind_of(question.kind, question.body).read(found[0].sealed, response, ("answer",))
        answer = rows.AttemptAnswer.for_caller(caller, attempt_id=attempt_id, question_id=question_id)
        if not await answer.update(response=read, saved_at=caller.now):
            await rows.AttemptAnswer.create(tenant_id=caller.tenant_id, attempt_id=attempt_id, question_id=question_id, response=read, saved_at=caller.now)
    return SavedAnswer(saved_at=caller.now, seconds_left=seconds_left(attempt.deadline_at, caller.now))


async def submit(*, caller: Caller, attempt_id: UUID) -> Result:
    """Hand an attempt in and grade it, once; again it gives the same result. After the deadline it counts as handed in by the deadline.

    The system hands in only what is over: raises Unavailable before, so that its job comes again. Raises NotFound. Records AttemptSubmitted, AttemptGraded.
    """
    async with unit_of_work(caller) as work:
        attempt = await _locked(caller, attempt_id)
        if attempt.status is not rows.AttemptStatus.OPEN:
            assert attempt.score is not None
            assert attempt.passed is not None
            return _result(attempt, attempt.score, attempt.passed, newly=False)
        if caller.is_system and not is_over(attempt.deadline_at, caller.now):
            raise Unavailable("The attempt's time is not over yet.")
        return await _close(caller, work, attempt)


async def _close(caller: Caller, work: UnitOfWork, attempt: rows.Attempt) -> Result:
    """Grade what was saved. The attempt is locked and open."""
    over = is_over(attempt.deadline_at, caller.now)
    earned = scoring.total(await _grade_answers(caller, attempt))
    revision = await rows.QuizRevision.for_caller(caller, id=attempt.quiz_revision_id).get()
    score = scoring.percent(earned, attempt.possible_points)
    passed = scoring.passes(score, revision.passing_score)
    await rows.Attempt.for_caller(caller, id=attempt.id).update(
        status=rows.AttemptStatus.GRADED,
        submitted_at=attempt.deadline_at if over else caller.now,
        submitted_by=rows.SubmittedBy.DEADLINE if over else rows.SubmittedBy.LEARNER,
        earned_points=earned,
        score=score,
        passed=passed,
        graded_at=caller.now,
    )
    about = {"attempt_id": attempt.id, "subject_id": attempt.subject_id, "place_id": attempt.place_id, "account_id": attempt.account_id}
    work.record(events.AttemptSubmitted(**about))
    work.record(events.AttemptGraded(**about, score=score, passed=passed))
    return _result(attempt, score, passed, newly=True)


async def _grade_answers(caller: Caller, attempt: rows.Attempt) -> list[Decimal]:
    """What each question earned, written beside its answer; a question without one earns nothing."""
    saved = {answer.question_id: answer async for answer in rows.AttemptAnswer.for_caller(caller, attempt_id=attempt.id)}
    graded: list[tuple[UUID, Decimal, bool]] = []
    for seated in await queries.seated(caller=caller, attempt_id=attempt.id):
        question, answer = seated.question, saved.get(seated.question.id)
        fraction = kinds.kind_of(question.kind, question.body).grade(question.body, seated.sealed, answer.response) if answer else kinds.NOTHING
        graded.append((question.id, scoring.earned_points(question.points, fraction), fraction == 1))
    await database.fetch(
        """
        INSERT INTO attempt_answers (tenant_id, id, attempt_id, question_id, earned_points, is_correct)
        SELECT $1, g.id, $2, g.question_id, g.earned, g.correct FROM unnest($3::uuid[], $4::uuid[], $5::numeric[], $6::boolean[]) AS g (id, question_id, earned, correct)
        ON CONFLICT (tenant_id, attempt_id, question_id) DO UPDATE SET earned_points = excluded.earned_points, is_correct = excluded.is_correct
        """,
        caller.tenant_id,
        attempt.id,
        [new_id() for _ in graded],
        *([item[column] for item in graded] for column in range(3)),
    )
    return [earned for _, earned, _ in graded]


async def _locked(caller: Caller, attempt_id: UUID) -> rows.Attempt:
    own = {} if caller.is_system else {"account_id": caller.account}
    attempt = await rows.Attempt.for_caller(caller, id=attempt_id, **own).select_for_update().only(*_COLUMNS).get_or_none()
    if attempt is None:
        raise NotFound("There is no such attempt of yours.", path=("attemptId",))
    return attempt


def _result(attempt: rows.Attempt, score: Decimal, passed: bool, *, newly: bool) -> Result:
    return Result(attempt_id=attempt.id, subject_id=attempt.subject_id, place_id=attempt.place_id, score=score, passed=passed, newly=newly)

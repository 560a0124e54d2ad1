"""Reading attempts. A learner reads only their own; of a question only what its kind lets a learner see."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID

from lms_graph.domain.assessment.queries.quizzes import QUESTION, StoredQuestion
from lms_graph.domain.assessment.rules import kinds
from lms_graph.domain.assessment.rules.clock import seconds_left
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.models import database
from lms_graph.models.assessment import AttemptStatus, QuestionKind


@dataclass(frozen=True)
class Seat:
    """What an attempt counts for and where it was opened."""

    attempt_id: UUID
    subject_id: UUID
    place_id: UUID


@dataclass(frozen=True)
class Seated:
    """A question as it lies in an attempt: the immutable question and what was frozen at the start."""

    attempt_id: UUID
    question: StoredQuestion
    sealed: dict[str, Any]


@dataclass(frozen=True)
class Prompt:
    """A question of an attempt as the learner sees it. `view` is the kind's: it holds no key."""

    attempt_id: UUID
    question_id: UUID
    kind: QuestionKind
    points: Decimal
    prompt_markdown: str
    prompt_html: str
    view: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The last saved answer to a question. `response` is a list of option ids, or a boolean."""

    attempt_id: UUID
    question_id: UUID
    response: Any
    saved_at: datetime


@dataclass(frozen=True)
class Item:
    """What an answer earned, of a graded attempt."""

    attempt_id: UUID
    question_id: UUID
    earned: Decimal
    possible: Decimal
    correct: bool
    feedback: str | None


async def seat_of(*, caller: Caller, attempt_id: UUID) -> Seat:
    """Of the caller's own attempt, or of any for the system. Raises NotFound."""
    row = await database.fetch_one(
        "SELECT id, subject_id, place_id FROM attempts WHERE tenant_id = $1 AND id = $2 AND ($3 OR account_id = $4)",
        caller.tenant_id,
        attempt_id,
        caller.is_system,
        None if caller.is_system else caller.account,
    )
    if row is None:
        raise NotFound("There is no such attempt of yours.", path=("attemptId",))
    return Seat(row["id"], row["subject_id"], row["place_id"])


async def own_attempts(*, caller: Caller, attempt_ids: list[UUID]) -> list[dict[str, Any]]:
    """The caller's own attempts among these, with the `seconds_left` of those that are open."""
    rows: list[Any] = await database.fetch(
        "SELECT id, number, status, started_at, deadline_at, submitted_at, score, passed, graded_at FROM attempts WHERE tenant_id = $1 AND account_id = $2 AND id = ANY($3)",
        caller.tenant_id,
        caller.account,
        attempt_ids,
    )
    return [{**row, "seconds_left": seconds_left(row["deadline_at"], caller.now) if row["status"] == AttemptStatus.OPEN else None} for row in rows]


async def prompts(*, caller: Caller, attempt_ids: list[UUID]) -> dict[UUID, list[Prompt]]:
    """The questions of the caller's own attempts, in the order of each."""
    found = [
        Prompt(
            attempt_id=seated.attempt_id,
            question_id=seated.question.id,
            kind=seated.question.kind,
            points=seated.question.points,
            prompt_markdown=seated.question.prompt_markdown,
            prompt_html=seated.question.prompt_html,
            view=kinds.kind_of(seated.question.kind, seated.question.body).view(seated.question.body, seated.sealed),
        )
        for seated in await _seated_of_own(caller, attempt_ids, graded=False)
    ]
    return _by_attempt(found)


async def answers(*, caller: Caller, attempt_ids: list[UUID]) -> dict[UUID, list[Answer]]:
    """The answers saved in the caller's own attempts, first saved first."""
    rows: list[Any] = await database.fetch(
        "SELECT w.attempt_id, w.question_id, w.response, w.saved_at FROM attempt_answers w JOIN attempts a ON a.tenant_id = w.tenant_id AND a.id = w.attempt_id "
        "WHERE w.tenant_id = $1 AND a.account_id = $2 AND w.attempt_id = ANY($3) AND w.saved_at IS NOT NULL ORDER BY w.saved_at, w.id",
        caller.tenant_id,
        caller.account,
        attempt_ids,
    )
    return _by_attempt([Answer(row["attempt_id"], row["question_id"], database.from_json(row["response"]), row["saved_at"]) for row in rows])


async def items(*, caller: Caller, attempt_ids: list[UUID]) -> dict[UUID, list[Item]]:
    """What each question earned in the caller's own graded attempts, in the order of each. Nothing of one that is open."""
    rows: list[Any] = await database.fetch(
        "SELECT w.attempt_id, w.question_id, w.response, w.saved_at, w.earned_points, w.is_correct FROM attempt_answers w "
        "JOIN attempts a ON a.tenant_id = w.tenant_id AND a.id = w.attempt_id "
        "WHERE w.tenant_id = $1 AND a.account_id = $2 AND w.attempt_id = ANY($3) AND a.status = 'GRADED'",
        caller.tenant_id,
        caller.account,
        attempt_ids,
    )
    graded = {(row["attempt_id"], row["question_id"]): row for row in rows}
    told = []
    for seated in await _seated_of_own(caller, attempt_ids, graded=True):
        row, question = graded[seated.attempt_id, seated.question.id], seated.question
        feedback = None
        if row["saved_at"] is not None:
            feedback = kinds.kind_of(question.kind, question.body).feedback(question.body, seated.sealed, database.from_json(row["response"]))
        told.append(Item(seated.attempt_id, question.id, row["earned_points"], question.points, row["is_correct"], feedback))
    return _by_attempt(told)


class _OfAttempt(Protocol):
    @property
    def attempt_id(self) -> UUID: ...


Found = TypeVar("Found", bound=_OfAttempt)


def _by_attempt(found: list[Found]) -> dict[UUID, list[Found]]:
    groups: dict[UUID, list[Found]] = {}
    for one in found:
        groups.setdefault(one.attempt_id, []).append(one)
    return groups


async def _seated_of_own(caller: Caller, attempt_ids: list[UUID], *, graded: bool) -> list[Seated]:
    rows: list[Any] = await database.fetch(
        f"SELECT a.id AS attempt_id, s.value -> 'sealed' AS sealed, {QUESTION} {_SEATED} "
        "WHERE a.tenant_id = $1 AND a.account_id = $2 AND a.id = ANY($3) AND (NOT $4 OR a.status = 'GRADED') ORDER BY a.id, s.place",
        caller.tenant_id,
        caller.account,
        attempt_ids,
        graded,
    )
    return [_seated(row) for row in rows]


async def seated(*, caller: Caller, attempt_id: UUID, question_id: UUID | None = None) -> list[Seated]:
    """The questions of an attempt, or one of them, with their keys: for the domain only."""
    rows: list[Any] = await database.fetch(
        f"SELECT a.id AS attempt_id, s.value -> 'sealed' AS sealed, {QUESTION} {_SEATED} "
        "WHERE a.tenant_id = $1 AND a.id = $2 AND ($3::uuid IS NULL OR q.question_id = $3) ORDER BY s.place",
        caller.tenant_id,
        attempt_id,
        question_id,
    )
    return [_seated(row) for row in rows]


_SEATED = """
    FROM attempts a CROSS JOIN LATERAL jsonb_array_elements(a.snapshot -> 'questions') WITH ORDINALITY AS s (value, place)
    JOIN question_revisions q ON q.tenant_id = a.tenant_id AND q.id = (s.value ->> 'revision')::uuid
"""


def _seated(row: Any) -> Seated:
    return Seated(row["attempt_id"], StoredQuestion.from_row(row), database.from_json(row["sealed"]))

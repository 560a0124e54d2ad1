"""Facts about quizzes and attempts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class QuizRevisionSaved(Event, about="quiz_id"):
    quiz_id: UUID
    quiz_revision_id: UUID


@dataclass(frozen=True, kw_only=True)
class AttemptStarted(Event, about="attempt_id"):
    attempt_id: UUID
    subject_id: UUID
    deadline_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AttemptSubmitted(Event, about="attempt_id"):
    attempt_id: UUID
    subject_id: UUID
    place_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class AttemptGraded(Event, about="attempt_id"):
    attempt_id: UUID
    subject_id: UUID
    place_id: UUID
    account_id: UUID
    score: Decimal
    passed: bool

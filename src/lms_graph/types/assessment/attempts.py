"""Attempts, their answers and results, and what the mutations on them take and give."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from lms_graph.kit.ids import public_id
from lms_graph.types.assessment.questions import QuestionPrompt
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.one_of import OneOf

if TYPE_CHECKING:
    from lms_graph.types.learning.enrollments import Enrollment


@strawberry.enum(description="Where an attempt stands. Further values may come.")
class AttemptStatus(Enum):
    OPEN = strawberry.enum_value("OPEN", description="Answers are taken until the deadline.")
    SUBMITTED = strawberry.enum_value("SUBMITTED", description="Handed in; some answers still wait for a grader.")
    GRADED = strawberry.enum_value("GRADED", description="Handed in and graded.")


@strawberry.type(description="The last saved answer to a question. Only the learner who gave it may read it.")
class AttemptAnswer:
    question_id: strawberry.ID = strawberry.field(description="The question's id, as in `questions`.")
    response: JSON = strawberry.field(
        description="What was answered, by kind. ChoicePrompt: an array of option ids in the order of the options, empty when it was taken back. TrueFalsePrompt: a boolean."
    )
    saved_at: datetime = strawberry.field(description="When it was saved, by the server's clock.")

    @classmethod
    def from_answer(cls, answer: Any) -> Self:
        return cls(question_id=strawberry.ID(public_id("qst", answer.question_id)), response=answer.response, saved_at=answer.saved_at)


@strawberry.type(description="What one question of a closed attempt earned. The key itself is never told, for there may be further attempts.")
class AttemptResultItem:
    question_id: strawberry.ID = strawberry.field(description="The question's id, as in `questions`.")
    earned: Decimal = strawberry.field(description="Points, 0.00 to `possible`; rounded half up to hundredths.")
    possible: Decimal = strawberry.field(description="The question's points, 0.01 to 1000.00.")
    correct: bool | None = strawberry.field(description="Whether the answer was fully right; false without an answer. Null while it waits for a grader.")
    feedback: str | None = strawberry.field(description="The author's plain words on what was answered, at most 2,000 characters an option; null without words or answer.")

    @classmethod
    def from_item(cls, item: Any) -> Self:
        return cls(question_id=strawberry.ID(public_id("qst", item.question_id)), earned=item.earned, possible=item.possible, correct=item.correct, feedback=item.feedback)


@strawberry.type(description="What a closed attempt came to. Only the learner who sat it may read it.")
class AttemptResult:
    score: Decimal = strawberry.field(description="Percent of the possible points: 0.00 to 100.00, rounded half up to hundredths.")
    passed: bool = strawberry.field(description="Whether the rounded score reaches the quiz's `passingScore`.")
    graded_at: datetime = strawberry.field(description="When it was graded.")
    pending_manual: int = strawberry.field(description="How many answers still wait for a grader. 0 for the kinds of question that grade themselves.")
    attempt_id: strawberry.Private[UUID]
    items: list[AttemptResultItem] = child("assessment.items", key="attempt_id", size=20, description="One for each question of the attempt, in its order; at most 500.")

    @classmethod
    def from_row(cls, row: Any) -> Self | None:
        if row["status"] != "GRADED":
            return None
        return cls(score=row["score"], passed=row["passed"], graded_at=row["graded_at"], pending_manual=0, attempt_id=row["id"])


@strawberry.type(description="A sitting of a quiz in a run, sealed at its start: questions, order and deadline never change. Only the learner who sits it may read it.")
class Attempt(Node):
    number: int = strawberry.field(description="Counts the run's attempts at the quiz, from 1.")
    status: AttemptStatus = strawberry.field(description="Where it stands.")
    started_at: datetime = strawberry.field(description="When it was started.")
    deadline_at: datetime | None = strawberry.field(description="From this moment no answer is taken, and the attempt is handed in with what was saved. Null without a time limit.")
    submitted_at: datetime | None = strawberry.field(description="When it was handed in, or its deadline if that came first; null while it is open.")
    seconds_left: int | None = strawberry.field(
        description="Whole seconds until the deadline by the server's clock, rounded down, 0 when it is over. Null without a time limit and once it is closed."
    )
    result: AttemptResult | None = strawberry.field(description="What it came to; null until it is closed.")
    attempt_id: strawberry.Private[UUID]
    questions: list[QuestionPrompt] = child(
        "assessment.prompts", key="attempt_id", size=20, description="1 to 500 questions in the order of this attempt, the same on every device."
    )
    answers: list[AttemptAnswer] = child(
        "assessment.answers", key="attempt_id", size=20, description="The saved answers, at most one a question, on whatever device they were given."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("att", row["id"])),
            number=row["number"],
            status=AttemptStatus[row["status"]],
            started_at=row["started_at"],
            deadline_at=row["deadline_at"],
            submitted_at=row["submitted_at"],
            seconds_left=row["seconds_left"],
            result=AttemptResult.from_row(row),
            attempt_id=row["id"],
        )


@strawberry.input(description="Which quiz to sit, and in which run.")
class AttemptStartInput:
    enrollment_id: strawberry.ID = strawberry.field(description="The viewer's run.")
    lecture_id: strawberry.ID = strawberry.field(description="A quiz lecture that is open to the run.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters of the client's making, kept at least 24 hours: the same key gives the same attempt.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "enrollment_id": decode_id(self.enrollment_id, "enr", path="enrollmentId"),
            "lecture_id": decode_id(self.lecture_id, "lec", path="lectureId"),
            "idempotency_key": self.idempotency_key,
        }


@strawberry.input(description="An answer, in the one field that fits the question.", directives=[OneOf()])
class AnswerInput:
    choice: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="For ChoicePrompt: ids of its options, at most 250; at most one unless `multiple`. An empty list takes the answer back."
    )
    true_false: bool | None = strawberry.field(default=strawberry.UNSET, description="For TrueFalsePrompt.")

    def as_response(self) -> dict[str, Any]:
        given = {"choice": self.choice, "trueFalse": self.true_false}
        return {name: value for name, value in given.items() if value is not strawberry.UNSET}


@strawberry.input(description="An answer to one question of an open attempt.")
class AttemptAnswerSaveInput:
    attempt_id: strawberry.ID = strawberry.field(description="The viewer's open attempt.")
    question_id: strawberry.ID = strawberry.field(description="The id of one of its `questions`.")
    answer: AnswerInput = strawberry.field(description="The answer; it takes the place of an earlier one.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "attempt_id": decode_id(self.attempt_id, "att", path="attemptId"),
            "question_id": decode_id(self.question_id, "qst", path="questionId"),
            "response": self.answer.as_response(),
        }


@strawberry.input(description="Which attempt to hand in.")
class AttemptSubmitInput:
    attempt_id: strawberry.ID = strawberry.field(description="The viewer's attempt.")

    def as_arguments(self) -> dict[str, Any]:
        return {"attempt_id": decode_id(self.attempt_id, "att", path="attemptId")}


@strawberry.type(description="The open attempt: a new one, or the one that was open already.")
class AttemptStartPayload(Payload):
    attempt: Attempt | None = strawberry.field(default=None, description="The open attempt; null when there are errors.")


@strawberry.type(description="What came of saving an answer.")
class AttemptAnswerSavePayload(Payload):
    saved_at: datetime | None = strawberry.field(default=None, description="When it was saved, by the server's clock; null when there are errors.")
    seconds_left: int | None = strawberry.field(default=None, description="Whole seconds until the deadline, rounded down; null without a time limit and when there are errors.")


@strawberry.type(description="What came of handing an attempt in.")
class AttemptSubmitPayload(Payload):
    attempt: Attempt | None = strawberry.field(default=None, description="The closed attempt with its result; null when there are errors.")
    enrollment_id: strawberry.Private[UUID | None] = None
    enrollment: Annotated["Enrollment", strawberry.lazy("lms_graph.types.learning.enrollments")] | None = child(
        "learning.enrollment", key="enrollment_id", description="The run as it stands now."
    )

"""Quizzes: valid by default, and only what a test says differs."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.assessment.operations import quizzes
from lms_graph.domain.assessment.operations.quizzes import QuestionDraft, QuizDraft, SavedQuiz
from lms_graph.kit.caller import Caller
from lms_graph.models.assessment import QuestionKind


def choice(key: str = "capital", *, right: tuple[str, ...] = ("Paris",), wrong: tuple[str, ...] = ("Lyon", "Nice"), points: str = "1", prompt: str = "Which?") -> QuestionDraft:
    """A choice; multiple when there are several right options. Each option's key and feedback are made from its text."""
    options = [_option(text, correct=True) for text in right] + [_option(text, correct=False) for text in wrong]
    body = {"multiple": len(right) > 1, "options": options}
    return QuestionDraft(key=key, kind=QuestionKind.CHOICE, prompt=prompt, points=Decimal(points), body=body)


def _option(text: str, *, correct: bool) -> dict[str, Any]:
    return {"key": f"key-{text.lower()}", "text": text, "correct": correct, "feedback": f"About {text}."}


def true_false(key: str = "round", *, answer: bool = True, points: str = "1", prompt: str = "The earth is **round**.") -> QuestionDraft:
    return QuestionDraft(key=key, kind=QuestionKind.TRUE_FALSE, prompt=prompt, points=Decimal(points), body={"answer": answer, "feedback": "It is a globe."})


def draft(*questions: QuestionDraft, **changes: Any) -> QuizDraft:
    values: dict[str, Any] = {"title": "Geography", "passing_score": Decimal(70), "questions": questions or (choice(), true_false())}
    return QuizDraft(**(values | changes))


async def quiz(caller: Caller, *questions: QuestionDraft, quiz_id: UUID | None = None, **changes: Any) -> SavedQuiz:
    return await quizzes.save_revision(caller=caller, quiz_id=quiz_id, draft=draft(*questions, **changes))

"""A quiz as an author hands it in: its shape, its bounds, and the fingerprint that tells whether it changed."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from lms_graph.domain.assessment.rules import kinds, options
from lms_graph.domain.assessment.rules.scoring import HUNDREDTH
from lms_graph.domain.assessment.rules.texts import Path, check_text
from lms_graph.kit.errors import Issue
from lms_graph.models.assessment import QuestionKind

MAX_TITLE = 200
MAX_PROMPT = 10_000
MAX_QUESTIONS = 500
MAX_POINTS = Decimal(1000)
MAX_MINUTES = 7 * 24 * 60
MAX_ATTEMPTS = 100


@dataclass(frozen=True, kw_only=True)
class QuestionDraft:
    """A question. `key` is its lasting name in the quiz: 1–80 letters, digits, `.`, `-`, `_`. `prompt` is Markdown, 1–20,000 characters. `points` 0.01–1000.00."""

    key: str
    kind: QuestionKind
    prompt: str
    points: Decimal
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class QuizDraft:
    """A quiz: `title` 1–200 characters, `passing_score` 0–100 percent, `time_limit_minutes` 1–10,080, `max_attempts` 1–100 (both None for no limit).

    `shuffle` puts questions and options in another order for each attempt; `draw_count` (1 to their number) asks only so many of the 1–500 questions.
    """

    title: str
    passing_score: Decimal
    time_limit_minutes: int | None = None
    max_attempts: int | None = None
    shuffle: bool = False
    draw_count: int | None = None
    questions: tuple[QuestionDraft, ...]


def check(draft: QuizDraft) -> list[Issue]:
    """Everything that is wrong with a draft, each with its path from the quiz."""
    issues = check_text(draft.title, ("title",), longest=MAX_TITLE)
    issues += _check_decimal(draft.passing_score, ("passingScore",), Decimal(0), Decimal(100))
    issues += _check_number(draft.time_limit_minutes, ("timeLimitMinutes",), MAX_MINUTES)
    issues += _check_number(draft.max_attempts, ("maxAttempts",), MAX_ATTEMPTS)
    if not 1 <= len(draft.questions) <= MAX_QUESTIONS:
        issues.append(Issue(f"`questions` must list from 1 to {MAX_QUESTIONS} questions.", ("questions",)))
    else:
        issues += _check_number(draft.draw_count, ("drawCount",), len(draft.questions))
    seen: set[str] = set()
    for place, question in enumerate(draft.questions):
        path = ("questions", str(place))
        issues += _check_question(question, path)
        if question.key in seen:
            issues.append(Issue(f"Another question has the key `{question.key}`.", (*path, "key")))
        seen.add(question.key)
    return issues


def _check_question(question: QuestionDraft, path: Path) -> list[Issue]:
    issues = []
    if not isinstance(question.key, str) or not options.KEY.fullmatch(question.key):
        issues.append(Issue("`key` must have from 1 to 80 letters, digits, dots, hyphens and underscores, and begin with a letter or digit.", (*path, "key")))
    issues += check_text(question.prompt, (*path, "prompt"), longest=MAX_PROMPT)
    issues += _check_decimal(question.points, (*path, "points"), HUNDREDTH, MAX_POINTS)
    return issues + kinds.check(question.kind, question.body, path)


def _check_decimal(value: Decimal, path: Path, least: Decimal, most: Decimal) -> list[Issue]:
    if not value.is_finite() or not least <= value <= most or value != value.quantize(HUNDREDTH):
        return [Issue(f"`{path[-1]}` must be from {least} to {most}, with at most two digits after the point.", path)]
    return []


def _check_number(value: int | None, path: Path, most: int) -> list[Issue]:
    if value is None or (1 <= value <= most and not isinstance(value, bool)):
        return []
    return [Issue(f"`{path[-1]}` must be from 1 to {most}, or left out.", path)]


def fingerprint(draft: QuizDraft) -> str:
    """SHA-256 of a checked draft in one spelling: the same for the same quiz, however its numbers were written."""
    source = {
        "title": draft.title,
        "passing_score": _spelled(draft.passing_score),
        "time_limit_minutes": draft.time_limit_minutes,
        "max_attempts": draft.max_attempts,
        "shuffle": draft.shuffle,
        "draw_count": draft.draw_count,
        "questions": [
            {"key": q.key, "kind": q.kind.value, "prompt": q.prompt, "points": _spelled(q.points), "body": kinds.kind_of(q.kind, q.body).normal(q.body)} for q in draft.questions
        ],
    }
    return hashlib.sha256(orjson.dumps(source, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _spelled(value: Decimal) -> str:
    return str(value.quantize(HUNDREDTH))

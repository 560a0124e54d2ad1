"""True or false: all points or none. Body: `{"answer": bool, "feedback": text or None}`; a response is the boolean."""

from fractions import Fraction
from typing import Any

from lms_graph.domain.assessment.rules.lots import Lot
from lms_graph.domain.assessment.rules.options import MAX_FEEDBACK, Body, Sealed
from lms_graph.domain.assessment.rules.texts import Path, check_fields, check_text
from lms_graph.kit.errors import Invalid, Issue


def check(body: Body, path: Path) -> list[Issue]:
    issues = check_fields(body, path, known={"answer", "feedback"}, needed={"answer"})
    if issues:
        return issues
    if not isinstance(body["answer"], bool):
        issues.append(Issue("`answer` must be true or false.", (*path, "answer")))
    if body.get("feedback") is not None:
        issues += check_text(body["feedback"], (*path, "feedback"), longest=MAX_FEEDBACK)
    return issues


def normal(body: Body) -> Body:
    return {"answer": body["answer"], "feedback": body.get("feedback")}


def seal(body: Body, name: str, lot: Lot, *, shuffle: bool) -> Sealed:
    return {}


def view(body: Body, sealed: Sealed) -> dict[str, Any]:
    return {}


def read(sealed: Sealed, response: dict[str, Any], path: Path) -> bool:
    value = response.get("trueFalse")
    if not isinstance(value, bool):
        raise Invalid(Issue("This question is answered by `trueFalse`.", path))
    return value


def grade(body: Body, sealed: Sealed, response: bool) -> Fraction:
    return Fraction(response is body["answer"])


def feedback(body: Body, sealed: Sealed, response: bool) -> str | None:
    words: str | None = body["feedback"]
    return words

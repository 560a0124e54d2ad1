"""The kinds of question: one module each, and this registry."""

from fractions import Fraction
from typing import Any, Protocol

from lms_graph.domain.assessment.rules import multiple_choice, single_choice, true_false
from lms_graph.domain.assessment.rules.lots import Lot
from lms_graph.domain.assessment.rules.options import Body, Sealed
from lms_graph.domain.assessment.rules.texts import Path
from lms_graph.kit.errors import Issue
from lms_graph.models.assessment import QuestionKind

NOTHING = Fraction(0)  # what a question earns that was not answered


class Kind(Protocol):
    """What a module of a kind gives."""

    def check(self, body: Body, path: Path) -> list[Issue]:
        """What is wrong with what the author wrote."""

    def normal(self, body: Body) -> Body:
        """A checked body with every field in its place: what is stored."""

    def seal(self, body: Body, name: str, lot: Lot, *, shuffle: bool) -> Sealed:
        """What is frozen at the start of an attempt. `name` is the question's in the lot."""

    def view(self, body: Body, sealed: Sealed) -> dict[str, Any]:
        """What the learner sees besides the prompt: never the key."""

    def read(self, sealed: Sealed, response: dict[str, Any], path: Path) -> Any:
        """The response as it is stored. Raises Invalid."""

    def grade(self, body: Body, sealed: Sealed, response: Any) -> Fraction:
        """The share of the points, from 0 to 1."""

    def feedback(self, body: Body, sealed: Sealed, response: Any) -> str | None:
        """What the author says of this response."""


def kind_of(kind: QuestionKind, body: Body) -> Kind:
    """The module for a question. A choice is single unless its body says that it is multiple."""
    if kind is QuestionKind.TRUE_FALSE:
        return true_false
    return multiple_choice if body.get("multiple", False) else single_choice


def check(kind: QuestionKind, body: Any, path: Path) -> list[Issue]:
    """What is wrong with a body of this kind."""
    if not isinstance(body, dict):
        return [Issue("`body` must be an object.", path)]
    if kind is QuestionKind.CHOICE and not isinstance(body.get("multiple", False), bool):
        return [Issue("`multiple` must be true or false.", (*path, "multiple"))]
    return kind_of(kind, body).check(body, path)

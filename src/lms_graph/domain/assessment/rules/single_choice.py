"""Single choice: one option is right; it gives all points, any other gives none."""

from fractions import Fraction
from typing import Any

from lms_graph.domain.assessment.rules import options
from lms_graph.domain.assessment.rules.options import Body, Sealed, feedback, normal, seal, view
from lms_graph.domain.assessment.rules.texts import Path
from lms_graph.kit.errors import Issue

__all__ = ["check", "feedback", "grade", "normal", "read", "seal", "view"]


def check(body: Body, path: Path) -> list[Issue]:
    issues = options.check_options(body, path)
    if not issues and len(options.correct_keys(body)) != 1:
        issues.append(Issue("Exactly one option must be correct; set `multiple` where several are.", (*path, "options")))
    return issues


def read(sealed: Sealed, response: dict[str, Any], path: Path) -> list[str]:
    return options.read(sealed, response, path, most=1)


def grade(body: Body, sealed: Sealed, response: list[str]) -> Fraction:
    return Fraction(options.chosen_keys(sealed, response) == options.correct_keys(body))

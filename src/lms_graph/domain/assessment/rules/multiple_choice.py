"""Multiple choice with partial credit: (right ones chosen − wrong ones chosen) ÷ right ones, never below none.

Choosing everything so earns nothing where half of the options are right, and all points need all right options and no other.
"""

from fractions import Fraction
from typing import Any

from lms_graph.domain.assessment.rules import options
from lms_graph.domain.assessment.rules.options import Body, Sealed, feedback, normal, seal, view
from lms_graph.domain.assessment.rules.texts import Path
from lms_graph.kit.errors import Issue

__all__ = ["check", "feedback", "grade", "normal", "read", "seal", "view"]


def check(body: Body, path: Path) -> list[Issue]:
    issues = options.check_options(body, path)
    if not issues and not options.correct_keys(body):
        issues.append(Issue("At least one option must be correct.", (*path, "options")))
    return issues


def read(sealed: Sealed, response: dict[str, Any], path: Path) -> list[str]:
    return options.read(sealed, response, path, most=options.MAX_OPTIONS)


def grade(body: Body, sealed: Sealed, response: list[str]) -> Fraction:
    right, chosen = options.correct_keys(body), options.chosen_keys(sealed, response)
    return max(Fraction(len(chosen & right) - len(chosen - right), len(right)), Fraction(0))

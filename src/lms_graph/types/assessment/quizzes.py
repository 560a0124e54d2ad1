"""Quizzes as their learners see them."""

from decimal import Decimal
from typing import Any, Self

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.nodes import Node


@strawberry.type(description="A quiz before and between sittings, as a learner sees it who may open it. It shows no question.")
class QuizOverview(Node):
    title: str = strawberry.field(description="1 to 200 characters.")
    passing_score: Decimal = strawberry.field(description="Percent of the points that passes: 0.00 to 100.00.")
    time_limit_minutes: int | None = strawberry.field(description="Minutes from the start of an attempt to its deadline, 1 to 10,080; null for no limit.")
    max_attempts: int | None = strawberry.field(description="How many attempts a run has, 1 to 100; null for no limit.")
    attempts_left: int | None = strawberry.field(description="How many attempts the viewer's run can still start; an open attempt is used up. Null for no limit.")
    question_count: int = strawberry.field(description="How many questions an attempt asks, 1 to 500.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        most = row["max_attempts"]
        return cls(
            id=strawberry.ID(public_id("qzo", row["revision_id"])),
            title=row["title"],
            passing_score=row["passing_score"],
            time_limit_minutes=row["time_limit_minutes"],
            max_attempts=most,
            attempts_left=None if most is None else max(0, most - row["used"]),
            question_count=row["question_count"],
        )

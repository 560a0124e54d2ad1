"""`save_revision`: a quiz is kept as revisions that never change."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.domain.assessment.operations import quizzes
from lms_graph.kit.errors import Invalid, NotFound
from lms_graph.models import database
from lms_graph.models.assessment import QuestionKind
from tests.factories.quizzes import choice, draft, quiz, true_false
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def _questions(school: School, revision_id: Any) -> list[database.Record]:
    async with database.reading(school.system):
        return await database.fetch("SELECT * FROM question_revisions WHERE tenant_id = $1 AND quiz_revision_id = $2 ORDER BY position", school.id, revision_id)


class TestSaveRevision:
    async def test_makes_a_quiz_with_its_first_revision(self, school: School) -> None:
        saved = await quiz(school.system, choice(prompt="Which is *the* capital?"), true_false(points="2.5"))

        first, second = await _questions(school, saved.quiz_revision_id)
        assert saved.number == 1
        assert first["prompt_html"] == "<p>Which is <em>the</em> capital?</p>\n"
        assert (second["kind"], second["points"]) == ("TRUE_FALSE", Decimal("2.50"))

    async def test_an_unchanged_draft_gives_the_same_revision(self, school: School) -> None:
        saved = await quiz(school.system, passing_score=Decimal("70"))

        again = await quiz(school.system, quiz_id=saved.quiz_id, passing_score=Decimal("70.00"))

        assert again == saved

    async def test_a_changed_draft_gives_the_next_and_keeps_the_questions_identity(self, school: School) -> None:
        saved = await quiz(school.system, choice("a"), true_false("b"))

        changed = await quiz(school.system, true_false("b"), choice("c"), choice("a", wrong=("Metz",)), quiz_id=saved.quiz_id)

        before = [row["question_id"] for row in await _questions(school, saved.quiz_revision_id)]
        after = [row["question_id"] for row in await _questions(school, changed.quiz_revision_id)]
        assert (changed.quiz_id, changed.number) == (saved.quiz_id, 2)
        assert [after[2], after[0]] == before

    async def test_another_tenants_quiz_is_not_found(self, school: School, other_school: School) -> None:
        saved = await quiz(school.system)

        with pytest.raises(NotFound):
            await quiz(other_school.system, quiz_id=saved.quiz_id)
        with pytest.raises(NotFound):
            await quiz(school.system, quiz_id=uuid4())

    async def test_tells_every_issue_at_once_with_its_path(self, school: School) -> None:
        bad = draft(
            replace(choice("a", right=("A", "B")), body={"multiple": False, "options": choice(right=("A", "B")).body["options"]}),
            replace(true_false("a"), points=Decimal("0.001"), body={"answer": "yes", "hint": "no"}),
            replace(choice("c"), prompt=" ", body={"options": [{"key": "x", "text": ""}, {"key": "x", "text": "T", "correct": 1}]}),
            title="",
            passing_score=Decimal("100.01"),
            time_limit_minutes=0,
            max_attempts=101,
            draw_count=4,
        )

        with pytest.raises(Invalid) as refused:
            await quizzes.save_revision(caller=school.system, quiz_id=None, draft=bad)

        assert {".".join(issue.path) for issue in refused.value.issues} == {
            "title",
            "passingScore",
            "timeLimitMinutes",
            "maxAttempts",
            "drawCount",
            "questions.0.options",
            "questions.1.points",
            "questions.1.hint",
            "questions.1.key",
            "questions.2.prompt",
            "questions.2.options.0.text",
            "questions.2.options.1.correct",
        }
        assert refused.value.issues[0].code == "INVALID"

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1e30"])
    async def test_refuses_what_is_no_score(self, school: School, number: str) -> None:
        with pytest.raises(Invalid):
            await quiz(school.system, passing_score=Decimal(number))

    async def test_refuses_an_empty_quiz(self, school: School) -> None:
        with pytest.raises(Invalid):
            await quizzes.save_revision(caller=school.system, quiz_id=None, draft=replace(draft(), questions=()))

    async def test_the_kinds_are_those_of_the_table(self) -> None:
        assert {kind.value for kind in QuestionKind} == {"CHOICE", "TRUE_FALSE"}

"""Attempts: sealed at the start, saved answer by answer, graded once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.assessment import errors
from lms_graph.domain.assessment.operations import attempts
from lms_graph.domain.assessment.operations.quizzes import QuestionDraft, SavedQuiz
from lms_graph.domain.assessment.queries import attempts as queries
from lms_graph.domain.assessment.queries import quizzes as quiz_queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotFound, SignedOut, Unavailable
from lms_graph.models import database
from tests.factories.learners import Learner, learner
from tests.factories.quizzes import choice, quiz, true_false
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """A learner before a quiz: a subject of their own, and a clock that the test sets."""

    learner: Learner
    quiz: SavedQuiz
    subject_id: UUID

    def at(self, seconds: float = 0) -> Caller:
        return self.learner.at(NOON + timedelta(seconds=seconds))

    async def start(self, seconds: float = 0, quiz: SavedQuiz | None = None) -> UUID:
        revision = (quiz or self.quiz).quiz_revision_id
        return (await attempts.start(caller=self.at(seconds), quiz_revision_id=revision, subject_id=self.subject_id, place_id=uuid4())).attempt_id

    async def prompts(self, attempt_id: UUID) -> list[queries.Prompt]:
        async with database.reading(self.at()):
            return (await queries.prompts(caller=self.at(), attempt_ids=[attempt_id])).get(attempt_id, [])

    async def answers(self, attempt_id: UUID) -> dict[UUID, Any]:
        async with database.reading(self.at()):
            found = await queries.answers(caller=self.at(), attempt_ids=[attempt_id])
        return {answer.question_id: answer.response for answer in found.get(attempt_id, [])}

    async def items(self, attempt_id: UUID) -> list[queries.Item]:
        async with database.reading(self.at()):
            return (await queries.items(caller=self.at(), attempt_ids=[attempt_id])).get(attempt_id, [])

    async def answer(self, attempt_id: UUID, *texts: str, seconds: float = 1) -> attempts.SavedAnswer:
        """Choose the options of these texts in the attempt's first choice."""
        prompt = next(prompt for prompt in await self.prompts(attempt_id) if prompt.view)
        ids = [option["id"] for option in prompt.view["options"] if option["text"] in texts]
        return await attempts.save_answer(caller=self.at(seconds), attempt_id=attempt_id, question_id=prompt.question_id, response={"choice": ids})


Sit = Callable[..., Awaitable[Desk]]


@pytest.fixture
def sit(school: School) -> Sit:
    async def make(*questions: QuestionDraft, **changes: Any) -> Desk:
        return Desk(await learner(school.id), await quiz(school.system, *questions, **changes), uuid4())

    return make


async def _row(school: School, attempt_id: UUID) -> Any:
    async with database.reading(school.system):
        return await database.fetch_one("SELECT * FROM attempts WHERE tenant_id = $1 AND id = $2", school.id, attempt_id)


async def _facts(school: School, attempt_id: UUID) -> list[str]:
    async with database.reading(school.system):
        return [row["name"] for row in await database.fetch("SELECT name FROM facts WHERE tenant_id = $1 AND aggregate_id = $2 ORDER BY sequence", school.id, attempt_id)]


class TestStart:
    async def test_seals_the_questions_and_the_deadline(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(points="2"), true_false(points="0.5"), time_limit_minutes=10)

        attempt_id = await desk.start()

        row = await _row(school, attempt_id)
        assert (row["number"], row["status"], row["deadline_at"]) == (1, "OPEN", NOON + timedelta(minutes=10))
        assert row["possible_points"] == Decimal("2.50")
        assert await _facts(school, attempt_id) == ["AttemptStarted"]

    async def test_gives_the_open_attempt_again(self, school: School, sit: Sit) -> None:
        desk = await sit(time_limit_minutes=10)
        attempt_id = await desk.start()

        assert await desk.start(599) == attempt_id
        assert await _facts(school, attempt_id) == ["AttemptStarted"]

    async def test_ten_at_once_make_one(self, sit: Sit) -> None:
        desk = await sit()

        made = await asyncio.gather(*(desk.start() for _ in range(10)))

        assert len(set(made)) == 1

    async def test_ten_at_once_make_one_where_one_is_left(self, sit: Sit) -> None:
        desk = await sit(max_attempts=2)
        await attempts.submit(caller=desk.at(), attempt_id=await desk.start())

        made = await asyncio.gather(*(desk.start() for _ in range(10)))

        assert len(set(made)) == 1

    async def test_an_overdue_one_is_closed_first(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(), time_limit_minutes=1)
        first = await desk.start()
        await desk.answer(first, "Paris")

        started = await attempts.start(caller=desk.at(60), quiz_revision_id=desk.quiz.quiz_revision_id, subject_id=desk.subject_id, place_id=uuid4())

        row = await _row(school, first)
        assert started.closed
        assert (started.closed.attempt_id, started.closed.passed, started.closed.newly) == (first, True, True)
        assert (row["status"], row["submitted_by"], row["submitted_at"]) == ("GRADED", "DEADLINE", NOON + timedelta(minutes=1))
        assert (await _row(school, started.attempt_id))["number"] == 2

    async def test_refuses_more_than_the_quiz_allows(self, sit: Sit) -> None:
        desk = await sit(max_attempts=2)
        for _ in range(2):
            await attempts.submit(caller=desk.at(), attempt_id=await desk.start())

        with pytest.raises(errors.AttemptsUsedUp):
            await desk.start()

        desk.subject_id = uuid4()
        await desk.start()  # another run has its own

    async def test_draws_as_many_as_the_quiz_says_and_not_always_the_same(self, sit: Sit) -> None:
        desk = await sit(*(true_false(f"q{n}", points=str(n + 1)) for n in range(12)), draw_count=3)
        drawn = []
        for _ in range(8):
            attempt_id = await desk.start()
            prompts = await desk.prompts(attempt_id)
            drawn.append(tuple(prompt.points for prompt in prompts))
            await attempts.submit(caller=desk.at(), attempt_id=attempt_id)

        assert all(len(set(questions)) == 3 and list(questions) == sorted(questions) for questions in drawn)
        assert len(set(drawn)) > 1

    async def test_shuffles_anew_for_each_attempt_and_never_within_one(self, sit: Sit) -> None:
        desk = await sit(*(choice(f"q{n}", wrong=tuple("BCDEFG")) for n in range(10)), shuffle=True)
        first = await desk.start()
        seen = await desk.prompts(first)
        assert await desk.prompts(first) == seen
        assert await desk.start() == first
        await attempts.submit(caller=desk.at(), attempt_id=first)

        second = await desk.prompts(await desk.start())

        def order(prompts: list[queries.Prompt]) -> tuple[list[UUID], dict[UUID, list[str]]]:
            return [prompt.question_id for prompt in prompts], {prompt.question_id: [option["text"] for option in prompt.view["options"]] for prompt in prompts}

        assert order(seen)[0] != order(second)[0]
        assert order(seen)[1] != order(second)[1]
        assert not _ids(seen) & _ids(second)

    async def test_a_later_revision_does_not_change_the_sitting(self, school: School, sit: Sit) -> None:
        desk = await sit(choice("a"), passing_score=Decimal(100))
        attempt_id = await desk.start()
        seen = await desk.prompts(attempt_id)

        changed = await quiz(school.system, choice("a", right=("Rome",), wrong=("Paris",)), true_false("b"), quiz_id=desk.quiz.quiz_id, passing_score=Decimal(1))

        assert await desk.prompts(attempt_id) == seen
        assert await desk.start(quiz=changed) == attempt_id
        await desk.answer(attempt_id, "Paris")
        assert (await attempts.submit(caller=desk.at(2), attempt_id=attempt_id)).score == 100

    async def test_a_visitor_must_sign_in(self, school: School, sit: Sit) -> None:
        desk = await sit()

        with pytest.raises(SignedOut):
            await attempts.start(caller=Caller(tenant_id=school.id, now=NOON), quiz_revision_id=desk.quiz.quiz_revision_id, subject_id=uuid4(), place_id=uuid4())

    async def test_another_tenants_quiz_is_not_found(self, other_school: School, sit: Sit) -> None:
        desk = await sit()
        stranger = await learner(other_school.id)

        with pytest.raises(NotFound):
            await attempts.start(caller=stranger.caller, quiz_revision_id=desk.quiz.quiz_revision_id, subject_id=uuid4(), place_id=uuid4())


def _ids(prompts: list[queries.Prompt]) -> set[str]:
    return {option["id"] for prompt in prompts for option in prompt.view["options"]}


class TestSaveAnswer:
    async def test_the_last_one_counts_and_repeats_change_nothing(self, sit: Sit) -> None:
        desk = await sit(choice(), time_limit_minutes=1)
        attempt_id = await desk.start()

        await desk.answer(attempt_id, "Lyon")
        await desk.answer(attempt_id, "Paris")
        saved = await desk.answer(attempt_id, "Paris", seconds=30.5)

        assert saved == attempts.SavedAnswer(saved_at=NOON + timedelta(seconds=30.5), seconds_left=29)
        assert len(await desk.answers(attempt_id)) == 1
        assert (await attempts.submit(caller=desk.at(31), attempt_id=attempt_id)).score == 100

    async def test_ten_at_once_leave_one_answer(self, sit: Sit) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()

        await asyncio.gather(*(desk.answer(attempt_id, "Paris" if n % 2 else "Lyon") for n in range(10)))

        assert len(await desk.answers(attempt_id)) == 1

    async def test_from_the_deadline_on_it_is_refused_and_nothing_changes(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(), time_limit_minutes=1)
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris", seconds=59.9)
        before = await desk.answers(attempt_id)

        with pytest.raises(errors.AttemptOverdue):
            await desk.answer(attempt_id, "Lyon", seconds=60)

        assert await desk.answers(attempt_id) == before
        assert (await _row(school, attempt_id))["status"] == "OPEN"

    async def test_a_closed_attempt_takes_none(self, sit: Sit) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()
        await attempts.submit(caller=desk.at(), attempt_id=attempt_id)

        with pytest.raises(errors.AttemptClosed):
            await desk.answer(attempt_id, "Paris")

        assert await desk.answers(attempt_id) == {}

    async def test_a_question_of_no_part_in_it_is_not_found(self, sit: Sit) -> None:
        desk, other = await sit(choice()), await sit(choice())
        attempt_id = await desk.start()
        foreign = (await other.prompts(await other.start()))[0].question_id

        for question_id in (foreign, uuid4()):
            with pytest.raises(NotFound):
                await attempts.save_answer(caller=desk.at(), attempt_id=attempt_id, question_id=question_id, response={"choice": []})

    async def test_an_option_of_another_question_is_refused(self, sit: Sit) -> None:
        desk = await sit(choice("a"), choice("b"))
        attempt_id = await desk.start()
        first, second = await desk.prompts(attempt_id)

        with pytest.raises(Invalid):
            await attempts.save_answer(caller=desk.at(), attempt_id=attempt_id, question_id=first.question_id, response={"choice": [second.view["options"][0]["id"]]})


class TestSubmit:
    async def test_grades_what_was_saved(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(right=("Paris", "Oslo", "Rome"), wrong=("Lyon",), points="3"), true_false(points="2"), choice("c", points="1"), passing_score=Decimal("33.33"))
        attempt_id = await desk.start()
        _, statement, _ = await desk.prompts(attempt_id)
        await desk.answer(attempt_id, "Paris", "Oslo", "Lyon")
        await attempts.save_answer(caller=desk.at(1), attempt_id=attempt_id, question_id=statement.question_id, response={"trueFalse": False})

        result = await attempts.submit(caller=desk.at(2), attempt_id=attempt_id)

        assert (result.score, result.passed, result.newly) == (Decimal("16.67"), False, True)
        assert [(item.earned, item.possible, item.correct, item.feedback) for item in await desk.items(attempt_id)] == [
            (Decimal(1), Decimal(3), False, "About Paris.\n\nAbout Oslo.\n\nAbout Lyon."),
            (Decimal(0), Decimal(2), False, "It is a globe."),
            (Decimal(0), Decimal(1), False, None),
        ]
        row = await _row(school, attempt_id)
        assert (row["earned_points"], row["submitted_by"], row["submitted_at"]) == (Decimal(1), "LEARNER", NOON + timedelta(seconds=2))
        assert await _facts(school, attempt_id) == ["AttemptStarted", "AttemptSubmitted", "AttemptGraded"]

    async def test_again_gives_the_same_and_tells_nothing(self, school: School, sit: Sit) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        first = await attempts.submit(caller=desk.at(2), attempt_id=attempt_id)

        again = await attempts.submit(caller=desk.at(100), attempt_id=attempt_id)

        assert (again.score, again.passed, again.newly) == (first.score, first.passed, False)
        assert await _facts(school, attempt_id) == ["AttemptStarted", "AttemptSubmitted", "AttemptGraded"]

    async def test_ten_at_once_grade_once(self, school: School, sit: Sit) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")

        results = await asyncio.gather(*(attempts.submit(caller=desk.at(2), attempt_id=attempt_id) for _ in range(10)))

        assert sum(result.newly for result in results) == 1
        assert {(result.score, result.passed) for result in results} == {(Decimal(100), True)}
        assert await _facts(school, attempt_id) == ["AttemptStarted", "AttemptSubmitted", "AttemptGraded"]

    async def test_after_the_deadline_it_counts_as_of_the_deadline(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(), time_limit_minutes=1)
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")

        result = await attempts.submit(caller=desk.at(3600), attempt_id=attempt_id)

        row = await _row(school, attempt_id)
        assert result.passed
        assert (row["submitted_by"], row["submitted_at"], row["graded_at"]) == ("DEADLINE", NOON + timedelta(minutes=1), NOON + timedelta(hours=1))

    async def test_the_system_waits_for_the_deadline(self, school: School, sit: Sit) -> None:
        desk = await sit(choice(), time_limit_minutes=1)
        attempt_id = await desk.start()

        with pytest.raises(Unavailable):
            await attempts.submit(caller=Caller.system(school.id, now=NOON + timedelta(seconds=59)), attempt_id=attempt_id)

        assert (await attempts.submit(caller=Caller.system(school.id, now=NOON + timedelta(seconds=60)), attempt_id=attempt_id)).score == 0

    async def test_nothing_of_a_result_is_read_before(self, sit: Sit) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")

        assert await desk.items(attempt_id) == []


class TestOwnership:
    @pytest.fixture
    async def strangers(self, school: School, other_school: School) -> list[Caller]:
        """Another learner of the school, and one of another school."""
        return [(await learner(school.id)).at(NOON), (await learner(other_school.id)).at(NOON)]

    async def test_nobody_else_reads_writes_or_submits(self, school: School, sit: Sit, strangers: list[Caller]) -> None:
        desk = await sit(choice())
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        (prompt,) = await desk.prompts(attempt_id)

        for stranger in strangers:
            async with database.reading(stranger):
                assert await queries.own_attempts(caller=stranger, attempt_ids=[attempt_id]) == []
                assert await queries.prompts(caller=stranger, attempt_ids=[attempt_id]) == {}
                assert await queries.answers(caller=stranger, attempt_ids=[attempt_id]) == {}
                assert await queries.items(caller=stranger, attempt_ids=[attempt_id]) == {}
                with pytest.raises(NotFound):
                    await queries.seat_of(caller=stranger, attempt_id=attempt_id)
            with pytest.raises(NotFound):
                await attempts.save_answer(caller=stranger, attempt_id=attempt_id, question_id=prompt.question_id, response={"choice": []})
            with pytest.raises(NotFound):
                await attempts.submit(caller=stranger, attempt_id=attempt_id)

        assert (await _row(school, attempt_id))["status"] == "OPEN"
        assert len((await desk.answers(attempt_id))[prompt.question_id]) == 1


class TestOverviews:
    async def test_counts_questions_and_attempts_of_the_subject(self, sit: Sit) -> None:
        desk = await sit(choice("a"), true_false("b"), choice("c"), max_attempts=3, draw_count=2)
        await desk.start()
        keys = [(desk.quiz.quiz_revision_id, desk.subject_id), (desk.quiz.quiz_revision_id, uuid4()), (desk.quiz.quiz_revision_id, None)]

        async with database.reading(desk.at()):
            found = {row["subject_id"]: row for row in await quiz_queries.overviews(caller=desk.at(), keys=keys)}
            sat = await quiz_queries.overviews_of_sat(caller=desk.at(), revision_ids=[desk.quiz.quiz_revision_id])

        assert [found[subject]["used"] for _, subject in keys] == [1, 0, 0]
        assert found[None]["question_count"] == 2
        assert [row["subject_id"] for row in sat] == [desk.subject_id]

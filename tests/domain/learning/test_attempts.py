"""Quizzes of a run: what passing finishes, and what the deadline does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

import lms_graph.jobs.learning  # noqa: F401  # registers the job
from lms_graph.domain.assessment import errors
from lms_graph.domain.assessment.queries import attempts as queries
from lms_graph.domain.learning.errors import RunClosed
from lms_graph.domain.learning.operations import attempts
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, NotFound
from lms_graph.models import database
from lms_graph.models.assessment import Attempt
from lms_graph.models.learning import Enrollment, EnrollmentStatus
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.learners import Learner, Seat, learner, seat
from tests.factories.quizzes import choice, quiz
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@dataclass
class Desk:
    learner: Learner
    seat: Seat

    async def start(self, key: str | None = None) -> UUID:
        return await attempts.start_attempt(caller=self.learner.caller, enrollment_id=self.seat.enrollment_id, lecture_id=self.seat.lecture_id, idempotency_key=key or uuid4().hex)

    async def answer(self, attempt_id: UUID, text: str) -> None:
        caller = self.learner.caller
        async with database.reading(caller):
            (prompt,) = (await queries.prompts(caller=caller, attempt_ids=[attempt_id]))[attempt_id]
        ids = [option["id"] for option in prompt.view["options"] if option["text"] == text]
        await attempts.save_answer(caller=self.learner.caller, attempt_id=attempt_id, question_id=prompt.question_id, response={"choice": ids})

    async def let_time_run_out(self, attempt_id: UUID) -> None:
        async with unit_of_work(self.learner.caller):
            await Attempt.for_caller(self.learner.caller, id=attempt_id).update(deadline_at=datetime.now(UTC) - timedelta(seconds=1))

    async def cancel(self) -> None:
        async with unit_of_work(self.learner.caller):
            await Enrollment.for_caller(self.learner.caller, id=self.seat.enrollment_id).update(status=EnrollmentStatus.CANCELED)

    async def row(self, sql: str, *parameters: Any) -> Any:
        async with database.reading(self.learner.caller):
            return await database.fetch_one(sql, self.learner.tenant_id, *parameters)

    async def attempt(self, attempt_id: UUID) -> Any:
        return await self.row("SELECT * FROM attempts WHERE tenant_id = $1 AND id = $2", attempt_id)

    async def progress(self) -> int:
        value: int = (await self.row("SELECT progress_percent FROM enrollments WHERE tenant_id = $1 AND id = $2", self.seat.enrollment_id))[0]
        return value


@pytest.fixture
async def desk(school: School) -> Desk:
    saved = await quiz(school.system, choice(), time_limit_minutes=30, max_attempts=2)
    somebody = await learner(school.id)
    return Desk(somebody, await seat(somebody, saved.quiz_revision_id))


class TestStartAttempt:
    async def test_the_same_key_gives_the_same_attempt_even_once_it_is_closed(self, desk: Desk) -> None:
        attempt_id = await desk.start("a key")
        await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=attempt_id)

        assert await desk.start("a key") == attempt_id
        assert await desk.start("another") != attempt_id

    async def test_ten_at_once_make_one(self, desk: Desk) -> None:
        made = await asyncio.gather(*(desk.start() for _ in range(10)))

        assert len(set(made)) == 1

    async def test_refuses_more_than_the_quiz_allows_and_says_so_again(self, desk: Desk) -> None:
        for _ in range(2):
            await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=await desk.start())

        for _ in range(2):
            with pytest.raises(DomainError) as refused:
                await desk.start("one too many")
            assert refused.value.code == "LIMIT_REACHED"

    async def test_an_overdue_attempt_that_passed_finishes_its_lecture(self, desk: Desk) -> None:
        first = await desk.start()
        await desk.answer(first, "Paris")
        await desk.let_time_run_out(first)

        second = await desk.start()

        assert second != first
        assert await desk.progress() == 100

    async def test_a_canceled_run_starts_none(self, desk: Desk) -> None:
        await desk.cancel()

        with pytest.raises(RunClosed):
            await desk.start()

    async def test_somebody_elses_run_is_not_found(self, school: School, desk: Desk) -> None:
        with pytest.raises(NotFound):
            await Desk(await learner(school.id), desk.seat).start()


class TestSaveAnswer:
    async def test_a_late_one_is_refused_and_the_attempt_handed_in_as_it_was(self, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        await desk.let_time_run_out(attempt_id)

        with pytest.raises(errors.AttemptClosed):
            await desk.answer(attempt_id, "Lyon")

        row = await desk.attempt(attempt_id)
        assert (row["status"], row["submitted_by"], row["score"]) == ("GRADED", "DEADLINE", 100)
        assert await desk.progress() == 100


class TestSubmitAttempt:
    async def test_passing_finishes_the_lecture(self, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")

        result = await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=attempt_id)

        assert result.passed
        assert await desk.progress() == 100

    async def test_failing_finishes_nothing(self, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Lyon")

        result = await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=attempt_id)

        assert not result.passed
        assert await desk.progress() == 0

    async def test_in_a_canceled_run_it_is_graded_and_finishes_nothing(self, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        await desk.cancel()

        result = await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=attempt_id)

        assert result.passed
        assert await desk.progress() == 0

    async def test_ten_at_once_grade_once(self, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")

        results = await asyncio.gather(*(attempts.submit_attempt(caller=desk.learner.caller, attempt_id=attempt_id) for _ in range(10)))

        assert sum(result.newly for result in results) == 1


class TestSubmitOverdueAttempt:
    async def test_the_start_owes_it_at_the_deadline(self, desk: Desk, settle: Settle) -> None:
        attempt_id = await desk.start()
        await settle()

        delivery = await desk.row(
            "SELECT d.* FROM deliveries d JOIN facts f ON f.tenant_id = d.tenant_id AND f.id = d.fact_id WHERE d.tenant_id = $1 AND f.aggregate_id = $2", attempt_id
        )

        assert (delivery["reaction"], delivery["state"]) == ("learning.submit_overdue_attempt", "PENDING")
        assert delivery["due_at"] == (await desk.attempt(attempt_id))["deadline_at"]

    async def test_hands_in_what_was_saved_and_finishes_the_lecture_once(self, desk: Desk, settle: Settle) -> None:
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        await settle()
        await desk.let_time_run_out(attempt_id)
        async with unit_of_work(desk.learner.caller):
            await database.fetch("UPDATE deliveries SET due_at = now() WHERE tenant_id = $1 AND reaction = 'learning.submit_overdue_attempt'", desk.learner.tenant_id)

        ran = await settle()

        row = await desk.attempt(attempt_id)
        assert "learning.submit_overdue_attempt" in ran
        assert (row["status"], row["submitted_by"], row["score"]) == ("GRADED", "DEADLINE", 100)
        assert await desk.progress() == 100

    async def test_again_changes_nothing(self, school: School, desk: Desk) -> None:
        attempt_id = await desk.start()
        await desk.let_time_run_out(attempt_id)
        caller = Caller.system(school.id)
        first = await attempts.submit_overdue_attempt(caller=caller, attempt_id=attempt_id)
        before = await desk.attempt(attempt_id)

        again = await attempts.submit_overdue_attempt(caller=caller, attempt_id=attempt_id)

        assert (first.newly, again.newly) == (True, False)
        assert await desk.attempt(attempt_id) == before

    async def test_the_last_attempt_is_handed_in_when_another_is_asked_for(self, desk: Desk) -> None:
        await attempts.submit_attempt(caller=desk.learner.caller, attempt_id=await desk.start())
        attempt_id = await desk.start()
        await desk.answer(attempt_id, "Paris")
        await desk.let_time_run_out(attempt_id)

        with pytest.raises(errors.AttemptsUsedUp):
            await desk.start()

        row = await desk.attempt(attempt_id)
        assert (row["status"], row["submitted_by"], row["score"]) == ("GRADED", "DEADLINE", 100)
        assert await desk.progress() == 100

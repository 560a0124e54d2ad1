"""Many at once, and the same again: each time one effect, and the same answer."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_graph.domain.catalog.operations.courses import LectureSource
from lms_graph.domain.learning.operations import completion, enrollments, progress
from lms_graph.domain.learning.queries.runs import lock_run
from lms_graph.domain.learning.rules.events_in import EventKind, ProgressEvent, Status
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.catalog import Lecture
from lms_graph.models.learning import Enrollment, Entitlement
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text, video
from tests.fixtures.callers import School
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Run:
    """A learner's run, and a look at its rows."""

    school: School
    account_id: UUID
    id: UUID
    lectures: dict[str, UUID]

    @property
    def caller(self) -> Caller:
        return Caller(tenant_id=self.school.id, account_id=self.account_id, now=datetime.now(UTC))

    async def rows(self, sql: str, *parameters: Any) -> list[Any]:
        async with database.reading(self.caller):
            return await database.fetch(sql, self.school.id, self.id, *parameters)

    async def facts(self) -> list[tuple[int, str]]:
        return [(row["sequence"], row["name"]) for row in await self.rows("SELECT sequence, name FROM facts WHERE tenant_id = $1 AND aggregate_id = $2 ORDER BY sequence")]

    async def state(self) -> tuple[Any, ...]:
        (run,) = await self.rows("SELECT status, progress_percent FROM enrollments WHERE tenant_id = $1 AND id = $2")
        seen = await self.rows(
            "SELECT lecture_id, ranges::text, covered_ms, watch_time_ms, last_position_ms, completed_at IS NOT NULL FROM lecture_progress WHERE tenant_id = $1 AND enrollment_id = $2 ORDER BY 1"
        )
        return (*run.values(), *[tuple(row.values()) for row in seen])

    async def record(self, *events: ProgressEvent, device: str = "phone") -> list[Status]:
        recorded = await progress.record_progress(caller=self.caller, enrollment_id=self.id, device_id=device, batch=list(events))
        return [result.status for result in recorded.results]

    async def complete(self, key: str = "text") -> None:
        await completion.complete_lecture(caller=self.caller, enrollment_id=self.id, lecture_id=self.lectures[key])


async def begin(school: School, published: MadeCourse, account_id: UUID | None = None, **differs: Any) -> Run:
    account_id = account_id or await account(school.system)
    caller = Caller(tenant_id=school.id, account_id=account_id, now=datetime.now(UTC))
    id = await enrollments.enroll_course(caller=caller, course_id=published.course_id, **({"idempotency_key": uuid4().hex} | differs))
    async with unit_of_work(caller):
        lectures = {row.key: row.id for row in await Lecture.for_caller(caller, course_id=published.course_id)}
    return Run(school, account_id, id, lectures)


async def run_of(school: School, *lectures: LectureSource) -> Run:
    return await begin(school, await course(school.system, *(lectures or (text(),))))


def watched(run: Run, number: int, start: int, end: int, *, at: int | None = None, key: str = "video") -> ProgressEvent:
    """Seconds `start` to `end`, the `at`-th second of the day's noon by the device's clock."""
    return ProgressEvent(
        client_event_id=number,
        lecture_id=run.lectures[key],
        kind=EventKind.WATCHED,
        from_ms=start * 1000,
        to_ms=end * 1000,
        occurred_at=NOON + timedelta(seconds=number if at is None else at),
    )


class TestCompletions:
    async def test_ten_at_once_finish_the_run_once(self, school: School, settle: Settle) -> None:
        run = await run_of(school)

        await asyncio.gather(*(run.complete() for _ in range(10)))
        await settle()

        assert await run.facts() == [(1, "EnrollmentOpened"), (2, "LectureCompleted"), (3, "CourseCompleted"), (4, "CertificateIssued"), (5, "CertificateReady")]
        assert len(await run.rows("SELECT id FROM certificates WHERE tenant_id = $1 AND subject_id = $2")) == 1

    async def test_of_different_lectures_lose_none(self, school: School) -> None:
        keys = [f"l{number}" for number in range(8)]
        run = await run_of(school, *(text(key) for key in keys))

        await asyncio.gather(*(run.complete(key) for key in keys))

        names = [name for _, name in await run.facts()]
        assert sorted(names) == ["CourseCompleted", "EnrollmentOpened", *["LectureCompleted"] * 8]
        assert names[-1] == "CourseCompleted"
        assert (await run.state())[:2] == ("COMPLETED", 100)

    async def test_issuing_told_ten_times_gives_one_certificate(self, school: School, settle: Settle, house: Any) -> None:
        from lms_graph.domain.certificates import operations

        run = await run_of(school)
        await run.complete()

        await asyncio.gather(
            *(
                operations.issue_certificate(caller=school.system, enrollment_id=run.id, closes=None, base_url=house.adapters.base_url, secret_keys=house.adapters.secret_keys)
                for _ in range(10)
            )
        )

        assert len(await run.rows("SELECT id FROM certificates WHERE tenant_id = $1 AND subject_id = $2")) == 1
        assert [name for _, name in await run.facts()].count("CertificateIssued") == 1


class TestEnrolling:
    @pytest.mark.parametrize("many", [2, 20])
    @pytest.mark.parametrize("same_key", [True, False])
    async def test_at_once_opens_one_run(self, student: Client, school: School, many: int, same_key: bool, settle: Settle) -> None:
        published = await course(school.system, text())
        id = public_id("crs", published.course_id)
        key = uuid4().hex

        answers = await asyncio.gather(*(student.data("Enroll", input={"courseId": id, "idempotencyKey": key if same_key else f"{key}{number}"}) for number in range(many)))
        await settle()

        assert all(not answer["errors"] for answer in answers)
        assert len({answer["enrollment"]["id"] for answer in answers}) == 1
        async with database.reading(school.system):
            counts = await database.fetch_one(
                "SELECT (SELECT count(*) FROM enrollments WHERE course_id = $1) AS runs, (SELECT count(*) FROM entitlements WHERE subject_id = $1) AS grants, "
                "(SELECT count(*) FROM facts WHERE name = 'EnrollmentOpened' AND payload->>'course_id' = $1::text) AS facts, (SELECT enrollment_count FROM courses WHERE id = $1) AS counted",
                published.course_id,
            )
        assert counts is not None
        assert tuple(counts.values()) == (1, 1, 1, 1)

    async def test_twenty_repeats_answer_the_same_and_another_body_is_refused(self, school: School) -> None:
        published, other = await course(school.system, text()), await course(school.system, text())
        run = await begin(school, published, idempotency_key="mine")

        again = [await begin(school, published, run.account_id, idempotency_key="mine") for _ in range(20)]

        assert {repeat.id for repeat in again} == {run.id}
        with pytest.raises(DomainError) as refused:
            await begin(school, other, run.account_id, idempotency_key="mine")
        assert refused.value.code == "IDEMPOTENCY_CONFLICT"
        assert await run.facts() == [(1, "EnrollmentOpened")]

    async def test_one_key_of_two_people_is_two_keys(self, school: School) -> None:
        published = await course(school.system, text())

        first, second = [await begin(school, published, idempotency_key="mine") for _ in range(2)]

        assert first.id != second.id

    async def test_a_refusal_is_repeated_even_when_it_would_now_succeed(self, school: School) -> None:
        from lms_graph.domain.learning.operations.entitlements import grant_course
        from lms_graph.models.catalog import EnrollmentPolicy

        published, somebody = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT), await account(school.system)
        with pytest.raises(DomainError) as first:
            await begin(school, published, somebody, idempotency_key="mine")
        await grant_course(caller=school.system, account_id=somebody, course_id=published.course_id)

        with pytest.raises(DomainError) as again:
            await begin(school, published, somebody, idempotency_key="mine")

        assert (again.value.code, again.value.message) == (first.value.code, first.value.message) == ("GRANT_REQUIRED", first.value.message)
        assert (await begin(school, published, somebody, idempotency_key="new")).id

    async def test_twenty_refusals_at_once_are_one_and_change_nothing(self, school: School) -> None:
        from lms_graph.models.catalog import EnrollmentPolicy

        published, somebody = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT), await account(school.system)

        refused = await asyncio.gather(*(begin(school, published, somebody, idempotency_key="mine") for _ in range(20)), return_exceptions=True)

        assert {getattr(error, "code", None) for error in refused} == {"GRANT_REQUIRED"}
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM enrollments WHERE tenant_id = $1", school.id) == 0
            assert await database.fetch_value("SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1 AND key = 'mine'", school.id) == 1


class TestProgress:
    async def test_two_devices_at_once_give_the_union(self, school: School) -> None:
        run = await run_of(school, await video(school.system, seconds=100), text())
        phone = [watched(run, number, number * 10 - 10, number * 10) for number in range(1, 6)]  # 0–50
        tablet = [watched(run, number, 30 + number * 10, 40 + number * 10) for number in range(1, 5)]  # 40–80
        sent = [("phone", event) for event in phone] * 3 + [("tablet", event) for event in tablet] * 3
        random.Random(7).shuffle(sent)

        answers = await asyncio.gather(*(run.record(event, device=device) for device, event in sent))

        assert [status for (status,) in answers].count(Status.ACCEPTED) == len(phone) + len(tablet)
        assert (await run.state())[2][1:4] == ("{[0,80000)}", 80_000, 90_000)

    async def test_what_runs_past_the_end_covers_nothing(self, school: School) -> None:
        run = await run_of(school, await video(school.system, seconds=100), text())

        await run.record(watched(run, 1, 90, 400))

        assert (await run.state())[2][1:3] == ("{[90000,100000)}", 10_000)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        said=st.lists(
            st.tuples(st.sampled_from(["phone", "tablet"]), st.sampled_from(["video", "second"]), st.integers(0, 39), st.integers(1, 40), st.integers(0, 5)),
            min_size=1,
            max_size=12,
        ),
        seed=st.integers(0, 10_000),
    )
    async def test_any_order_repetition_and_batching_gives_the_same(self, school: School, said: list[tuple[str, str, int, int, int]], seed: int) -> None:
        """Events of two devices, some at the same moment, told in order to one run and in any way to another."""
        chance = random.Random(seed)
        published = await course(school.system, await video(school.system, seconds=60), await video(school.system, "second", seconds=40))
        straight, shuffled = await begin(school, published), await begin(school, published)
        counts = {"phone": 0, "tablet": 0}
        numbered = []
        for device, key, start, length, at in said:
            counts[device] += 1
            numbered.append((device, counts[device], key, start, start + length, at))

        for device, number, key, start, end, at in numbered:
            await straight.record(watched(straight, number, start, end, at=at, key=key), device=device)
        order = numbered + chance.choices(numbered, k=chance.randrange(6))
        chance.shuffle(order)
        batches = []
        while order:
            size = chance.randint(1, len(order))
            batch, order = order[:size], order[size:]
            for device in ("phone", "tablet"):
                if events := [watched(shuffled, number, start, end, at=at, key=key) for by, number, key, start, end, at in batch if by == device]:
                    batches.append(shuffled.record(*events, device=device))
        if seed % 2:
            await asyncio.gather(*batches)
        else:
            for each in batches:
                await each

        assert await shuffled.state() == await straight.state()


@asynccontextmanager
async def held(run: Run) -> AsyncIterator[None]:
    """Somebody else has the run locked meanwhile."""
    async with unit_of_work(run.caller):
        await lock_run(caller=run.caller, enrollment_id=run.id)
        yield


def groups(statements: list[str]) -> int:
    """How many transactions have written progress."""
    return sum("INSERT INTO progress_devices" in statement for statement in statements)


class TestProgressTogether:
    """Calls that come while others are being written are written together: each keeps its own outcome."""

    async def runs(self, school: School, many: int) -> list[Run]:
        published = await course(school.system, await video(school.system, seconds=100), text())
        return [await begin(school, published) for _ in range(many)]

    async def test_what_comes_meanwhile_is_one_transaction_with_the_same_effects(self, school: School, statements: list[str]) -> None:
        runs = await self.runs(school, 20)
        statements.clear()

        answers = await asyncio.gather(*(run.record(watched(run, 1, 0, 10 + number), watched(run, 2, 0, 95 if number == 7 else 1)) for number, run in enumerate(runs)))
        groups_written = groups(statements)

        assert answers == [[Status.ACCEPTED] * 2] * 20
        assert groups_written == 1
        for number, run in enumerate(runs):
            assert (await run.state())[2][1] == f"{{[0,{(95 if number == 7 else 10 + number) * 1000})}}"
            told = await run.rows("SELECT name, account_id FROM facts WHERE tenant_id = $1 AND aggregate_id = $2 ORDER BY sequence")
            assert [row["name"] for row in told] == ["EnrollmentOpened", "LectureCompleted" if number == 7 else "ProgressAdvanced"]
            assert {row["account_id"] for row in told} == {run.account_id}

    async def test_a_lone_call_takes_three_statements(self, school: School, statements: list[str]) -> None:
        (run,) = await self.runs(school, 1)
        await run.record(watched(run, 1, 0, 10))
        statements.clear()

        await run.record(watched(run, 2, 0, 10))

        assert [statement.split()[0] for statement in statements] == ["SELECT", "SELECT", "WITH"]

    async def test_each_is_refused_for_itself(self, school: School) -> None:
        good, canceled, foreign, unknown, revoked, twice = await self.runs(school, 6)
        stranger = await account(school.system)
        async with unit_of_work(school.system):
            await Enrollment.for_caller(school.system, id=canceled.id).update(status="CANCELED")
            await Entitlement.for_caller(school.system, account_id=revoked.account_id).update(revoked_at=datetime.now(UTC))
        owner, foreign.account_id, unknown.id = foreign.account_id, stranger, uuid4()

        answers = await asyncio.gather(
            good.record(watched(good, 1, 0, 1)),
            good.record(watched(good, 1, 0, 10)),
            canceled.record(watched(canceled, 1, 0, 10)),
            foreign.record(watched(foreign, 1, 0, 10)),
            unknown.record(watched(unknown, 1, 0, 10)),
            revoked.record(watched(revoked, 1, 0, 10)),
            twice.record(watched(twice, 1, 0, 10), watched(twice, 2, 5, 1)),
            twice.record(watched(twice, 1, 0, 90), device="tablet"),
            good.record(watched(good, 1, 0, 90), device="a\0b"),
            return_exceptions=True,
        )

        # The last call spoils the group, and those that try alone go in any order.
        assert sorted(answers[:2]) == [[Status.ACCEPTED], [Status.DUPLICATE]]
        seconds = 1 if answers[0] == [Status.ACCEPTED] else 10
        assert [getattr(answer, "code", answer) for answer in answers[2:]] == [
            "RUN_CLOSED",
            "NOT_FOUND",
            "NOT_FOUND",
            "ACCESS_DENIED",
            [Status.ACCEPTED, Status.REJECTED],
            [Status.ACCEPTED],
            "INVALID",
        ]
        foreign.account_id = owner
        for run in (canceled, foreign, revoked):
            assert len(await run.state()) == 2  # nothing was seen
        assert (await good.state())[2][1] == f"{{[0,{seconds * 1000})}}"
        assert (await twice.state())[1:][1][1:4] == ("{[0,90000)}", 90_000, 100_000)

    async def test_a_run_that_somebody_holds_holds_up_nobody_else(self, school: School) -> None:
        first, stuck, *others = await self.runs(school, 6)
        async with held(stuck):
            waiting = asyncio.create_task(asyncio.wait_for(stuck.record(watched(stuck, 1, 0, 10)), 10), context=Context())
            answers = await asyncio.create_task(self.all(first, *others), context=Context())
            assert not waiting.done()

        assert answers == [[Status.ACCEPTED]] * 5
        assert await waiting == [Status.ACCEPTED]
        assert (await stuck.state())[2][1] == "{[0,10000)}"

    async def all(self, *runs: Run) -> list[list[Status]]:
        return list(await asyncio.gather(*(run.record(watched(run, 1, 0, 10)) for run in runs)))

    async def test_who_leaves_takes_nobody_along(self, school: School) -> None:
        runs = await self.runs(school, 5)
        tasks = [asyncio.create_task(run.record(watched(run, 1, 0, 10))) for run in runs]
        await asyncio.sleep(0)

        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0)

        assert await asyncio.gather(tasks[1], tasks[3], tasks[4]) == [[Status.ACCEPTED]] * 3
        for run in runs:  # taken or not, but never by half
            assert await run.record(watched(run, 1, 0, 10)) in ([Status.ACCEPTED], [Status.DUPLICATE])
            assert (await run.state())[2][1] == "{[0,10000)}"

    async def test_schools_do_not_share_a_transaction(self, school: School, other_school: School, statements: list[str]) -> None:
        here, there = await self.runs(school, 3), await self.runs(other_school, 3)
        statements.clear()

        answers = await self.all(*here, *there)

        assert answers == [[Status.ACCEPTED]] * 6
        assert groups(statements) == 2
        stranger = replace(there[0], id=here[0].id)
        assert [getattr(error, "code", None) for error in await asyncio.gather(stranger.record(watched(here[0], 2, 0, 9)), return_exceptions=True)] == ["NOT_FOUND"]

    async def test_inside_a_unit_of_work_it_is_part_of_it(self, school: School) -> None:
        (run,) = await self.runs(school, 1)

        async def and_fail() -> None:
            async with unit_of_work(run.caller):
                await run.record(watched(run, 1, 0, 10))
                raise LookupError

        with pytest.raises(LookupError):
            await and_fail()

        assert len(await run.state()) == 2

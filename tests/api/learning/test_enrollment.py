"""`courseEnroll`, `lectureComplete`, `enrollment` and the viewer's list of runs."""

import asyncio

import pytest

from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


def enrolling(made: MadeCourse, key: str = "k", **more: object) -> dict[str, object]:
    return {"courseId": made.public_id, "idempotencyKey": key, **more}


async def count(school: School, table: str) -> int:
    async with database.reading(school.system):
        return int(await database.fetch_value(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", school.id))


class TestCourseEnroll:
    async def test_opens_a_run_of_an_open_course(self, student: Client, school: School) -> None:
        made = await course(school.system)

        payload = await student.data("Enroll", input=enrolling(made))

        run = payload["enrollment"]
        assert (run["status"], run["runNumber"], run["progressPercent"], run["version"]["number"]) == ("ACTIVE", 1, 0, 1)
        assert run["resume"] == {"lecture": {"id": made.lecture("text"), "title": "Lecture text"}, "positionSeconds": 0.0}
        assert [(requirement["kind"], requirement["target"]) for requirement in run["requirements"]] == [("LECTURE_OPENED", 1), ("VIDEO_WATCHED", 90), ("QUIZ_PASSED", 1)]

    async def test_needs_a_grant_by_default_and_uses_it_once(self, student: Client, school: School) -> None:
        made = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT)

        assert await student.codes("Enroll", input=enrolling(made, "first")) == ["GRANT_REQUIRED"]
        assert await count(school, "enrollments") == 0
        await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id)
        run = (await student.data("Enroll", input=enrolling(made, "second")))["enrollment"]
        await student.data("CompleteLecture", input={"enrollmentId": run["id"], "lectureId": made.lecture("text")})

        assert await student.codes("Enroll", input=enrolling(made, "third", newRun=True)) == ["GRANT_REQUIRED"]

    async def test_gives_the_open_run_again(self, student: Client, school: School) -> None:
        made = await course(school.system)

        first = await student.data("Enroll", input=enrolling(made, "a"))
        second = await student.data("Enroll", input=enrolling(made, "b"))

        assert second["enrollment"]["id"] == first["enrollment"]["id"]

    async def test_two_at_once_give_one_run(self, student: Client, school: School) -> None:
        made = await course(school.system)

        answers = await asyncio.gather(*(student.data("Enroll", input=enrolling(made, f"key {number}")) for number in range(8)))

        assert len({answer["enrollment"]["id"] for answer in answers}) == 1
        assert await count(school, "enrollments") == 1

    async def test_begins_anew_only_when_asked(self, student: Client, school: School) -> None:
        made = await course(school.system, text())
        first = (await student.data("Enroll", input=enrolling(made, "a")))["enrollment"]
        await student.data("CompleteLecture", input={"enrollmentId": first["id"], "lectureId": made.lecture("text")})

        same = (await student.data("Enroll", input=enrolling(made, "b")))["enrollment"]
        anew = (await student.data("Enroll", input=enrolling(made, "c", newRun=True)))["enrollment"]
        old = await student.data("Learn", id=first["id"])

        assert same["id"] == first["id"]
        assert (anew["runNumber"], anew["status"], anew["progressPercent"]) == (2, "ACTIVE", 0)
        assert (old["status"], old["progressPercent"]) == ("COMPLETED", 100)

    async def test_a_repeat_answers_the_same(self, student: Client, school: School) -> None:
        made, other = await course(school.system), await course(school.system)
        first = await student.data("Enroll", input=enrolling(made))

        assert (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"] == first["enrollment"]["id"]
        assert await student.codes("Enroll", input=enrolling(other)) == ["IDEMPOTENCY_CONFLICT"]

    async def test_a_repeat_of_a_refusal_is_refused_alike(self, student: Client, school: School) -> None:
        made = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT)
        first = await student.data("Enroll", input=enrolling(made))
        await grant_course(caller=school.system, account_id=student.account_id, course_id=made.course_id)

        assert await student.data("Enroll", input=enrolling(made)) == first

    @pytest.mark.parametrize("key", ["", "x" * 256])
    async def test_refuses_a_key_out_of_bounds(self, student: Client, school: School, key: str) -> None:
        assert await student.codes("Enroll", input=enrolling(await course(school.system), key)) == ["INVALID"]

    async def test_refuses_visitors_and_other_schools(self, visitor: Client, student: Client, school: School, other_school: School) -> None:
        here, there = await course(school.system), await course(other_school.system)

        assert await visitor.codes("Enroll", input=enrolling(here)) == ["UNAUTHENTICATED"]
        assert await student.codes("Enroll", input=enrolling(there)) == ["NOT_FOUND"]
        assert await student.codes("Enroll", input={"courseId": "nonsense", "idempotencyKey": "k"}) == ["ID_INVALID"]
        assert await count(school, "enrollments") == await count(other_school, "enrollments") == 0


class TestLectureComplete:
    async def test_completes_the_run_with_the_last_lecture(self, student: Client, school: School) -> None:
        made = await course(school.system, text("one"), text("two"), text("extra", is_required=False))
        run = (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"]

        half = await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")})
        whole = await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("two")})

        assert (half["enrollment"]["progressPercent"], half["enrollment"]["status"]) == (50, "ACTIVE")
        assert half["enrollment"]["resume"]["lecture"]["id"] == made.lecture("two")
        assert (whole["enrollment"]["progressPercent"], whole["enrollment"]["status"]) == (100, "COMPLETED")
        assert whole["enrollment"]["completedAt"]

    async def test_again_changes_nothing(self, student: Client, school: School) -> None:
        made = await course(school.system, text())
        run = (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"]
        done = {"enrollmentId": run, "lectureId": made.lecture("text")}

        first = await student.data("CompleteLecture", input=done)
        facts = await count(school, "facts")
        second = await student.data("CompleteLecture", input=done)

        assert second == first
        assert await count(school, "facts") == facts

    async def test_refuses_what_is_done_otherwise(self, student: Client, school: School) -> None:
        made = await course(school.system)
        run = (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"]

        for key in ("video", "quiz"):
            assert await student.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture(key)}) == ["CONFLICT"]

    async def test_is_for_the_runs_learner_only(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        made, foreign = await course(school.system), await course(other_school.system)
        run = (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"]
        done = {"enrollmentId": run, "lectureId": made.lecture("text")}

        assert await (await sign_in()).codes("CompleteLecture", input=done) == ["NOT_FOUND"]
        assert await (await sign_in(at=other_school)).codes("CompleteLecture", input=done) == ["NOT_FOUND"]
        assert await visitor.codes("CompleteLecture", input=done) == ["UNAUTHENTICATED"]
        assert await student.codes("CompleteLecture", input=done | {"lectureId": foreign.lecture("text")}) == ["NOT_FOUND"]
        assert await count(school, "lecture_progress") == 0


class TestLearn:
    async def test_is_null_for_everybody_else(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        made = await course(school.system)
        run = (await student.data("Enroll", input=enrolling(made)))["enrollment"]["id"]

        for client in (visitor, await sign_in(), await sign_in(at=other_school)):
            assert await client.data("Learn", id=run) is None
            assert await client.data("Refetch", ids=[run]) == [None]

    async def test_statements_do_not_grow_with_the_course(self, student: Client, school: School, statements: list[str]) -> None:
        counts = []
        for size in (2, 40):
            made = await course(school.system, *(text(f"l{number}") for number in range(size)))
            run = (await student.data("Enroll", input=enrolling(made, made.slug)))["enrollment"]["id"]
            await student.data("Learn", id=run)
            statements.clear()
            await student.data("Learn", id=run)
            counts.append(len(statements))

        assert counts[0] == counts[1]
        assert counts[0] <= 12

    async def test_viewer_lists_own_runs_by_status(self, student: Client, school: School) -> None:
        done, begun = await course(school.system, text()), await course(school.system)
        run = (await student.data("Enroll", input=enrolling(done, "a")))["enrollment"]["id"]
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": done.lecture("text")})
        await student.data("Enroll", input=enrolling(begun, "b"))

        active = (await student.data("Me"))["enrollments"]
        every = await student.data("{ viewer { enrollments { totalCount nodes { id status } } } }")

        assert [(node["course"]["slug"], node["status"]) for node in active["nodes"]] == [(begun.slug, "ACTIVE")]
        assert active["totalCount"] == 1
        assert every["enrollments"]["totalCount"] == 2

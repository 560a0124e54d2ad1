"""`access` on courses, lectures and downloads: each case as clients meet it, by whom, and at which moment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lms_graph.domain.catalog.operations.courses import ResourceSource
from lms_graph.domain.learning.errors import AccessDenied
from lms_graph.domain.learning.operations import completion, progress
from lms_graph.domain.learning.operations.entitlements import grant_course
from lms_graph.domain.learning.rules.events_in import EventKind, ProgressEvent
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.operations import PutObject
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id, parse_id
from lms_graph.models import database
from lms_graph.models.catalog import Course, CourseStatus, EnrollmentPolicy
from lms_graph.models.learning import Enrollment, Entitlement
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.courses import MadeCourse, course, quiz_lecture, text, video
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
COURSE = """
query ($id: ID!) { course(id: $id) { access {
  __typename allowed
  ... on AccessGranted { until sources { kind endsAt } }
  ... on ScheduledFor { at } ... on EntitlementExpired { endedAt } ... on PaymentPastDue { graceUntil } ... on NotEnrolled { course { id } }
} } }
"""
LECTURES = """
query ($id: ID!) { enrollment(id: $id) { sections { lectures {
  id access { __typename ... on RunClosed { course { id } } } content { __typename } resources { id } viewerProgress { completed }
} } } }
"""
RESOURCE = "query ($id: ID!) { node(id: $id) { ... on LectureResource { title sizeBytes url access { __typename ... on EntitlementExpired { endedAt } } } } }"


async def taken(student: Client, made: MadeCourse) -> str:
    return str((await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": made.slug}))["enrollment"]["id"])


async def change(school: School, **values: Any) -> None:
    """All grants of the school: what commerce, or time, would do."""
    async with unit_of_work(school.system):
        await Entitlement.for_caller(school.system).update(**values)


async def cancel(school: School, run: str) -> None:
    parsed = parse_id(run)
    assert parsed
    async with unit_of_work(school.system):
        await Enrollment.for_caller(school.system, id=parsed[1]).update(status="CANCELED")


async def access(client: Client, made: MadeCourse) -> dict[str, Any]:
    decision: dict[str, Any] = (await client.data(COURSE, id=made.public_id))["access"]
    return decision


async def lectures(client: Client, run: str) -> list[dict[str, Any]]:
    return [lecture for section in (await client.data(LECTURES, id=run))["sections"] for lecture in section["lectures"]]


class TestCourse:
    async def test_each_case_has_what_opens_it(self, visitor: Client, student: Client, school: School) -> None:
        made, now = await course(school.system), datetime.now(UTC)

        assert await access(visitor, made) == {"__typename": "SignInRequired", "allowed": False}
        assert await access(student, made) == {"__typename": "NotEnrolled", "allowed": False, "course": {"id": made.public_id}}
        await taken(student, made)
        assert await access(student, made) == {"__typename": "AccessGranted", "allowed": True, "until": None, "sources": [{"kind": "OPEN", "endsAt": None}]}
        await change(school, state="PAST_DUE", grace_until=now + DAY)
        assert await access(student, made) == {
            "__typename": "AccessGranted", "allowed": True, "until": (now + DAY).isoformat(), "sources": [{"kind": "OPEN", "endsAt": (now + DAY).isoformat()}]
        }  # fmt: skip
        await change(school, grace_until=now)
        assert await access(student, made) == {"__typename": "PaymentPastDue", "allowed": False, "graceUntil": now.isoformat()}
        await change(school, state="PAUSED")
        assert await access(student, made) == {"__typename": "EntitlementPaused", "allowed": False}
        await change(school, state="ACTIVE", grace_until=None, starts_at=now + DAY)
        assert await access(student, made) == {"__typename": "ScheduledFor", "allowed": False, "at": (now + DAY).isoformat()}
        await change(school, starts_at=now - 2 * DAY, ends_at=now - DAY)
        assert await access(student, made) == {"__typename": "EntitlementExpired", "allowed": False, "endedAt": (now - DAY).isoformat()}

    async def test_what_is_not_published_says_so_to_who_was_granted_it(self, student: Client, school: School) -> None:
        made = await course(school.system)
        draft = new_id()
        async with unit_of_work(school.system):
            await Course.for_caller(school.system, id=made.course_id).update(status=CourseStatus.UNPUBLISHED)
            await Course.create(tenant_id=school.id, id=draft, slug="draft", title="Draft")
        for id in (made.course_id, draft):
            await grant_course(caller=school.system, account_id=student.account_id, course_id=id)

        page = await student.data("{ viewer { entitlements { nodes { course { access { __typename } sections { id } } } } } }")

        assert [node["course"]["access"] for node in page["entitlements"]["nodes"]] == [{"__typename": "NotPublished"}] * 2
        assert page["entitlements"]["nodes"][0]["course"]["sections"] == []

    async def test_is_the_union_of_all_grants(self, student: Client, school: School) -> None:
        made, now = await course(school.system), datetime.now(UTC)
        await taken(student, made)
        await change(school, ends_at=now + DAY)
        await grant_course(caller=school.system, account_id=student.account_id, course_id=None, ends_at=now + 2 * DAY)

        decision = await access(student, made)

        assert decision["until"] == (now + 2 * DAY).isoformat()
        assert decision["sources"] == [{"kind": "OPEN", "endsAt": (now + DAY).isoformat()}, {"kind": "MANUAL", "endsAt": (now + 2 * DAY).isoformat()}]

    async def test_of_a_canceled_run_is_to_enroll_anew(self, student: Client, school: School) -> None:
        made = await course(school.system)
        run = await taken(student, made)

        await cancel(school, run)

        assert (await access(student, made))["__typename"] == "NotEnrolled"

    async def test_who_makes_courses_looks_without_a_run(self, sign_in: SignIn, school: School, other_school: School) -> None:
        made = await course(school.system, text("one"), await quiz_lecture(school.system), enrollment_policy=EnrollmentPolicy.BY_GRANT)
        admin, support = await sign_in(roles=("STUDENT", "TENANT_ADMIN")), await sign_in(roles=("STUDENT", "SUPPORT"))
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))
        content = (
            "query ($id: ID!) { lecture(id: $id) { access { __typename } content { ... on TextContent { markdown } ... on QuizContent { quiz { attemptsLeft: __typename } } } } }"
        )

        assert await access(admin, made) == {"__typename": "AccessGranted", "allowed": True, "until": None, "sources": [{"kind": "PREVIEW", "endsAt": None}]}
        assert "Secret words" in (await admin.data(content, id=made.lecture("one")))["content"]["markdown"]
        assert (await admin.data(content, id=made.lecture("quiz")))["content"]["quiz"]
        assert (await access(support, made))["__typename"] == "NotEnrolled"
        assert (await support.data(content, id=made.lecture("one")))["content"] is None
        assert await stranger.data(COURSE, id=made.public_id) is None


class TestLecture:
    async def test_of_a_canceled_run_is_closed_but_for_previews(self, student: Client, school: School) -> None:
        made = await course(school.system, text("free", is_preview=True), text("closed"))
        run = await taken(student, made)

        await cancel(school, run)

        free, closed = await lectures(student, run)
        assert (free["access"]["__typename"], free["content"]) == ("AccessGranted", {"__typename": "TextContent"})
        assert (closed["access"], closed["content"], closed["resources"]) == ({"__typename": "RunClosed", "course": {"id": made.public_id}}, None, None)
        assert await student.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("closed")}) == ["RUN_CLOSED"]

    async def test_of_a_canceled_run_opens_in_the_next(self, student: Client, school: School) -> None:
        made = await course(school.system, text("one"))
        old = await taken(student, made)
        await cancel(school, old)

        new = str((await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "anew"}))["enrollment"]["id"])

        assert [lecture["access"]["__typename"] for lecture in await lectures(student, old)] == ["RunClosed"]
        assert [lecture["access"]["__typename"] for lecture in await lectures(student, new)] == ["AccessGranted"]


class TestDownload:
    @pytest.fixture
    async def made(self, school: School) -> MadeCourse:
        async with unit_of_work(school.system):
            files = [
                await media.record_file(
                    caller=school.system, file=PutObject(key=f"{school.id}/{new_id()}", content_type="text/csv", size_bytes=7, sha256="0" * 64, is_public=False)
                )
                for _ in range(3)
            ]
        resources = tuple(ResourceSource(title=f"{number}.csv", file_id=file) for number, file in enumerate(files))
        return await course(school.system, text("one", resources=resources), text("two"))

    async def test_is_counted_for_everybody_and_shown_to_who_may_open_it(self, visitor: Client, student: Client, made: MadeCourse) -> None:
        asked = "query ($id: ID!) { course(id: $id) { sections { lectures { resourceCount resources { title url access { allowed } } } } } }"

        closed = (await visitor.data(asked, id=made.public_id))["sections"][0]["lectures"]
        await taken(student, made)
        opened = (await student.data(asked, id=made.public_id))["sections"][0]["lectures"]

        assert closed == [{"resourceCount": 3, "resources": None}, {"resourceCount": 0, "resources": None}]
        assert [resource["title"] for resource in opened[0]["resources"]] == ["0.csv", "1.csv", "2.csv"]
        assert all(resource["url"] and resource["access"]["allowed"] for resource in opened[0]["resources"])
        assert opened[1] == {"resourceCount": 0, "resources": []}

    async def test_says_to_its_learner_why_it_is_closed(self, visitor: Client, student: Client, sign_in: SignIn, school: School, other_school: School, made: MadeCourse) -> None:
        run, ended = await taken(student, made), datetime.now(UTC)
        id = (await lectures(student, run))[0]["resources"][0]["id"]
        assert (await student.data(RESOURCE, id=id))["url"]

        await change(school, ends_at=ended)

        assert await student.data(RESOURCE, id=id) == {"title": "0.csv", "sizeBytes": 7, "url": None, "access": {"__typename": "EntitlementExpired", "endedAt": ended.isoformat()}}
        for client in (visitor, await sign_in(), await sign_in(roles=("STUDENT", "SUPPORT")), await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))):
            assert await client.data(RESOURCE, id=id) is None


class TestMoments:
    """The request's own clock decides, to the microsecond, and nothing else does: two processes whose clocks differ each say what is so by theirs."""

    @pytest.fixture
    async def watched(self, student: Client, school: School) -> tuple[MadeCourse, UUID]:
        made = await course(school.system, text("one"), await video(school.system))
        parsed = parse_id(await taken(student, made))
        assert parsed
        return made, parsed[1]

    @pytest.mark.parametrize(
        "end", ["2027-03-28T01:00:00+00:00", "2026-10-25T03:00:00.000001+02:00", "2028-02-29T23:59:59.999999+14:00", "2026-12-31T12:00:00-12:00", "9999-12-31T23:59:59.999998Z"]
    )
    async def test_a_grant_opens_to_its_last_microsecond(self, student: Client, school: School, watched: tuple[MadeCourse, UUID], end: str) -> None:
        made, run = watched
        moment = datetime.fromisoformat(end).astimezone(UTC)
        await change(school, ends_at=moment, starts_at=moment - DAY)
        before, at_the_end = student_at(school, student, moment - timedelta(microseconds=1)), student_at(school, student, moment)
        one = {"enrollment_id": run, "lecture_id": made.lectures["one"]}

        with pytest.raises(AccessDenied):
            await completion.complete_lecture(caller=at_the_end, **one)
        with pytest.raises(AccessDenied):
            await completion.complete_lecture(caller=student_at(school, student, moment - DAY - timedelta(microseconds=1)), **one)
        await completion.complete_lecture(caller=before, **one)

    async def test_what_plays_when_the_grant_ends_is_refused_from_then_on(self, student: Client, school: School, watched: tuple[MadeCourse, UUID]) -> None:
        made, run = watched
        moment = datetime.now(UTC) + timedelta(minutes=1)
        await change(school, ends_at=moment)
        before, at_the_end = student_at(school, student, moment - timedelta(microseconds=1)), student_at(school, student, moment)

        async def play(caller: Caller, number: int) -> list[str]:
            beat = ProgressEvent(
                client_event_id=number, lecture_id=made.lectures["video"], kind=EventKind.WATCHED, from_ms=(number - 1) * 10_000, to_ms=number * 10_000, occurred_at=caller.now
            )
            return [result.status.value for result in (await progress.record_progress(caller=caller, enrollment_id=run, device_id="tv", batch=[beat])).results]

        assert await play(before, 1) == ["ACCEPTED"]
        with pytest.raises(AccessDenied):
            await play(at_the_end, 2)
        assert await play(before, 2) == ["ACCEPTED"], "a process whose clock is behind"

    async def test_the_database_keeps_moments_whatever_zone_it_stands_in(self, watched: tuple[MadeCourse, UUID], school: School) -> None:
        await change(school, ends_at=datetime.fromisoformat("2030-06-01T00:00:00.123456+05:30"))

        async with database.reading(school.system):
            await database.fetch("SELECT set_config('TimeZone', 'Pacific/Kiritimati', true)")
            kept = await database.fetch_value("SELECT ends_at FROM entitlements WHERE tenant_id = $1", school.id)

        assert kept == datetime(2030, 5, 31, 18, 30, 0, 123456, tzinfo=UTC)


def student_at(school: School, student: Client, now: datetime) -> Caller:
    return Caller(tenant_id=school.id, account_id=student.account_id, now=now)

"""`enrollments`, and others' runs as those see them who may read enrollments: how far they are, and nothing that is the learner's alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lms_graph.domain.catalog.operations.courses import LectureSource
from lms_graph.domain.learning.queries import runs
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from tests.factories.courses import MadeCourse, course, quiz_lecture, text, video
from tests.factories.quizzes import quiz
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

START = "mutation ($input: AttemptStartInput!) { attemptStart(input: $input) { attempt { id } errors { code } } }"
EVERYTHING = """
query ($id: ID!) { enrollment(id: $id) {
  progressPercent student { id name } certificate { id } requirements { met }
  sections { lectures { title access { __typename } viewerProgress { completed } resources { url }
    content { __typename ... on TextContent { markdown } ... on QuizContent { quiz { id } } } } }
} }
"""


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text("one"), await video(school.system), await quiz_lecture(school.system))


@pytest.fixture
async def support(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "SUPPORT"), name="Sue Support")


async def taken(student: Client, made: MadeCourse) -> str:
    return str((await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": made.slug}))["enrollment"]["id"])


class TestEnrollments:
    async def test_lists_a_courses_runs_latest_first(self, support: Client, sign_in: SignIn, school: School, made: MadeCourse) -> None:
        other = await course(school.system, text("one"))
        learners = [await sign_in(name=f"Learner {number}") for number in range(3)]
        ids = [await taken(learner, made) for learner in learners]
        await taken(learners[0], other)

        page = await support.data("Roster", courseId=made.public_id)
        counted = "query ($id: ID!, $where: EnrollmentWhere, $first: Int, $after: String) { enrollments(courseId: $id, where: $where, first: $first, after: $after) { totalCount nodes { id } pageInfo { endCursor } } }"
        first = await support.data(counted, id=made.public_id, first=2)
        rest = await support.data(counted, id=made.public_id, first=2, after=first["pageInfo"]["endCursor"])
        canceled = await support.data(counted, id=made.public_id, where={"status": {"eq": "CANCELED"}})

        assert [node["id"] for node in page["nodes"]] == ids[::-1]
        assert [node["student"] for node in page["nodes"]] == [
            {"id": public_id("prf", learner.account_id), "name": f"Learner {number}"} for number, learner in enumerate(learners)
        ][::-1]
        assert [node["id"] for node in first["nodes"] + rest["nodes"]] == ids[::-1]
        assert (first["totalCount"], canceled["totalCount"], canceled["nodes"]) == (3, 0, [])

    async def test_is_for_those_who_read_enrollments(self, sign_in: SignIn, visitor: Client, student: Client, support: Client, other_school: School, made: MadeCourse) -> None:
        await taken(student, made)
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("Roster", courseId=made.public_id) == ["UNAUTHENTICATED"]
        assert await student.codes("Roster", courseId=made.public_id) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("STUDENT", "INSTRUCTOR"))).codes("Roster", courseId=made.public_id) == ["FORBIDDEN"]
        assert await stranger.data("Roster", courseId=made.public_id) is None
        assert await support.data("Roster", courseId=public_id("crs", new_id())) is None
        assert await support.data("Roster", courseId="nonsense") is None

    async def test_is_for_the_courses_team_and_no_other_courses(self, sign_in: SignIn, student: Client, school: School, made: MadeCourse) -> None:
        run = await taken(student, made)
        other = await course(school.system, text("one"))
        grader, stranger = await sign_in(), await sign_in()
        admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        for client, where in ((grader, made), (stranger, other)):
            assert client.account_id
            given = {"courseId": where.public_id, "person": {"profileId": public_id("prf", client.account_id)}, "role": "GRADER"}
            assert await admin.codes("SetCourseTeamMember", input=given) == []

        page = await grader.data("Roster", courseId=made.public_id)

        assert [node["id"] for node in page["nodes"]] == [run]
        assert (await grader.data("query ($id: ID!) { enrollment(id: $id) { student { id } } }", id=run))["student"] == {"id": public_id("prf", student.account_id)}
        assert await stranger.codes("Roster", courseId=made.public_id) == ["FORBIDDEN"]
        assert await stranger.data("query ($id: ID!) { enrollment(id: $id) { id } }", id=run) is None
        assert await grader.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")}) == ["NOT_FOUND"]

    async def test_a_key_needs_the_scope(self, house: Any, student: Client, school: School, made: MadeCourse) -> None:
        run = await taken(student, made)

        def key(*scopes: Permission) -> Caller:
            return Caller(tenant_id=school.id, key_id=new_id(), permissions=frozenset(scopes), now=datetime.now(UTC))

        async def roster(caller: Caller) -> list[str]:
            async with database.reading(caller):
                page = await runs.page_of_roster(caller=caller, course_id=made.course_id, cursors=house.adapters.cursors, request=PageRequest(), statuses=None)
                assert await runs.runs_by_ids(caller=caller, ids=[row["id"] for row in page.rows])
            return [public_id("enr", row["id"]) for row in page.rows]

        without = key(*(set(Permission) - {Permission.ENROLLMENTS_READ}))
        assert await roster(key(Permission.ENROLLMENTS_READ)) == [run]
        with pytest.raises(NotAllowed):
            await roster(without)
        async with database.reading(without):
            assert await runs.runs_by_ids(caller=without, ids=[row["id"] for row in await database.fetch("SELECT id FROM enrollments WHERE tenant_id = $1", school.id)]) == []

    async def test_statements_do_not_grow_with_the_page(self, support: Client, sign_in: SignIn, school: School, made: MadeCourse, statements: list[str]) -> None:
        counts = []
        for _ in range(2):
            for _ in range(3):
                await taken(await sign_in(), made)
            await support.data("Roster", courseId=made.public_id)
            statements.clear()
            await support.data("Roster", courseId=made.public_id)
            counts.append(len(statements))

        assert counts[0] == counts[1]
        assert counts[0] <= 10


class TestOthersRun:
    async def test_shows_how_far_it_is_and_opens_nothing(self, support: Client, student: Client, school: School, made: MadeCourse) -> None:
        run = await taken(student, made)
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")})
        await taken(support, made)  # who learns the course too opens it in a run of their own

        seen = await support.data(EVERYTHING, id=run)
        own = await student.data(EVERYTHING, id=run)

        assert (seen["progressPercent"], seen["requirements"]) == (own["progressPercent"], own["requirements"])
        assert [lecture["viewerProgress"]["completed"] for section in seen["sections"] for lecture in section["lectures"]] == [True, False, False]
        assert [lecture["access"]["__typename"] for section in seen["sections"] for lecture in section["lectures"]] == ["NotEnrolled"] * 3
        assert [(lecture["content"], lecture["resources"]) for section in seen["sections"] for lecture in section["lectures"]] == [(None, None)] * 3
        assert all(lecture["content"] for section in own["sections"] for lecture in section["lectures"])
        assert (await support.data("query ($id: ID!) { node(id: $id) { id } }", id=run)) == {"id": run}

    async def test_can_only_be_read(self, support: Client, student: Client, made: MadeCourse) -> None:
        run = await taken(student, made)
        beat = {"clientEventId": 1, "lectureId": made.lecture("video"), "fromSeconds": 0, "toSeconds": 9, "occurredAt": datetime.now(UTC).isoformat()}
        before = await student.data(EVERYTHING, id=run)

        assert await support.codes("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")}) == ["NOT_FOUND"]
        assert await support.codes("RecordProgress", input={"enrollmentId": run, "deviceId": "d", "events": [beat]}) == ["NOT_FOUND"]
        assert await support.codes(START, input={"enrollmentId": run, "lectureId": made.lecture("quiz"), "idempotencyKey": "k"}) == ["NOT_FOUND"]
        assert await student.data(EVERYTHING, id=run) == before

    async def test_keeps_attempts_and_certificates_to_its_learner(self, support: Client, student: Client, school: School, settle: Any) -> None:
        made = await course(school.system, text("one"), await quiz_lecture(school.system, is_required=False))
        run = await taken(student, made)
        attempt = (await student.data(START, input={"enrollmentId": run, "lectureId": made.lecture("quiz"), "idempotencyKey": "k"}))["attempt"]["id"]
        await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")})
        await settle()

        own = await student.data(EVERYTHING, id=run)
        certificate = own["certificate"]["id"]
        quiz = own["sections"][0]["lectures"][1]["content"]["quiz"]["id"]

        assert (await support.data(EVERYTHING, id=run))["certificate"] is None
        assert await support.data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[attempt, certificate, quiz]) == [None, None, None]

    async def test_is_watched_live_by_its_learner_only(self, house: Any, support: Client, student: Client, made: MadeCourse) -> None:
        run = await taken(student, made)

        async with greeted(house.url, support.tenant, support.token) as socket:
            await say(
                socket, id="1", type="subscribe", payload={"query": "subscription ($id: ID!) { enrollmentProgress(enrollmentId: $id) { sequence } }", "variables": {"id": run}}
            )
            message = await hear(socket)

        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"]

    async def test_of_who_makes_courses_shows_the_content_and_not_the_sitting(self, sign_in: SignIn, student: Client, school: School) -> None:
        revision = (await quiz(school.system, max_attempts=3)).quiz_revision_id
        made = await course(school.system, text("one"), LectureSource(key="quiz", title="Quiz", quiz_revision_id=revision))
        run = await taken(student, made)
        await student.data(START, input={"enrollmentId": run, "lectureId": made.lecture("quiz"), "idempotencyKey": "k"})
        admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        used = "query ($id: ID!) { enrollment(id: $id) { sections { lectures { content { ... on QuizContent { quiz { attemptsLeft } } } } } } }"

        assert (await student.data(used, id=run))["sections"][0]["lectures"][1]["content"]["quiz"] == {"attemptsLeft": 2}
        assert (await admin.data(used, id=run))["sections"][0]["lectures"][1]["content"]["quiz"] == {"attemptsLeft": 3}

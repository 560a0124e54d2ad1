"""Learning paths: courses in an order."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.domain.catalog.queries import paths
from lms_graph.kit.ids import parse_id
from lms_graph.models import database
from lms_graph.models.catalog import Course, CourseStatus
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import facts_of, fetch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"))


def as_input(*courses: MadeCourse, **differs: Any) -> dict[str, Any]:
    return {
        "slug": f"path-{uuid4().hex[:12]}",
        "title": "A Path",
        "description": "All *of it*.",
        "courses": [{"courseId": each.public_id, "required": number == 0} for number, each in enumerate(courses)],
        "published": True,
    } | differs


class TestSave:
    async def test_makes_a_path_that_visitors_see(self, admin: Client, visitor: Client, school: School) -> None:
        first, second = await course(school.system, text()), await course(school.system, text())
        given = as_input(second, first)

        saved = await admin.data("SavePath", input=given)

        path = await visitor.data("Path", slug=given["slug"])
        assert saved["path"]["id"] == path["id"] and path["id"].startswith("pth_")
        assert (path["title"], path["description"]["html"], path["published"]) == ("A Path", "<p>All <em>of it</em>.</p>\n", True)
        assert [(each["position"], each["required"], each["course"]["slug"], each["access"]["__typename"]) for each in path["courses"]] == [
            (1, True, second.slug, "SignInRequired"),
            (2, False, first.slug, "SignInRequired"),
        ]
        assert [payload["is_published"] for _, payload in await facts_of(school, ("LearningPathSaved",))] == [True]
        async with database.reading(school.system):
            id = (parse_id(path["id"]) or ("", uuid4()))[1]
            assert await paths.courses_of_paths(caller=school.system, path_ids=[id]) == {id: [second.course_id, first.course_id]}

    async def test_changes_it_in_whole_and_the_same_changes_nothing(self, admin: Client, visitor: Client, school: School) -> None:
        first, second = await course(school.system, text()), await course(school.system, text())
        given = as_input(first, second)
        id = (await admin.data("SavePath", input=given))["path"]["id"]
        changed = as_input(second, first, id=id, slug=given["slug"], title="Another")

        for _ in range(2):
            assert (await admin.data("SavePath", input=changed))["path"]["id"] == id

        path = await visitor.data("Path", slug=given["slug"])
        assert (path["title"], [each["course"]["slug"] for each in path["courses"]]) == ("Another", [second.slug, first.slug])
        assert len(await facts_of(school, ("LearningPathSaved",))) == 2

    async def test_is_for_those_who_manage_all_courses(self, visitor: Client, student: Client, sign_in: SignIn, school: School, other_school: School, admin: Client) -> None:
        made = await course(school.system, text())
        given = as_input(made)
        id = (await admin.data("SavePath", input=given))["path"]["id"]
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("SavePath", input=given) == ["UNAUTHENTICATED"]
        assert await student.codes("SavePath", input=given) == ["FORBIDDEN"]
        assert await (await sign_in(roles=("STUDENT", "INSTRUCTOR"))).codes("SavePath", input=given) == ["FORBIDDEN"]
        assert await there.codes("SavePath", input=given) == ["NOT_FOUND"]
        assert await there.codes("SavePath", input=as_input(id=id)) == ["INVALID"]  # published without a course
        assert await there.codes("SavePath", input=as_input(id=id, published=False)) == ["NOT_FOUND"]
        assert await there.data("Path", slug=given["slug"]) is None
        assert len(await fetch(school, "SELECT id FROM paths WHERE tenant_id = $1")) == 1
        assert await fetch(other_school, "SELECT id FROM paths WHERE tenant_id = $1") == []

    async def test_tells_everything_that_is_wrong(self, admin: Client, school: School) -> None:
        made = await course(school.system, text())
        wrong = as_input(made, made, slug="No Slug", title="", description="x" * 20_001)

        answer = await admin.data("SavePath", input=wrong)

        assert [(error["code"], error["path"]) for error in answer["errors"]] == [
            ("INVALID", ["slug"]),
            ("INVALID", ["title"]),
            ("INVALID", ["description"]),
            ("INVALID", ["courses"]),
        ]
        assert await fetch(school, "SELECT id FROM paths WHERE tenant_id = $1") == []

    async def test_a_slug_is_one_paths_also_for_two_at_once(self, admin: Client, school: School) -> None:
        given = as_input(await course(school.system, text()))

        answers = await asyncio.gather(*(admin.data("SavePath", input=given) for _ in range(5)))

        assert sorted(bool(answer["path"]) for answer in answers) == [False] * 4 + [True]
        assert {error["code"] for answer in answers for error in answer["errors"]} == {"INVALID"}
        assert len(await fetch(school, "SELECT id FROM path_courses WHERE tenant_id = $1")) == 1

    async def test_changes_at_once_leave_one_of_them_whole(self, admin: Client, school: School, visitor: Client) -> None:
        made = [await course(school.system, text()) for _ in range(4)]
        given = as_input(*made)
        id = (await admin.data("SavePath", input=given))["path"]["id"]
        orders = [made[turn:] + made[:turn] for turn in range(4)]

        await asyncio.gather(*(admin.data("SavePath", input=as_input(*order, id=id, slug=given["slug"], title=f"Turn {turn}")) for turn, order in enumerate(orders)))

        path = await visitor.data("Path", slug=given["slug"])
        turn = int(path["title"].removeprefix("Turn ")) if path["title"] != "A Path" else 0
        assert [each["course"]["slug"] for each in path["courses"]] == [each.slug for each in orders[turn]]


class TestLearningPaths:
    async def test_are_listed_in_pages_without_those_that_are_not_published(self, admin: Client, visitor: Client, school: School) -> None:
        made = await course(school.system, text())
        slugs = [as_input(made)["slug"] for _ in range(4)]
        for number, slug in enumerate(slugs):
            await admin.data("SavePath", input=as_input(made, slug=slug, published=number != 1))

        first = await visitor.data("Paths", first=2)
        rest = await visitor.data("Paths", first=2, after=first["pageInfo"]["endCursor"])
        all_of_them, drafts = await admin.data("Paths"), await admin.data("Paths", where={"published": {"eq": False}})

        assert ([each["slug"] for each in first["nodes"]], first["totalCount"], first["pageInfo"]["hasNextPage"]) == ([slugs[3], slugs[2]], 3, True)
        assert ([each["slug"] for each in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([slugs[0]], False)
        assert ([each["slug"] for each in all_of_them["nodes"]], [each["slug"] for each in drafts["nodes"]]) == (slugs[::-1], [slugs[1]])
        assert await visitor.data("Path", slug=slugs[1]) is None
        assert (await visitor.data("Paths", where={"published": {"eq": False}}))["nodes"] == []

    async def test_a_draft_is_no_node_for_others(self, admin: Client, visitor: Client, student: Client, school: School, sign_in: SignIn, other_school: School) -> None:
        id = (await admin.data("SavePath", input=as_input(await course(school.system, text()), published=False)))["path"]["id"]
        node = "query ($id: ID!) { node(id: $id) { id } }"

        assert await admin.data(node, id=id) == {"id": id}
        for client in (visitor, student, await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))):
            assert await client.data(node, id=id) is None

    async def test_a_course_that_left_the_catalog_is_not_shown(self, admin: Client, visitor: Client, school: School) -> None:
        made, gone = await course(school.system, text()), await course(school.system, text(), title="Secret plans")
        given = as_input(made, gone)
        await admin.data("SavePath", input=given)
        async with unit_of_work(school.system):
            await Course.for_caller(school.system, id=gone.course_id).update(status=CourseStatus.UNPUBLISHED)

        path = await visitor.data("Path", slug=given["slug"])

        assert [(each["course"] and each["course"]["slug"], each["access"]["allowed"]) for each in path["courses"]] == [(made.slug, False), (None, False)]
        assert path["courses"][1]["access"]["__typename"] == "NotPublished"

    async def test_takes_as_many_statements_for_many_paths_as_for_one(self, admin: Client, visitor: Client, school: School, statements: list[str]) -> None:
        for _ in range(4):
            made = await course(school.system, text())
            await admin.data("SavePath", input=as_input(made))
        counts = {}
        for first in (1, 4):
            statements.clear()
            await visitor.data("query ($first: Int) { learningPaths(first: $first) { nodes { slug courses { course { title } access { allowed } } } } }", first=first)
            counts[first] = len(statements)

        assert counts[1] == counts[4]
        assert counts[4] <= 5

"""The teams of courses: who may do what with a single one."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.catalog.operations import teams
from lms_graph.kit.errors import DomainError
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import catalog as rows
from lms_graph.models.catalog import CourseTeamRole, InstructorRole
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, instructor, suspend
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person

pytestmark = pytest.mark.anyio

NODE = "query ($id: ID!) { node(id: $id) { ... on CourseTeamMember { id role addedAt profile { name } } } }"
ALL = ["EDIT", "GRADE", "MANAGE_TEAM", "PUBLISH"]


@pytest.fixture
async def lead(school: School) -> UUID:
    return await instructor(school.system, name="Lea Lead")


@pytest.fixture
async def helper(school: School) -> UUID:
    return await instructor(school.system, name="Hal Helper")


@pytest.fixture
async def made(school: School, lead: UUID, helper: UUID) -> MadeCourse:
    """A course as the importer makes it: its lead is the creator, its assistant an editor."""
    return await course(school.system, text(), instructors=((lead, InstructorRole.LEAD), (helper, InstructorRole.ASSISTANT)))


@pytest.fixture
async def creator(sign_in: SignIn, lead: UUID, made: MadeCourse) -> Client:
    return await sign_in(lead)


@pytest.fixture
async def editor(sign_in: SignIn, helper: UUID, made: MadeCourse) -> Client:
    return await sign_in(helper)


def part(made: MadeCourse, account_id: UUID | None, role: str = "GRADER", **person: str) -> dict[str, Any]:
    assert account_id
    return {"courseId": made.public_id, "person": person or {"profileId": public_id("prf", account_id)}, "role": role}


async def team(school: School, made: MadeCourse) -> dict[UUID, str]:
    return {row["account_id"]: row["role"] for row in await fetch(school, "SELECT account_id, role FROM course_team WHERE tenant_id = $1 AND course_id = $2", made.course_id)}


async def seen(client: Client, made: MadeCourse) -> tuple[list[str], list[tuple[str, str]] | None]:
    """The rights that a client is told to have, and the team that it sees."""
    shown = await client.data("CourseTeam", slug=made.slug)
    return shown["viewerPermissions"], None if shown["team"] is None else [(member["role"], member["profile"]["name"]) for member in shown["team"]]


class TestTeam:
    async def test_is_seen_by_itself_and_those_who_manage_all_courses(self, creator: Client, editor: Client, made: MadeCourse, sign_in: SignIn) -> None:
        both = [("CREATOR", "Lea Lead"), ("EDITOR", "Hal Helper")]

        assert await seen(creator, made) == (ALL, both)
        assert await seen(editor, made) == (["EDIT", "PUBLISH"], both)
        assert await seen(await sign_in(roles=("STUDENT", "TENANT_ADMIN")), made) == (ALL, both)

    async def test_is_hidden_from_everybody_else(self, student: Client, visitor: Client, made: MadeCourse, sign_in: SignIn, school: School, other_school: School) -> None:
        stranger = await sign_in(await instructor(school.system))
        await course(school.system, text(), instructors=((stranger.account_id, InstructorRole.LEAD),))
        ((member_id,),) = [
            tuple(row.values()) for row in await fetch(school, "SELECT id FROM course_team WHERE tenant_id = $1 AND course_id = $2 AND role = 'CREATOR'", made.course_id)
        ]
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        for client in (student, visitor, stranger, await sign_in(roles=("STUDENT", "SUPPORT"))):
            assert await seen(client, made) == ([], None)
            assert await client.data(NODE, id=public_id("tea", member_id)) is None
        assert await there.data(NODE, id=public_id("tea", member_id)) is None

    async def test_a_member_is_a_node_of_its_own(self, editor: Client, made: MadeCourse) -> None:
        id = (await editor.data("CourseTeam", slug=made.slug))["team"][0]["id"]

        node = await editor.data(NODE, id=id)

        assert id.startswith("tea_")
        assert (node["id"], node["role"], node["profile"]["name"]) == (id, "CREATOR", "Lea Lead")

    async def test_takes_as_many_statements_for_many_courses_as_for_one(self, school: School, lead: UUID, creator: Client, statements: list[str]) -> None:
        for _ in range(5):
            await course(school.system, text(), instructors=((lead, InstructorRole.LEAD),))
        counts = {}
        for first in (1, 5):
            statements.clear()
            await creator.data("query ($first: Int) { courses(first: $first) { nodes { viewerPermissions team { role profile { name } } } } }", first=first)
            counts[first] = len(statements)

        assert counts == {1: 4, 5: 4}  # the page, the rights, the teams, the profiles

    async def test_a_course_that_nobody_leads_has_an_empty_one(self, school: School, sign_in: SignIn) -> None:
        alone = await course(school.system, text())

        assert await seen(await sign_in(roles=("STUDENT", "TENANT_ADMIN")), alone) == (ALL, [])


class TestSet:
    @pytest.mark.parametrize(("role", "rights"), [("GRADER", ["GRADE"]), ("EDITOR", ["EDIT"])])
    async def test_gives_rights_over_this_course_alone(self, creator: Client, made: MadeCourse, school: School, sign_in: SignIn, role: str, rights: list[str]) -> None:
        other = await course(school.system, text())
        client = await sign_in(name="Gus Grader")

        answer = await creator.data("SetCourseTeamMember", input=part(made, client.account_id, role))

        assert answer["errors"] == []
        assert (answer["teamMember"]["role"], answer["teamMember"]["profile"]["name"]) == (role, "Gus Grader")
        assert answer["course"]["viewerPermissions"] == ALL
        assert (await seen(client, made))[0] == rights  # without COURSES_SELL nobody publishes
        assert await seen(client, other) == ([], None)
        assert (await facts_of(school, ["CourseTeamChanged"]))[-1] == (
            "CourseTeamChanged",
            {"course_id": str(made.course_id), "account_id": str(client.account_id), "role": role},
        )
        assert ("CourseTeamChanged", made.public_id, creator.account_id) in await audit_of(school)

    async def test_an_instructor_among_the_editors_publishes(self, creator: Client, made: MadeCourse, school: School, sign_in: SignIn) -> None:
        client = await sign_in(await instructor(school.system))

        await creator.data("SetCourseTeamMember", input=part(made, client.account_id, "EDITOR"))

        assert (await seen(client, made))[0] == ["EDIT", "PUBLISH"]

    async def test_takes_any_id_of_the_person(self, creator: Client, made: MadeCourse, school: School) -> None:
        ida = await instructor(school.system)

        for person_input in ({"memberId": public_id("mbr", ida)}, {"profileId": public_id("prf", ida)}, {"instructorId": public_id("ins", ida)}):
            assert (await creator.data("SetCourseTeamMember", input=part(made, ida, **person_input)))["errors"] == []
        assert (await team(school, made))[ida] == "GRADER"

    async def test_again_changes_nothing(self, creator: Client, made: MadeCourse, student: Client, school: School) -> None:
        answers = [await creator.data("SetCourseTeamMember", input=part(made, student.account_id)) for _ in range(2)]

        assert answers[0] == answers[1]
        assert [payload["role"] for _, payload in await facts_of(school, ["CourseTeamChanged"])] == ["CREATOR", "EDITOR", "GRADER"]

    async def test_changes_a_part(self, creator: Client, made: MadeCourse, helper: UUID, school: School) -> None:
        await creator.data("SetCourseTeamMember", input=part(made, helper, "GRADER"))

        assert (await team(school, made))[helper] == "GRADER"

    async def test_the_creators_part_is_passed_on(self, creator: Client, editor: Client, made: MadeCourse, lead: UUID, helper: UUID, school: School) -> None:
        answer = await creator.data("SetCourseTeamMember", input=part(made, helper, "CREATOR"))

        assert answer["course"]["viewerPermissions"] == ["EDIT", "PUBLISH"]
        assert await team(school, made) == {helper: "CREATOR", lead: "EDITOR"}
        assert (await seen(editor, made))[0] == ALL
        assert await creator.codes("SetCourseTeamMember", input=part(made, lead, "CREATOR")) == ["FORBIDDEN"]

    async def test_many_who_pass_it_on_at_once_leave_one_creator(self, school: School, made: MadeCourse) -> None:
        several = [await account(school.system) for _ in range(5)]

        await asyncio.gather(*(teams.set_member(caller=school.system, course_id=made.course_id, account_id=id, role=CourseTeamRole.CREATOR) for id in several))

        assert sorted((await team(school, made)).values()) == ["CREATOR", *["EDITOR"] * 6]

    async def test_the_creator_becomes_nothing_else(self, creator: Client, made: MadeCourse, lead: UUID, school: School) -> None:
        assert await creator.codes("SetCourseTeamMember", input=part(made, lead, "GRADER")) == ["CONFLICT"]
        assert (await team(school, made))[lead] == "CREATOR"

    async def test_a_manager_gives_a_course_its_creator(self, school: School, sign_in: SignIn, student: Client) -> None:
        alone = await course(school.system, text())
        admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))

        assert (await admin.data("SetCourseTeamMember", input=part(alone, student.account_id, "CREATOR")))["errors"] == []
        assert await team(school, alone) == {student.account_id: "CREATOR"}

    async def test_a_key_manages_teams_with_its_scope_alone(self, school: School, made: MadeCourse) -> None:
        ada = await account(school.system)

        await teams.set_member(caller=key(school, Permission.COURSES_MANAGE), course_id=made.course_id, account_id=ada, role=CourseTeamRole.GRADER)
        with pytest.raises(DomainError) as refused:
            await teams.set_member(caller=key(school, Permission.COURSES_DRAFT, Permission.COURSES_SELL), course_id=made.course_id, account_id=ada, role=CourseTeamRole.EDITOR)

        assert refused.value.code == "FORBIDDEN"
        assert (await team(school, made))[ada] == "GRADER"

    async def test_others_change_nothing(self, editor: Client, student: Client, visitor: Client, sign_in: SignIn, made: MadeCourse, school: School, other_school: School) -> None:
        """An editor of the course, the creator of another, a student, another school's administrator, nobody."""
        before = await team(school, made)
        creator_of_another = await sign_in(await instructor(school.system))
        await course(school.system, text(), instructors=((creator_of_another.account_id, InstructorRole.LEAD),))
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        for client in (editor, student, creator_of_another):
            assert await client.codes("SetCourseTeamMember", input=part(made, client.account_id, "CREATOR")) == ["FORBIDDEN"]
        assert await there.codes("SetCourseTeamMember", input=part(made, there.account_id)) == ["NOT_FOUND"]
        assert await visitor.codes("SetCourseTeamMember", input=part(made, student.account_id)) == ["UNAUTHENTICATED"]
        assert await team(school, made) == before

    async def test_nobody_of_another_school_comes_in(self, creator: Client, made: MadeCourse, school: School, other_school: School) -> None:
        stranger = await account(other_school.system)
        out = await account(school.system)
        await suspend(school.system, out)

        for account_id in (stranger, uuid4(), out):
            assert await creator.codes("SetCourseTeamMember", input=part(made, account_id)) == ["NOT_FOUND"]
        assert len(await team(school, made)) == 2

    async def test_a_team_has_fifty(self, creator: Client, made: MadeCourse, school: School) -> None:
        for _ in range(48):
            await teams.set_member(caller=school.system, course_id=made.course_id, account_id=await account(school.system), role=CourseTeamRole.GRADER)

        assert await creator.codes("SetCourseTeamMember", input=part(made, await account(school.system))) == ["LIMIT_REACHED"]
        assert len(await team(school, made)) == 50

    async def test_a_hidden_course_is_not_found_by_who_has_no_part_in_it(self, school: School, made: MadeCourse, student: Client, creator: Client) -> None:
        async with unit_of_work(school.system):
            await rows.Course.for_caller(school.system, id=made.course_id).update(status=rows.CourseStatus.UNPUBLISHED)

        assert await student.codes("SetCourseTeamMember", input=part(made, student.account_id)) == ["NOT_FOUND"]
        assert (await creator.data("SetCourseTeamMember", input=part(made, student.account_id)))["errors"] == []


class TestRemove:
    async def member_id(self, client: Client, made: MadeCourse, name: str) -> str:
        (id,) = [member["id"] for member in (await client.data("CourseTeam", slug=made.slug))["team"] if member["profile"]["name"] == name]
        return str(id)

    async def test_takes_the_rights_at_once(self, creator: Client, editor: Client, made: MadeCourse, helper: UUID, school: School) -> None:
        answer = await creator.data("RemoveCourseTeamMember", input={"id": await self.member_id(creator, made, "Hal Helper")})

        assert answer == {"course": {"id": made.public_id, "team": [{"role": "CREATOR"}], "viewerPermissions": ALL}, "errors": []}
        assert await seen(editor, made) == ([], None)
        assert (await facts_of(school, ["CourseTeamChanged"]))[-1][1] == {"course_id": str(made.course_id), "account_id": str(helper), "role": None}

    async def test_anybody_may_leave(self, editor: Client, made: MadeCourse, lead: UUID, school: School) -> None:
        answer = await editor.data("RemoveCourseTeamMember", input={"id": await self.member_id(editor, made, "Hal Helper")})

        assert answer == {"course": {"id": made.public_id, "team": None, "viewerPermissions": []}, "errors": []}
        assert await team(school, made) == {lead: "CREATOR"}

    async def test_but_not_the_creator(self, creator: Client, made: MadeCourse, school: School) -> None:
        assert await creator.codes("RemoveCourseTeamMember", input={"id": await self.member_id(creator, made, "Lea Lead")}) == ["CONFLICT"]
        assert len(await team(school, made)) == 2

    async def test_others_remove_nobody(
        self, creator: Client, editor: Client, student: Client, visitor: Client, made: MadeCourse, school: School, other_school: School, sign_in: SignIn
    ) -> None:
        await creator.data("SetCourseTeamMember", input=part(made, student.account_id))
        id = await self.member_id(creator, made, "Hal Helper")
        there = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await student.codes("RemoveCourseTeamMember", input={"id": id}) == ["FORBIDDEN"]
        assert await editor.codes("RemoveCourseTeamMember", input={"id": await self.member_id(creator, made, "Ada Example")}) == ["FORBIDDEN"]
        for client in (there, await sign_in(), visitor):
            assert await client.codes("RemoveCourseTeamMember", input={"id": id}) in (["NOT_FOUND"], ["UNAUTHENTICATED"])
        assert len(await team(school, made)) == 3

    async def test_removing_and_passing_the_creators_part_on_at_once_keeps_one(self, school: School, made: MadeCourse, lead: UUID, helper: UUID) -> None:
        (row,) = await fetch(school, "SELECT id FROM course_team WHERE tenant_id = $1 AND course_id = $2 AND account_id = $3", made.course_id, helper)

        await asyncio.gather(
            teams.remove_member(caller=person(school, lead, "INSTRUCTOR"), member_id=row["id"]),
            teams.set_member(caller=person(school, lead, "INSTRUCTOR"), course_id=made.course_id, account_id=helper, role=CourseTeamRole.CREATOR),
            return_exceptions=True,
        )

        assert list((await team(school, made)).values()).count("CREATOR") == 1

    async def test_again_there_is_nobody(self, creator: Client, made: MadeCourse) -> None:
        id = await self.member_id(creator, made, "Hal Helper")
        await creator.data("RemoveCourseTeamMember", input={"id": id})

        assert await creator.codes("RemoveCourseTeamMember", input={"id": id}) == ["NOT_FOUND"]

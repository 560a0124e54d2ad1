"""Who begins, writes and publishes a course: by role in the tenant, and by part in the course's team."""

from contextlib import nullcontext
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.catalog import policies
from lms_graph.domain.catalog.operations import courses, teams
from lms_graph.domain.catalog.operations.courses import CourseSource, SectionSource
from lms_graph.domain.catalog.rules import MAX_INSTRUCTORS
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotAllowed, SignedOut
from lms_graph.kit.permissions import Permission
from lms_graph.models.catalog import CourseTeamRole, InstructorRole
from tests.factories.accounts import account, instructor
from tests.factories.courses import course, text
from tests.fixtures.callers import School
from tests.fixtures.rights import fetch, key, person

pytestmark = pytest.mark.anyio


def source(slug: str | None = None, title: str = "A Course", **differs: object) -> CourseSource:
    sections = (SectionSource(key="all", title="All of it", lectures=(text(),)),)
    return CourseSource(slug=slug or f"course-{uuid4().hex[:12]}", title=title, sections=sections, **differs)  # type: ignore[arg-type]


async def titles(school: School) -> list[str]:
    return [row["title"] for row in await fetch(school, "SELECT title FROM courses WHERE tenant_id = $1 ORDER BY title")]


class TestPublish:
    async def test_an_instructor_publishes_and_is_its_creator(self, school: School) -> None:
        ida = await instructor(school.system)

        made = await courses.publish_course(caller=person(school, ida, "INSTRUCTOR"), source=source())

        assert await titles(school) == ["A Course"]
        team = await fetch(school, "SELECT account_id, role FROM course_team WHERE tenant_id = $1 AND course_id = $2", made.course_id)
        assert [tuple(row.values()) for row in team] == [(ida, "CREATOR")]

    @pytest.mark.parametrize("roles", [("STUDENT", "APPLICANT"), ("STUDENT",), ("STUDENT", "SUPPORT")])
    async def test_others_publish_nothing_and_leave_nothing_behind(self, school: School, roles: tuple[str, ...]) -> None:
        ada = await account(school.system, roles=roles)

        with pytest.raises(NotAllowed):
            await courses.publish_course(caller=person(school, ada, *roles), source=source())

        assert await titles(school) == []

    async def test_visitors_must_sign_in(self, school: School, other_school: School) -> None:
        with pytest.raises(SignedOut):
            await courses.publish_course(caller=Caller(tenant_id=school.id, now=school.system.now), source=source())

        assert await titles(school) == []

    async def test_who_applied_publishes_nothing_even_as_its_creator(self, school: School) -> None:
        """Drafts may be theirs; selling takes approval."""
        made = await course(school.system, text(), slug="bread")
        ada = await account(school.system, roles=("STUDENT", "APPLICANT"))
        await teams.set_member(caller=school.system, course_id=made.course_id, account_id=ada, role=CourseTeamRole.CREATOR)

        with pytest.raises(NotAllowed, match="COURSES_SELL"):
            await courses.publish_course(caller=person(school, ada, "STUDENT", "APPLICANT"), source=source("bread", title="Mine now"))

        assert await titles(school) == ["A Course"]

    @pytest.mark.parametrize(("role", "is_done"), [(CourseTeamRole.CREATOR, True), (CourseTeamRole.EDITOR, True), (CourseTeamRole.GRADER, False), (None, False)])
    async def test_an_instructor_publishes_anew_by_part_in_its_team(self, school: School, role: CourseTeamRole | None, is_done: bool) -> None:
        made = await course(school.system, text(), slug="bread")
        ida = await instructor(school.system)
        if role:
            await teams.set_member(caller=school.system, course_id=made.course_id, account_id=ida, role=role)

        with nullcontext() if is_done else pytest.raises(NotAllowed):
            await courses.publish_course(caller=person(school, ida, "INSTRUCTOR"), source=source("bread", title="Anew"))

        assert await titles(school) == (["Anew"] if is_done else ["A Course"])

    async def test_an_editor_does_not_change_the_team_by_publishing(self, school: School) -> None:
        made = await course(school.system, text(), slug="bread")
        ida, friend = await instructor(school.system), await instructor(school.system)
        await teams.set_member(caller=school.system, course_id=made.course_id, account_id=ida, role=CourseTeamRole.EDITOR)

        await courses.publish_course(caller=person(school, ida, "INSTRUCTOR"), source=source("bread", instructors=((friend, InstructorRole.LEAD),)))

        team = await fetch(school, "SELECT account_id FROM course_team WHERE tenant_id = $1 AND course_id = $2", made.course_id)
        assert [row["account_id"] for row in team] == [ida]

    async def test_whoever_manages_all_courses_publishes_any(self, school: School) -> None:
        await course(school.system, text(), slug="bread")
        admin = await account(school.system, roles=("STUDENT", "TENANT_ADMIN"))

        await courses.publish_course(caller=person(school, admin, "TENANT_ADMIN"), source=source("bread", title="By the admin"))
        await courses.publish_course(caller=key(school, Permission.COURSES_MANAGE), source=source("rolls", title="By a key"))

        assert await titles(school) == ["By a key", "By the admin"]

    async def test_a_key_has_no_courses_of_its_own(self, school: School) -> None:
        with pytest.raises(NotAllowed):
            await courses.publish_course(caller=key(school, Permission.COURSES_DRAFT, Permission.COURSES_SELL), source=source())

        assert await titles(school) == []

    async def test_a_course_of_this_name_at_another_school_is_another(self, school: School, other_school: School) -> None:
        await course(other_school.system, text(), slug="bread", title="Theirs")
        ida = await instructor(school.system)

        await courses.publish_course(caller=person(school, ida, "INSTRUCTOR"), source=source("bread", title="Ours"))

        assert (await titles(school), await titles(other_school)) == (["Ours"], ["Theirs"])

    async def test_importing_keeps_what_was_decided_about_the_team(self, school: School) -> None:
        lead, helper = await instructor(school.system), await instructor(school.system)
        both = ((lead, InstructorRole.LEAD), (helper, InstructorRole.ASSISTANT))
        made = await course(school.system, text(), slug="bread", instructors=both)
        await teams.set_member(caller=school.system, course_id=made.course_id, account_id=helper, role=CourseTeamRole.CREATOR)

        await courses.publish_course(caller=school.system, source=replace(source("bread"), instructors=both))

        team = await fetch(school, "SELECT account_id, role FROM course_team WHERE tenant_id = $1 AND course_id = $2", made.course_id)
        assert {row["account_id"]: row["role"] for row in team} == {helper: "CREATOR", lead: "EDITOR"}


class TestCategories:
    async def test_are_made_by_who_manages_all_courses(self, school: School) -> None:
        ida = await instructor(school.system)

        with pytest.raises(NotAllowed):
            await courses.save_category(caller=person(school, ida, "INSTRUCTOR"), slug="bread", name="Bread")
        await courses.save_category(caller=key(school, Permission.COURSES_MANAGE), slug="rolls", name="Rolls")

        assert [row["slug"] for row in await fetch(school, "SELECT slug FROM categories WHERE tenant_id = $1")] == ["rolls"]


@pytest.mark.parametrize(
    ("roles", "team_role", "may"),
    [
        (("INSTRUCTOR",), CourseTeamRole.CREATOR, {"draft", "edit", "publish", "grade", "manage"}),
        (("INSTRUCTOR",), CourseTeamRole.EDITOR, {"draft", "edit", "publish"}),
        (("INSTRUCTOR",), CourseTeamRole.GRADER, {"draft", "grade"}),
        (("INSTRUCTOR",), None, {"draft"}),
        (("APPLICANT",), CourseTeamRole.CREATOR, {"draft", "edit", "grade", "manage"}),
        (("APPLICANT",), None, {"draft"}),
        (("STUDENT",), CourseTeamRole.EDITOR, {"edit"}),
        (("STUDENT",), None, set()),
        (("SUPPORT",), None, set()),
        (("TENANT_ADMIN",), None, {"draft", "edit", "publish", "grade", "manage"}),
        (("PLATFORM_ADMIN",), CourseTeamRole.GRADER, {"grade"}),  # outside the platform's own tenant the role gives nothing
    ],
)
def test_each_role_may_what_is_stated(roles: tuple[str, ...], team_role: CourseTeamRole | None, may: set[str]) -> None:
    caller = person(School(uuid4(), "any"), UUID(int=1), *roles)
    tried = {
        "draft": lambda: policies.require_may_draft(caller),
        "edit": lambda: policies.require_may_edit_course(caller, team_role),
        "publish": lambda: policies.require_may_publish(caller, team_role),
        "grade": lambda: policies.require_may_grade(caller, team_role),
        "manage": lambda: policies.require_may_manage_team(caller, team_role),
    }
    done = set()
    for name, attempt in tried.items():
        try:
            attempt()
        except NotAllowed:
            continue
        done.add(name)

    assert done == may


async def test_a_course_with_more_instructors_than_its_page_tells_is_refused(school: School) -> None:
    many = tuple((uuid4(), InstructorRole.ASSISTANT) for _ in range(MAX_INSTRUCTORS + 1))

    with pytest.raises(Invalid, match="at most 20 instructors"):
        await courses.publish_course(caller=school.system, source=source(instructors=many))

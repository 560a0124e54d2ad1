"""`docs/roles.md` says what the code does: roles and permissions, parts of a team and rights over a course."""

import re

from lms_graph.domain.catalog.rules import CoursePermission, course_permissions
from lms_graph.domain.identity.rules.permissions import PERMISSIONS
from lms_graph.kit.permissions import Permission
from lms_graph.models.catalog import CourseTeamRole
from lms_graph.models.identity import Role
from tests.architecture.sources import ROOT


def table(first: str) -> list[list[str]]:
    """The cells of the page's table whose head begins with this word, head and all, without the marks of code."""
    (found,) = re.findall(rf"^\| {first} \|.*?\n\n", (ROOT / "docs" / "roles.md").read_text(), re.MULTILINE | re.DOTALL)
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in found.strip().splitlines() if not line.startswith("|---")]


def test_the_page_says_what_each_role_may() -> None:
    (_, *roles), *rows = table("Permission")
    said = {role: {row[0] for row in rows if row[column] == "yes"} for column, role in enumerate(roles, 1)}

    assert [row[0] for row in rows] == [permission.value for permission in Permission]
    assert said == {role.value: {permission.value for permission in PERMISSIONS[role]} for role in Role}


def test_the_page_says_what_each_part_of_a_team_may() -> None:
    _, *rows = table("Part")
    order = (CoursePermission.EDIT, CoursePermission.PUBLISH, CoursePermission.GRADE, CoursePermission.MANAGE_TEAM)

    def cells(with_sell: frozenset[CoursePermission], without: frozenset[CoursePermission]) -> list[str]:
        return ["yes" if right in without else "with `COURSES_SELL`".strip("`") if right in with_sell else "" for right in order]

    parts = {part.value: cells(*(course_permissions(part, may_manage=False, may_sell=sells) for sells in (True, False))) for part in CourseTeamRole}
    managing = {"COURSES_MANAGE": cells(*(course_permissions(None, may_manage=True, may_sell=sells) for sells in (True, False)))}
    assert {row[0]: row[1:] for row in rows} == parts | managing

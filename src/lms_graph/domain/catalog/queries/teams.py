"""The teams of courses: who may do what with a single one."""

from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.catalog import CourseTeamRole

TEAM_MEMBER = "m.id, m.course_id, m.account_id, m.role, m.added_at"
# Their own team's members, and everybody's for those who manage all courses ($3); $4 is the caller.
_SEEN = "($3::boolean OR EXISTS (SELECT FROM course_team o WHERE o.tenant_id = m.tenant_id AND o.course_id = m.course_id AND o.account_id = $4))"


def in_team(course: str, account: str) -> str:
    """The condition that an account is in a course's team, for statements of areas above; `$1` is the tenant, the others are columns or parameters."""
    return f"EXISTS (SELECT FROM course_team m WHERE m.tenant_id = $1 AND m.course_id = {course} AND m.account_id = {account})"


async def team_of_courses(*, caller: Caller, course_ids: list[UUID]) -> list[database.Record]:
    """The members of these courses' teams, the creator first, then in the order in which they came; of teams that the caller may see."""
    return await database.fetch(
        f"SELECT {TEAM_MEMBER} FROM course_team m WHERE m.tenant_id = $1 AND m.course_id = ANY($2) AND {_SEEN} ORDER BY m.course_id, m.role <> 'CREATOR', m.added_at, m.id",
        caller.tenant_id,
        course_ids,
        caller.may(Permission.COURSES_MANAGE),
        caller.account_id,
    )


async def team_members_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Of teams that the caller may see."""
    return await database.fetch(
        f"SELECT {TEAM_MEMBER} FROM course_team m WHERE m.tenant_id = $1 AND m.id = ANY($2) AND {_SEEN}",
        caller.tenant_id,
        ids,
        caller.may(Permission.COURSES_MANAGE),
        caller.account_id,
    )


async def roles_in_teams(*, caller: Caller, course_ids: list[UUID]) -> dict[UUID, CourseTeamRole]:
    """The caller's own role in each of these courses' teams; those in which they have none are left out."""
    if caller.account_id is None:
        return {}
    rows: list[Any] = await database.fetch(
        "SELECT course_id, role FROM course_team WHERE tenant_id = $1 AND account_id = $2 AND course_id = ANY($3)", caller.tenant_id, caller.account_id, course_ids
    )
    return {row["course_id"]: CourseTeamRole(row["role"]) for row in rows}


async def role_in_team(*, caller: Caller, course_id: UUID) -> CourseTeamRole | None:
    return (await roles_in_teams(caller=caller, course_ids=[course_id])).get(course_id)


async def whole_team(*, caller: Caller, course_id: UUID) -> list[database.Record]:
    """For the rules of the team itself: not to be shown."""
    return await database.fetch("SELECT id, account_id, role FROM course_team WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id)


async def course_of_member(*, caller: Caller, member_id: UUID) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT course_id FROM course_team WHERE tenant_id = $1 AND id = $2", caller.tenant_id, member_id)
    return id


async def lock_course(*, caller: Caller, course_id: UUID) -> str | None:
    """The course's status, with its row locked; None where there is none."""
    status: str | None = await database.fetch_value("SELECT status FROM courses WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE", caller.tenant_id, course_id)
    return status

"""Who may write, publish and grade which course. Rights in the whole tenant are permissions; over a single course they come from its team.

    CREATOR   writes it, manages its team; publishes it with COURSES_SELL; grades
    EDITOR    writes it; publishes it with COURSES_SELL
    GRADER    grades
    COURSES_MANAGE   all of it, for every course of the tenant

What is published is in the catalog and can be sold. So publishing takes COURSES_SELL, which instructors have and those who only applied do not.
"""

from uuid import UUID

from lms_graph.domain.catalog.rules import CoursePermission, course_permissions
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed, SignedOut
from lms_graph.kit.permissions import Permission
from lms_graph.models.catalog import CourseTeamRole


def permissions_on_course(caller: Caller, team_role: CourseTeamRole | None) -> frozenset[CoursePermission]:
    """What the caller may do with a course in whose team they have this role."""
    return course_permissions(team_role, may_manage=caller.may(Permission.COURSES_MANAGE), may_sell=caller.may(Permission.COURSES_SELL))


def require_may_draft(caller: Caller) -> None:
    """Begin a course. Raises SignedOut, NotAllowed."""
    caller.require(Permission.COURSES_DRAFT, Permission.COURSES_MANAGE)


def require_may_manage_catalog(caller: Caller) -> None:
    """Its shelves. Raises SignedOut, NotAllowed."""
    caller.require(Permission.COURSES_MANAGE)


def require_may_edit_course(caller: Caller, team_role: CourseTeamRole | None) -> None:
    _require(caller, team_role, CoursePermission.EDIT, "Its creator and editors write a course. Ask its creator to take you in.")


def require_may_publish(caller: Caller, team_role: CourseTeamRole | None) -> None:
    """A draft may be written by who applied to teach; for sale it is put by instructors."""
    require_may_edit_course(caller, team_role)
    _require(caller, team_role, CoursePermission.PUBLISH, "Publishing takes the permission COURSES_SELL, which instructors hold. Apply to teach, or ask an instructor of the team.")


def require_may_grade(caller: Caller, team_role: CourseTeamRole | None) -> None:
    _require(caller, team_role, CoursePermission.GRADE, "Its creator and graders grade a course.")


def require_may_manage_team(caller: Caller, team_role: CourseTeamRole | None) -> None:
    _require(caller, team_role, CoursePermission.MANAGE_TEAM, "Its creator manages a course's team.")


def may_see_team(caller: Caller, team_role: CourseTeamRole | None) -> bool:
    """Who is of it sees it, and who manages all courses."""
    return team_role is not None or caller.may(Permission.COURSES_MANAGE)


def require_may_leave_or_manage_team(caller: Caller, team_role: CourseTeamRole | None, account_id: UUID) -> None:
    """Whoever is in a team may leave it."""
    if account_id != caller.account_id:
        require_may_manage_team(caller, team_role)


def _require(caller: Caller, team_role: CourseTeamRole | None, wanted: CoursePermission, otherwise: str) -> None:
    if wanted not in permissions_on_course(caller, team_role):
        if caller.account_id is None and caller.key_id is None:
            raise SignedOut()
        raise NotAllowed(otherwise)

"""Who may speak of a course, answer for it, and decide what is shown."""

from lms_graph.domain.catalog import policies as catalog
from lms_graph.domain.catalog.rules import CoursePermission
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission
from lms_graph.models.catalog import CourseTeamRole


def require_no_part(team_role: CourseTeamRole | None) -> None:
    """Nobody praises their own work. Raises NotAllowed."""
    if team_role is not None:
        raise NotAllowed("You are in this course's team: its learners review it.")


def require_may_reply(caller: Caller, team_role: CourseTeamRole | None) -> None:
    """Those who write the course answer for it. Raises NotAllowed."""
    if CoursePermission.EDIT not in catalog.permissions_on_course(caller, team_role):
        raise NotAllowed("A course's creator and editors answer its reviews.")


def require_may_moderate(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.REVIEWS_MODERATE)

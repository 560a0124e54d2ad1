"""Who may grant, and who looks at a course without a run. Rights that a course's team gives belong here too; those to read are told by the queries themselves."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission


def require_may_grant(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.ENTITLEMENTS_MANAGE)


def may_preview(caller: Caller, course_id: UUID) -> bool:
    """Whether somebody who makes courses may open this one as a learner would see it."""
    return caller.may(Permission.COURSES_MANAGE)

"""What keeps a learner from learning."""

from lms_graph.kit.errors import Conflict, DomainError, NotFound


class RunNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such enrollment of yours.", path=("enrollmentId",))


class LectureNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("The course of this enrollment has no such lecture.", path=("lectureId",))


class AccessDenied(DomainError):
    code = "ACCESS_DENIED"

    def __init__(self) -> None:
        super().__init__("This is closed to you now. Ask its `access` field for the reason and what opens it.")


class GrantRequired(DomainError):
    code = "GRANT_REQUIRED"

    def __init__(self) -> None:
        super().__init__("This course needs a grant, and you hold none that no enrollment has used.", path=("courseId",))


class RunClosed(Conflict):
    code = "RUN_CLOSED"

    def __init__(self) -> None:
        super().__init__("This enrollment was canceled.", path=("enrollmentId",))


class NotYetDone(Conflict):
    """The lecture's own rule is not met: a video must be watched, a quiz passed."""

    def __init__(self, what: str) -> None:
        super().__init__(what, path=("lectureId",))


class GrantNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such entitlement here.", path=("id",))


class GrantNotByHand(Conflict):
    """What a purchase or a team gave ends with that, never by hand: else the two would say different things."""

    code = "GRANT_NOT_BY_HAND"

    def __init__(self, kind: str) -> None:
        super().__init__(f"This grant is of kind {kind}: it begins, changes and ends with what it came from. Change that instead.", path=("id",))


class GrantRevoked(Conflict):
    def __init__(self) -> None:
        super().__init__("This grant was revoked. Take that back with `entitlementRestore` first.", path=("id",))

"""What keeps somebody from speaking, or from being heard."""

from lms_graph.kit.errors import Conflict, DomainError, NotFound


class ReviewNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such review for you.", path=("reviewId",))


class ReviewNotEarned(DomainError):
    code = "REVIEW_NOT_EARNED"

    def __init__(self) -> None:
        super().__init__("Who has learned something of a course may review it: enroll, and come back with some progress.", path=("courseId",))


class ReviewIsHidden(Conflict):
    """Deleting it and writing another would undo what the school decided."""

    def __init__(self) -> None:
        super().__init__("The school has hidden this review. You can still change it with `reviewSave`, and ask the school to show it again.", path=("reviewId",))

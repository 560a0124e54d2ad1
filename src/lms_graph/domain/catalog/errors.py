"""What can be wrong with a course."""

from lms_graph.kit.errors import LimitReached, NotFound


class CourseNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such course for you.", path=("courseId",))


class CategoriesUsedUp(LimitReached):
    def __init__(self) -> None:
        super().__init__("A school has at most 500 categories. Rename one that is no longer needed.")

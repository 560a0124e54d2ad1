"""What can be wrong with a course."""

from lms_graph.kit.errors import NotFound


class CourseNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such course for you.", path=("courseId",))

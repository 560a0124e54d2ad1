"""What can be wrong with a course and its team."""

from lms_graph.kit.errors import Conflict, LimitReached, NotFound


class CourseNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such course for you.", path=("courseId",))


class CategoriesUsedUp(LimitReached):
    def __init__(self) -> None:
        super().__init__("A school has at most 500 categories. Rename one that is no longer needed.")


class PersonNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such active account in this school.", path=("person",))


class TeamMemberNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such member of a team for you.", path=("id",))


class CreatorRequired(Conflict):
    def __init__(self) -> None:
        super().__init__("A course has one creator. Make somebody else its creator first: then this one is an editor.")


class TeamFull(LimitReached):
    def __init__(self) -> None:
        super().__init__("A team has at most 50 members. Remove one first.")


class PathNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such learning path here.", path=("id",))

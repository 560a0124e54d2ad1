"""Facts about courses and their teams."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class CoursePublished(Event, about="course_id"):
    """A new version is the one that visitors see and new learners start."""

    course_id: UUID
    version_id: UUID
    number: int


@dataclass(frozen=True, kw_only=True)
class CourseTeamChanged(Event, about="course_id", audited="crs"):
    """Somebody has this role in the course's team from now on, or none."""

    course_id: UUID
    account_id: UUID
    role: str | None


@dataclass(frozen=True, kw_only=True)
class LearningPathSaved(Event, about="path_id"):
    """It was made or changed."""

    path_id: UUID
    is_published: bool

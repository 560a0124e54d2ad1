"""Facts about learning."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class CourseCompleted(Event, about="enrollment_id"):
    enrollment_id: UUID
    account_id: UUID
    course_id: UUID

"""Facts about runs. All stand in the run's sequence: a live stream of a run is these facts in order."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class EnrollmentOpened(Event, about="enrollment_id"):
    enrollment_id: UUID
    account_id: UUID
    course_id: UUID


@dataclass(frozen=True, kw_only=True)
class ProgressAdvanced(Event, about="enrollment_id"):
    """The percentage moved while a lecture was watched."""

    enrollment_id: UUID
    lecture_id: UUID | None
    progress_percent: int


@dataclass(frozen=True, kw_only=True)
class LectureCompleted(Event, about="enrollment_id"):
    enrollment_id: UUID
    lecture_id: UUID


@dataclass(frozen=True, kw_only=True)
class CourseCompleted(Event, about="enrollment_id"):
    enrollment_id: UUID
    account_id: UUID
    course_id: UUID


@dataclass(frozen=True, kw_only=True)
class EntitlementGranted(Event, about="entitlement_id"):
    entitlement_id: UUID
    account_id: UUID
    course_id: UUID | None

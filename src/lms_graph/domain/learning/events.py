"""Facts about runs and grants. Those about a run stand in the run's sequence: a live stream of a run is these facts in order."""

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
class AccessChanged(Event, about="enrollment_id"):
    """A grant that bears on the run was made or changed: what is open may differ. What begins or ends by the clock alone records nothing."""

    enrollment_id: UUID
    entitlement_id: UUID


@dataclass(frozen=True, kw_only=True)
class EntitlementGranted(Event, about="entitlement_id", audited="ent"):
    entitlement_id: UUID
    account_id: UUID
    course_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class EntitlementRevoked(Event, about="entitlement_id", audited="ent"):
    entitlement_id: UUID
    account_id: UUID
    course_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class EntitlementRestored(Event, about="entitlement_id", audited="ent"):
    """It was revoked, and is as it was before."""

    entitlement_id: UUID
    account_id: UUID
    course_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class EntitlementChanged(Event, about="entitlement_id", audited="ent"):
    """Its window or its note."""

    entitlement_id: UUID
    account_id: UUID
    course_id: UUID | None

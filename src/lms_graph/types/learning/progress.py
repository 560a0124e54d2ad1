"""Progress in, and the live stream of a run out."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.learning.rules import events_in as rules
from lms_graph.types.costs import listed
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.learning.enrollments import Enrollment
from lms_graph.types.nodes import child, decode_id, decode_or_none

if TYPE_CHECKING:
    from lms_graph.types.catalog.lectures import Lecture
    from lms_graph.types.certificates import Certificate

ProgressEventKind = described(
    rules.EventKind, "ProgressEventKind", "What a player saw.", WATCHED="A range of a video was played.", POSITION="The learner is at `fromSeconds`; nothing was played."
)
ProgressEventStatus = described(
    rules.Status, "ProgressEventStatus", "What became of an event.", ACCEPTED="It counts.", DUPLICATE="It counted before.", REJECTED="It does not count; `reason` says why."
)
ProgressEventReason = described(
    rules.Reason,
    "ProgressEventReason",
    "Why an event does not count. Only OUT_OF_ORDER is worth sending again.",
    LECTURE_UNKNOWN="The run's version has no such lecture.",
    RANGE_INVALID="The range is empty, backward, over 600 seconds, or outside the lecture.",
    CLOCK_AHEAD="It is over 5 minutes in the future.",
    OUT_OF_ORDER="Too many earlier numbers are missing; send them first, then this one again.",
)


@strawberry.input(description="One thing a player saw.")
class ProgressEventInput:
    client_event_id: int = strawberry.field(description="The device's own count in this run, from 1, never used twice.")
    lecture_id: strawberry.ID = strawberry.field(description="In which lecture.")
    kind: ProgressEventKind = strawberry.field(default=rules.EventKind.WATCHED, description="What happened.")
    from_seconds: float = strawberry.field(description="Where the range begins, or the position; from 0.")
    to_seconds: float | None = strawberry.field(
        default=None, description="Where the range ends, at most 600 seconds after `fromSeconds`; needed for WATCHED, not looked at for POSITION."
    )
    occurred_at: datetime = strawberry.field(description="When it ended, by the device's clock.")

    def as_event(self) -> rules.ProgressEvent:
        return rules.ProgressEvent(
            client_event_id=self.client_event_id,
            lecture_id=decode_or_none(self.lecture_id, "lec"),
            kind=self.kind,
            from_ms=_milliseconds(self.from_seconds),
            to_ms=None if self.to_seconds is None or self.kind is rules.EventKind.POSITION else _milliseconds(self.to_seconds),
            occurred_at=self.occurred_at,
        )


def _milliseconds(seconds: float) -> int:
    """Bounded, so that an absurd number is refused as out of range and not by the database."""
    return round(max(-1.0, min(seconds, 1_000_000.0)) * 1000)


@strawberry.input(description="A batch of one device's events.")
class ProgressRecordInput:
    enrollment_id: strawberry.ID = strawberry.field(description="The run.")
    device_id: str = strawberry.field(description="Made by the client for this device and kept: 1 to 64 characters.")
    events: list[ProgressEventInput] = strawberry.field(description="From 1 to 100, in any order; sending one again is safe.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "enrollment_id": decode_id(self.enrollment_id, "enr", path="enrollmentId"),
            "device_id": self.device_id,
            "batch": [event.as_event() for event in self.events],
        }


@strawberry.type(description="What became of one event.")
class ProgressEventResult:
    client_event_id: int = strawberry.field(description="Which.")
    status: ProgressEventStatus = strawberry.field(description="Whether it counts, counted before, or was refused.")
    reason: ProgressEventReason | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def from_result(cls, result: rules.EventResult) -> Self:
        return cls(client_event_id=result.client_event_id, status=result.status, reason=result.reason)


@strawberry.type(description="What `progressRecord` answers.")
class ProgressRecordPayload(Payload):
    results: list[ProgressEventResult] | None = listed(20, default=None, description="One per event, in the order sent.")
    next_heartbeat_seconds: int | None = strawberry.field(default=None, description="How long to gather events before sending the next batch.")
    enrollment_id: strawberry.Private[UUID | None] = None
    enrollment: Enrollment | None = child("learning.enrollment", key="enrollment_id", description="The run as it stands now.")


@strawberry.input(description="Which lecture is done.")
class LectureCompleteInput:
    enrollment_id: strawberry.ID = strawberry.field(description="The run.")
    lecture_id: strawberry.ID = strawberry.field(description="The lecture: one to read. Videos are done by watching, quizzes by passing.")

    def as_arguments(self) -> dict[str, Any]:
        return {"enrollment_id": decode_id(self.enrollment_id, "enr", path="enrollmentId"), "lecture_id": decode_id(self.lecture_id, "lec", path="lectureId")}


@strawberry.type(description="What `lectureComplete` answers.")
class LectureCompletePayload(Payload):
    enrollment_id: strawberry.Private[UUID | None] = None
    enrollment: Enrollment | None = child("learning.enrollment", key="enrollment_id", description="The run as it stands now.")


@strawberry.input(description="Which course to begin.")
class CourseEnrollInput:
    course_id: strawberry.ID = strawberry.field(description="A published course.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each intended enrollment: the same again gives the same run.")
    new_run: bool = strawberry.field(default=False, description="Begin anew when the last run is completed. A run that is open is always given back.")

    def as_arguments(self) -> dict[str, Any]:
        return {"course_id": decode_id(self.course_id, "crs", path="courseId"), "idempotency_key": self.idempotency_key, "new_run": self.new_run}


@strawberry.type(description="What `courseEnroll` answers.")
class CourseEnrollPayload(Payload):
    enrollment_id: strawberry.Private[UUID | None] = None
    enrollment: Enrollment | None = child("learning.enrollment", key="enrollment_id", description="The run.")


@strawberry.type(description="Something that happened in a run.")
class EnrollmentProgressEvent:
    sequence: int = strawberry.field(description="Its place in the run's events; give the last one seen as `after` to lose nothing.")
    lecture_completed: bool = strawberry.field(description="Whether `lecture` was done with this event.")
    access_changed: bool = strawberry.field(
        description="Whether a grant that bears on the run was made, changed or ended: ask `access` again. What the clock ends is not told: see `AccessGranted.until`."
    )
    enrollment_id: strawberry.Private[UUID]
    lecture_key: strawberry.Private[Any]
    with_certificate: strawberry.Private[UUID | None]
    enrollment: Enrollment = child("learning.enrollment", key="enrollment_id", description="The run as it stands now.")
    lecture: Annotated["Lecture", strawberry.lazy("lms_graph.types.catalog.lectures")] | None = child(
        "catalog.lecture_in_version", key="lecture_key", description="The lecture it was about, if one."
    )
    certificate: Annotated["Certificate", strawberry.lazy("lms_graph.types.certificates")] | None = child(
        "certificates.of_enrollment", key="with_certificate", description="The run's certificate, with events about it and with the present state."
    )

"""Runs of a course and what has been seen in them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.models import learning as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.learning.access import Requirement
from lms_graph.types.nodes import Node, child

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course, CourseVersion
    from lms_graph.types.catalog.lectures import Lecture, Section
    from lms_graph.types.certificates import Certificate
    from lms_graph.types.identity.accounts import Profile

EnrollmentStatus = described(
    rows.EnrollmentStatus,
    "EnrollmentStatus",
    "Where a run stands.",
    ACTIVE="It goes on.",
    COMPLETED="Every required lecture is done; so it stays.",
    CANCELED="It was ended before it was completed.",
)


@strawberry.type(description="What a run has seen of a lecture. Whoever may read the run.")
class LectureProgress:
    completed: bool = strawberry.field(description="Whether it is done.")
    coverage_percent: int = strawberry.field(description="The watched share of a video, each moment counted once, rounded down; 100 for other lectures that are done.")
    last_position_seconds: float = strawberry.field(description="Where the player was last, by the clock of the device.")
    watch_time_seconds: float = strawberry.field(description="All watching together, moments watched twice counted twice.")
    completed_at: datetime | None = strawberry.field(description="When it was done.")


@strawberry.type(description="Where to go on.")
class ResumePoint:
    position_seconds: float = strawberry.field(description="Where in the lecture, from 0.")
    place: strawberry.Private[Any]
    lecture: Annotated["Lecture", strawberry.lazy("lms_graph.types.catalog.lectures")] | None = child("catalog.lecture_in_version", key="place", description="In which lecture.")


@strawberry.type(
    description="A run of a course, pinned to the version at its start. Its learner may read all of it; the course's team, and who holds ENROLLMENTS_READ, "
    "see how far it is, and nobody else sees it at all."
)
class Enrollment(Node):
    status: EnrollmentStatus = strawberry.field(description="Where it stands.")
    run_number: int = strawberry.field(description="Counts the learner's runs of this course from 1.")
    progress_percent: int = strawberry.field(description="0 to 100. Required lectures count alike, a video being watched in part; 100 only when all are done.")
    enrolled_at: datetime = strawberry.field(description="When it began.")
    completed_at: datetime | None = strawberry.field(description="When the last required lecture was done.")
    uuid: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID]
    course_id: strawberry.Private[UUID]
    version_id: strawberry.Private[UUID]
    in_run: strawberry.Private[tuple[UUID, UUID]]
    resume: ResumePoint | None = strawberry.field(description="Where to go on; null when nothing was begun.")

    student: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", description="Who learns; null once the person was erased."
    )
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] = child("catalog.course", key="course_id", description="The course.")
    version: Annotated["CourseVersion", strawberry.lazy("lms_graph.types.catalog.courses")] = child("catalog.version", key="version_id", description="The version it is pinned to.")
    sections: list[Annotated["Section", strawberry.lazy("lms_graph.types.catalog.lectures")]] = child(
        "catalog.sections", key="in_run", size=10, description="The course's parts, as this run's version has them."
    )
    requirements: list[Requirement] = child("learning.requirements", key="in_run", size=20, description="What completes the run, in the course's order, met or not; at most 1,000.")
    certificate: Annotated["Certificate", strawberry.lazy("lms_graph.types.certificates")] | None = child(
        "certificates.of_enrollment", key="uuid", description="Its certificate, once it is issued: a moment after the run is completed. Its learner; null for others."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        resume = None
        if row["resume_lecture_id"]:
            resume = ResumePoint(position_seconds=row["resume_position_ms"] / 1000, place=(row["version_id"], row["resume_lecture_id"], row["id"]))
        return cls(
            id=strawberry.ID(public_id("enr", row["id"])),
            status=rows.EnrollmentStatus(row["status"]),
            run_number=row["run_number"],
            progress_percent=row["progress_percent"],
            enrolled_at=row["enrolled_at"],
            completed_at=row["completed_at"],
            uuid=row["id"],
            account_id=row["account_id"],
            course_id=row["course_id"],
            version_id=row["version_id"],
            in_run=(row["version_id"], row["id"]),
            resume=resume,
        )


@strawberry.type(description="A page of runs.")
class EnrollmentConnection(Connection[Enrollment]):
    pass


@strawberry.input(description="The status must be one of these.")
class EnrollmentStatusFilter:
    in_: list[EnrollmentStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: EnrollmentStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the runs must be like.")
class EnrollmentWhere:
    status: EnrollmentStatusFilter | None = strawberry.field(default=None, description="By status.")

    def statuses(self) -> tuple[str, ...] | None:
        if self.status is None or (self.status.in_ is None and self.status.eq is None):
            return None
        wanted = self.status.in_ if self.status.in_ is not None else [self.status.eq]
        return tuple(status.value for status in wanted if status is not None and self.status.eq in (None, status))

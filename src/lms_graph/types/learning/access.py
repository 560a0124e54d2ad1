"""Access: one typed answer on everything that can be closed."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.learning.rules import access as rules
from lms_graph.models import learning as rows
from lms_graph.types.costs import listed, usually
from lms_graph.types.enums import described
from lms_graph.types.nodes import child

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.catalog.lectures import Lecture
    from lms_graph.types.commerce.offers import Offer
    from lms_graph.types.learning.entitlements import Entitlement

EntitlementKind = described(
    rows.EntitlementKind,
    "EntitlementKind",
    "Where a grant came from.",
    ORDER="A purchase.",
    SUBSCRIPTION="A subscription.",
    INSTALLMENT_PLAN="A purchase that is paid in parts.",
    BUNDLE="A bundle of courses.",
    SEAT="A seat of a team.",
    GIFT="Somebody's gift.",
    MANUAL="The school, by hand.",
    OPEN="The course is open to all who enroll.",
    PREVIEW="No grant: the lecture is open to everybody, or the viewer holds COURSES_MANAGE and looks at the course.",
    EXTERNAL="Another system, such as the school's own shop; `sourceReference` is its word for it.",
)


@strawberry.interface(description="Whether something is open to the viewer now, and if not, why and what would open it. Further cases may come.")
class AccessDecision:
    allowed: bool = strawberry.field(description="Whether it is open now.")


@strawberry.type(description="A grant that opens it.")
class AccessSource:
    kind: EntitlementKind = strawberry.field(description="Where the grant came from.")
    ends_at: datetime | None = strawberry.field(
        description="When it closes if nothing happens: at the grant's end, or when the grace of a payment that is due is over; null for never."
    )


@strawberry.type(description="It is open.")
class AccessGranted(AccessDecision):
    sources: list[AccessSource] = listed(2, description="All grants that open it; the end of one does not touch the others.")
    until: datetime | None = strawberry.field(
        description="When the last of them ends, and with it the access; null when one of them never does. The moment itself is no longer within."
    )


@strawberry.type(description="Somebody must sign in first.")
class SignInRequired(AccessDecision):
    pass


@strawberry.type(description="The viewer has no run of the course: enroll with `courseEnroll`.")
class NotEnrolled(AccessDecision):
    course_id: strawberry.Private[UUID]
    entitlement: Annotated["Entitlement", strawberry.lazy("lms_graph.types.learning.entitlements")] | None = child(
        "learning.unused_grant", key="course_id", description="The viewer's live grant of this course that no run has used: `courseEnroll` takes it. An OPEN course needs none."
    )
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.visible_course", key="course_id", description="The course to enroll in."
    )

    @strawberry.field(description="The ways to buy the course itself that are on sale now, with the prices for everywhere.", directives=[usually(2)])
    def offers(self, info: Info) -> list[Annotated["Offer", strawberry.lazy("lms_graph.types.commerce.offers")]]:
        return info.context.loaders.commerce.offers_of_subject.load((self.course_id, None))  # type: ignore[return-value]


@strawberry.type(description="It opens later.")
class ScheduledFor(AccessDecision):
    at: datetime = strawberry.field(description="When.")


@strawberry.enum(description="What a requirement asks for.")
class RequirementKind(Enum):
    LECTURE_OPENED = strawberry.enum_value("LECTURE_OPENED", description="The learner says that it is done.")
    VIDEO_WATCHED = strawberry.enum_value("VIDEO_WATCHED", description="A percentage of the video is watched.")
    QUIZ_PASSED = strawberry.enum_value("QUIZ_PASSED", description="The quiz is passed.")
    LECTURE_COMPLETED = strawberry.enum_value("LECTURE_COMPLETED", description="Another lecture is done, by its own rule.")


@strawberry.type(description="Something that must be met.")
class Requirement:
    kind: RequirementKind = strawberry.field(description="What it asks for.")
    met: bool = strawberry.field(description="Whether it is met.")
    value: int = strawberry.field(description="How far it is: percent for VIDEO_WATCHED, else 0 or 1.")
    target: int = strawberry.field(description="How far it must be, in the same unit.")
    lecture_key: strawberry.Private[Any]
    course_id: strawberry.Private[UUID]
    lecture: Annotated["Lecture", strawberry.lazy("lms_graph.types.catalog.lectures")] | None = child(
        "catalog.lecture_in_version", key="lecture_key", description="The lecture it is about."
    )
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child("catalog.course", key="course_id", description="The course it is about.")


@strawberry.type(description="Something else must be done first.")
class PrerequisiteUnmet(AccessDecision):
    requirements: list[Requirement] = listed(3, description="What is missing.")


@strawberry.type(description="The viewer had access once.")
class EntitlementExpired(AccessDecision):
    ended_at: datetime = strawberry.field(description="When the last grant ended.")


@strawberry.type(description="A payment is due and its grace is over.")
class PaymentPastDue(AccessDecision):
    grace_until: datetime | None = strawberry.field(description="Until when it stayed open.")


@strawberry.type(description="The viewer's grant is paused, and opens nothing meanwhile.")
class EntitlementPaused(AccessDecision):
    pass


@strawberry.type(description="The run from which the lecture is looked at was canceled: enroll anew with `courseEnroll`.")
class RunClosed(AccessDecision):
    course_id: strawberry.Private[UUID]
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.visible_course", key="course_id", description="The course to enroll in; null when it is not published."
    )


@strawberry.type(description="It is not in the catalog.")
class NotPublished(AccessDecision):
    pass


CASES = [AccessGranted, SignInRequired, NotEnrolled, ScheduledFor, PrerequisiteUnmet, EntitlementExpired, PaymentPastDue, EntitlementPaused, RunClosed, NotPublished]


def from_decision(decision: rules.Decision, unmet: Callable[[UUID], Requirement] | None = None) -> AccessDecision:
    """The API's case for a decision; `unmet` makes the requirement for a lecture that must be done before."""
    match decision:
        case rules.Granted(sources, until):
            return AccessGranted(allowed=True, sources=[AccessSource(kind=rows.EntitlementKind(source.kind), ends_at=source.ends_at) for source in sources], until=until)
        case rules.SignInRequired():
            return SignInRequired(allowed=False)
        case rules.NotEnrolled(course_id):
            return NotEnrolled(allowed=False, course_id=course_id)
        case rules.ScheduledFor(at):
            return ScheduledFor(allowed=False, at=at)
        case rules.PrerequisiteUnmet(lecture_ids):
            assert unmet is not None, "only a lecture has prerequisites"
            return PrerequisiteUnmet(allowed=False, requirements=[unmet(id) for id in lecture_ids])
        case rules.EntitlementExpired(ended_at):
            return EntitlementExpired(allowed=False, ended_at=ended_at)
        case rules.PaymentPastDue(grace_until):
            return PaymentPastDue(allowed=False, grace_until=grace_until)
        case rules.EntitlementPaused():
            return EntitlementPaused(allowed=False)
        case rules.RunClosed(course_id):
            return RunClosed(allowed=False, course_id=course_id)
        case rules.NotPublished():
            return NotPublished(allowed=False)

"""The teams of courses: who may do what with a single one."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.catalog import rules
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.models import catalog as rows
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.one_of import OneOf

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.identity.accounts import Profile

CourseTeamRole = described(
    rows.CourseTeamRole,
    "CourseTeamRole",
    "A part in a course's team. Further values may come.",
    CREATOR="Writes it, publishes it with the permission COURSES_SELL, grades it, and manages its team. A course has at most one.",
    EDITOR="Writes it, and publishes it with the permission COURSES_SELL.",
    GRADER="Sees and grades what learners hand in.",
)
CoursePermission = described(
    rules.CoursePermission,
    "CoursePermission",
    "A right over a single course. Further values may come.",
    EDIT="Write its draft.",
    PUBLISH="Publish it.",
    GRADE="See and grade what learners hand in.",
    MANAGE_TEAM="Take people into its team, change their parts, and remove them.",
)


@strawberry.type(description="Somebody in a course's team. The team sees it, and who holds COURSES_MANAGE.")
class CourseTeamMember(Node):
    role: CourseTeamRole = strawberry.field(description="The part.")
    added_at: datetime = strawberry.field(description="Since when they are in the team.")
    account_id: strawberry.Private[UUID]

    profile: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", description="Who it is; null once their data were erased."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("tea", row["id"])), role=rows.CourseTeamRole(row["role"]), added_at=row["added_at"], account_id=row["account_id"])


@strawberry.input(description="A person of the school, by whichever of their ids is at hand.", directives=[OneOf()])
class PersonInput:
    member_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The id of a Member.")
    profile_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The id of a Profile.")
    instructor_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The id of an Instructor.")

    def account_id(self, path: str) -> UUID:
        given = [(id, prefix) for id, prefix in ((self.member_id, "mbr"), (self.profile_id, "prf"), (self.instructor_id, "ins")) if id not in (None, strawberry.UNSET)]
        if len(given) != 1:
            raise Invalid(Issue("Give one id of the person.", (path,)))
        return decode_id(given[0][0], given[0][1], path=path)


@strawberry.input(description="Who has which part in a course's team.")
class CourseTeamMemberSetInput:
    course_id: strawberry.ID = strawberry.field(description="The course.")
    person: PersonInput = strawberry.field(description="An active account of the school; new in the team or not.")
    role: CourseTeamRole = strawberry.field(description="The part. Who becomes CREATOR takes that part over; who had it becomes EDITOR.")

    def as_arguments(self) -> dict[str, Any]:
        return {"course_id": decode_id(self.course_id, "crs", path="courseId"), "account_id": self.person.account_id("person"), "role": self.role}


@strawberry.input(description="Who leaves a course's team.")
class CourseTeamMemberRemoveInput:
    id: strawberry.ID = strawberry.field(description="The CourseTeamMember; not the creator.")

    def as_arguments(self) -> dict[str, Any]:
        return {"member_id": decode_id(self.id, "tea", path="id")}


@strawberry.type(description="What `courseTeamMemberSet` answers.")
class CourseTeamMemberSetPayload(Payload):
    member_id: strawberry.Private[UUID | None] = None
    course_id: strawberry.Private[UUID | None] = None
    team_member: CourseTeamMember | None = child("catalog.team_member", key="member_id", description="The membership; null where the viewer sees the team no more.")
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child("catalog.course", key="course_id", description="The course.")


@strawberry.type(description="What `courseTeamMemberRemove` answers.")
class CourseTeamMemberRemovePayload(Payload):
    course_id: strawberry.Private[UUID | None] = None
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child("catalog.course", key="course_id", description="The course.")

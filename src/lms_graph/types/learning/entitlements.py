"""Grants: who may open what, from where it came, and in which window."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.learning.rules import access
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import learning as rows
from lms_graph.types.catalog.courses import BooleanFilter
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.learning.access import EntitlementKind
from lms_graph.types.learning.enrollments import Enrollment
from lms_graph.types.nodes import PERSON, Node, child, decode_id, decode_or_none
from lms_graph.types.permissions import requiring

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.identity.accounts import Profile

EntitlementState = described(
    rows.EntitlementState,
    "EntitlementState",
    "Whether a grant is in order. Its window and its revocation are told beside it.",
    ACTIVE="It is.",
    PAST_DUE="A payment is due: it opens until `graceUntil`.",
    PAUSED="It opens nothing until it goes on.",
)

FOR_THE_SCHOOL = requiring([Permission.ENTITLEMENTS_READ, Permission.ENTITLEMENTS_MANAGE])


@strawberry.type(
    description="A grant. What a learner may open is the union of their live grants: the end of one never touches another. Its learner, and who may read or manage entitlements."
)
class Entitlement(Node):
    kind: EntitlementKind = strawberry.field(description="Where it came from.")
    all_access: bool = strawberry.field(description="Whether it opens every course of the tenant, also those to come; else it opens `course`.")
    state: EntitlementState = strawberry.field(description="Whether it is in order.")
    live: bool = strawberry.field(description="Whether it opens what it is for now: begun, not at its end, not revoked, and paid for or in grace.")
    starts_at: datetime = strawberry.field(description="From when it opens.")
    ends_at: datetime | None = strawberry.field(description="From when it opens no more, this moment included; null for never.")
    grace_until: datetime | None = strawberry.field(description="Until when it opens though a payment is due; null when none is.")
    revoked_at: datetime | None = strawberry.field(description="From when it is revoked, perhaps in the future; null when it is not.")
    revoked_reason: str | None = strawberry.field(description="Why, in the school's words to the learner; at most 200 characters.")
    granted_at: datetime = strawberry.field(description="When it was made.")
    source_reference: str | None = strawberry.field(
        description="What the system that granted it calls its source; at most 200 characters. Null for the learner.", directives=FOR_THE_SCHOOL
    )
    note: str | None = strawberry.field(description="The school's own note; at most 1,000 characters. Null for the learner.", directives=FOR_THE_SCHOOL)
    account_id: strawberry.Private[UUID]
    course_id: strawberry.Private[UUID | None]
    granted_by_id: strawberry.Private[UUID | None]

    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.course", key="course_id", description="The course it opens, published or not; null for all access."
    )
    member: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", description="Whose it is; null once the person was erased."
    )
    granted_by: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="granted_by_id", description="Who made it; null for what an API key or the house made, and for the learner."
    )

    @classmethod
    def from_row(cls, row: Any, now: datetime, *, sees_all: bool) -> Self:
        return cls(
            id=strawberry.ID(public_id("ent", row["id"])),
            kind=rows.EntitlementKind(row["kind"]),
            all_access=row["subject_id"] is None,
            state=rows.EntitlementState(row["state"]),
            live=access.is_live(access.Grant(row["kind"], row["starts_at"], row["ends_at"], row["state"], row["grace_until"], row["revoked_at"]), now),
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            grace_until=row["grace_until"],
            revoked_at=row["revoked_at"],
            revoked_reason=row["revoked_reason"],
            granted_at=row["created_at"],
            source_reference=row["source_reference"] if sees_all else None,
            note=row["note"] if sees_all else None,
            account_id=row["account_id"],
            course_id=row["subject_id"],
            granted_by_id=row["granted_by_account_id"] if sees_all else None,
        )


@strawberry.type(description="A page of grants.")
class EntitlementConnection(Connection[Entitlement]):
    pass


@strawberry.input(description="The kind must be one of these.")
class EntitlementKindFilter:
    in_: list[EntitlementKind] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: EntitlementKind | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        if self.in_ is None and self.eq is None:
            return None
        wanted = self.in_ if self.in_ is not None else [self.eq]
        return [kind.value for kind in wanted if kind is not None and self.eq in (None, kind)]


@strawberry.input(description="It must be this object.")
class IDFilter:
    eq: strawberry.ID = strawberry.field(description="Exactly this.")


NOBODY = UUID(int=0)


@strawberry.input(description="What the viewer's grants must be like: all of what is given.")
class ViewerEntitlementWhere:
    live: BooleanFilter | None = strawberry.field(default=None, description="Opening something now, or not.")
    kind: EntitlementKindFilter | None = strawberry.field(default=None, description="By where they came from.")
    course_id: IDFilter | None = strawberry.field(default=None, description="For this course itself; all access is not counted in.")

    def as_filter(self, account_id: UUID | None = None, all_access: bool | None = None) -> GrantFilter:
        return GrantFilter(
            account_id=account_id,
            course_id=(decode_or_none(self.course_id.eq, "crs") or NOBODY) if self.course_id else None,
            all_access=all_access,
            kinds=tuple(kinds) if self.kind and (kinds := self.kind.values()) is not None else None,
            live=self.live.eq if self.live else None,
        )


@strawberry.input(description="What the grants must be like: all of what is given.")
class EntitlementWhere(ViewerEntitlementWhere):
    all_access: BooleanFilter | None = strawberry.field(default=None, description="For all courses, or for one.")
    member_id: IDFilter | None = strawberry.field(default=None, description="Of this person: the id of a profile.")

    def as_filter(self, account_id: UUID | None = None, all_access: bool | None = None) -> GrantFilter:
        return super().as_filter(
            account_id=(decode_or_none(self.member_id.eq, *PERSON) or NOBODY) if self.member_id else account_id, all_access=self.all_access.eq if self.all_access else all_access
        )


@strawberry.input(description="Who is granted what.")
class EntitlementGrantInput:
    member_id: strawberry.ID | None = strawberry.field(default=None, description="Who: the id of their profile. This or `email`.")
    email: str | None = strawberry.field(default=None, description="Who: the address of their account. This or `memberId`.")
    course_id: strawberry.ID | None = strawberry.field(default=None, description="What: a course, published or not. This or `allAccess`.")
    all_access: bool = strawberry.field(default=False, description="What: every course, also those to come. This or `courseId`.")
    kind: EntitlementKind = strawberry.field(default=rows.EntitlementKind.MANUAL, description="MANUAL, GIFT or EXTERNAL.")
    source_reference: str | None = strawberry.field(
        default=None,
        description="What your system calls the source, an order's number say: one line of 1 to 200 characters. The same for the same kind, person and course gives the grant there is, as it is now.",
    )
    starts_at: datetime | None = strawberry.field(default=None, description="From when it opens; now when left out.")
    ends_at: datetime | None = strawberry.field(default=None, description="From when it opens no more, this moment included; never when left out.")
    note: str | None = strawberry.field(default=None, description="For the school alone: 1 to 1,000 characters.")
    enroll: bool = strawberry.field(
        default=False,
        description="Open a run of the course at once, where it is published; a run that is open is kept. Else the learner does it with `courseEnroll`. Not with `allAccess`.",
    )
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each intended grant: the same again gives the same grant.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "account_id": decode_id(self.member_id, *PERSON, path="memberId") if self.member_id is not None else None,
            "email": self.email,
            "course_id": decode_id(self.course_id, "crs", path="courseId") if self.course_id is not None else None,
            "all_access": self.all_access,
            "kind": self.kind,
            "source_reference": self.source_reference,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "note": self.note,
            "enroll": self.enroll,
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What `entitlementGrant` answers.")
class EntitlementGrantPayload(Payload):
    entitlement_id: strawberry.Private[UUID | None] = None
    entitlement: Entitlement | None = child("learning.entitlement", key="entitlement_id", description="The grant as it stands now.")
    enrollment: Enrollment | None = child(
        "learning.run_of_grant", key="entitlement_id", description="Its learner's latest run of the course, if there is one: for those who may read enrollments too, else null."
    )


@strawberry.input(description="Which grant ends.")
class EntitlementRevokeInput:
    id: strawberry.ID = strawberry.field(description="The grant: of kind MANUAL, GIFT, EXTERNAL or OPEN.")
    reason: str = strawberry.field(description="Why; its learner can read it. One line of 1 to 200 characters.")
    at: datetime | None = strawberry.field(
        default=None, description="From when, at the earliest now; now when left out. One that is revoked already is never revoked later than that."
    )

    def as_arguments(self) -> dict[str, Any]:
        return {"entitlement_id": decode_id(self.id, "ent", path="id"), "reason": self.reason, "at": self.at}


@strawberry.type(description="What `entitlementRevoke` answers.")
class EntitlementRevokePayload(Payload):
    entitlement_id: strawberry.Private[UUID | None] = None
    entitlement: Entitlement | None = child("learning.entitlement", key="entitlement_id", description="The grant as it stands now.")


@strawberry.input(description="Which grant is no longer revoked.")
class EntitlementRestoreInput:
    id: strawberry.ID = strawberry.field(description="The grant: of kind MANUAL, GIFT, EXTERNAL or OPEN.")

    def as_arguments(self) -> dict[str, Any]:
        return {"entitlement_id": decode_id(self.id, "ent", path="id")}


@strawberry.type(description="What `entitlementRestore` answers.")
class EntitlementRestorePayload(Payload):
    entitlement_id: strawberry.Private[UUID | None] = None
    entitlement: Entitlement | None = child("learning.entitlement", key="entitlement_id", description="The grant as it stands now.")


@strawberry.input(description="What changes of a grant. What is left out stays as it is.")
class EntitlementUpdateInput:
    id: strawberry.ID = strawberry.field(description="The grant: of kind MANUAL, GIFT, EXTERNAL or OPEN, and not revoked.")
    starts_at: strawberry.Maybe[datetime | None] = strawberry.field(default=None, description="From when it opens.")
    ends_at: strawberry.Maybe[datetime | None] = strawberry.field(default=None, description="From when it opens no more, this moment included; null for never.")
    note: strawberry.Maybe[str | None] = strawberry.field(default=None, description="For the school alone: 1 to 1,000 characters; null for none.")

    def as_arguments(self) -> dict[str, Any]:
        """Raises Invalid for a null of `startsAt`."""
        if self.starts_at and self.starts_at.value is None:
            raise Invalid(Issue("This cannot be null. Leave it out to keep it as it is.", ("startsAt",)))
        given = {"starts_at": self.starts_at, "ends_at": self.ends_at, "note": self.note}
        return {"entitlement_id": decode_id(self.id, "ent", path="id"), "changes": {name: some.value for name, some in given.items() if some}}


@strawberry.type(description="What `entitlementUpdate` answers.")
class EntitlementUpdatePayload(Payload):
    entitlement_id: strawberry.Private[UUID | None] = None
    entitlement: Entitlement | None = child("learning.entitlement", key="entitlement_id", description="The grant as it stands now.")

"""A tenant's people as those see them who run it: roles, invitations, suspensions."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.identity.rules.members import MAX_REASON
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import identity as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Profile, Role
from lms_graph.types.identity.sessions import EMAIL, Session
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.personal import personal

if TYPE_CHECKING:
    from lms_graph.types.commerce.refunds import RefundRecord

MemberStatus = described(
    rows.AccountStatus,
    "MemberStatus",
    "Where an account stands. Further values may come.",
    ACTIVE="It can be used.",
    SUSPENDED="It is kept out: no sign-in, no sessions. What it holds stays.",
    ERASED="Its personal data were erased. Such accounts are not members any more.",
)


@strawberry.type(
    description="An account as those see it who run the tenant: MEMBERS_READ or MEMBERS_MANAGE. For everybody else there is none of this id.",
)
class Member(Node):
    name: str = strawberry.field(description="The name shown to others; 1 to 200 characters.")
    email: str | None = personal("address", of="account_id", description="The address, as it was typed; up to 254 characters. Null for others without PERSONAL_READ.")
    email_verified: bool = strawberry.field(description="Whether the address was proved to be theirs.")
    roles: list[Role] = strawberry.field(description="What they may do in this tenant, each once, by name.")
    status: MemberStatus = strawberry.field(description="Where the account stands.")
    created_at: datetime = strawberry.field(description="When the account was made.")
    last_seen_at: datetime | None = strawberry.field(description="When any device of theirs last got tokens; null when none ever did.")
    suspended_at: datetime | None = strawberry.field(description="Since when it is suspended; null when it is not.")
    suspension_reason: str | None = strawberry.field(description="Why, in the words of who did it: up to 1,000 characters. Not for the member.")
    invitation_expires_at: datetime | None = strawberry.field(
        description="Until when the last invitation can be accepted, perhaps in the past; null when none waits for being accepted."
    )
    account_id: strawberry.Private[UUID]
    address: strawberry.Private[str | None]

    refund_record: Annotated["RefundRecord", strawberry.lazy("lms_graph.types.commerce.refunds")] | None = child(
        "commerce.refund_record",
        key="account_id",
        description="How often they had money back, of what they paid within the last 180 days. REFUNDS_DECIDE, else null.",
        requires=[Permission.REFUNDS_DECIDE],
    )
    profile: Profile | None = child("identity.profile", key="account_id", description="The person as others see them.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("mbr", row["id"])),
            name=row["name"],
            address=row["email"],
            email_verified=row["email_verified_at"] is not None,
            roles=[rows.Role(role) for role in row["roles"]],
            status=rows.AccountStatus(row["status"]),
            created_at=row["created_at"],
            last_seen_at=row["last_seen_at"],
            suspended_at=row["suspended_at"],
            suspension_reason=row["suspension_reason"],
            invitation_expires_at=row["invitation_expires_at"],
            account_id=row["id"],
        )


@strawberry.type(description="A page of the tenant's members.")
class MemberConnection(Connection[Member]):
    pass


@strawberry.input(description="They must hold one of these roles.")
class RoleFilter:
    in_: list[Role] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: Role | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="The status must be one of these.")
class MemberStatusFilter:
    in_: list[MemberStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: MemberStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the members must be like: all of what is given.")
class MemberWhere:
    role: RoleFilter | None = strawberry.field(default=None, description="By the roles they hold.")
    status: MemberStatusFilter | None = strawberry.field(default=None, description="By where the account stands.")

    def as_arguments(self) -> dict[str, Any]:
        return {"roles": _chosen(self.role), "statuses": _chosen(self.status)}


def _chosen(asked: Any) -> list[str] | None:
    """The values that a filter leaves; None where it asks for nothing."""
    if asked is None or (asked.in_ is None and asked.eq is None):
        return None
    return [value.value for value in (asked.in_ if asked.in_ is not None else [asked.eq]) if asked.eq in (None, value)]


MEMBER = "The member."
MEMBER_ID = "A member's id."
REPEAT = "1 to 255 characters, new for each intended action: the same again gives the same outcome."


@strawberry.input(description="Who gets which role.")
class MemberRoleGrantInput:
    member_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    role: Role = strawberry.field(description="The role. APPLICANT cannot be given: it comes by applying.")
    idempotency_key: str = strawberry.field(description=REPEAT)

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, "mbr", path="memberId"), "role": self.role, "idempotency_key": self.idempotency_key}


@strawberry.input(description="Who loses which role.")
class MemberRoleRevokeInput:
    member_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    role: Role = strawberry.field(description="The role. STUDENT cannot be taken.")

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, "mbr", path="memberId"), "role": self.role}


@strawberry.input(description="Whom to invite.")
class MemberInviteInput:
    email: str = strawberry.field(description=EMAIL)
    name: str = strawberry.field(description="One line of 1 to 200 characters; they may change it when they accept.")
    roles: list[Role] = strawberry.field(default_factory=list, description="Roles besides STUDENT, which everybody has; as `memberRoleGrant` would give them. At most 250.")
    idempotency_key: str = strawberry.field(description=REPEAT)

    def as_arguments(self) -> dict[str, Any]:
        return {"email": self.email, "name": self.name, "given": self.roles, "idempotency_key": self.idempotency_key}


@strawberry.input(description="Whose invitation to send again.")
class MemberInvitationResendInput:
    member_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    idempotency_key: str = strawberry.field(description=REPEAT)

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, "mbr", path="memberId"), "idempotency_key": self.idempotency_key}


@strawberry.input(description="How somebody takes the account that was made for them.")
class InvitationAcceptInput:
    token: str = strawberry.field(description="The token of the link in the mail.")
    name: str | None = strawberry.field(default=None, description="Another name than the invitation's: one line of 1 to 200 characters.")
    password: str = strawberry.field(description="10 to 128 characters, not the address and not one of the commonest.")


@strawberry.input(description="Whom to keep out.")
class MemberSuspendInput:
    member_id: strawberry.ID = strawberry.field(description=MEMBER_ID)
    reason: str = strawberry.field(description=f"Why, for others who run the tenant: 1 to {MAX_REASON:,} characters.")

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, "mbr", path="memberId"), "reason": self.reason}


@strawberry.input(description="Whom to let in again.")
class MemberRestoreInput:
    member_id: strawberry.ID = strawberry.field(description=MEMBER_ID)

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": decode_id(self.member_id, "mbr", path="memberId")}


@strawberry.type(description="What `memberRoleGrant` answers.")
class MemberRoleGrantPayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description=MEMBER)


@strawberry.type(description="What `memberRoleRevoke` answers.")
class MemberRoleRevokePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description=MEMBER)


@strawberry.type(description="What `memberInvite` answers.")
class MemberInvitePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description="The account that waits for its owner.")


@strawberry.type(description="What `memberInvitationResend` answers.")
class MemberInvitationResendPayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description=MEMBER)


@strawberry.type(description="What `invitationAccept` answers.")
class InvitationAcceptPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the account's first session.")


@strawberry.type(description="What `memberSuspend` answers.")
class MemberSuspendPayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description=MEMBER)


@strawberry.type(description="What `memberRestore` answers.")
class MemberRestorePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    member: Member | None = child("identity.member", key="account_id", description=MEMBER)

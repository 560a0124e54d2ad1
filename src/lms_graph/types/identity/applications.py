"""Applying to teach."""

from datetime import datetime
from enum import Enum
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.identity.rules import applications as rules
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import identity as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.identity.members import Member
from lms_graph.types.nodes import Node, child, decode_id

InstructorApplicationStatus = described(
    rows.ApplicationStatus,
    "InstructorApplicationStatus",
    "Where an application stands.",
    PENDING="It waits for a decision.",
    APPROVED="The applicant is an instructor.",
    REFUSED="It was refused; `reason` says why.",
    WITHDRAWN="The applicant took it back.",
)


@strawberry.enum(description="What is decided about an application.")
class InstructorApplicationDecision(Enum):
    APPROVE = strawberry.enum_value("APPROVE", description="The applicant becomes an instructor, with a public page.")
    REFUSE = strawberry.enum_value("REFUSE", description="The applicant does not, and reads why.")


@strawberry.type(description="Somebody's wish to teach. The applicant sees it, and who holds APPLICATIONS_DECIDE.")
class InstructorApplication(Node):
    status: InstructorApplicationStatus = strawberry.field(description="Where it stands.")
    motivation: str = strawberry.field(description="Why they want to teach: plain text of 1 to 5,000 characters.")
    links: list[str] = strawberry.field(description="Samples of their work: at most 10 addresses of `http` or `https`. Nobody has looked what is there.")
    slug: str | None = strawberry.field(description="The name they wish for their page; null when it is to be made of theirs.")
    headline: str | None = strawberry.field(description="What their page is to say of them in a line.")
    bio: str = strawberry.field(description="What their page is to say, as Markdown; perhaps nothing.")
    reason: str | None = strawberry.field(description="What the decision said, up to 2,000 characters; always there for a refusal.")
    applied_at: datetime = strawberry.field(description="When it was made.")
    decided_at: datetime | None = strawberry.field(description="When it was decided or withdrawn.")
    account_id: strawberry.Private[UUID]
    decider_id: strawberry.Private[UUID | None]

    member: Member | None = child(
        "identity.member",
        key="account_id",
        description="Who applies; for those who may see members.",
        requires=[Permission.MEMBERS_READ, Permission.MEMBERS_MANAGE],
    )
    applicant: Profile | None = child("identity.profile", key="account_id", description="Who applies, as everybody sees them.")
    decided_by: Profile | None = child("identity.profile", key="decider_id", description="Who decided; null while nobody has, when it was withdrawn, and when an API key did.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("app", row["id"])),
            status=rows.ApplicationStatus(row["status"]),
            motivation=row["motivation"],
            links=row["links"],
            slug=row["slug"],
            headline=row["headline"],
            bio=row["bio_markdown"],
            reason=row["reason"],
            applied_at=row["applied_at"],
            decided_at=row["decided_at"],
            account_id=row["account_id"],
            decider_id=row["decided_by"],
        )


@strawberry.type(description="A page of applications.")
class InstructorApplicationConnection(Connection[InstructorApplication]):
    pass


@strawberry.input(description="The status must be one of these.")
class InstructorApplicationStatusFilter:
    in_: list[InstructorApplicationStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: InstructorApplicationStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the applications must be like.")
class InstructorApplicationWhere:
    status: InstructorApplicationStatusFilter | None = strawberry.field(default=None, description="By where they stand.")

    def statuses(self) -> list[str] | None:
        asked = self.status
        if asked is None or (asked.in_ is None and asked.eq is None):
            return None
        return [value.value for value in (asked.in_ if asked.in_ is not None else [asked.eq]) if value is not None and asked.eq in (None, value)]


@strawberry.input(description="An application to teach, and what the public page is to say once it is approved.")
class InstructorApplyInput:
    motivation: str = strawberry.field(description=f"Why you want to teach: plain text of 1 to {rules.MAX_MOTIVATION:,} characters.")
    links: list[str] = strawberry.field(
        default_factory=list, description=f"Samples of your work: at most {rules.MAX_LINKS} addresses of `http` or `https`, each up to {rules.MAX_LINK} characters."
    )
    slug: str | None = strawberry.field(
        default=None, description="The page's name in addresses: lower-case letters, digits and hyphens, 1 to 80. If it is taken by then, a number is added."
    )
    headline: str | None = strawberry.field(default=None, description="What you are, in a line of up to 200 characters.")
    bio: str = strawberry.field(default="", description="Who you are; up to 20,000 characters of Markdown.")

    def as_arguments(self) -> dict[str, Any]:
        return {"motivation": self.motivation, "links": self.links, "slug": self.slug, "headline": self.headline, "bio_markdown": self.bio}


@strawberry.input(description="Which application to take back.")
class InstructorApplicationWithdrawInput:
    id: strawberry.ID = strawberry.field(description="The viewer's own application.")

    def as_arguments(self) -> dict[str, Any]:
        return {"application_id": decode_id(self.id, "app", path="id")}


@strawberry.input(description="What is decided about which application.")
class InstructorApplicationDecideInput:
    id: strawberry.ID = strawberry.field(description="The application.")
    decision: InstructorApplicationDecision = strawberry.field(description="What is decided.")
    reason: str | None = strawberry.field(default=None, description=f"Why: 1 to {rules.MAX_REASON:,} characters, which the applicant reads. A refusal needs it.")

    def as_arguments(self) -> dict[str, Any]:
        return {"application_id": decode_id(self.id, "app", path="id"), "is_approval": self.decision is InstructorApplicationDecision.APPROVE, "reason": self.reason}


@strawberry.type(description="What `instructorApply` answers.")
class InstructorApplyPayload(Payload):
    application_id: strawberry.Private[UUID | None] = None
    application: InstructorApplication | None = child("identity.application", key="application_id", description="The application.")


@strawberry.type(description="What `instructorApplicationWithdraw` answers.")
class InstructorApplicationWithdrawPayload(Payload):
    application_id: strawberry.Private[UUID | None] = None
    application: InstructorApplication | None = child("identity.application", key="application_id", description="The application.")


@strawberry.type(description="What `instructorApplicationDecide` answers.")
class InstructorApplicationDecidePayload(Payload):
    application_id: strawberry.Private[UUID | None] = None
    application: InstructorApplication | None = child("identity.application", key="application_id", description="The application.")

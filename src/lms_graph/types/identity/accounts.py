"""People: the one who is signed in, and anybody as others see them."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.types.connections import After, Before, First, Last, connection
from lms_graph.types.errors import Payload
from lms_graph.types.identity.sessions import EMAIL, Session, SignedInSession
from lms_graph.types.nodes import Node, child
from lms_graph.types.permissions import Permission

if TYPE_CHECKING:
    from lms_graph.types.certificates import CertificateConnection
    from lms_graph.types.learning.enrollments import EnrollmentConnection, EnrollmentWhere
    from lms_graph.types.learning.entitlements import EntitlementConnection, ViewerEntitlementWhere


@strawberry.enum(description="What a person may do in the whole tenant. Further values may come.")
class Role(Enum):
    PLATFORM_ADMIN = strawberry.enum_value("PLATFORM_ADMIN", description="Runs the platform: makes tenants. Held in the platform's own tenant only.")
    TENANT_ADMIN = strawberry.enum_value("TENANT_ADMIN", description="Runs the tenant: people, brand, every course and order.")
    INSTRUCTOR = strawberry.enum_value("INSTRUCTOR", description="Makes courses and has a public page.")
    SUPPORT = strawberry.enum_value("SUPPORT", description="Helps learners: reads their runs and orders.")
    STUDENT = strawberry.enum_value("STUDENT", description="Buys and learns.")


@strawberry.type(description="The one who is signed in. Nobody sees another's.")
class Viewer(Node):
    email: str = strawberry.field(description="The address, as it was typed; up to 254 characters.")
    name: str = strawberry.field(description="The name shown to others; 1 to 200 characters.")
    email_verified: bool = strawberry.field(description="Whether the address was proved to be theirs.")
    roles: list[Role] = strawberry.field(description="What they may do in this tenant, each once, by name.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]

    @strawberry.field(description="What this request may do in the tenant beyond what is the viewer's own: the rights of their roles, less what the token takes away. By name.")
    def permissions(self, info: Info) -> list[Permission]:
        return sorted(info.context.caller.permissions)

    sessions: list[SignedInSession] = child("identity.sessions", key="account_id", size=5, description="Where they are signed in, last seen first; at most 50.")

    @strawberry.field(description="Address of the picture; null when there is none.")
    def avatar_url(self, info: Info) -> str | None:
        return info.context.file_url(self.avatar_file_id)

    @connection(description="Their runs of courses, latest first.")
    def enrollments(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["EnrollmentWhere", strawberry.lazy("lms_graph.types.learning.enrollments")] | None, strawberry.argument(description="What the runs must be like.")
        ] = None,
    ) -> Annotated["EnrollmentConnection", strawberry.lazy("lms_graph.types.learning.enrollments")]:
        request = PageRequest(first, after, last, before)
        return info.context.loaders.learning.runs_of_account.load((self.account_id, request, where.statuses() if where else None))

    @connection(description="What was granted to them, latest first, also what has ended.")
    def entitlements(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[
            Annotated["ViewerEntitlementWhere", strawberry.lazy("lms_graph.types.learning.entitlements")] | None, strawberry.argument(description="What the grants must be like.")
        ] = None,
    ) -> Annotated["EntitlementConnection", strawberry.lazy("lms_graph.types.learning.entitlements")]:
        request = PageRequest(first, after, last, before)
        return info.context.loaders.learning.own_entitlements.load((request, where.as_filter() if where else GrantFilter()))

    @connection(description="Their certificates, latest first.")
    def certificates(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["CertificateConnection", strawberry.lazy("lms_graph.types.certificates")]:
        return info.context.loaders.certificates.of_learner.load(PageRequest(first, after, last, before))

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("vwr", row["id"])),
            email=row["email"],
            name=row["name"],
            email_verified=row["email_verified_at"] is not None,
            roles=[Role(role) for role in row["roles"]],
            account_id=row["id"],
            avatar_file_id=row["avatar_file_id"],
        )


@strawberry.type(description="A person as others see them. Everybody who holds the id may read all of it.")
class Profile(Node):
    name: str = strawberry.field(description="1 to 200 characters.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]

    @strawberry.field(description="Address of the picture; null when there is none.")
    def avatar_url(self, info: Info) -> str | None:
        return info.context.file_url(self.avatar_file_id)

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("prf", row["id"])), name=row["name"], account_id=row["id"], avatar_file_id=row["avatar_file_id"])


@strawberry.input(description="A new account.")
class SignUpInput:
    email: str = strawberry.field(description=EMAIL)
    name: str = strawberry.field(description="The name shown to others and printed on certificates: one line of 1 to 200 characters.")
    password: str = strawberry.field(description="10 to 128 characters, not the address and not one of the commonest.")


@strawberry.type(description="What `signUp` answers.")
class SignUpPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new account's first session.")
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="The new account.")

"""People: the one who is signed in, those who teach, and anybody as others see them."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.types.connections import After, Before, First, Last, connection
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child
from lms_graph.types.text import FormattedText

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import CourseConnection
    from lms_graph.types.certificates import CertificateConnection
    from lms_graph.types.learning.enrollments import EnrollmentConnection, EnrollmentWhere


@strawberry.enum(description="What a person may do in the whole tenant. Further values may come.")
class Role(Enum):
    PLATFORM_ADMIN = strawberry.enum_value("PLATFORM_ADMIN", description="Runs the platform: makes tenants. Held in the platform's own tenant only.")
    TENANT_ADMIN = strawberry.enum_value("TENANT_ADMIN", description="Runs the tenant: people, brand, every course and order.")
    INSTRUCTOR = strawberry.enum_value("INSTRUCTOR", description="Makes courses and has a public page.")
    SUPPORT = strawberry.enum_value("SUPPORT", description="Helps learners: reads their runs and orders.")
    STUDENT = strawberry.enum_value("STUDENT", description="Buys and learns.")


@strawberry.type(description="The tokens of a sign-in. Shown this once and never again: only their hashes are kept.")
class Session:
    access_token: str = strawberry.field(description="Send it as `Authorization: Bearer <accessToken>`. Opaque; lives 15 minutes.")
    refresh_token: str = strawberry.field(description="Give it to `sessionRefresh` for a new pair. Opaque; used once; lives 30 days.")
    expires_at: datetime = strawberry.field(description="When the access token ends.")

    @classmethod
    def from_signed_in(cls, signed_in: Any) -> Self:
        return cls(access_token=signed_in.access_token, refresh_token=signed_in.refresh_token, expires_at=signed_in.expires_at)


@strawberry.type(description="A device on which an account is signed in. Only its owner sees it, while it lives.")
class SignedInSession(Node):
    created_at: datetime = strawberry.field(description="When it was opened.")
    last_seen_at: datetime = strawberry.field(description="When it last got tokens: while it is in use, at most 15 minutes ago.")
    ip_address: str | None = strawberry.field(description="The IPv4 or IPv6 address from which it last got tokens.")
    user_agent: str | None = strawberry.field(description="What the client then called itself, up to 400 characters.")
    current: bool = strawberry.field(description="Whether this request belongs to it.")

    @classmethod
    def from_row(cls, row: Any, *, current_id: UUID | None) -> Self:
        return cls(
            id=strawberry.ID(public_id("ses", row["id"])),
            created_at=row["created_at"],
            last_seen_at=row["last_seen_at"],
            ip_address=row["ip_address"],
            user_agent=row["user_agent"],
            current=row["id"] == current_id,
        )


@strawberry.type(description="The one who is signed in. Nobody sees another's.")
class Viewer(Node):
    email: str = strawberry.field(description="The address, as it was typed; up to 254 characters.")
    name: str = strawberry.field(description="The name shown to others; 1 to 200 characters.")
    email_verified: bool = strawberry.field(description="Whether the address was proved to be theirs.")
    roles: list[Role] = strawberry.field(description="What they may do in this tenant, each once, by name.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]
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


@strawberry.type(description="The public page of somebody who teaches. Everybody may read all of it.")
class Instructor(Node):
    slug: str = strawberry.field(description="The page's name in addresses, unique in the tenant: lower-case letters, digits and hyphens, 1 to 80.")
    name: str = strawberry.field(description="1 to 200 characters.")
    headline: str | None = strawberry.field(description="What they are, in a line of up to 200 characters.")
    bio: FormattedText = strawberry.field(description="Who they are; up to 20,000 characters of Markdown, perhaps none.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]

    course_count: int = child("catalog.course_count", key="account_id", description="How many published courses they teach.")
    student_count: int = child("catalog.student_count", key="account_id", description="How many enrollments there have been in those; a moment behind.")

    @strawberry.field(description="Address of the picture; null when there is none.")
    def avatar_url(self, info: Info) -> str | None:
        return info.context.file_url(self.avatar_file_id)

    @connection(description="The published courses they teach, newest first.")
    def courses(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["CourseConnection", strawberry.lazy("lms_graph.types.catalog.courses")]:
        return info.context.loaders.catalog.courses_of_instructor.load((self.account_id, PageRequest(first, after, last, before)))

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("ins", row["id"])),
            slug=row["slug"],
            name=row["name"],
            headline=row["headline"],
            bio=FormattedText(markdown=row["bio_markdown"], html=row["bio_html"]),
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


_EMAIL = "An address such as `ada@example.com`, up to 254 characters; letter case does not tell accounts apart."


@strawberry.input(description="A new account.")
class SignUpInput:
    email: str = strawberry.field(description=_EMAIL)
    name: str = strawberry.field(description="The name shown to others and printed on certificates: one line of 1 to 200 characters.")
    password: str = strawberry.field(description="10 to 128 characters, not the address and not one of the commonest.")


@strawberry.input(description="Who signs in.")
class SignInInput:
    email: str = strawberry.field(description=_EMAIL)
    password: str = strawberry.field(description="The account's password.")


@strawberry.input(description="Which session goes on.")
class SessionRefreshInput:
    refresh_token: str = strawberry.field(description="The session's present refresh token.")


@strawberry.input(description="Which session ends.")
class SignOutInput:
    refresh_token: str | None = strawberry.field(default=None, description="A refresh token of the session to end; without it, the session of the request's access token ends.")


@strawberry.type(description="What `signUp` answers.")
class SignUpPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new account's first session.")
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="The new account.")


@strawberry.type(description="What `signIn` answers.")
class SignInPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session.")


@strawberry.type(description="What `sessionRefresh` answers.")
class SessionRefreshPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The new pair of tokens.")


@strawberry.type(description="What `signOut` answers.")
class SignOutPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when the session is no more, also when it had ended before.")

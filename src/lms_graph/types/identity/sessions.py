"""Signing in by one factor or two, signing out, and the devices on which somebody is signed in."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id

if TYPE_CHECKING:
    from lms_graph.types.identity.accounts import Viewer

EMAIL = "An address such as `ada@example.com`, up to 254 characters; letter case does not tell accounts apart."

SECOND_FACTOR_TOKEN = (
    "Where the account has a second factor: give it to `secondFactorConfirm` with a code of the authenticator app, within 5 minutes and from the same network. "
    "Null when there is a session, or neither."
)


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


@strawberry.input(description="Who signs in.")
class SignInInput:
    email: str = strawberry.field(description=EMAIL)
    password: str = strawberry.field(description="The account's password.")


@strawberry.input(description="Which session goes on.")
class SessionRefreshInput:
    refresh_token: str = strawberry.field(description="The session's present refresh token.")


@strawberry.input(description="Which session ends.")
class SignOutInput:
    refresh_token: str | None = strawberry.field(default=None, description="A refresh token of the session to end; without it, the session of the request's access token ends.")


@strawberry.type(description="What `signIn` answers.")
class SignInPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session; null when a second factor is asked for.")
    second_factor_token: str | None = strawberry.field(default=None, description=SECOND_FACTOR_TOKEN)


@strawberry.type(description="What `sessionRefresh` answers.")
class SessionRefreshPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The new pair of tokens.")


@strawberry.type(description="What `signOut` answers.")
class SignOutPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when the session is no more, also when it had ended before.")


@strawberry.input(description="The second factor of a sign-in: a code of the app, or a recovery code.")
class SecondFactorConfirmInput:
    second_factor_token: str = strawberry.field(description="What `signIn` or `passwordResetConfirm` gave. Good for five tries.")
    code: str | None = strawberry.field(default=None, description="The six digits that the authenticator app shows; each code works once.")
    recovery_code: str | None = strawberry.field(
        default=None, description="One of the recovery codes, in place of `code`. It works once. Case, spaces and hyphens do not count, nor O for 0 and I or L for 1."
    )


@strawberry.type(description="What `secondFactorConfirm` answers.")
class SecondFactorConfirmPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session.")


@strawberry.input(description="Which session ends.")
class SessionRevokeInput:
    session_id: strawberry.ID = strawberry.field(description="One of `viewer.sessions`.")

    def as_arguments(self) -> dict[str, Any]:
        return {"session_id": decode_id(self.session_id, "ses", path="sessionId")}


@strawberry.type(description="What `sessionRevoke` answers.")
class SessionRevokePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    viewer: Annotated["Viewer", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child("identity.viewer", key="account_id", description="Whose session it was.")


@strawberry.input(description="Which sessions go on.")
class SessionsRevokeOthersInput:
    keep: list[strawberry.ID] = strawberry.field(default_factory=list, description="Of `viewer.sessions`, besides the present one: those that go on. At most 50.")

    def as_arguments(self) -> dict[str, Any]:
        return {"keep": [decode_id(id, "ses", path="keep") for id in self.keep]}


@strawberry.type(description="What `sessionsRevokeOthers` answers.")
class SessionsRevokeOthersPayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    viewer: Annotated["Viewer", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child("identity.viewer", key="account_id", description="Whose sessions they were.")

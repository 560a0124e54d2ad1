"""Signing in and out, and the devices on which somebody is signed in."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node

EMAIL = "An address such as `ada@example.com`, up to 254 characters; letter case does not tell accounts apart."


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
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session.")


@strawberry.type(description="What `sessionRefresh` answers.")
class SessionRefreshPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The new pair of tokens.")


@strawberry.type(description="What `signOut` answers.")
class SignOutPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when the session is no more, also when it had ended before.")

"""Signing in by one factor or two, signing out, and the devices on which somebody is signed in."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.models import identity as rows
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.personal import personal

if TYPE_CHECKING:
    from lms_graph.types.identity.accounts import Profile, Viewer

SessionKind = described(
    rows.SessionKind,
    "SessionKind",
    "How a session was opened. Further values may come.",
    SIGN_IN="By its owner, who signed in.",
    EXPLORER="By its owner, with `explorerTokenCreate`: for looking around.",
    IMPERSONATION="By somebody of the school, with `memberImpersonate`: `impersonator` says who.",
)

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
    kind: SessionKind = strawberry.field(description="How it was opened.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    last_seen_at: datetime = strawberry.field(description="When it last got tokens: while it is in use, at most 15 minutes ago.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used before: a sign-in goes on with each refresh, others do not.")
    read_only: bool = strawberry.field(description="Whether nothing can be changed with it.")
    masked: bool = strawberry.field(description="Whether personal data are masked in what it shows.")
    ip_address: str | None = personal("address", of="account_id", description="The IPv4 or IPv6 address from which it last got tokens.")
    user_agent: str | None = strawberry.field(description="What the client then called itself, up to 400 characters.")
    current: bool = strawberry.field(description="Whether this request belongs to it.")
    account_id: strawberry.Private[UUID]
    impersonator_id: strawberry.Private[UUID | None]
    address: strawberry.Private[str | None]
    impersonator: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="impersonator_id", description="Who looks at the school as the owner; null for the owner's own sessions."
    )

    @classmethod
    def from_row(cls, row: Any, *, current_id: UUID | None) -> Self:
        return cls(
            id=strawberry.ID(public_id("ses", row["id"])),
            kind=rows.SessionKind(row["kind"]),
            created_at=row["created_at"],
            last_seen_at=row["last_seen_at"],
            expires_at=row["expires_at"],
            read_only=row["is_read_only"],
            masked=row["is_masked"],
            account_id=row["account_id"],
            impersonator_id=row["impersonator_id"],
            address=row["ip_address"],
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
    second_factor_token: str = strawberry.field(description="What `signIn`, `providerSignIn` or `passwordResetConfirm` gave. Good for five tries.")
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


@strawberry.input(description="A token to look around with.")
class ExplorerTokenCreateInput:
    personal_data: bool = strawberry.field(default=False, description="Show personal data as far as your rights go, instead of masking them, your own too.")
    writable: bool = strawberry.field(default=False, description="Let it change things as well.")
    idempotency_key: str = strawberry.field(description="Of your making, 1 to 255 characters, new for each token that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        return {"shows_personal": self.personal_data, "may_write": self.writable, "key": self.idempotency_key}


@strawberry.type(description="What `explorerTokenCreate` answers.")
class ExplorerTokenCreatePayload(Payload):
    session_id: strawberry.Private[UUID | None] = None
    session: SignedInSession | None = child("identity.session", key="session_id", description="The session: until when it lives, and what it may.")
    access_token: str | None = strawberry.field(
        default=None, description="Send it as `Authorization: Bearer <accessToken>`. Shown this once; null when the request was repeated: if the answer was lost, make another."
    )


@strawberry.input(description="As whom to look at the school, and why.")
class MemberImpersonateInput:
    account_id: strawberry.ID = strawberry.field(description="Whom: the id of a student's Profile.")
    reason: str = strawberry.field(description="Why, in 1 to 500 characters: it stands in the audit log.")

    def as_arguments(self) -> dict[str, Any]:
        prefix = "mbr" if self.account_id.startswith("mbr_") else "prf"
        return {"account_id": decode_id(self.account_id, prefix, path="accountId"), "reason": self.reason}


@strawberry.type(description="What `memberImpersonate` answers.")
class MemberImpersonatePayload(Payload):
    access_token: str | None = strawberry.field(
        default=None, description="Send it as `Authorization: Bearer <accessToken>`. Shown this once; lives 30 minutes, and `signOut` ends it."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends.")
    account_id: strawberry.Private[UUID | None] = None
    profile: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child("identity.profile", key="account_id", description="As whom you look.")

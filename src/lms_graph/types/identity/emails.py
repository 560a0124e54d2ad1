"""Proving an address by a link, and changing it."""

from typing import Any, Self

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.errors import Payload
from lms_graph.types.identity.sessions import EMAIL

TOKEN = "What follows `token=` in the link of the mail. Good once."
PASSWORD_AGAIN = "The account's password. Left out by accounts that have none: they sign in again, at most ten minutes before."
OK = "True when it was taken down, whether or not somebody has the address."


@strawberry.type(description="Of an account, what somebody may know who followed a link from its mail, signed in or not.")
class EmailOwner:
    id: strawberry.ID = strawberry.field(description="The account's `Viewer.id`.")
    email: str = strawberry.field(description="The address, up to 254 characters.")
    email_verified: bool = strawberry.field(description="Whether the address was proved to be theirs.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("vwr", row["id"])), email=row["email"], email_verified=row["email_verified_at"] is not None)


@strawberry.input(description="The link that was followed.")
class EmailVerifyInput:
    token: str = strawberry.field(description=f"{TOKEN} Within 48 hours.")


@strawberry.type(description="What `emailVerify` answers.")
class EmailVerifyPayload(Payload):
    viewer: EmailOwner | None = strawberry.field(default=None, description="Whose address it is.")


@strawberry.input(description="To whom a new mail goes.")
class EmailVerificationRequestInput:
    email: str = strawberry.field(description=EMAIL)


@strawberry.type(description="What `emailVerificationRequest` answers.")
class EmailVerificationRequestPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description=OK)


@strawberry.input(description="The new address.")
class EmailChangeRequestInput:
    email: str = strawberry.field(description=EMAIL)
    password: str | None = strawberry.field(default=None, description=PASSWORD_AGAIN)


@strawberry.type(description="What `emailChangeRequest` answers.")
class EmailChangeRequestPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description="True when the mails are on their way: a link to the new address, a notice to the present one.")


@strawberry.input(description="The link that was followed.")
class EmailChangeConfirmInput:
    token: str = strawberry.field(description=f"{TOKEN} Within an hour.")


@strawberry.type(description="What `emailChangeConfirm` answers.")
class EmailChangeConfirmPayload(Payload):
    viewer: EmailOwner | None = strawberry.field(default=None, description="Whose address it is now.")

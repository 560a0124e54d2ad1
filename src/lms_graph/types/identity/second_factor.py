"""Turning the second factor on and off."""

from uuid import UUID

import strawberry

from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Viewer
from lms_graph.types.identity.emails import PASSWORD_AGAIN
from lms_graph.types.nodes import child

CODE = "The six digits that the authenticator app shows; each code works once."
RECOVERY_CODES = "Ten codes, each of which works once in place of the app. Shown this once and never again: only their hashes are kept. Null when it was refused."


@strawberry.input(description="Who sets up an app.")
class TotpEnrollInput:
    password: str | None = strawberry.field(default=None, description=PASSWORD_AGAIN)


@strawberry.type(description="What `totpEnroll` answers.")
class TotpEnrollPayload(Payload):
    secret: str | None = strawberry.field(default=None, description="To be typed into the app: 32 letters of base 32. Shown this once and never again.")
    otpauth_url: str | None = strawberry.field(default=None, description="To be shown as a QR code: `otpauth://totp/…`, with the secret in it. Shown this once and never again.")


@strawberry.input(description="The app's first code.")
class TotpConfirmInput:
    code: str = strawberry.field(description=f"{CODE} Within an hour of `totpEnroll`.")


@strawberry.type(description="What `totpConfirm` answers.")
class TotpConfirmPayload(Payload):
    recovery_codes: list[str] | None = strawberry.field(default=None, description=RECOVERY_CODES)


@strawberry.input(description="Both factors: the password, and a code of the app or a recovery code.")
class TotpDisableInput:
    password: str | None = strawberry.field(default=None, description=PASSWORD_AGAIN)
    code: str | None = strawberry.field(default=None, description=CODE)
    recovery_code: str | None = strawberry.field(default=None, description="One of the recovery codes, in place of `code`.")


@strawberry.type(description="What `totpDisable` answers.")
class TotpDisablePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="Whose second factor it was.")


@strawberry.input(description="Both factors: the password and a code of the app.")
class RecoveryCodesRenewInput:
    password: str | None = strawberry.field(default=None, description=PASSWORD_AGAIN)
    code: str = strawberry.field(description=CODE)


@strawberry.type(description="What `recoveryCodesRenew` answers.")
class RecoveryCodesRenewPayload(Payload):
    recovery_codes: list[str] | None = strawberry.field(default=None, description=RECOVERY_CODES)

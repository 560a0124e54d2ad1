"""Setting a password."""

from uuid import UUID

import strawberry

from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Viewer
from lms_graph.types.identity.emails import OK, TOKEN
from lms_graph.types.identity.sessions import EMAIL, SECOND_FACTOR_TOKEN, Session
from lms_graph.types.nodes import child

PASSWORD = "10 to 128 characters, not the address and not one of the commonest."


@strawberry.input(description="Who has forgotten it.")
class PasswordResetRequestInput:
    email: str = strawberry.field(description=EMAIL)


@strawberry.type(description="What `passwordResetRequest` answers.")
class PasswordResetRequestPayload(Payload):
    ok: bool | None = strawberry.field(default=None, description=OK)


@strawberry.input(description="The link that was followed, and the new password.")
class PasswordResetConfirmInput:
    token: str = strawberry.field(description=f"{TOKEN} Within an hour.")
    password: str = strawberry.field(description=PASSWORD)


@strawberry.type(description="What `passwordResetConfirm` answers.")
class PasswordResetConfirmPayload(Payload):
    session: Session | None = strawberry.field(default=None, description="The tokens of the new session; null when a second factor is asked for.")
    second_factor_token: str | None = strawberry.field(default=None, description=SECOND_FACTOR_TOKEN)


@strawberry.input(description="The present password and the new one.")
class PasswordChangeInput:
    current_password: str = strawberry.field(description="The account's present password.")
    new_password: str = strawberry.field(description=PASSWORD)


@strawberry.type(description="What `passwordChange` answers.")
class PasswordChangePayload(Payload):
    account_id: strawberry.Private[UUID | None] = None
    viewer: Viewer | None = child("identity.viewer", key="account_id", description="Whose password it is.")

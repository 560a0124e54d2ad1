"""Root fields about setting a password."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import emails, passwords
from lms_graph.types.errors import mutation
from lms_graph.types.identity.passwords import (
    PasswordChangeInput,
    PasswordChangePayload,
    PasswordResetConfirmInput,
    PasswordResetConfirmPayload,
    PasswordResetRequestInput,
    PasswordResetRequestPayload,
)
from lms_graph.types.identity.sessions import Session


@strawberry.type
class PasswordsMutation:
    @mutation(
        description="Ask for a mail with a link by which to set a password, also for an account that has none yet; earlier links end. The answer is the same, and takes as long, "
        "whether or not somebody has the address. Everybody. Codes: INVALID. RATE_LIMITED after a few for one address or from one network."
    )
    async def password_reset_request(self, info: Info, input: Annotated[PasswordResetRequestInput, strawberry.argument(description="The address.")]) -> PasswordResetRequestPayload:
        await emails.request_password_reset(caller=info.context.caller, email=input.email, throttle=info.context.adapters.throttle)
        return PasswordResetRequestPayload(ok=True)

    @mutation(
        description="Set a password by the link. The address counts as verified, all sessions end, and a new one opens; where the account has a second factor, it is asked for. "
        "Whoever holds the token. Codes: LINK_INVALID, INVALID (the link stays good). RATE_LIMITED after wrong ones from one network.",
        cost=200,
    )
    async def password_reset_confirm(
        self, info: Info, input: Annotated[PasswordResetConfirmInput, strawberry.argument(description="The link and the password.")]
    ) -> PasswordResetConfirmPayload:
        adapters = info.context.adapters
        entered = await passwords.reset(caller=info.context.caller, token=input.token, password=input.password, secret_keys=adapters.secret_keys, throttle=adapters.throttle)
        session = Session.from_signed_in(entered.session) if entered.session else None
        return PasswordResetConfirmPayload(session=session, second_factor_token=entered.second_factor_token)

    @mutation(
        description="Set a new password by the present one; your other sessions end. Whoever is signed in. Codes: INVALID, CREDENTIALS_WRONG (also for an account without one: "
        "`passwordResetRequest` sets the first). RATE_LIMITED after wrong ones.",
        cost=200,
    )
    async def password_change(self, info: Info, input: Annotated[PasswordChangeInput, strawberry.argument(description="Both passwords.")]) -> PasswordChangePayload:
        caller = info.context.caller
        await passwords.change(caller=caller, current_password=input.current_password, new_password=input.new_password, throttle=info.context.adapters.throttle)
        return PasswordChangePayload(account_id=caller.account_id)

"""Root fields about proving an address and changing it."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import emails
from lms_graph.types.errors import mutation
from lms_graph.types.identity.emails import (
    EmailChangeConfirmInput,
    EmailChangeConfirmPayload,
    EmailChangeRequestInput,
    EmailChangeRequestPayload,
    EmailOwner,
    EmailVerificationRequestInput,
    EmailVerificationRequestPayload,
    EmailVerifyInput,
    EmailVerifyPayload,
)


@strawberry.type
class EmailsMutation:
    @mutation(
        description="Prove an address by the link of the mail that follows `signUp`. Whoever holds the token, signed in or not. Codes: LINK_INVALID, also when it was used. "
        "An account whose address is not verified may sign in and learn all the same. RATE_LIMITED after wrong ones from one network."
    )
    async def email_verify(self, info: Info, input: Annotated[EmailVerifyInput, strawberry.argument(description="The link.")]) -> EmailVerifyPayload:
        adapters = info.context.adapters
        owner = await emails.verify(caller=info.context.caller, token=input.token, secret_keys=adapters.secret_keys, throttle=adapters.throttle)
        return EmailVerifyPayload(viewer=EmailOwner.from_row(owner))

    @mutation(
        description="Ask for the mail with the link once more; earlier links end. The answer is the same whether or not somebody has the address, and whether or not it is "
        "verified already: then no mail is sent. Everybody. Codes: INVALID. RATE_LIMITED after a few for one address or from one network."
    )
    async def email_verification_request(
        self, info: Info, input: Annotated[EmailVerificationRequestInput, strawberry.argument(description="The address.")]
    ) -> EmailVerificationRequestPayload:
        await emails.request_verification(caller=info.context.caller, email=input.email, throttle=info.context.adapters.throttle)
        return EmailVerificationRequestPayload(ok=True)

    @mutation(
        description="Ask to change the address: a link goes to the new one, a notice to the present one, which stays until the link is followed. Whoever is signed in. "
        "Codes: INVALID, CREDENTIALS_WRONG, SIGN_IN_AGAIN. RATE_LIMITED after a few.",
        cost=200,
    )
    async def email_change_request(self, info: Info, input: Annotated[EmailChangeRequestInput, strawberry.argument(description="The new address.")]) -> EmailChangeRequestPayload:
        await emails.request_change(caller=info.context.caller, email=input.email, password=input.password, throttle=info.context.adapters.throttle)
        return EmailChangeRequestPayload(ok=True)

    @mutation(
        description="Change the address by the link; links that were mailed to the old one end. Whoever holds the token, signed in or not. Codes: LINK_INVALID, EMAIL_TAKEN. "
        "RATE_LIMITED after wrong ones from one network."
    )
    async def email_change_confirm(self, info: Info, input: Annotated[EmailChangeConfirmInput, strawberry.argument(description="The link.")]) -> EmailChangeConfirmPayload:
        adapters = info.context.adapters
        owner = await emails.confirm_change(caller=info.context.caller, token=input.token, secret_keys=adapters.secret_keys, throttle=adapters.throttle)
        return EmailChangeConfirmPayload(viewer=EmailOwner.from_row(owner))

"""Root fields of signing in and out."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import explorers, impersonations, second_factor, sessions
from lms_graph.kit.permissions import Permission
from lms_graph.types.errors import mutation
from lms_graph.types.identity.sessions import (
    ExplorerTokenCreateInput,
    ExplorerTokenCreatePayload,
    MemberImpersonateInput,
    MemberImpersonatePayload,
    SecondFactorConfirmInput,
    SecondFactorConfirmPayload,
    Session,
    SessionRefreshInput,
    SessionRefreshPayload,
    SessionRevokeInput,
    SessionRevokePayload,
    SessionsRevokeOthersInput,
    SessionsRevokeOthersPayload,
    SignInInput,
    SignInPayload,
    SignOutInput,
    SignOutPayload,
)


@strawberry.type
class SessionsMutation:
    @mutation(
        description="Open a session; where the account has a second factor, get the token to ask for it with. CREDENTIALS_WRONG never says which of the two was wrong. "
        "Everybody. RATE_LIMITED after wrong ones for one address or from one network.",
        cost=200,
    )
    async def sign_in(self, info: Info, input: Annotated[SignInInput, strawberry.argument(description="Address and password.")]) -> SignInPayload:
        entered = await sessions.sign_in(caller=info.context.caller, email=input.email, password=input.password, throttle=info.context.adapters.throttle)
        return SignInPayload(session=Session.from_signed_in(entered.session) if entered.session else None, second_factor_token=entered.second_factor_token)

    @mutation(
        description="Give the second factor of a sign-in, get the session. Codes: INVALID, CODE_WRONG (try again), TOKEN_INVALID (sign in again). "
        "Whoever holds the token. RATE_LIMITED after wrong ones for one account, whatever the token."
    )
    async def second_factor_confirm(
        self, info: Info, input: Annotated[SecondFactorConfirmInput, strawberry.argument(description="The token and a code.")]
    ) -> SecondFactorConfirmPayload:
        adapters = info.context.adapters
        signed_in = await second_factor.confirm(
            caller=info.context.caller,
            token=input.second_factor_token,
            code=input.code,
            recovery_code=input.recovery_code,
            secret_keys=adapters.secret_keys,
            throttle=adapters.throttle,
        )
        return SecondFactorConfirmPayload(session=Session.from_signed_in(signed_in))

    @mutation(
        description="Give a refresh token, get the next pair; send no `Authorization` with it. A token works once; sent again within 10 seconds (its answer was lost), "
        "it gets the same pair again; later it ends the session, for then it was copied. TOKEN_INVALID means: sign in again. Whoever holds the token. "
        "RATE_LIMITED after wrong ones from one network."
    )
    async def session_refresh(self, info: Info, input: Annotated[SessionRefreshInput, strawberry.argument(description="The token.")]) -> SessionRefreshPayload:
        signed_in = await sessions.refresh(caller=info.context.caller, refresh_token=input.refresh_token, throttle=info.context.adapters.throttle)
        return SessionRefreshPayload(session=Session.from_signed_in(signed_in))

    @mutation(
        description="End a session: its tokens stop working at once, and those of explorers and impersonations that were opened out of it. Whoever is signed in, also with a read-only token, "
        "or holds a refresh token.",
        open_to_readers=True,
    )
    async def sign_out(self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Which session.")]) -> SignOutPayload:
        await sessions.sign_out(caller=info.context.caller, refresh_token=input.refresh_token)
        return SignOutPayload(ok=True)

    @mutation(description="End one of your own sessions, as on a device that you have lost. Nothing happens to one that has ended. Whoever is signed in. Codes: NOT_FOUND.")
    async def session_revoke(self, info: Info, input: Annotated[SessionRevokeInput, strawberry.argument(description="Which session.")]) -> SessionRevokePayload:
        caller = info.context.caller
        await sessions.revoke(caller=caller, **input.as_arguments())
        return SessionRevokePayload(account_id=caller.account_id)

    @mutation(description="End all your sessions but the present one, and sign-ins that wait for a second factor. Whoever is signed in. Codes: NOT_FOUND.")
    async def sessions_revoke_others(self, info: Info, input: Annotated[SessionsRevokeOthersInput, strawberry.argument(description="Which go on.")]) -> SessionsRevokeOthersPayload:
        caller = info.context.caller
        await sessions.revoke_others(caller=caller, **input.as_arguments())
        return SessionsRevokeOthersPayload(account_id=caller.account_id)

    @mutation(
        description="Make a token to look around with, for at most 8 hours and no longer than this sign-in: read-only, and with personal data masked, unless asked otherwise. "
        "Whoever is signed in, by a sign-in of their own. Past 10 the oldest ends."
    )
    async def explorer_token_create(self, info: Info, input: Annotated[ExplorerTokenCreateInput, strawberry.argument(description="What it may.")]) -> ExplorerTokenCreatePayload:
        token = await explorers.open_explorer(caller=info.context.caller, **input.as_arguments())
        return ExplorerTokenCreatePayload(session_id=token.session_id, access_token=token.access_token)

    @mutation(
        description="Look at the school as one of its students: read-only, for 30 minutes and no longer than this sign-in and the permission. It ends the one in which you look as somebody else. "
        "The student sees it among their sessions, and the audit log has the reason. FORBIDDEN for an account with any further role. Codes: INVALID, NOT_FOUND.",
        requires=[Permission.MEMBERS_IMPERSONATE],
    )
    async def member_impersonate(self, info: Info, input: Annotated[MemberImpersonateInput, strawberry.argument(description="As whom, and why.")]) -> MemberImpersonatePayload:
        arguments = input.as_arguments()
        opened = await impersonations.impersonate(caller=info.context.caller, **arguments)
        return MemberImpersonatePayload(access_token=opened.access_token, expires_at=opened.expires_at, account_id=arguments["account_id"])

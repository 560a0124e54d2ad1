"""Root fields of signing in and out."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import explorers, impersonations, sessions
from lms_graph.kit.permissions import Permission
from lms_graph.types.errors import mutation
from lms_graph.types.identity.sessions import (
    ExplorerTokenCreateInput,
    ExplorerTokenCreatePayload,
    MemberImpersonateInput,
    MemberImpersonatePayload,
    Session,
    SessionRefreshInput,
    SessionRefreshPayload,
    SignInInput,
    SignInPayload,
    SignOutInput,
    SignOutPayload,
)


@strawberry.type
class SessionsMutation:
    @mutation(description="Open a session. CREDENTIALS_WRONG never says which of the two was wrong. Everybody.", cost=200)
    async def sign_in(self, info: Info, input: Annotated[SignInInput, strawberry.argument(description="Address and password.")]) -> SignInPayload:
        signed_in = await sessions.sign_in(caller=info.context.caller, email=input.email, password=input.password)
        return SignInPayload(session=Session.from_signed_in(signed_in))

    @mutation(
        description="Give a refresh token, get the next pair; send no `Authorization` with it. A token works once; sent again within 10 seconds (its answer was lost), "
        "it gets the same pair again; later it ends the session, for then it was copied. TOKEN_INVALID means: sign in again. Whoever holds the token."
    )
    async def session_refresh(self, info: Info, input: Annotated[SessionRefreshInput, strawberry.argument(description="The token.")]) -> SessionRefreshPayload:
        signed_in = await sessions.refresh(caller=info.context.caller, refresh_token=input.refresh_token)
        return SessionRefreshPayload(session=Session.from_signed_in(signed_in))

    @mutation(
        description="End a session: its tokens stop working at once, and those of explorers and impersonations that were opened out of it. Whoever is signed in, also with a read-only token, "
        "or holds a refresh token.",
        open_to_readers=True,
    )
    async def sign_out(self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Which session.")]) -> SignOutPayload:
        await sessions.sign_out(caller=info.context.caller, refresh_token=input.refresh_token)
        return SignOutPayload(ok=True)

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

"""Root fields of signing in and out."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import sessions
from lms_graph.types.errors import mutation
from lms_graph.types.identity.sessions import Session, SessionRefreshInput, SessionRefreshPayload, SignInInput, SignInPayload, SignOutInput, SignOutPayload


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

    @mutation(description="End a session: its tokens stop working at once. Whoever is signed in, or holds a refresh token.")
    async def sign_out(self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Which session.")]) -> SignOutPayload:
        await sessions.sign_out(caller=info.context.caller, refresh_token=input.refresh_token)
        return SignOutPayload(ok=True)

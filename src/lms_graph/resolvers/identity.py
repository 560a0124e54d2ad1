"""Root fields about people: who is signed in, signing up, in and out, and the pages of those who teach."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity import queries
from lms_graph.domain.identity.operations import accounts, sessions
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity import (
    Instructor,
    Session,
    SessionRefreshInput,
    SessionRefreshPayload,
    SignInInput,
    SignInPayload,
    SignOutInput,
    SignOutPayload,
    SignUpInput,
    SignUpPayload,
    Viewer,
)


@strawberry.type
class IdentityQuery:
    @query(description="The one who is signed in; null for visitors.")
    async def viewer(self, info: Info) -> Viewer | None:
        row = await queries.viewer_or_none(caller=info.context.caller)
        return None if row is None else Viewer.from_row(row)

    @query(description="The public page of somebody who teaches; null when there is none of this name. Everybody.")
    async def instructor(self, info: Info, slug: Annotated[str, strawberry.argument(description="The page's `slug`, up to 80 characters.")]) -> Instructor | None:
        row = await queries.instructor_by_slug(caller=info.context.caller, slug=slug)
        return None if row is None else Instructor.from_row(row)


@strawberry.type
class IdentityMutation:
    @mutation(
        description="Make a student's account and sign it in. EMAIL_TAKEN when the tenant has one with this address. What follows in the document is the new account's. Everybody.",
        cost=200,
    )
    async def sign_up(self, info: Info, input: Annotated[SignUpInput, strawberry.argument(description="The account.")]) -> SignUpPayload:
        signed_in = await accounts.sign_up(caller=info.context.caller, email=input.email, name=input.name, password=input.password)
        info.context.become(signed_in.as_student(info.context.caller))
        return SignUpPayload(session=Session.from_signed_in(signed_in), account_id=signed_in.account_id)

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

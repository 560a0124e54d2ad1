"""Root fields about people: who is signed in, and signing up."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import accounts
from lms_graph.domain.identity.queries import accounts as queries
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity.accounts import SignUpInput, SignUpPayload, Viewer
from lms_graph.types.identity.sessions import Session


@strawberry.type
class AccountsQuery:
    @query(description="The one who is signed in; null for visitors and for API keys.")
    async def viewer(self, info: Info) -> Viewer | None:
        row = await queries.viewer_or_none(caller=info.context.caller)
        return None if row is None else Viewer.from_row(row)


@strawberry.type
class AccountsMutation:
    @mutation(
        description="Make a student's account and sign it in; a mail asks to verify the address. EMAIL_TAKEN when the tenant has one with this address. "
        "What follows in the document is the new account's. Everybody. RATE_LIMITED after many from one network.",
        cost=200,
    )
    async def sign_up(self, info: Info, input: Annotated[SignUpInput, strawberry.argument(description="The account.")]) -> SignUpPayload:
        signed_in = await accounts.sign_up(caller=info.context.caller, email=input.email, name=input.name, password=input.password, throttle=info.context.adapters.throttle)
        info.context.become(signed_in.as_student(info.context.caller))
        return SignUpPayload(session=Session.from_signed_in(signed_in), account_id=signed_in.account_id)

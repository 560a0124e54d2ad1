"""`signOut`: the end of a session."""

import pytest

from lms_graph.models import database
from tests.factories.accounts import account, signed_in
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def test_ends_the_session_of_the_access_token_and_no_other(school: School, sign_in: SignIn) -> None:
    account_id = await account(school.system)
    here, elsewhere = await sign_in(account_id), await sign_in(account_id)

    assert await here.data("SignOut", input={}) == {"ok": True, "errors": []}

    assert await here.codes("Me") == ["UNAUTHENTICATED"]
    assert len((await elsewhere.data("Me"))["sessions"]) == 1


async def test_ends_the_session_of_a_refresh_token(visitor: Client, school: School, house: House, clients: list[Client]) -> None:
    session = await signed_in(school.system)
    clients.append(Client(house, school.slug, session.access_token))

    assert await visitor.data("SignOut", input={"refreshToken": session.refresh_token}) == {"ok": True, "errors": []}

    assert await clients[-1].codes("Me") == ["UNAUTHENTICATED"]
    assert await visitor.codes("RefreshSession", input={"refreshToken": session.refresh_token}) == ["TOKEN_INVALID"]
    async with database.reading(school.system):
        facts = await database.fetch("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'SessionEnded'", school.id)
    assert [database.from_json(fact["payload"])["reason"] for fact in facts] == ["SIGNED_OUT"]


async def test_a_token_that_names_no_session_is_as_good_as_signed_out(visitor: Client, school: School, other_school: School) -> None:
    session, foreign = await signed_in(school.system), await signed_in(other_school.system)
    await visitor.data("SignOut", input={"refreshToken": session.refresh_token})

    for token in (session.refresh_token, foreign.refresh_token, "unknown", "é"):
        assert await visitor.data("SignOut", input={"refreshToken": token}) == {"ok": True, "errors": []}

    async with database.reading(other_school.system):
        assert await database.fetch_value("SELECT revoked_at FROM sessions WHERE tenant_id = $1 AND id = $2", other_school.id, foreign.session_id) is None


async def test_a_visitor_without_a_token_has_nothing_to_end(visitor: Client) -> None:
    assert await visitor.codes("SignOut", input={}) == ["UNAUTHENTICATED"]

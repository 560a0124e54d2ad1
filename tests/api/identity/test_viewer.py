"""`viewer`: the one who is signed in."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.kit.ids import public_id
from tests.factories.accounts import account, signed_in
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

MYSELF = "{ viewer { id email name avatarUrl emailVerified roles sessions { id createdAt lastSeenAt ipAddress userAgent current } } }"


async def test_is_null_for_visitors(visitor: Client) -> None:
    assert await visitor.data("Me") is None


async def test_shows_who_is_signed_in_and_where(school: School, sign_in: SignIn, statements: list[str]) -> None:
    account_id = await account(school.system, email="ida@example.com", name="Ida", roles=("STUDENT", "INSTRUCTOR"))
    await signed_in(school.system.at(datetime.now(UTC) - timedelta(days=1)), account_id)
    await signed_in(school.system.at(datetime.now(UTC) - timedelta(days=31)), account_id)  # expired: not shown
    client = await sign_in(account_id)
    statements.clear()

    me = await client.data(MYSELF)

    assert len(statements) == 2
    assert me["id"] == public_id("vwr", account_id)
    assert (me["email"], me["name"], me["avatarUrl"], me["roles"]) == ("ida@example.com", "Ida", None, ["INSTRUCTOR", "STUDENT"])
    assert [session["current"] for session in me["sessions"]] == [True, False]
    assert all(session["id"].startswith("ses_") for session in me["sessions"])


async def test_the_list_of_sessions_takes_no_more_statements_when_it_is_long(school: School, sign_in: SignIn, statements: list[str]) -> None:
    account_id = await account(school.system)
    for _ in range(12):
        await signed_in(school.system, account_id)
    client = await sign_in(account_id)
    statements.clear()

    assert len((await client.data(MYSELF))["sessions"]) == 13

    assert len(statements) == 2


async def test_a_token_of_one_tenant_is_refused_under_another(house: House, school: School, other_school: School, clients: list[Client]) -> None:
    session = await signed_in(school.system)
    clients.append(Client(house, other_school.slug, session.access_token))

    assert await clients[-1].codes("Me") == ["UNAUTHENTICATED"]


async def test_a_refresh_token_is_no_access_token(house: House, school: School, clients: list[Client]) -> None:
    session = await signed_in(school.system)
    clients.append(Client(house, school.slug, session.refresh_token))

    assert await clients[-1].codes("Me") == ["UNAUTHENTICATED"]

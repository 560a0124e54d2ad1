"""`sessionRefresh`: the next pair of tokens."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.models import database
from tests.factories.accounts import account, signed_in
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def refresh(client: Client, token: str) -> dict[str, str]:
    answer = await client.data("RefreshSession", input={"refreshToken": token})
    assert answer["errors"] == []
    session: dict[str, str] = answer["session"]
    return session


async def refused(client: Client, token: str) -> list[str]:
    return await client.codes("RefreshSession", input={"refreshToken": token})


async def works(house: House, school: School, token: str) -> bool:
    client = Client(house, school.slug, token)
    try:
        return bool((await client.send("Me")).get("data"))
    finally:
        await client.http.aclose()


async def test_gives_a_new_pair_and_keeps_the_session(visitor: Client, school: School, house: House) -> None:
    first = await signed_in(school.system)

    second = await refresh(visitor, first.refresh_token)
    third = await refresh(visitor, second["refreshToken"])

    assert len({first.refresh_token, second["refreshToken"], third["refreshToken"], first.access_token, second["accessToken"], third["accessToken"]}) == 6
    assert await works(house, school, third["accessToken"])
    async with database.reading(school.system):
        assert await database.fetch_value("SELECT count(*) FROM sessions WHERE tenant_id = $1", school.id) == 1


async def test_moves_the_sessions_end(visitor: Client, school: School) -> None:
    now = datetime.now(UTC)
    first = await signed_in(school.system.at(now - timedelta(days=29)))

    await refresh(visitor, first.refresh_token)

    async with database.reading(school.system):
        row = await database.fetch_one("SELECT expires_at, last_seen_at, user_agent FROM sessions WHERE tenant_id = $1 AND id = $2", school.id, first.session_id)
        assert row["expires_at"] > now + timedelta(days=29)
        assert row["last_seen_at"] >= now
        assert row["user_agent"].startswith("python-httpx")
        kinds = await database.fetch("SELECT kind FROM session_tokens WHERE tenant_id = $1 ORDER BY kind", school.id)
    assert [row["kind"] for row in kinds] == ["ACCESS", "REFRESH", "REFRESH"]  # the expired access token is forgotten


async def test_a_retry_gets_the_same_pair(visitor: Client, school: School) -> None:
    first = await signed_in(school.system)

    lost = await refresh(visitor, first.refresh_token)
    again = await refresh(visitor, first.refresh_token)

    assert again == lost
    await refresh(visitor, again["refreshToken"])


async def test_one_token_sent_many_times_at_once_gives_one_pair(visitor: Client, school: School) -> None:
    first = await signed_in(school.system)

    pairs = await asyncio.gather(*(refresh(visitor, first.refresh_token) for _ in range(6)))

    assert len({pair["refreshToken"] for pair in pairs}) == 1
    async with database.reading(school.system):
        live = "SELECT count(*) FROM session_tokens WHERE tenant_id = $1 AND kind = 'REFRESH' AND used_at IS NULL"
        assert await database.fetch_value(live, school.id) == 1


async def test_a_used_token_that_comes_back_late_ends_the_session(visitor: Client, school: School, house: House) -> None:
    account_id = await account(school.system)
    copied = await signed_in(school.system.at(datetime.now(UTC) - timedelta(minutes=5)), account_id)
    other = await signed_in(school.system, account_id)
    pair = await refresh(visitor, copied.refresh_token)
    await use_long_ago(school)

    assert await refused(visitor, copied.refresh_token) == ["TOKEN_INVALID"]

    assert not await works(house, school, pair["accessToken"])
    assert await refused(visitor, pair["refreshToken"]) == ["TOKEN_INVALID"]
    assert await works(house, school, other.access_token)
    async with database.reading(school.system):
        facts = await database.fetch("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'SessionEnded'", school.id)
        assert [database.from_json(fact["payload"])["reason"] for fact in facts] == ["TOKEN_REUSED"]
        assert await database.fetch_value("SELECT count(*) FROM session_tokens WHERE tenant_id = $1 AND session_id = $2", school.id, copied.session_id) == 0


async def test_a_used_token_whose_successor_was_used_ends_the_session_at_once(visitor: Client, school: School) -> None:
    first = await signed_in(school.system)
    second = await refresh(visitor, first.refresh_token)
    third = await refresh(visitor, second["refreshToken"])

    assert await refused(visitor, first.refresh_token) == ["TOKEN_INVALID"]
    assert await refused(visitor, third["refreshToken"]) == ["TOKEN_INVALID"]


async def test_refuses_unknown_expired_and_foreign_tokens(visitor: Client, school: School, other_school: School) -> None:
    expired = await signed_in(school.system.at(datetime.now(UTC) - timedelta(days=30, seconds=1)))
    foreign = await signed_in(other_school.system)
    own = await signed_in(school.system)

    wrong = ["", "unknown", "é", expired.refresh_token, foreign.refresh_token, own.access_token]
    assert [await refused(visitor, token) for token in wrong] == [["TOKEN_INVALID"]] * 6
    await refresh(visitor, own.refresh_token)


async def test_an_expired_access_token_is_refused_and_can_be_renewed(visitor: Client, school: School, house: House) -> None:
    session = await signed_in(school.system.at(datetime.now(UTC) - timedelta(minutes=15, seconds=1)))

    assert not await works(house, school, session.access_token)
    assert await works(house, school, (await refresh(visitor, session.refresh_token))["accessToken"])


async def use_long_ago(school: School) -> None:
    """As if the last rotation were eleven seconds old."""
    async with database.writing(school.system):
        await database.fetch("UPDATE session_tokens SET used_at = used_at - interval '11 seconds' WHERE tenant_id = $1", school.id)
        await database.fetch("UPDATE session_tokens SET created_at = created_at - interval '11 seconds' WHERE tenant_id = $1", school.id)

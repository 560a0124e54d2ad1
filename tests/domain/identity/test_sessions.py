"""Sessions as the domain keeps them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import sessions
from lms_graph.domain.identity.queries import sessions as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, signed_in
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(school: School, **later: float) -> Caller:
    return school.system.at(NOON + timedelta(**later))


class TestOpenSession:
    async def test_keeps_where_it_was_opened(self, school: School) -> None:
        caller = replace(at(school), address="2001:db8::1", user_agent="x" * 500)

        session = await signed_in(caller)

        async with database.reading(caller):
            owner = replace(caller, account_id=session.account_id)
            (row,) = await queries.sessions_by_ids(caller=owner, session_ids=[session.session_id])
        assert (row["ip_address"], row["user_agent"], row["created_at"], row["last_seen_at"]) == ("2001:db8::1", "x" * 400, NOON, NOON)

    async def test_past_fifty_the_longest_unseen_one_ends(self, school: School) -> None:
        account_id = await account(at(school))
        opened = [await signed_in(at(school, seconds=number), account_id) for number in range(51)]

        with pytest.raises(errors.TokenInvalid):
            await sessions.refresh(caller=at(school, minutes=2), refresh_token=opened[0].refresh_token, throttle=MemoryThrottle())
        await sessions.refresh(caller=at(school, minutes=2), refresh_token=opened[1].refresh_token, throttle=MemoryThrottle())

    def test_does_not_show_its_tokens_by_accident(self, school: School) -> None:
        session = sessions.SignedIn(account_id=school.id, session_id=school.id, access_token="secret-a", refresh_token="secret-b", expires_at=NOON)

        assert "secret" not in repr(session)


class TestRefresh:
    async def test_lives_on_while_it_is_used_once_in_thirty_days(self, school: School) -> None:
        session = await signed_in(at(school))

        for days in (29, 58, 87):
            session = await sessions.refresh(caller=at(school, days=days), refresh_token=session.refresh_token, throttle=MemoryThrottle())

        with pytest.raises(errors.TokenInvalid):
            await sessions.refresh(caller=at(school, days=117), refresh_token=session.refresh_token, throttle=MemoryThrottle())

    @pytest.mark.parametrize(("seconds", "repeats"), [(0, True), (10, True), (10.001, False)])
    async def test_a_retry_counts_for_ten_seconds(self, school: School, seconds: float, repeats: bool) -> None:
        first = await signed_in(at(school))
        second = await sessions.refresh(caller=at(school, hours=1), refresh_token=first.refresh_token, throttle=MemoryThrottle())

        retry = sessions.refresh(caller=at(school, hours=1, seconds=seconds), refresh_token=first.refresh_token, throttle=MemoryThrottle())

        if repeats:
            assert await retry == second
        else:
            with pytest.raises(errors.TokenInvalid):
                await retry
            with pytest.raises(errors.TokenInvalid):
                await sessions.refresh(caller=at(school, hours=1, seconds=seconds), refresh_token=second.refresh_token, throttle=MemoryThrottle())

    async def test_uses_of_one_token_at_once_give_one_pair(self, school: School) -> None:
        session = await signed_in(at(school))
        gate = asyncio.Event()

        async def use() -> sessions.SignedIn:
            await gate.wait()
            return await sessions.refresh(caller=at(school, hours=1), refresh_token=session.refresh_token, throttle=MemoryThrottle())

        uses = [asyncio.create_task(use()) for _ in range(6)]
        async with database.writing(school.system):
            await database.fetch("SELECT FROM sessions WHERE tenant_id = $1 AND id = $2 FOR UPDATE", school.id, session.session_id)
            gate.set()
            await asyncio.sleep(0.5)  # all of them have come as far as they can
        pairs = await asyncio.gather(*uses)

        assert len({pair.refresh_token for pair in pairs}) == 1
        assert len({pair.access_token for pair in pairs}) == 1

    async def test_a_suspended_account_gets_no_more_tokens(self, school: School) -> None:
        session = await signed_in(at(school))
        async with unit_of_work(school.system):
            await rows.Account.for_caller(school.system, id=session.account_id).update(status="SUSPENDED")

        with pytest.raises(errors.TokenInvalid):
            await sessions.refresh(caller=at(school), refresh_token=session.refresh_token, throttle=MemoryThrottle())

    async def test_the_next_token_cannot_be_derived_from_the_last_one_alone(self, school: School) -> None:
        one, other = await signed_in(at(school)), await signed_in(at(school))

        following = await sessions.refresh(caller=at(school), refresh_token=one.refresh_token, throttle=MemoryThrottle())

        assert following.refresh_token != sessions.following_token(one.refresh_token, salt="")
        assert len(following.refresh_token) == len(other.refresh_token) == 43


class TestSurplusOfTokens:
    async def test_expired_tokens_are_forgotten_at_each_rotation(self, school: School) -> None:
        session = await signed_in(at(school))
        for days in range(0, 120, 20):
            session = await sessions.refresh(caller=at(school, days=days, hours=1), refresh_token=session.refresh_token, throttle=MemoryThrottle())

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM session_tokens WHERE tenant_id = $1", school.id) == 3

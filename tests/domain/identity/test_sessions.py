"""Sessions as the domain keeps them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import accounts, challenges, housekeeping, sessions
from lms_graph.domain.identity.queries import sessions as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound, SignedOut
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import PASSWORD, account, address, signed_in, with_app
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


async def is_new_device(school: School, session: sessions.SignedIn) -> bool:
    async with database.reading(school.system):
        payload = await database.fetch_value("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'SessionOpened' AND aggregate_id = $2", school.id, session.session_id)
    value: bool = database.from_json(payload)["is_new_device"]
    return value


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NEWER_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"


class TestNewDevice:
    @pytest.mark.parametrize(
        ("network", "user_agent", "days", "is_new"),
        [
            ("192.0.2.7", FIREFOX, 1, False),
            ("192.0.2.7", NEWER_FIREFOX, 1, False),
            ("192.0.2.7", FIREFOX, 89, False),
            ("192.0.2.7", FIREFOX, 91, True),
            ("192.0.2.8", FIREFOX, 1, True),
            ("192.0.2.7", CHROME, 1, True),
            ("192.0.2.7", None, 1, True),
        ],
    )
    async def test_is_one_not_seen_in_ninety_days(self, school: School, network: str, user_agent: str | None, days: int, is_new: bool) -> None:
        account_id = await account(school.system)
        known = replace(at(school), address="192.0.2.7", user_agent=FIREFOX)
        assert await is_new_device(school, await signed_in(known, account_id))

        session = await signed_in(replace(at(school, days=days), address=network, user_agent=user_agent), account_id)

        assert await is_new_device(school, session) is is_new

    async def test_of_another_account_or_school_makes_nothing_known(self, school: School, other_school: School) -> None:
        known = replace(at(school), address="192.0.2.7", user_agent=FIREFOX)
        await signed_in(known)
        await signed_in(replace(known, tenant_id=other_school.id))

        assert await is_new_device(school, await signed_in(known))

    async def test_what_was_thrown_out_makes_nothing_known(self, school: School) -> None:
        known = replace(at(school), address="192.0.2.7", user_agent=FIREFOX)
        first = await signed_in(known)
        await sessions.revoke_others(caller=replace(at(school), account_id=first.account_id))

        assert await is_new_device(school, await signed_in(known, first.account_id))

    async def test_a_neighbor_in_the_ipv6_network_is_the_same(self, school: School) -> None:
        first = await signed_in(replace(at(school), address="2001:db8::1", user_agent=FIREFOX))

        assert not await is_new_device(school, await signed_in(replace(at(school), address="2001:db8::abcd:2", user_agent=FIREFOX), first.account_id))

    async def test_a_sign_up_is_none(self, school: School) -> None:
        visitor = Caller(tenant_id=school.id, now=NOON)
        session = await accounts.sign_up(caller=visitor, email=address(), name="Ada", password=PASSWORD, throttle=MemoryThrottle())

        assert not await is_new_device(school, session)


class TestRevoke:
    async def test_ends_one_of_ones_own(self, school: School) -> None:
        one = await signed_in(at(school))
        other = await signed_in(at(school), one.account_id)

        await sessions.revoke(caller=replace(at(school), account_id=one.account_id), session_id=other.session_id)

        with pytest.raises(errors.TokenInvalid):
            await sessions.refresh(caller=at(school), refresh_token=other.refresh_token, throttle=MemoryThrottle())
        await sessions.refresh(caller=at(school), refresh_token=one.refresh_token, throttle=MemoryThrottle())

    async def test_again_changes_nothing(self, school: School) -> None:
        session = await signed_in(at(school))
        for _ in range(2):
            await sessions.revoke(caller=replace(at(school), account_id=session.account_id), session_id=session.session_id)

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM facts WHERE tenant_id = $1 AND name = 'SessionEnded'", school.id) == 1

    async def test_is_for_ones_own_only(self, school: School, other_school: School) -> None:
        mine, theirs = await signed_in(at(school)), await signed_in(at(school))

        for caller in (replace(at(school), account_id=mine.account_id), replace(at(other_school), account_id=theirs.account_id)):
            with pytest.raises(NotFound):
                await sessions.revoke(caller=caller, session_id=theirs.session_id)

        await sessions.refresh(caller=at(school), refresh_token=theirs.refresh_token, throttle=MemoryThrottle())


class TestRevokeOthers:
    async def test_keeps_the_present_one_and_those_named(self, school: School) -> None:
        first = await signed_in(at(school))
        opened = [first, *[await signed_in(at(school), first.account_id) for _ in range(4)]]
        somebody = await signed_in(at(school))

        await sessions.revoke_others(caller=replace(at(school), account_id=first.account_id, session_id=first.session_id), keep=[opened[2].session_id])

        for session in (opened[0], opened[2], somebody):
            await sessions.refresh(caller=at(school), refresh_token=session.refresh_token, throttle=MemoryThrottle())
        for session in (opened[1], opened[3], opened[4]):
            with pytest.raises(errors.TokenInvalid):
                await sessions.refresh(caller=at(school), refresh_token=session.refresh_token, throttle=MemoryThrottle())

    async def test_is_for_who_is_signed_in(self, school: School) -> None:
        with pytest.raises(SignedOut):
            await sessions.revoke_others(caller=Caller(tenant_id=school.id, now=NOON))


class TestSweep:
    async def test_forgets_what_has_been_over_for_long(self, school: School, other_school: School, adapters: Adapters) -> None:
        now = datetime.now(UTC)
        for where in (school, other_school):
            old = await signed_in(where.system.at(now - timedelta(days=121)))
            async with unit_of_work(where.system):
                await challenges.pose(
                    caller=where.system.at(now - timedelta(days=33)), account_id=old.account_id, kind=rows.ChallengeKind.EMAIL_VERIFICATION, email="a", life=timedelta(days=2)
                )
        kept = await signed_in(school.system.at(now - timedelta(days=119)))

        await housekeeping.sweep()

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT array_agg(id) FROM sessions WHERE tenant_id = $1", school.id) == [kept.session_id]
            assert await database.fetch_value("SELECT count(*) FROM session_tokens WHERE tenant_id = $1", school.id) == 2
            assert await database.fetch_value("SELECT count(*) FROM challenges WHERE tenant_id = $1", school.id) == 0
        async with database.reading(other_school.system):
            assert await database.fetch_value("SELECT count(*) FROM sessions WHERE tenant_id = $1", other_school.id) == 0

    async def test_forgets_sign_ins_that_waited_in_vain(self, school: School, adapters: Adapters) -> None:
        account_id, now = await account(school.system, email="ada@example.com", password=PASSWORD), datetime.now(UTC)
        await with_app(school.system, adapters.secret_keys, account_id)
        for minutes in (6, 1):
            await sessions.sign_in(caller=school.system.at(now - timedelta(minutes=minutes)), email="ada@example.com", password=PASSWORD, throttle=MemoryThrottle())

        await housekeeping.sweep()

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM second_factor_tokens WHERE tenant_id = $1", school.id) == 1


class TestSurplusOfTokens:
    async def test_expired_tokens_are_forgotten_at_each_rotation(self, school: School) -> None:
        session = await signed_in(at(school))
        for days in range(0, 120, 20):
            session = await sessions.refresh(caller=at(school, days=days, hours=1), refresh_token=session.refresh_token, throttle=MemoryThrottle())

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM session_tokens WHERE tenant_id = $1", school.id) == 3

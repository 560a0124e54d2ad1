"""Limits on guessing passwords and on signing up: whom they stop, and whom they let through."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import accounts, sessions
from lms_graph.kit import passwords
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import database
from tests.factories.accounts import PASSWORD, account, address, signed_in
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

HOME, STRANGER = "192.0.2.7", "203.0.113.9"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A school's door with limits of its own, and passwords that cost nothing to try: what is looked at here is who gets to try."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.clock = Clock()
        self.throttle = MemoryThrottle(clock=self.clock)

    def at(self, network: str, school: School | None = None) -> Caller:
        return Caller(tenant_id=(school or self.school).id, address=network, now=datetime.now(UTC))

    async def sign_in(self, email: str, network: str = HOME, password: str = "wrong", school: School | None = None) -> str:
        """`in`, `wrong`, or `busy`."""
        try:
            await sessions.sign_in(caller=self.at(network, school), email=email, password=password, throttle=self.throttle)
        except errors.CredentialsWrong:
            return "wrong"
        except Busy:
            return "busy"
        return "in"

    async def guesses(self, email: str, network: str = HOME) -> int:
        """How many wrong passwords are looked at before it is refused."""
        for number in count():
            if await self.sign_in(email, network) == "busy":
                return number
        raise AssertionError


@pytest.fixture
def door(school: School) -> Iterator[Door]:
    def verify(stored: str, plain: bytes) -> passwords.Verified:
        return passwords.Verified(plain.decode() == PASSWORD)

    with patch.object(passwords, "_verify", verify):
        yield Door(school)


@pytest.fixture
async def ada(school: School) -> str:
    """The address of an account that was never used."""
    email = address()
    await account(school.system, email=email, password=PASSWORD)
    return email


class TestGuessing:
    @pytest.mark.parametrize("known", [True, False])
    async def test_ten_from_one_network_whether_or_not_somebody_has_the_address(self, door: Door, ada: str, known: bool) -> None:
        assert await door.guesses(ada if known else address()) == 10

    async def test_then_one_every_six_minutes(self, door: Door, ada: str) -> None:
        await door.guesses(ada)

        door.clock.now += 360

        assert await door.guesses(ada) == 1

    async def test_letter_case_and_spaces_do_not_lift_it(self, door: Door, ada: str) -> None:
        await door.guesses(ada)

        for spelled in (ada.upper(), f"  {ada} ", ada.replace("@", "\uff20")):
            assert await door.sign_in(spelled, password=PASSWORD) == "busy"

    async def test_another_place_in_the_ipv6_network_does_not_lift_it(self, door: Door, ada: str) -> None:
        await door.guesses(ada, "2001:db8::1")

        assert await door.sign_in(ada, "2001:db8:0:0:ffff::2") == "busy"
        assert await door.sign_in(ada, "2001:db8:0:1::1") == "wrong"

    async def test_a_refusal_looks_at_no_password(self, door: Door, ada: str) -> None:
        await door.guesses(ada)

        with patch.object(passwords, "_verify", side_effect=AssertionError):
            assert await door.sign_in(ada, password=PASSWORD) == "busy"

    async def test_many_at_once_get_no_further(self, door: Door, ada: str) -> None:
        answers = await asyncio.gather(*(door.sign_in(ada) for _ in range(40)))

        assert (answers.count("wrong"), answers.count("busy")) == (10, 30)

    async def test_a_right_one_begins_anew(self, door: Door, ada: str) -> None:
        for _ in range(9):
            await door.sign_in(ada)

        assert await door.sign_in(ada, password=PASSWORD) == "in"
        assert await door.guesses(ada) == 10

    async def test_thirty_from_everywhere(self, door: Door, ada: str) -> None:
        answers = [await door.sign_in(ada, f"198.51.100.{number}") for number in range(40)]

        assert answers == ["wrong"] * 30 + ["busy"] * 10

    async def test_a_hundred_from_one_network_at_whomever(self, door: Door) -> None:
        answers = [await door.sign_in(address()) for _ in range(110)]

        assert answers == ["wrong"] * 100 + ["busy"] * 10

    async def test_a_class_behind_one_address_is_counted_by_its_guesses(self, door: Door, ada: str) -> None:
        assert [await door.sign_in(ada, password=PASSWORD) for _ in range(150)] == ["in"] * 150

    async def test_what_happens_at_one_school_keeps_nobody_out_of_another(self, door: Door, ada: str, other_school: School) -> None:
        await account(other_school.system, email=ada, password=PASSWORD)
        await door.guesses(ada)

        assert await door.sign_in(ada, password=PASSWORD, school=other_school) == "in"

    async def test_a_crowd_is_no_guess(self, door: Door, ada: str) -> None:
        with patch.object(passwords, "MOST_AT_ONCE", 0):
            assert [await door.sign_in(ada) for _ in range(20)] == ["busy"] * 20

        assert await door.guesses(ada) == 10


class TestLockOut:
    async def everywhere(self, door: Door, email: str) -> None:
        for number in range(31):
            await door.sign_in(email, f"198.51.100.{number}")

    async def test_a_stranger_does_not_keep_the_owner_out_of_a_known_network(self, door: Door, ada: str) -> None:
        assert await door.sign_in(ada, HOME, PASSWORD) == "in"

        await self.everywhere(door, ada)

        assert await door.sign_in(ada, STRANGER, PASSWORD) == "busy"
        assert await door.sign_in(ada, HOME, PASSWORD) == "in"

    async def test_a_known_network_has_a_limit_too(self, door: Door, ada: str) -> None:
        assert await door.sign_in(ada, HOME, PASSWORD) == "in"

        assert await door.guesses(ada, HOME) == 10

    @pytest.mark.parametrize(("days", "answer"), [(89, "in"), (91, "busy")])
    async def test_a_network_is_known_for_ninety_days(self, school: School, door: Door, days: int, answer: str) -> None:
        ada = address()
        id = await account(school.system, email=ada, password=PASSWORD)
        await signed_in(replace(school.system.at(datetime.now(UTC) - timedelta(days=days)), address=HOME), id)

        await self.everywhere(door, ada)

        assert await door.sign_in(ada, HOME, PASSWORD) == answer

    async def test_a_thiefs_network_is_not_known(self, school: School, door: Door) -> None:
        ada = address()
        id = await account(school.system, email=ada, password=PASSWORD)
        await signed_in(replace(school.system, address=STRANGER), id)
        await sessions.revoke_others(caller=replace(school.system, account_id=id))

        await self.everywhere(door, ada)

        assert await door.sign_in(ada, STRANGER, PASSWORD) == "busy"

    async def test_it_is_over_by_itself(self, door: Door, ada: str) -> None:
        await self.everywhere(door, ada)

        door.clock.now += 120

        assert await door.sign_in(ada, STRANGER, PASSWORD) == "in"


class TestSignUp:
    async def sign_up(self, door: Door, email: str, **more: Any) -> str:
        try:
            await accounts.sign_up(caller=door.at(more.pop("network", HOME)), email=email, name="Ada", password=PASSWORD, throttle=door.throttle)
        except errors.EmailTaken:
            return "taken"
        except Busy:
            return "busy"
        return "in"

    async def test_tells_only_so_often_that_an_address_is_taken(self, door: Door, ada: str) -> None:
        answers = [await self.sign_up(door, ada) for _ in range(62)]

        assert answers == ["taken"] * 60 + ["busy"] * 2
        assert await self.sign_up(door, address()) == "busy"
        assert await self.sign_up(door, address(), network=STRANGER) == "in"

    async def test_a_class_can_sign_up_behind_one_address(self, door: Door) -> None:
        answers = [await self.sign_up(door, address()) for _ in range(80)]

        assert answers == ["in"] * 80

    async def test_a_refusal_makes_no_account(self, door: Door, ada: str, school: School) -> None:
        for _ in range(60):
            await self.sign_up(door, ada)

        await self.sign_up(door, address())

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM accounts WHERE tenant_id = $1", school.id) == 1


class TestRefresh:
    async def test_wrong_tokens_meet_a_limit_and_a_right_one_passes(self, door: Door) -> None:
        session = await signed_in(door.school.system)
        for _ in range(60):
            with pytest.raises(errors.TokenInvalid):
                await sessions.refresh(caller=door.at(HOME), refresh_token="x", throttle=door.throttle)

        with pytest.raises(Busy):
            await sessions.refresh(caller=door.at(HOME), refresh_token="x", throttle=door.throttle)
        await sessions.refresh(caller=door.at(HOME), refresh_token=session.refresh_token, throttle=door.throttle)

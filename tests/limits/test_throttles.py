"""What every throttle does, in one process and on Valkey."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from lms_graph.integrations.redis_throttle import RedisThrottle
from lms_graph.kit.errors import Busy, Conflict, NotFound
from lms_graph.kit.throttle import Bucket, Limit, MemoryThrottle, Throttle, attempt, network_of

pytestmark = pytest.mark.anyio

FEW = Limit("few", at_once=5, every=600)
MANY = Limit("many", at_once=50, every=60)


@pytest.fixture(params=["memory", "valkey"])
async def throttle(request: pytest.FixtureRequest, environment: dict[str, str]) -> AsyncIterator[Throttle]:
    if request.param == "memory":
        yield MemoryThrottle()
        return
    shared = RedisThrottle(environment["REDIS_URL"])
    yield shared
    await shared.aclose()


@pytest.fixture
def few() -> Bucket:
    return FEW.of(uuid4())


@pytest.fixture
def many() -> Bucket:
    return MANY.of(uuid4())


async def left(throttle: Throttle, bucket: Bucket) -> int:
    """How many attempts a bucket lets through; takes them."""
    for taken in range(1_000):
        try:
            await throttle.take(bucket)
        except Busy:
            return taken
    raise AssertionError("no limit")


class TestTake:
    async def test_lets_as_many_through_as_the_limit_says(self, throttle: Throttle, few: Bucket, many: Bucket) -> None:
        assert (await left(throttle, few), await left(throttle, many)) == (5, 50)

    async def test_says_when_to_come_again(self, throttle: Throttle, few: Bucket) -> None:
        await left(throttle, few)

        with pytest.raises(Busy, match=r"Too many attempts. Ask again in (600|599) s\.") as refused:
            await throttle.take(few)

        assert refused.value.retry_after_seconds in (599, 600)

    async def test_of_several_buckets_one_that_is_empty_keeps_the_others_full(self, throttle: Throttle, few: Bucket, many: Bucket) -> None:
        await left(throttle, few)

        for _ in range(60):
            with pytest.raises(Busy):
                await throttle.take(many, few)

        assert await left(throttle, many) == 50

    async def test_as_many_at_once_as_one_after_another(self, throttle: Throttle, few: Bucket) -> None:
        taken = await asyncio.gather(*(throttle.take(few) for _ in range(40)), return_exceptions=True)

        assert [type(answer) for answer in taken].count(type(None)) == 5

    async def test_each_has_a_bucket_of_their_own(self, throttle: Throttle, few: Bucket) -> None:
        await left(throttle, few)

        assert await left(throttle, FEW.of(uuid4())) == 5


class TestGive:
    async def test_gives_one_back(self, throttle: Throttle, few: Bucket) -> None:
        await left(throttle, few)

        await throttle.give(few)

        assert await left(throttle, few) == 1

    async def test_never_fills_beyond_the_brim(self, throttle: Throttle, few: Bucket) -> None:
        await throttle.give(few)
        await throttle.give(few)

        assert await left(throttle, few) == 5


class TestClear:
    async def test_fills_the_bucket(self, throttle: Throttle, few: Bucket) -> None:
        await left(throttle, few)

        await throttle.clear(few)

        assert await left(throttle, few) == 5


class TestAttempt:
    async def test_counts_when_it_was_wrong(self, throttle: Throttle, few: Bucket) -> None:
        with pytest.raises(NotFound):
            async with attempt(throttle, few, wrong=NotFound):
                raise NotFound("wrong")

        assert await left(throttle, few) == 4

    async def test_counts_not_when_it_was_right_or_refused_for_another_reason(self, throttle: Throttle, few: Bucket) -> None:
        async with attempt(throttle, few, wrong=NotFound):
            pass
        with pytest.raises(Conflict):
            async with attempt(throttle, few, wrong=NotFound):
                raise Conflict("not now")

        assert await left(throttle, few) == 5

    async def test_counts_when_it_was_given_up(self, throttle: Throttle, few: Bucket) -> None:
        with pytest.raises(asyncio.CancelledError):
            async with attempt(throttle, few, wrong=NotFound):
                raise asyncio.CancelledError

        assert await left(throttle, few) == 4

    async def test_is_not_begun_when_it_is_refused(self, throttle: Throttle, few: Bucket) -> None:
        await left(throttle, few)

        with pytest.raises(Busy):
            async with attempt(throttle, few, wrong=NotFound):
                raise AssertionError("begun")


class TestLimit:
    def test_keeps_no_name_of_anybody(self) -> None:
        assert "ada" not in FEW.of("ada@example.com").key

    def test_what_is_joined_is_not_mixed_up(self) -> None:
        assert FEW.of("ab", "c").key != FEW.of("a", "bc").key

    def test_half_surrogates_have_a_bucket_too(self) -> None:
        assert FEW.of("\ud800").key != FEW.of("\ud801").key

    def test_lets_at_least_four_through(self) -> None:
        with pytest.raises(ValueError, match="at least four"):
            Limit("none", at_once=3, every=1)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class TestMemoryThrottle:
    async def test_an_attempt_comes_back_by_time(self) -> None:
        clock, bucket = Clock(), FEW.of("a")
        throttle = MemoryThrottle(clock=clock)
        await left(throttle, bucket)

        clock.now += 600

        assert await left(throttle, bucket) == 1
        clock.now += 100_000
        assert await left(throttle, bucket) == 5

    async def test_a_factor_multiplies_both_the_brim_and_the_inflow(self) -> None:
        clock, bucket = Clock(), FEW.of("a")
        throttle = MemoryThrottle(factor=3, clock=clock)

        assert await left(throttle, bucket) == 15
        clock.now += 600
        assert await left(throttle, bucket) == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_whose_network_an_address_is(address: str | None, network: str) -> None:
    assert network_of(address) == network

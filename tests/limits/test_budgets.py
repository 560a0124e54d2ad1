"""What every budget does, in one process and on Valkey."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from lms_graph.integrations.redis_budget import RedisBudget
from lms_graph.kit.budget import Budget, MemoryBudget, Rate

pytestmark = pytest.mark.anyio

SLOW = Rate(capacity=100, per_second=1)


@pytest.fixture(params=["memory", "valkey"])
async def budget(request: pytest.FixtureRequest, environment: dict[str, str]) -> AsyncIterator[Budget]:
    if request.param == "memory":
        yield MemoryBudget(SLOW)
        return
    shared = RedisBudget(environment["REDIS_URL"], SLOW)
    yield shared
    await shared.aclose()


@pytest.fixture
def key() -> str:
    """A bucket that no other test takes from."""
    return uuid4().hex


class TestTake:
    async def test_takes_until_the_bucket_is_empty(self, budget: Budget, key: str) -> None:
        taken = [await budget.take(key, 30) for _ in range(4)]

        assert [allowance.granted for allowance in taken] == [True, True, True, False]
        assert [allowance.remaining for allowance in taken[:3]] == [70, 40, 10]

    async def test_refused_takes_nothing_and_says_when_to_come_again(self, budget: Budget, key: str) -> None:
        await budget.take(key, 90)

        refused = await budget.take(key, 50)

        assert not refused.granted
        assert refused.remaining in (10, 11)
        assert refused.retry_after_seconds in (39, 40)
        assert (await budget.take(key, 10)).granted

    async def test_0_only_looks(self, budget: Budget, key: str) -> None:
        looked = await budget.take(key, 0)

        assert looked.granted
        assert looked.remaining == 100

    async def test_each_key_has_a_bucket(self, budget: Budget, key: str) -> None:
        await budget.take(f"{key}:ada", 100)

        assert (await budget.take(f"{key}:bob", 100)).granted
        assert not (await budget.take(f"{key}:ada", 100)).granted

    async def test_many_at_once_take_no_more_than_there_is(self, budget: Budget, key: str) -> None:
        taken = await asyncio.gather(*(budget.take(key, 1) for _ in range(300)))

        assert sum(allowance.granted for allowance in taken) in (100, 101)

    async def test_more_than_a_bucket_holds_is_never_granted(self, budget: Budget, key: str) -> None:
        refused = await budget.take(key, 101)

        assert not refused.granted
        assert refused.remaining == 100
        assert refused.retry_after_seconds == 1

    async def test_one_who_gives_up_holds_nobody_back(self, budget: Budget, key: str) -> None:
        gone = asyncio.create_task(budget.take(key, 1))
        await asyncio.sleep(0)
        gone.cancel()

        assert (await budget.take(key, 1)).granted


class TestRefusal:
    async def test_is_known_without_asking_and_takes_nothing(self, budget: Budget, key: str) -> None:
        await budget.take(key, 60)

        refused = budget.refusal(key, 50)

        assert refused
        assert not refused.granted
        assert refused.retry_after_seconds in (9, 10)
        assert (await budget.take(key, 40)).granted

    async def test_is_none_where_there_is_enough_or_nothing_is_known(self, budget: Budget, key: str) -> None:
        await budget.take(key, 60)

        assert budget.refusal(key, 40) is None
        assert budget.refusal(f"{key}:other", 101) is None

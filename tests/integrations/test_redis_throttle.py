"""Throttles on a real Valkey, that goes and comes back. What they share with those of one process is tested in `tests/limits/test_throttles.py`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lms_graph.integrations.redis_throttle import RedisThrottle
from lms_graph.kit.errors import Busy
from lms_graph.kit.throttle import Limit
from tests.integrations.test_redis_budget import Server

pytestmark = pytest.mark.anyio

BUCKET = Limit("some", at_once=40, every=600).of("a")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def throttle(server: Server) -> AsyncIterator[RedisThrottle]:
    made = RedisThrottle(server.url)
    yield made
    await made.aclose()


async def left(throttle: RedisThrottle) -> int:
    for taken in range(1_000):
        try:
            await throttle.take(BUCKET)
        except Busy:
            return taken
    raise AssertionError("no limit")


async def test_two_processes_take_from_one_bucket(server: Server, throttle: RedisThrottle) -> None:
    other = RedisThrottle(server.url)
    for _ in range(30):
        await throttle.take(BUCKET)

    assert await left(other) == 10
    await other.aclose()


async def test_a_full_bucket_leaves_nothing(throttle: RedisThrottle) -> None:
    await throttle.take(BUCKET)

    await throttle.give(BUCKET)

    assert await throttle._script.redis.dbsize() == 0


async def test_while_it_is_away_each_process_counts_four_times(server: Server, throttle: RedisThrottle) -> None:
    server.stop()

    assert await left(throttle) == 10
    await throttle.give(BUCKET)
    assert await left(throttle) == 1
    await throttle.clear(BUCKET)
    assert await left(throttle) == 10


async def test_goes_on_counting_from_what_was_known(server: Server, throttle: RedisThrottle) -> None:
    for _ in range(32):
        await throttle.take(BUCKET)
    server.stop()

    assert await left(throttle) == 2


async def test_a_server_that_hangs_keeps_nobody_waiting_for_long(server: Server, throttle: RedisThrottle) -> None:
    with server.hanging():
        await throttle.take(BUCKET)

        assert throttle._script.is_away()
        assert await left(throttle) == 9

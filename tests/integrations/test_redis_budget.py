"""Budgets on a real Valkey, that goes and comes back. What they share with those of one process is tested in `tests/limits/test_budgets.py`."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lms_graph.embedded import valkey
from lms_graph.embedded.processes import free_port
from lms_graph.integrations.redis_budget import RedisBudget
from lms_graph.kit.budget import Allowance, Rate

pytestmark = pytest.mark.anyio

SLOW = Rate(capacity=100, per_second=1)
FAST = Rate(capacity=100, per_second=1_000)


class Server:
    """A Valkey of a test's own, that can be stopped, started again where it was, and held still."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [valkey.binary(), "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", self.folder], stdout=subprocess.DEVNULL
        )
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self.process.poll() is None
            time.sleep(0.01)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections meanwhile and answers none."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def at_once(taking: Coroutine[Any, Any, Allowance]) -> Allowance:
    """The answer of what waits for nothing."""
    try:
        taking.send(None)
    except StopIteration as done:
        answer: Allowance = done.value
        return answer
    raise AssertionError("it waited")


@pytest.fixture
async def budget(server: Server) -> AsyncIterator[RedisBudget]:
    made = RedisBudget(server.url, SLOW)
    yield made
    await made.aclose()


async def test_0_only_looks(budget: RedisBudget) -> None:
    await budget.take("a", 0)

    assert await budget._script.redis.dbsize() == 0


class TestShared:
    async def test_two_processes_take_from_one_bucket(self, server: Server, budget: RedisBudget) -> None:
        other = RedisBudget(server.url, SLOW)
        await budget.take("a", 60)

        refused = await other.take("a", 60)

        assert not refused.granted
        await other.aclose()

    async def test_a_bucket_fills_and_its_key_goes(self, server: Server) -> None:
        budget = RedisBudget(server.url, FAST)
        assert (await budget.take("a", 100)).granted

        while (await budget.take("a", 0)).remaining < 100 or await budget._script.redis.dbsize():
            await budget.take("another", 0)

        assert (await budget.take("a", 100)).granted
        await budget.aclose()


class TestAway:
    async def test_goes_on_counting_from_what_was_known(self, server: Server, budget: RedisBudget) -> None:
        await budget.take("a", 60)
        server.stop()

        taken = [await budget.take("a", 30) for _ in range(2)]

        assert [allowance.granted for allowance in taken] == [True, False]

    async def test_a_server_that_hangs_is_waited_for_once(self, server: Server, budget: RedisBudget) -> None:
        await budget.take("a", 60)
        with server.hanging():
            assert not (await budget.take("a", 60)).granted

            assert [at_once(budget.take("a", 30)).granted for _ in range(2)] == [True, False]

    async def test_never_reached_still_limits(self) -> None:
        budget = RedisBudget("redis://127.0.0.1:1/0", SLOW)

        taken = [await budget.take("a", 60) for _ in range(2)]

        assert [allowance.granted for allowance in taken] == [True, False]
        await budget.aclose()

    async def test_is_asked_again_when_it_answers(self, server: Server, budget: RedisBudget) -> None:
        with server.hanging():
            await budget.take("a", 1)

        await _until_shared(server, budget)

    async def test_is_asked_again_when_it_was_started_anew(self, server: Server, budget: RedisBudget) -> None:
        await budget.take("a", 1)
        server.stop()
        await budget.take("a", 1)
        server.start()

        await _until_shared(server, budget)


async def _until_shared(server: Server, budget: RedisBudget) -> None:
    """Take until another process knows of it."""
    other = RedisBudget(server.url, SLOW)
    while (await other.take("b", 0)).remaining == 100:
        await budget.take("b", 1)
        await asyncio.sleep(0.05)
    await other.aclose()

"""Groups: what comes meanwhile goes together, and each caller hears their own."""

import asyncio
from collections.abc import Sequence

import pytest

from lms_graph.kit.groups import SECOND_WHEN, Groups

pytestmark = pytest.mark.anyio


class Work:
    """Holds each group until it is let go, and doubles what it is given."""

    def __init__(self, *, at_most: int = 100) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.open = asyncio.Event()
        self.call: Groups[str, int, int] = Groups(self._run, at_most=at_most)

    async def _run(self, key: str, calls: Sequence[int]) -> list[int]:
        self.groups.append((key, list(calls)))
        await self.open.wait()
        if 13 in calls:
            raise LookupError("thirteen")
        return [2 * call for call in calls]

    def begin(self, *calls: int, key: str = "a") -> list["asyncio.Task[int]"]:
        return [asyncio.create_task(self.call(key, call)) for call in calls]


async def begun() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_call_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    work = Work()
    first = work.begin(1)
    await begun()
    later = work.begin(2, 3, 4)
    await begun()
    assert work.groups == [("a", [1])]

    work.open.set()

    assert await asyncio.gather(*first, *later) == [2, 4, 6, 8]
    assert work.groups == [("a", [1]), ("a", [2, 3, 4])]


async def test_when_enough_wait_a_second_group_goes_beside_the_first_and_no_third() -> None:
    work = Work()
    calls = work.begin(1)
    await begun()
    calls += work.begin(*range(20, 20 + SECOND_WHEN))
    await begun()
    calls += work.begin(*range(30, 30 + 2 * SECOND_WHEN))
    await begun()
    assert [len(group) for _, group in work.groups] == [1, SECOND_WHEN]

    work.open.set()
    await asyncio.gather(*calls)

    assert [len(group) for _, group in work.groups] == [1, SECOND_WHEN, 2 * SECOND_WHEN]
    assert await work.call("a", 5) == 10


async def test_a_group_has_its_bound() -> None:
    work = Work(at_most=2)
    calls = work.begin(1, 2, 3, 4, 5)
    work.open.set()

    assert await asyncio.gather(*calls) == [2, 4, 6, 8, 10]
    assert [len(group) for _, group in work.groups] == [2, 2, 1]


async def test_keys_do_not_wait_for_each_other() -> None:
    work = Work()
    calls = [*work.begin(1), *work.begin(2, key="b")]
    await begun()

    assert work.groups == [("a", [1]), ("b", [2])]
    work.open.set()
    assert await asyncio.gather(*calls) == [2, 4]


async def test_who_leaves_takes_nobody_along() -> None:
    work = Work()
    running = work.begin(1, 2)
    await begun()
    waiting = work.begin(3, 4)
    await begun()

    running[0].cancel()
    waiting[0].cancel()
    await begun()
    work.open.set()

    assert await asyncio.gather(running[1], waiting[1]) == [4, 8]
    assert work.groups == [("a", [1, 2]), ("a", [4])]


async def test_what_goes_wrong_is_told_to_all_of_the_group_and_the_next_one_goes_on() -> None:
    work = Work()
    wrong = work.begin(12, 13)
    await begun()
    right = work.begin(14)
    work.open.set()

    told = await asyncio.gather(*wrong, return_exceptions=True)

    assert [type(error) for error in told] == [LookupError, LookupError]
    assert await asyncio.gather(*right, *work.begin(15)) == [28, 30]

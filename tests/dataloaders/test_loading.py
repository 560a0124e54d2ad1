"""Loaders: what is asked in one turn is read together, once, and everybody is told their own."""

import asyncio
from collections.abc import Sequence

import pytest

from lms_graph.dataloaders.loading import AT_ONCE, NOTHING, Loader

pytestmark = pytest.mark.anyio


class Shelf:
    """A loader of doubles, and what it was asked. Key 13 is an exception; reading 99 fails."""

    def __init__(self) -> None:
        self.read: list[list[int]] = []
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()
        self.loader: Loader[int, int] = Loader(self._double)

    async def _double(self, keys: list[int]) -> Sequence[int]:
        self.read.append(keys)
        self.asked.set()
        await self.open.wait()
        if 99 in keys:
            raise OSError("the shelf fell")
        return [ValueError("unlucky") if key == 13 else 2 * key for key in keys]  # type: ignore[misc]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


class TestBatches:
    async def test_one_turn_is_read_together_and_each_key_once(self, shelf: Shelf) -> None:
        load = shelf.loader.load

        assert await asyncio.gather(load(1), load(2), load(1), shelf.loader.load_many([2, 3])) == [2, 4, 2, [4, 6]]
        assert shelf.read == [[1, 2, 3]]

    async def test_what_is_known_or_under_way_is_not_read_again(self, shelf: Shelf) -> None:
        shelf.open.clear()
        first = asyncio.ensure_future(shelf.loader.load(1))
        await shelf.asked.wait()
        second = asyncio.ensure_future(shelf.loader.load_many([1, 2]))
        await asyncio.sleep(0)
        shelf.open.set()

        assert (await first, await second, await shelf.loader.load(2)) == (2, [2, 4], 4)
        assert shelf.read == [[1], [2]]

    async def test_a_call_has_at_most_so_many_keys(self, shelf: Shelf) -> None:
        keys = list(range(100, 100 + 2 * AT_ONCE + 1))

        assert await shelf.loader.load_many(keys) == [2 * key for key in keys]
        assert [len(asked) for asked in shelf.read] == [AT_ONCE, AT_ONCE, 1]

    async def test_what_was_read_elsewhere_is_taken(self, shelf: Shelf) -> None:
        shelf.loader.prime(1, 7)
        shelf.loader.prime(1, 8)

        assert await shelf.loader.load_many([1, 2]) == [7, 4]
        assert shelf.read == [[2]]

    async def test_what_is_known_is_given_at_once(self, shelf: Shelf) -> None:
        shelf.loader.prime(1, 7)

        assert shelf.loader.each([1, 1]) == [7, 7]
        assert isinstance(shelf.loader.each([1, 2]), asyncio.Future)

    async def test_what_the_process_holds_is_neither_read_nor_waited_for(self, shelf: Shelf) -> None:
        asked: list[int] = []

        def recall(key: int) -> int:
            asked.append(key)
            return -key if key < 10 else NOTHING

        loader: Loader[int, int] = Loader(shelf._double, recall)
        assert loader.each([1, 2, 1]) == [-1, -2, -1]
        assert asked == [1, 2]
        assert shelf.read == []
        assert await loader.load_many([2, 10]) == [-2, 20]
        assert shelf.read == [[10]]

    async def test_too_few_values_are_an_error_not_a_shift(self) -> None:
        async def one(keys: list[int]) -> list[int]:
            return [1]

        loader: Loader[int, int] = Loader(one)
        with pytest.raises(ValueError, match="shorter"):
            await loader.load_many([1, 2])


class TestErrors:
    async def test_of_a_key_is_its_own(self, shelf: Shelf) -> None:
        told = await shelf.loader.each([1, 13])

        assert told[0] == 2
        assert isinstance(told[1], ValueError)
        with pytest.raises(ValueError, match="unlucky"):
            await shelf.loader.load(13)
        with pytest.raises(ValueError, match="unlucky"):
            await shelf.loader.load_many([1, 13])

    async def test_of_a_batch_is_everybodys_and_is_kept(self, shelf: Shelf) -> None:
        one, other = await asyncio.gather(shelf.loader.load(1), shelf.loader.load(99), return_exceptions=True)

        assert isinstance(one, OSError)
        assert one is other
        with pytest.raises(OSError, match="fell"):
            await shelf.loader.load(1)
        assert len(shelf.read) == 1

    async def test_who_leaves_takes_nobody_along(self, shelf: Shelf) -> None:
        shelf.open.clear()
        leaves, stays = asyncio.ensure_future(shelf.loader.load(1)), asyncio.ensure_future(shelf.loader.load(1))
        await shelf.asked.wait()
        leaves.cancel()
        shelf.open.set()

        assert await stays == 2
        assert leaves.cancelled()

    async def test_reading_that_is_canceled_cancels_who_waits(self) -> None:
        async def stopped(keys: list[int]) -> list[int]:
            raise asyncio.CancelledError

        loader: Loader[int, int] = Loader(stopped)
        with pytest.raises(asyncio.CancelledError):
            await loader.load(1)

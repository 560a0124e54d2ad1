"""What loaders are made of: a batch function per kind of row, turned into a loader for one caller."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from lms_graph.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

AT_ONCE = 1000  # keys in one call of a batch function


class Loader(Generic[K, V]):
    """Reads what is asked in one turn of the event loop together, and each key once: what it has read it keeps, errors too.

    As Strawberry's DataLoader, but that a key costs no future, no task and no call of its own: a page has hundreds of them.
    """

    def __init__(self, read: Callable[[list[K]], Awaitable[Sequence[V]]], recall: Callable[[K], V] | None = None) -> None:
        """`recall` gives what lies in the process already, without reading; `NOTHING` where it does not."""
        self._read = read
        self._recall = recall
        self._known: dict[K, V | Exception | _Batch[K]] = {}
        self._next: _Batch[K] | None = None

    def prime(self, key: K, value: V) -> None:
        """It was read already, elsewhere."""
        self._known.setdefault(key, value)

    def each(self, keys: Sequence[K]) -> Awaitable[list[V | Exception]] | list[V | Exception]:
        """What each key leads to, in order, or what was raised when it was read: at once, or to be awaited where something has to be read."""
        known, recall, values, batches = self._known, self._recall, [], set()
        for key in keys:
            found = known.get(key, NOTHING)
            if found is NOTHING and recall is not None and (found := recall(key)) is not NOTHING:
                known[key] = found
            if found is NOTHING:
                found = known[key] = self._next or self._begin()
                found.keys.append(key)
            if type(found) is _Batch:
                batches.add(found)
            values.append(found)
        if not batches:
            return values
        told: asyncio.Future[list[V | Exception]] = self._loop.create_future()
        self._tell(told, keys, batches)
        return told

    def _tell(self, told: "asyncio.Future[list[V | Exception]]", keys: Sequence[K], batches: "set[_Batch[K]]") -> None:
        """As soon as all batches are read."""
        if told.done():  # canceled
            return
        while batches:
            batch = batches.pop()
            if not batch.is_over:
                batch.then.append(lambda: self._tell(told, keys, batches))
                return
        known = self._known
        try:
            told.set_result([known[key] for key in keys])  # type: ignore[misc]
        except KeyError:  # reading was canceled: nobody reads for this operation any more
            told.cancel()

    def load_many(self, keys: Iterable[K]) -> Awaitable[list[V]]:
        """In order. Raises what was raised for any of them."""
        return _raising(self.each(list(keys)))

    def load(self, key: K) -> Awaitable[V]:
        """Raises what was raised when it was read."""
        return _first(self.load_many((key,)))

    def _begin(self) -> "_Batch[K]":
        batch = self._next = _Batch()
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._start, batch)
        return batch

    def _start(self, batch: "_Batch[K]") -> None:
        batch.task = self._loop.create_task(self._run(batch))

    async def _run(self, batch: "_Batch[K]") -> None:
        self._next = None
        known = self._known
        try:
            for start in range(0, len(batch.keys), AT_ONCE):
                part = batch.keys[start : start + AT_ONCE]
                known.update(zip(part, await self._read(part), strict=True))
        except Exception as error:  # noqa: BLE001  # it is raised where the keys were asked for
            known.update((key, error) for key in batch.keys if known[key] is batch)
        except BaseException:
            for key in batch.keys:
                if known[key] is batch:
                    del known[key]
            raise
        finally:
            batch.is_over = True
            for tell in batch.then:
                tell()


@dataclass(eq=False, slots=True)
class _Batch(Generic[K]):
    """Keys that are read together. `task` only so that it lives: the loop itself holds its tasks weakly."""

    keys: list[K] = field(default_factory=list)
    then: list[Callable[[], None]] = field(default_factory=list)
    is_over: bool = False
    task: asyncio.Task[None] | None = None


async def _raising(told: Awaitable[list[V | Exception]] | list[V | Exception]) -> list[V]:
    values = told if isinstance(told, list) else await told
    for value in values:
        if isinstance(value, Exception):
            raise value
    return values  # type: ignore[return-value]


async def _first(values: Awaitable[list[V]]) -> V:
    (value,) = await values
    return value


NOTHING: Any = object()


class AreaLoaders:
    """The loaders of one area, made when first asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.caller = context.caller
        self.adapters = context.adapters


class batch:  # noqa: N801  # reads as a decorator
    """`@batch` over `async def name(self, keys) -> list`: reading the attribute gives a Loader over it. Keys in, values out, in order.

    `@name.recalled` over `def _(self, key)` gives what the process holds already, or `NOTHING`.
    """

    def __init__(self, function: Callable[[Any, list[Any]], Awaitable[list[Any]]]) -> None:
        self.function = function
        self.recall: Callable[[Any, Any], Any] | None = None
        self.name = function.__name__

    def recalled(self, recall: Callable[[Any, Any], Any]) -> None:
        self.recall = recall

    def __get__(self, area: AreaLoaders | None, owner: type) -> Any:
        if area is None:
            return self
        loader: Loader[Any, Any] = Loader(partial(self.function, area), self.recall and partial(self.recall, area))
        area.__dict__[self.name] = loader
        return loader


def grouped(rows: Iterable[Mapping[str, Any]], by: str, keys: list[K], make: Callable[[Any], V]) -> list[list[V]]:
    """A list per key, in the order of the rows."""
    groups: dict[Any, list[V]] = {key: [] for key in keys}
    for row in rows:
        groups[row[by]].append(make(row))
    return [groups[key] for key in keys]


def matched(rows: Iterable[Mapping[str, Any]], by: str, keys: list[K], make: Callable[[Any], V]) -> list[V | None]:
    """One value per key, or None."""
    found = {row[by]: make(row) for row in rows}
    return [found.get(key) for key in keys]

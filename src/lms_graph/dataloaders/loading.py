"""What loaders are made of: a batch function per kind of row, turned into a loader for one caller."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from lms_graph.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

AT_ONCE = 1000  # keys in one call of a batch function


class Loader(Generic[K, V]):
    """Reads what is asked in one turn of the event loop together, and each key once: what it has read it keeps, errors too.

    As Strawberry's DataLoader, but that a key costs no future, no task and no call of its own: a page has hundreds of them.
    """

    def __init__(self, read: Callable[[list[K]], Awaitable[Sequence[V]]]) -> None:
        self._read = read
        self._known: dict[K, V | Exception] = {}
        self._under_way: dict[K, asyncio.Future[None]] = {}
        self._next: tuple[list[K], asyncio.Future[None]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def prime(self, key: K, value: V) -> None:
        """It was read already, elsewhere."""
        self._known.setdefault(key, value)

    def each(self, keys: Sequence[K]) -> Awaitable[list[V | Exception]]:
        """What each key leads to, in order, or what was raised when it was read."""
        waiting = dict.fromkeys([self._under_way.get(key) or self._ask(key) for key in keys if key not in self._known])
        return self._told(keys, waiting)

    async def load_many(self, keys: Iterable[K]) -> list[V]:
        """In order. Raises what was raised for any of them."""
        told = await self.each(list(keys))
        for value in told:
            if isinstance(value, Exception):
                raise value
        return told  # type: ignore[return-value]

    def load(self, key: K) -> Awaitable[V]:
        """Raises what was raised when it was read."""
        return self._only(self.each((key,)))

    async def _only(self, told: Awaitable[list[V | Exception]]) -> V:
        (value,) = await told
        if isinstance(value, Exception):
            raise value
        return value

    async def _told(self, keys: Sequence[K], waiting: Iterable[asyncio.Future[None]]) -> list[V | Exception]:
        for done in waiting:
            await asyncio.shield(done)  # others wait for it too
        return [self._known[key] for key in keys]

    def _ask(self, key: K) -> asyncio.Future[None]:
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = [], loop.create_future()
            loop.call_soon(self._begin)
        keys, done = self._next
        keys.append(key)
        self._under_way[key] = done
        return done

    def _begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        assert self._next is not None
        (keys, done), self._next = self._next, None
        try:
            for start in range(0, len(keys), AT_ONCE):
                part = keys[start : start + AT_ONCE]
                self._known.update(zip(part, await self._read(part), strict=True))
        except Exception as error:  # noqa: BLE001  # it is raised where the keys were asked for
            self._known.update((key, error) for key in keys if key not in self._known)
        finally:
            for key in keys:
                del self._under_way[key]
            if all(key in self._known for key in keys):
                done.set_result(None)
            else:  # canceled: nobody reads for this operation any more
                done.cancel()


class AreaLoaders:
    """The loaders of one area, made when first asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.caller = context.caller
        self.adapters = context.adapters


class batch:  # noqa: N801  # reads as a decorator
    """`@batch` over `async def name(self, keys) -> list`: reading the attribute gives a Loader over it. Keys in, values out, in order."""

    def __init__(self, function: Callable[[Any, list[Any]], Awaitable[list[Any]]]) -> None:
        self.function = function
        self.name = function.__name__

    def __get__(self, area: AreaLoaders | None, owner: type) -> Any:
        if area is None:
            return self
        loader: Loader[Any, Any] = Loader(lambda keys: self.function(area, keys))
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

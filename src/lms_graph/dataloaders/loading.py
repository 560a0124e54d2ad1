"""What loaders are made of: a batch function per kind of row, turned into a DataLoader for one caller."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from lms_graph.context import Context

K = TypeVar("K")
V = TypeVar("V")


class AreaLoaders:
    """The loaders of one area, made when first asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.caller = context.caller
        self.adapters = context.adapters


class batch:  # noqa: N801  # reads as a decorator
    """`@batch` over `async def name(self, keys) -> list`: reading the attribute gives a DataLoader over it. Keys in, values out, in order."""

    def __init__(self, function: Callable[[Any, list[Any]], Awaitable[list[Any]]]) -> None:
        self.function = function
        self.name = function.__name__

    def __get__(self, area: AreaLoaders | None, owner: type) -> Any:
        if area is None:
            return self
        loader: DataLoader[Any, Any] = DataLoader(load_fn=lambda keys: self.function(area, keys), max_batch_size=1000)
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

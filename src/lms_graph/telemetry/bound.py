"""What every line of the present request, operation or job says of it: a set of names and values in the context, put into each line by `merged`."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_NOTHING: Any = MappingProxyType({})
_bound: ContextVar[dict[str, Any]] = ContextVar("bound", default=_NOTHING)


def begin(**values: Any) -> None:
    """From now on lines say this, and nothing that was bound before."""
    _bound.set(values)


def bind(**values: Any) -> None:
    """From now on lines say this too."""
    _bound.set({**_bound.get(), **values})


@contextmanager
def during(**values: Any) -> Iterator[None]:
    """Lines say this too, until it ends."""
    token = _bound.set({**_bound.get(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def value(name: str) -> Any:
    """What is bound to this name; None where nothing is."""
    return _bound.get().get(name)


def merged(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog's. What a line says of itself comes before what is bound."""
    return {**_bound.get(), **line}

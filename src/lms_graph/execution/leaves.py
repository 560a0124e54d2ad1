"""How values of leaf types are written, chosen by the class of the value."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLLeafType, GraphQLString
from graphql.execution.executor import Executor

Write = Callable[[Any], Any]

_AS_THEY_ARE: dict[str, tuple[GraphQLLeafType, type]] = {"String": (GraphQLString, str), "ID": (GraphQLID, str), "Boolean": (GraphQLBoolean, bool)}
_PLAIN = frozenset({str, int, float, bool, datetime, date, time, Decimal, UUID, bytes})


def as_it_is(value: Any) -> Any:
    return value


def writer(type_: GraphQLLeafType, cls: type) -> Write | None:
    """What writes values of a class for a leaf type, as `complete_leaf_value` does; None for classes whose values may be more than a value: something to await, an exception, a function."""
    own = _AS_THEY_ARE.get(type_.name)
    if own is not None and type_ is own[0] and cls is own[1]:
        return as_it_is
    if type_ is GraphQLInt and cls is int:
        return _int
    if type_ is GraphQLFloat and cls is float:
        return _float
    if issubclass(cls, Enum):
        return _Remembered(type_).__getitem__ if isinstance(type_, GraphQLEnumType) else lambda value: Executor.complete_leaf_value(type_, value)
    if cls in _PLAIN:
        return lambda value: Executor.complete_leaf_value(type_, value)
    return None


def _int(value: int) -> int:
    if -(2**31) <= value < 2**31:
        return value
    written: int = Executor.complete_leaf_value(GraphQLInt, value)
    return written


def _float(value: float) -> float:
    if isfinite(value):
        return value
    written: float = Executor.complete_leaf_value(GraphQLFloat, value)
    return written


class _Remembered(dict[Any, Any]):
    """Members of an enum are few, and what is written for one does not change."""

    def __init__(self, type_: GraphQLEnumType) -> None:
        super().__init__()
        self._type = type_

    def __missing__(self, member: Any) -> Any:
        self[member] = written = Executor.complete_leaf_value(self._type, member)
        return written

"""What fields cost, as their types state it. `docs/api/limits.md` tells what follows from it."""

from typing import Any

import strawberry

from lms_graph.kit.pages import DEFAULT_SIZE
from lms_graph.limits.directives import Cost, ListSize

PAGE = ListSize(assumed_size=DEFAULT_SIZE, slicing_arguments=["first", "last"], sized_fields=["edges", "nodes"], require_one_slicing_argument=False)


def weight(cost: int) -> Cost:
    """More than the objects themselves: a search, a count over the whole list, a password hash. One object of a list stands for 1."""
    return Cost(weight=str(cost))


def usually(size: int) -> ListSize:
    """The size of a list without arguments: not its bound, but what it seldom exceeds."""
    return ListSize(assumed_size=size)


def as_long_as(argument: str) -> ListSize:
    """The size of a list that answers to each item of an argument."""
    return ListSize(slicing_arguments=[argument])


def listed(size: int, *, description: str, **options: Any) -> Any:
    """A list of objects that comes with its parent and is usually of this size."""
    return strawberry.field(description=description, directives=[usually(size)], **options)

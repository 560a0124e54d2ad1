"""Enums of tables and rules as the schema says them, each value with its meaning."""

from enum import Enum
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=type[Enum])


def described(enum: E, name: str, description: str, **meanings: str) -> E:
    """The enum as a GraphQL one. A value without a meaning, or a meaning without a value, is an error at import."""
    if set(meanings) != {value.name for value in enum}:
        raise TypeError(f"{name} needs a meaning for each of {', '.join(value.name for value in enum)}.")
    made = strawberry.enum(enum, name=name, description=description)
    for value in made.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = meanings[value.name]
    return made

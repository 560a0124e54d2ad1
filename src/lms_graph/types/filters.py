"""What `where` can say of a field, wherever it stands."""

from datetime import datetime
from typing import Any

import strawberry


def chosen(several: Any, one: Any) -> Any:
    """Which values are let through, by `in` and by `eq`; None for all."""
    if several is None:
        return None if one is None else [one]
    return [value for value in several if one is None or value == one]


@strawberry.input(description="A text must be one of these.")
class StringFilter:
    in_: list[str] | None = strawberry.field(default=None, name="in", description="Any of these; at most 100.")
    eq: str | None = strawberry.field(default=None, description="Exactly this.")

    def values(self) -> list[str] | None:
        return chosen(self.in_, self.eq)


@strawberry.input(description="A moment within a period.")
class PeriodFilter:
    gte: datetime | None = strawberry.field(default=None, description="Then or later.")
    lt: datetime | None = strawberry.field(default=None, description="Before then.")

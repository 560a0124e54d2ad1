"""The budget of a caller: a bucket of cost that fills by time, and what each operation takes from it."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether something may go on, and how the bucket stands then. `retry_after_seconds` is 0 when it may."""

    granted: bool
    remaining: int
    reset_at: datetime
    retry_after_seconds: int


class Budget(Protocol):
    """Buckets by key, shared by all processes of the deployment as far as possible. Always answers, and never raises."""

    async def take(self, key: str, cost: int) -> Allowance:
        """Take `cost` from the bucket of `key` if it holds as much; else nothing."""
        ...

    def refusal(self, key: str, cost: int) -> Allowance | None:
        """What `take` would answer, if this process knows already that the bucket does not hold as much. Asks nobody and takes nothing."""
        ...


@dataclass(frozen=True)
class Rate:
    """How much a bucket holds, and how much flows in per second."""

    capacity: int
    per_second: int

    @property
    def span(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.capacity / self.per_second

    def allowance(self, *, granted: bool, missing: float, cost: int) -> Allowance:
        """How a bucket stands that is full in `missing` seconds."""
        wait = 0 if granted else max(1, math.ceil(missing + min(cost / self.per_second, self.span) - self.span))
        remaining = max(0, self.capacity - math.ceil(missing * self.per_second))
        return Allowance(granted, remaining, datetime.now(UTC) + timedelta(seconds=missing), wait)


class Buckets:
    """Buckets in this process: the last `most` that were used, by the moment at which each is full again."""

    def __init__(self, *, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._full_at

    def __len__(self) -> int:
        return len(self._full_at)

    def missing(self, key: str) -> float:
        """Seconds until the bucket of `key` is full."""
        now = self._clock()
        return max(0.0, self._full_at.get(key, now) - now)

    def note(self, key: str, missing: float) -> None:
        """The bucket of `key` is full in `missing` seconds."""
        self._full_at[key] = self._clock() + missing
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)


class MemoryBudget:
    """Budgets in this process."""

    def __init__(self, rate: Rate, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._buckets = Buckets(most=most, clock=clock)

    async def take(self, key: str, cost: int) -> Allowance:
        return self.taken(key, cost)

    def taken(self, key: str, cost: int) -> Allowance:
        """`take`, for who cannot wait."""
        missing = self._buckets.missing(key)
        after = missing + cost / self.rate.per_second
        granted = after <= self.rate.span
        if granted:
            missing = after
            self.note(key, missing)
        return self.rate.allowance(granted=granted, missing=missing, cost=cost)

    def refusal(self, key: str, cost: int) -> Allowance | None:
        if key not in self._buckets:
            return None
        missing = self._buckets.missing(key)
        if missing + cost / self.rate.per_second <= self.rate.span:
            return None
        return self.rate.allowance(granted=False, missing=missing, cost=cost)

    def note(self, key: str, missing: float) -> None:
        """The bucket of `key` is full in `missing` seconds, as somebody else has counted."""
        self._buckets.note(key, missing)

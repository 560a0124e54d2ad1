"""Throttles: buckets of attempts at what can be guessed or made in masses. What a bucket lets through is said by its user, at each call.

An attempt is taken *before* the costly or telling work, from every bucket that it concerns, and given back when it turns out to be no guess. So many at once get
no further than one after another.
"""

import hashlib
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from lms_graph.kit.budget import Buckets
from lms_graph.kit.errors import Busy, DomainError

AWAY_COST = 4  # what an attempt costs where each process counts by itself: as if there were four of them


@dataclass(frozen=True, slots=True)
class Limit:
    """`at_once` attempts, then one each `every` seconds. Of at least four: fewer would close the door where each process counts by itself."""

    name: str
    at_once: int
    every: float

    def __post_init__(self) -> None:
        if self.at_once < AWAY_COST:
            raise ValueError("a limit lets at least four through")

    @property
    def span(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.at_once * self.every

    def of(self, *whose: object) -> "Bucket":
        """The bucket of somebody or something. What is given is not kept, only a hash of it."""
        said = "\0".join(map(str, whose)).encode("utf-8", "surrogatepass")
        return Bucket(f"{self.name}:{hashlib.sha256(said).hexdigest()[:32]}", self)


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    limit: Limit


class Throttle(Protocol):
    """Buckets shared by all processes of the deployment as far as possible. While they cannot be, each process counts by itself, and more strictly."""

    async def take(self, *buckets: Bucket) -> None:
        """An attempt from each of these. Raises Busy, and takes nothing, when one of them is empty."""
        ...

    async def give(self, *buckets: Bucket) -> None:
        """Give an attempt back to each: it was none."""
        ...

    async def clear(self, *buckets: Bucket) -> None:
        """Fill them: who they kept out has proved who they are."""
        ...


@asynccontextmanager
async def attempt(throttle: Throttle, *buckets: Bucket, wrong: type[DomainError] | tuple[type[DomainError], ...]) -> AsyncIterator[None]:
    """An attempt that counts when it ends in (one of) `wrong`: taken before, and given back when what is inside succeeds or is refused for another reason. Raises Busy."""
    await throttle.take(*buckets)
    try:
        yield
    except wrong:
        raise
    except DomainError:
        await throttle.give(*buckets)
        raise
    await throttle.give(*buckets)


def too_many(seconds: float) -> Busy:
    """The one answer to all that are refused: it says nothing of why, besides when to come again."""
    wait = max(1, math.ceil(seconds))
    return Busy(f"Too many attempts. Ask again in {wait} s.", retry_after_seconds=wait)


class MemoryThrottle:
    """Fulfills Throttle in one process. `factor` times as many attempts as the limits say; each costs `cost`."""

    def __init__(self, *, factor: float = 1, cost: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(most=100_000, clock=clock)
        self._factor = factor
        self._cost = cost

    async def take(self, *buckets: Bucket) -> None:
        wait = self.refusal(buckets)
        if wait > 0:
            raise too_many(wait)
        for bucket in buckets:
            self._add(bucket, self._cost)

    def refusal(self, buckets: Iterable[Bucket]) -> float:
        """For how many seconds an attempt would be refused; at most 0 when it would not."""
        return max((self._buckets.missing(bucket.key) + self._cost * bucket.limit.every / self._factor - bucket.limit.span for bucket in buckets), default=0)

    async def give(self, *buckets: Bucket) -> None:
        for bucket in buckets:
            self._add(bucket, -self._cost)

    async def clear(self, *buckets: Bucket) -> None:
        for bucket in buckets:
            self._buckets.note(bucket.key, 0)

    def note(self, bucket: Bucket, missing: float) -> None:
        """The bucket is full in `missing` seconds, as somebody else has counted."""
        self._buckets.note(bucket.key, missing)

    def _add(self, bucket: Bucket, cost: float) -> None:
        self._buckets.note(bucket.key, max(0.0, self._buckets.missing(bucket.key) + cost * bucket.limit.every / self._factor))


def network_of(address: str | None) -> str:
    """Where an address counts to: an IPv4 address is its own; the lower half of an IPv6 address is its owner's to choose, so the /64 counts. Text that is no address stays as it is."""
    who = (address or "").partition("%")[0]
    with suppress(ValueError):
        parsed = ip_address(who)
        if isinstance(parsed, IPv6Address):
            return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return who

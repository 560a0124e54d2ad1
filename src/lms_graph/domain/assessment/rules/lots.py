"""Lots: what an attempt's secret seed decides. The same seed gives the same lot on every machine and version; nobody can compute it without the seed."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lms_graph.kit.ids import ALPHABET

T = TypeVar("T")

SEED_BITS = 63  # what a bigint holds


@dataclass(frozen=True)
class Lot:
    seed: int

    def shuffled(self, items: Sequence[T], name: Callable[[T], str], *, purpose: str) -> list[T]:
        """The items in an order that only the seed knows; every order is equally likely."""
        return sorted(items, key=lambda item: self._draw(purpose, name(item)))

    def opaque_id(self, *names: str) -> str:
        """Sixteen letters for a thing in this attempt. They say nothing of its name or place."""
        number = int.from_bytes(self._draw("id", *names)[:10])
        return "".join(ALPHABET[number >> shift & 31] for shift in range(0, 80, 5))

    def _draw(self, *words: str) -> bytes:
        return hmac.digest(self.seed.to_bytes(8), "\x1f".join(words).encode(), "sha256")

"""Which client-numbered events have been taken: all up to a high-water mark, and a small set ahead of it. Order-free, without a row per event."""

from dataclasses import dataclass, field

MAX_GAPS = 64


@dataclass
class Taken:
    """`ahead` holds half-open ranges beyond `high_water`, sorted and apart."""

    high_water: int = 0
    ahead: list[tuple[int, int]] = field(default_factory=list)

    def has(self, number: int) -> bool:
        return number <= self.high_water or any(low <= number < high for low, high in self.ahead)

    def take(self, number: int) -> bool:
        """Mark a new number; False when that would leave more than `MAX_GAPS` gaps: earlier numbers must come first."""
        merged: list[tuple[int, int]] = []
        new = (number, number + 1)
        for low, high in sorted([*self.ahead, new]):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        high_water = self.high_water
        if merged[0][0] == high_water + 1:
            high_water = merged.pop(0)[1] - 1
        if len(merged) > MAX_GAPS:
            return False
        self.high_water, self.ahead = high_water, merged
        return True

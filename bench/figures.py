"""What is made of measured numbers."""

import statistics
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most: of rounds, so that a reader sees how far they lie apart."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which that part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def ratios(these: Sequence[float], those: Sequence[float]) -> dict[str, float]:
    """The spread of the quotients round by round: what a busy minute did to both cancels out."""
    return spread([this / that for this, that in zip(these, those, strict=True)])


def shown(found: dict[str, Any], digits: int = 0) -> str:
    """`1,234 (1,200–1,300)`."""
    return f"{found['median']:,.{digits}f} ({found['least']:,.{digits}f}–{found['most']:,.{digits}f})"

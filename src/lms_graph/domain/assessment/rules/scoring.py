"""Points and scores. Every rounding is half up, to hundredths, and only here.

A question's points are rounded first and the score is made of the rounded points, so that anybody can add up what is shown. The score is rounded
before it is held against the passing score: who sees 70.00 with 70.00 asked has passed.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

HUNDREDTH = Decimal("0.01")


def earned_points(points: Decimal, fraction: Fraction) -> Decimal:
    """What a share of a question's points comes to."""
    return _rounded(Fraction(points) * fraction)


def total(points: Iterable[Decimal]) -> Decimal:
    return sum(points, Decimal("0.00"))


def percent(earned: Decimal, possible: Decimal) -> Decimal:
    """The score: 0.00 to 100.00 percent of the possible points, which are more than none."""
    return _rounded(Fraction(earned) * 100 / Fraction(possible))


def passes(score: Decimal, passing_score: Decimal) -> bool:
    return score >= passing_score


def _rounded(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(HUNDREDTH, ROUND_HALF_UP)

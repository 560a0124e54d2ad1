"""What many reviews come to."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.community.rules.reviews import Rating


@pytest.mark.parametrize(
    ("counts", "hundredths"),
    [((0, 0, 0, 0, 0), 0), ((1, 0, 0, 0, 0), 100), ((0, 0, 0, 0, 7), 500), ((0, 0, 0, 2, 1), 433), ((1, 0, 0, 0, 7), 450), ((0, 0, 0, 199, 1), 401)],
)
def test_the_average_is_rounded_half_up(counts: tuple[int, int, int, int, int], hundredths: int) -> None:
    assert Rating(counts).hundredths == hundredths


@given(st.tuples(*[st.integers(0, 10**6)] * 5))
def test_the_average_is_never_off_by_more_than_half_a_hundredth(counts: tuple[int, int, int, int, int]) -> None:
    rating = Rating(counts)
    if rating.count:
        exact = Fraction(100 * sum((place + 1) * number for place, number in enumerate(counts)), rating.count)
        assert abs(rating.hundredths - exact) <= Fraction(1, 2)

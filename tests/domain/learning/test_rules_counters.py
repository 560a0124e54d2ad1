"""Which numbers were taken: against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.learning.rules.counters import MAX_GAPS, Taken


@given(st.lists(st.integers(1, 60)))
def test_it_knows_what_a_set_knows(numbers: list[int]) -> None:
    taken, model = Taken(), set[int]()
    for number in numbers:
        assert taken.has(number) == (number in model)
        if number not in model:
            assert taken.take(number)
            model.add(number)

    assert {number for number in range(1, 80) if taken.has(number)} == model
    whole = next(number for number in range(1, 80) if number not in model) - 1
    assert taken.high_water == whole
    assert all(low > taken.high_water + 1 and low < high for low, high in taken.ahead)
    assert all(before[1] < after[0] for before, after in zip(taken.ahead, taken.ahead[1:], strict=False))


@given(st.permutations(range(1, 21)))
def test_all_of_them_in_any_order_leave_only_the_mark(numbers: list[int]) -> None:
    taken = Taken()

    assert all(taken.take(number) for number in numbers)

    assert taken == Taken(20, [])


def test_too_many_gaps_are_refused_and_change_nothing_until_earlier_ones_come() -> None:
    taken = Taken()
    for number in range(2, 2 + 2 * MAX_GAPS, 2):
        assert taken.take(number)
    before = Taken(taken.high_water, list(taken.ahead))

    assert not taken.take(2 * MAX_GAPS + 10)
    assert taken == before
    assert not taken.has(2 * MAX_GAPS + 10)

    assert taken.take(1)
    assert taken.take(2 * MAX_GAPS + 10)

"""When money goes back, how much of each line, and who asks too often."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.commerce.rules import refunds as rules
from lms_graph.domain.commerce.rules.refunds import ExceedsRest, Line, Obstacle, Policy, Share

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(days=14, max_progress_percent=20)


def asked(**differs: object) -> Obstacle | None:
    usual = {"policy": POLICY, "is_paid": True, "paid_at": NOW - DAY, "rest": 1, "consumed_percent": 0, "is_disputed": False, "is_waiting": False, "now": NOW}
    return rules.obstacle(**usual | differs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, None),
        ({"is_paid": False}, Obstacle.NOT_PAID),
        ({"paid_at": None}, Obstacle.NOT_PAID),
        ({"rest": 0}, Obstacle.NOTHING_LEFT),
        ({"is_disputed": True}, Obstacle.DISPUTED),
        ({"is_waiting": True}, Obstacle.WAITING),
        ({"policy": Policy(days=0, max_progress_percent=100)}, Obstacle.NOT_OFFERED),
        ({"paid_at": NOW - 14 * DAY}, None),
        ({"paid_at": NOW - 14 * DAY - timedelta(microseconds=1)}, Obstacle.WINDOW_OVER),
        ({"consumed_percent": 20}, None),
        ({"consumed_percent": 21}, Obstacle.CONSUMED),
        ({"policy": Policy(days=14, max_progress_percent=0), "consumed_percent": 1}, Obstacle.CONSUMED),
        ({"policy": Policy(days=14, max_progress_percent=100), "consumed_percent": 100}, None),
        ({"rest": 0, "is_disputed": True}, Obstacle.NOTHING_LEFT),
    ],
)
def test_what_keeps_a_buyer_from_a_refund(differs: dict[str, object], expected: Obstacle | None) -> None:
    assert asked(**differs) == expected


A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("courses", "consumed", "is_closed", "expected"),
    [
        ([(A, 100)], {}, True, 0),
        ([(A, 100)], {A: 37}, True, 37),
        ([(A, 100), (B, 300)], {A: 100}, True, 25),
        ([(A, 1), (B, 2)], {A: 1}, True, 1),  # a third of a percent is more than nothing
        ([(A, 0), (B, 0)], {A: 100}, True, 50),
        ([(A, 100)], {C: 90}, True, 0),
        ([], {A: 10, B: 60}, False, 60),
        ([], {}, False, 0),
    ],
)
def test_how_much_of_a_line_was_used(courses: list[tuple[UUID, int]], consumed: dict[UUID, int], is_closed: bool, expected: int) -> None:
    assert rules.consumed_percent(courses, consumed, is_closed=is_closed) == expected


def line(total: int, tax: int = 0, taken: int = 0, taken_tax: int = 0) -> Line:
    return Line(id=uuid4(), total=total, tax=tax, taken=taken, taken_tax=taken_tax)


@pytest.mark.parametrize(
    ("lines", "amount", "expected"),
    [
        ([line(1190, 190)], 1190, [(1190, 190)]),
        ([line(1190, 190)], 595, [(595, 95)]),
        ([line(1000), line(2000)], 300, [(100, 0), (200, 0)]),
        ([line(100), line(100), line(100)], 100, [(34, 0), (33, 0), (33, 0)]),
        ([line(1000, taken=1000), line(500)], 500, [(500, 0)]),
        ([line(0), line(500)], 1, [(1, 0)]),
        ([line(1190, 190, taken=1, taken_tax=0)], 1189, [(1189, 190)]),
        ([line(3, 1)], 1, [(1, 0)]),
        ([line(3, 1, taken=1)], 1, [(1, 1)]),
    ],
)
def test_an_amount_over_what_is_left(lines: list[Line], amount: int, expected: list[tuple[int, int]]) -> None:
    assert [(part.amount, part.tax) for part in rules.allocate(lines, amount)] == expected


def test_each_line_gives_what_can_be_charged_and_so_its_rest_can() -> None:
    lines = [line(10_000, 476), line(10_000, 476)]

    assert [(part.amount, part.tax) for part in rules.allocate(lines, 10, step=10)] == [(10, 0)]
    assert [part.amount for part in rules.allocate(lines, 30, step=10)] == [20, 10]
    assert [part.amount for part in rules.allocate([line(10_000), line(9_995)], 19_995, step=10)] == [10_000, 9_995], "what is finer already goes back whole"


def test_more_than_is_left_says_how_much_is() -> None:
    with pytest.raises(ExceedsRest) as told:
        rules.allocate([line(1000, taken=400), line(50)], 651)

    assert told.value.rest == 650
    with pytest.raises(ExceedsRest):
        rules.share(line(10, taken=5), 6)


priced = st.integers(0, 10**9).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total)))


@given(st.lists(priced, min_size=1, max_size=6).filter(lambda sold: sum(total for total, _ in sold) > 0), st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), max_size=12))
def test_any_steps_give_back_exactly_what_was_paid(sold: list[tuple[int, int]], steps: list[tuple[int, bool]]) -> None:
    """Whatever the steps, some of which fail and are taken back: no line gives more than it has, and all of it with exactly its tax in the end."""
    lines = [Line(id=uuid4(), total=total, tax=tax) for total, tax in sold]
    whole = sum(line.total for line in lines)

    for wanted, holds in [*steps, (whole, True)]:
        rest = sum(line.rest for line in lines)
        if rest == 0:
            break
        shares = rules.allocate(lines, amount := min(wanted, rest))
        assert sum(part.amount for part in shares) == amount
        assert all(0 <= part.tax <= part.amount for part in shares)
        if holds:
            given_of = {part.line_id: part for part in shares}
            lines = [
                Line(id=each.id, total=each.total, tax=each.tax, taken=each.taken + part.amount, taken_tax=each.taken_tax + part.tax) if (part := given_of.get(each.id)) else each
                for each in lines
            ]
        assert all(0 <= line.taken <= line.total and 0 <= line.taken_tax <= line.tax for line in lines)

    assert [(line.taken, line.taken_tax) for line in lines] == [(line.total, line.tax if line.total else 0) for line in lines]


@given(priced.filter(lambda sold: sold[0] > 0), st.integers(1, 10**9))
def test_what_is_frozen_is_read_as_it_was(sold: tuple[int, int], amount: int) -> None:
    shares = rules.allocate([one := Line(id=uuid4(), total=sold[0], tax=sold[1])], min(amount, sold[0]))

    assert rules.read(rules.frozen(shares)) == shares
    assert rules.taken_by_line([rules.frozen(shares), rules.frozen(shares)])[one.id] == (2 * shares[0].amount, 2 * shares[0].tax)


def test_access_ends_with_the_last_of_a_line_or_where_it_is_said() -> None:
    sold = line(1000, taken=400)

    assert rules.closes(sold, Share(line_id=sold.id, amount=600, tax=0))
    assert not rules.closes(sold, Share(line_id=sold.id, amount=599, tax=0))
    assert rules.closes(sold, Share(line_id=sold.id, amount=1, tax=0, closes=True))


@pytest.mark.parametrize(("orders", "refunded", "expected"), [(0, 0, False), (1, 1, False), (2, 1, False), (2, 2, True), (4, 2, True), (5, 2, False), (100, 3, True)])
def test_who_asks_too_often(orders: int, refunded: int, expected: bool) -> None:
    assert rules.is_serial(orders=orders, refunded=refunded) == expected


@pytest.mark.parametrize(
    ("automatic", "within", "serial", "expected"), [(True, True, False, True), (False, True, False, False), (True, False, False, False), (True, True, True, False)]
)
def test_who_is_given_it_at_once(automatic: bool, within: bool, serial: bool, expected: bool) -> None:
    policy = Policy(days=14, max_progress_percent=20, is_automatic=automatic)

    assert rules.is_granted_at_once(policy=policy, is_within=within, is_serial=serial) == expected


@pytest.mark.parametrize(("since", "later"), [(timedelta(0), timedelta(hours=1)), (timedelta(hours=5), timedelta(hours=5)), (timedelta(days=9), timedelta(days=1))])
def test_what_is_on_its_way_is_looked_at_less_and_less_often(since: timedelta, later: timedelta) -> None:
    assert rules.look_again_at(since=NOW - since, now=NOW) == NOW + later

"""Budgets of one process. What they share with those on Valkey is tested in `test_budgets.py`."""

import pytest

from lms_graph.kit.budget import MemoryBudget, Rate

RATE = Rate(capacity=100, per_second=10)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class TestMemoryBudget:
    def test_fills_by_time(self) -> None:
        clock = Clock()
        budget = MemoryBudget(RATE, clock=clock)
        budget.taken("a", 100)

        clock.now += 3

        assert budget.taken("a", 0).remaining == 30
        assert not budget.taken("a", 31).granted
        assert budget.taken("a", 30).granted

    def test_never_holds_more_than_its_capacity(self) -> None:
        clock = Clock()
        budget = MemoryBudget(RATE, clock=clock)
        budget.taken("a", 1)

        clock.now += 3_600

        assert budget.taken("a", 0).remaining == 100

    @pytest.mark.parametrize(("cost", "seconds"), [(1, 1), (10, 1), (11, 2), (100, 10), (5_000, 10)])
    def test_refused_says_after_how_many_seconds_it_may_be_granted(self, cost: int, seconds: int) -> None:
        budget = MemoryBudget(RATE, clock=Clock())
        budget.taken("a", 100)

        assert budget.taken("a", cost).retry_after_seconds == seconds

    def test_keeps_those_used_last(self) -> None:
        budget = MemoryBudget(RATE, most=2, clock=Clock())
        for key in ("a", "b", "a", "c"):
            budget.taken(key, 40)

        assert budget.taken("a", 40).granted is False
        assert len(budget._buckets) == 2

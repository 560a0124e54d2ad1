"""What a fact sets off, by its fields."""

from datetime import UTC, datetime

import pytest

from lms_graph.jobs import registered  # noqa: F401  # makes the jobs known
from lms_graph.jobs.reactions import REACTIONS, reactions_to
from lms_graph.jobs.runtime import JOBS


def test_every_reaction_is_a_job() -> None:
    assert {reaction.job for reactions in REACTIONS.values() for reaction in reactions} <= set(JOBS)


@pytest.mark.parametrize(("payload", "jobs"), [({"is_new_device": True}, 1), ({"is_new_device": False}, 0), ({"is_new_device": None}, 0), ({"is_new_device": "yes"}, 0), ({}, 0)])
def test_one_with_a_condition_follows_only_where_it_is_true(payload: dict[str, object], jobs: int) -> None:
    assert len(reactions_to("SessionOpened", payload)) == jobs


def test_one_with_a_time_is_due_then_or_not_at_all() -> None:
    assert reactions_to("AttemptStarted", {"deadline_at": "2026-11-28T12:00:00+00:00"}) == [("learning.submit_overdue_attempt", datetime(2026, 11, 28, 12, tzinfo=UTC))]
    assert reactions_to("AttemptStarted", {"deadline_at": None}) == []


def test_a_fact_that_nobody_follows_sets_nothing_off() -> None:
    assert reactions_to("NothingAtAll", {}) == []

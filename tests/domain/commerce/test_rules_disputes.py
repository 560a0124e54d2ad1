"""What can be said to a bank, and what its words change."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_graph.domain.commerce.rules import disputes as rules

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_evidence_keeps_to_what_the_provider_takes() -> None:
    assert rules.issues_with_evidence({"product_description": "x" * 20_000}) == []
    assert [issue.path for issue in rules.issues_with_evidence({"product_description": "x" * 20_001})] == [("evidence", "productDescription")]
    assert [issue.path for issue in rules.issues_with_evidence(dict.fromkeys(rules.FIELDS[:8], "x" * 20_000))] == [("evidence",)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("NEEDS_RESPONSE", "UNDER_REVIEW", True),
        ("UNDER_REVIEW", "NEEDS_RESPONSE", True),
        ("UNDER_REVIEW", "WON", True),
        ("NEEDS_RESPONSE", "LOST", True),
        ("NEEDS_RESPONSE", "NEEDS_RESPONSE", False),
        ("WON", "NEEDS_RESPONSE", False),
        ("LOST", "WON", False),
    ],
)
def test_the_last_word_is_the_last(before: str, after: str, expected: bool) -> None:
    assert rules.may_follow(before, after) == expected


@pytest.mark.parametrize(
    ("status", "is_withdrawn", "fee", "expected"),
    [
        ("NEEDS_RESPONSE", True, 1500, True),
        ("NEEDS_RESPONSE", False, 0, False),  # an inquiry
        ("LOST", True, 1500, True),
        ("LOST", False, 0, False),  # an inquiry that was given up
        ("WON", False, 1500, True),  # taken and given back
        ("WON", False, 0, False),
    ],
)
def test_what_a_bank_took_is_seen_by_the_money_and_not_by_the_word(status: str, is_withdrawn: bool, fee: int, expected: bool) -> None:
    assert rules.was_withdrawn(status=status, is_withdrawn=is_withdrawn, fee_amount=fee) == expected


@pytest.mark.parametrize(
    ("status", "due", "answered", "expected"),
    [
        ("NEEDS_RESPONSE", timedelta(days=1), False, True),
        ("NEEDS_RESPONSE", None, False, True),
        ("NEEDS_RESPONSE", timedelta(0), False, False),
        ("NEEDS_RESPONSE", timedelta(days=1), True, False),
        ("UNDER_REVIEW", timedelta(days=1), False, False),
        ("LOST", timedelta(days=1), False, False),
    ],
)
def test_an_answer_is_given_once_and_in_time(status: str, due: timedelta | None, answered: bool, expected: bool) -> None:
    assert rules.is_answerable(status=status, due_at=None if due is None else NOW + due, is_answered=answered, now=NOW) == expected


def test_a_log_tells_the_first_first_and_keeps_the_end_where_all_is_too_much() -> None:
    minute = timedelta(minutes=1)

    assert rules.activity_log([(NOW + minute, "b"), (NOW, "a")]) == "2026-06-01 12:00 UTC  a\n2026-06-01 12:01 UTC  b"
    long = rules.activity_log([(NOW + n * minute, "x" * 100) for n in range(500)])
    assert len(long) <= rules.MAX_TEXT
    assert long.endswith(f"{NOW + 499 * minute:%Y-%m-%d %H:%M} UTC  {'x' * 100}")

"""How far a run has come."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.learning.rules.progress import PlannedLecture, Seen, coverage_percent, is_complete, is_watched_enough, percent, resume_after
from lms_graph.models.catalog import CompletionKind

DONE = datetime(2026, 1, 1, tzinfo=UTC)
OPENED = next(kind for kind in CompletionKind if kind not in (CompletionKind.WATCHED, CompletionKind.PASSED))


def lecture(number: int, *, video: bool = False, seconds: int = 100, target: int | None = 90, required: bool = True) -> PlannedLecture:
    return PlannedLecture(
        lecture_id=UUID(int=number),
        content_id=UUID(int=1000 + number),
        content_type="VIDEO" if video else "TEXT",
        position=number,
        duration_ms=seconds * 1000 if video else 0,
        is_preview=False,
        is_required=required,
        completion_kind=CompletionKind.WATCHED if video else OPENED,
        completion_target=target if video else None,
        opens_after=(),
    )


def done(*numbers: int) -> dict[UUID, Seen]:
    return {UUID(int=number): Seen(completed_at=DONE) for number in numbers}


@pytest.mark.parametrize(("covered", "expected"), [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (89_999, 89), (90_000, 90), (100_000, 100), (250_000, 100)])
def test_coverage_is_rounded_down_and_never_over_100(covered: int, expected: int) -> None:
    assert coverage_percent(Seen(covered_ms=covered), lecture(1, video=True)) == expected


@pytest.mark.parametrize(("seen", "expected"), [(Seen(), 0), (Seen(completed_at=DONE), 100)])
def test_what_is_not_watched_is_covered_once_it_is_done(seen: Seen, expected: int) -> None:
    assert coverage_percent(seen, lecture(1)) == expected
    assert coverage_percent(seen, lecture(1, video=True, seconds=0)) == expected


@pytest.mark.parametrize(("covered", "enough"), [(89_999, False), (90_000, True)])
def test_enough_is_the_target(covered: int, enough: bool) -> None:
    assert is_watched_enough(Seen(covered_ms=covered), lecture(1, video=True)) is enough


def test_a_text_is_never_watched_enough() -> None:
    assert not is_watched_enough(Seen(covered_ms=10**9), lecture(1))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, 0),
        (done(1), 33),
        ({UUID(int=3): Seen(covered_ms=45_000)}, 16),
        ({UUID(int=3): Seen(covered_ms=100_000)}, 33),
        (done(1, 2) | {UUID(int=3): Seen(covered_ms=100_000)}, 99),
        (done(1, 2, 3), 100),
        (done(4), 0),
    ],
    ids=["nothing", "one of three", "half a video", "a watched video not yet done", "never 100 before the last is done", "all", "what is not required does not count"],
)
def test_percent(seen: dict[UUID, Seen], expected: int) -> None:
    assert percent([lecture(1), lecture(2), lecture(3, video=True), lecture(4, required=False)], seen) == expected


PLANS = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([None, 1, 50, 90, 100])), min_size=1, max_size=6).map(
    lambda parts: [lecture(number, video=video, required=required, target=target) for number, (video, required, target) in enumerate(parts)]
)
SEEN = st.dictionaries(
    st.integers(0, 5).map(lambda number: UUID(int=number)), st.builds(Seen, covered_ms=st.integers(0, 200_000), completed_at=st.sampled_from([None, DONE])), max_size=6
)


@given(PLANS, SEEN, st.integers(0, 5), st.integers(0, 100_000), st.booleans())
def test_more_seen_is_never_less_percent(plan: list[PlannedLecture], seen: dict[UUID, Seen], number: int, more: int, finish: bool) -> None:
    id = UUID(int=number)
    known = seen.get(id, Seen())
    after = seen | {id: Seen(known.covered_ms + more, known.last_position_ms, known.completed_at or (DONE if finish else None))}

    assert percent(plan, after) >= percent(plan, seen)
    assert is_complete(plan, after) >= is_complete(plan, seen)


@given(PLANS, SEEN)
def test_100_percent_and_complete_agree_where_something_is_required(plan: list[PlannedLecture], seen: dict[UUID, Seen]) -> None:
    assert 0 <= percent(plan, seen) <= 100
    if any(lecture.is_required for lecture in plan):
        assert (percent(plan, seen) == 100) == is_complete(plan, seen)
    else:
        assert is_complete(plan, seen) == all(seen.get(lecture.lecture_id, Seen()).completed_at is not None for lecture in plan)


@pytest.mark.parametrize(
    ("seen", "at", "expected"),
    [
        ({}, 2, 2),
        (done(2), 2, 3),
        (done(2, 3), 2, 4),
        (done(3, 4), 4, 1),
        (done(1, 2, 3, 4), 4, 4),
        (done(1, 2, 3), 3, 4),
    ],
    ids=["here while it is open", "the next", "the next that is open", "from the start when nothing follows", "here when all are done", "the last"],
)
def test_resume_after(seen: dict[UUID, Seen], at: int, expected: int) -> None:
    assert resume_after([lecture(number) for number in range(1, 5)], seen, UUID(int=at)) == UUID(int=expected)


@given(PLANS, SEEN, st.integers(0, 5))
def test_resume_is_open_unless_everything_is_done(plan: list[PlannedLecture], seen: dict[UUID, Seen], number: int) -> None:
    here = plan[number % len(plan)].lecture_id

    resume = resume_after(plan, seen, here)

    open_ones = [lecture.lecture_id for lecture in plan if not seen.get(lecture.lecture_id, Seen()).completed_at]
    assert resume in open_ones if open_ones else resume == here

"""May it be opened? Every case, and that grants never take from each other."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.learning.rules.access import (
    PREVIEW,
    Decision,
    EntitlementExpired,
    EntitlementPaused,
    Grant,
    Granted,
    NotEnrolled,
    NotPublished,
    PaymentPastDue,
    PrerequisiteUnmet,
    RunClosed,
    ScheduledFor,
    SignInRequired,
    Source,
    decide_course,
    decide_in_run,
    decide_lecture,
    is_live,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FAR = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
COURSE, FIRST, SECOND = UUID(int=1), UUID(int=11), UUID(int=12)


def grant(
    *, kind: str = "ORDER", starts: timedelta = -DAY, ends: timedelta | None = None, state: str = "ACTIVE", grace: timedelta | None = None, revoked: timedelta | None = None
) -> Grant:
    def at(span: timedelta | None) -> datetime | None:
        return None if span is None else NOW + span

    return Grant(kind, NOW + starts, at(ends), state, at(grace), at(revoked))


def decide(*grants: Grant, signed_in: bool = True, published: bool = True, has_run: bool = True) -> Decision:
    return decide_course(now=NOW, course_id=COURSE, signed_in=signed_in, published=published, has_run=has_run, grants=grants)


def granted(*sources: tuple[str, timedelta | None], until: timedelta | None = None) -> Granted:
    return Granted(tuple(Source(kind, None if end is None else NOW + end) for kind, end in sources), None if until is None else NOW + until)


CASES: dict[str, tuple[list[Grant], Decision]] = {
    "none": ([], NotEnrolled(COURSE)),
    "for ever": ([grant()], granted(("ORDER", None))),
    "with an end": ([grant(ends=DAY)], granted(("ORDER", DAY), until=DAY)),
    "begins this very moment": ([grant(starts=timedelta())], granted(("ORDER", None))),
    "ends this very moment": ([grant(ends=timedelta())], EntitlementExpired(NOW)),
    "ended": ([grant(ends=-DAY / 2)], EntitlementExpired(NOW - DAY / 2)),
    "revoked": ([grant(revoked=-DAY / 2)], EntitlementExpired(NOW - DAY / 2)),
    "revoked before its end": ([grant(ends=DAY, revoked=-DAY / 2)], EntitlementExpired(NOW - DAY / 2)),
    "to be revoked": ([grant(revoked=DAY)], granted(("ORDER", DAY), until=DAY)),
    "to come": ([grant(starts=DAY)], ScheduledFor(NOW + DAY)),
    "two to come: the first counts": ([grant(starts=2 * DAY), grant(starts=DAY)], ScheduledFor(NOW + DAY)),
    "revoked before it began": ([grant(starts=DAY, revoked=-DAY)], EntitlementExpired(NOW - DAY)),
    "ended, another to come": ([grant(ends=-DAY / 2), grant(starts=DAY)], ScheduledFor(NOW + DAY)),
    "past due in grace": ([grant(kind="SUBSCRIPTION", state="PAST_DUE", grace=DAY)], granted(("SUBSCRIPTION", DAY), until=DAY)),
    "past due in grace, ends before": ([grant(state="PAST_DUE", grace=2 * DAY, ends=DAY)], granted(("ORDER", DAY), until=DAY)),
    "past due in grace, one for ever": ([grant(state="PAST_DUE", grace=DAY), grant(kind="GIFT")], granted(("ORDER", DAY), ("GIFT", None))),
    "past due, grace over": ([grant(state="PAST_DUE", grace=-DAY)], PaymentPastDue(NOW - DAY)),
    "past due without grace": ([grant(state="PAST_DUE")], PaymentPastDue(None)),
    "past due, grace ends this very moment": ([grant(state="PAST_DUE", grace=timedelta())], PaymentPastDue(NOW)),
    "past due and ended": ([grant(state="PAST_DUE", ends=-DAY / 2)], EntitlementExpired(NOW - DAY / 2)),
    "paused": ([grant(state="PAUSED")], EntitlementPaused()),
    "paused and ended": ([grant(state="PAUSED", ends=-DAY / 2)], EntitlementExpired(NOW - DAY / 2)),
    "paused before it begins": ([grant(state="PAUSED", starts=DAY)], ScheduledFor(NOW + DAY)),
    "one paused, one live": ([grant(state="PAUSED"), grant(kind="GIFT")], granted(("GIFT", None))),
    "one paused, one past due": ([grant(state="PAUSED"), grant(state="PAST_DUE", grace=-DAY)], PaymentPastDue(NOW - DAY)),
    "one paused, one to come": ([grant(state="PAUSED"), grant(starts=DAY)], EntitlementPaused()),
    "one paused, one ended": ([grant(state="PAUSED"), grant(ends=-DAY / 2)], EntitlementPaused()),
    "one past due, one to come": ([grant(state="PAST_DUE"), grant(starts=DAY)], PaymentPastDue(None)),
    "grace that was left from before": ([grant(state="PAST_DUE"), grant(state="PAUSED", grace=-DAY)], PaymentPastDue(None)),
    "one past due, one live": ([grant(kind="SUBSCRIPTION", state="PAST_DUE"), grant(kind="GIFT")], granted(("GIFT", None))),
    "one revoked, one live": ([grant(revoked=-DAY), grant(kind="SEAT", ends=DAY)], granted(("SEAT", DAY), until=DAY)),
    "two live: the later end counts": ([grant(ends=DAY), grant(kind="GIFT", ends=2 * DAY)], granted(("ORDER", DAY), ("GIFT", 2 * DAY), until=2 * DAY)),
    "two live, one for ever": ([grant(ends=DAY), grant(kind="GIFT")], granted(("ORDER", DAY), ("GIFT", None))),
    "two ended: the last end counts": ([grant(ends=-DAY / 2), grant(revoked=-DAY / 4)], EntitlementExpired(NOW - DAY / 4)),
}


@pytest.mark.parametrize(("grants", "expected"), CASES.values(), ids=CASES.keys())
def test_the_grants_of_a_run(grants: list[Grant], expected: Decision) -> None:
    assert decide(*grants) == expected
    assert decide(*grants, published=False) == expected  # a run goes on when its course is withdrawn


@pytest.mark.parametrize(
    ("signed_in", "published", "has_run", "expected"),
    [
        (False, True, False, SignInRequired()),
        (False, False, False, NotPublished()),
        (True, False, False, NotPublished()),
        (True, True, False, NotEnrolled(COURSE)),
        (False, True, True, SignInRequired()),
    ],
)
def test_before_any_grant_is_asked_for(signed_in: bool, published: bool, has_run: bool, expected: Decision) -> None:
    assert decide(grant(), signed_in=signed_in, published=published, has_run=has_run) == expected


SPANS = st.integers(-5, 5).map(lambda days: days * DAY)
GRANTS = st.builds(
    grant,
    kind=st.sampled_from(["ORDER", "GIFT"]),
    starts=SPANS,
    ends=st.none() | SPANS,
    state=st.sampled_from(["ACTIVE", "PAST_DUE", "PAUSED"]),
    grace=st.none() | SPANS,
    revoked=st.none() | SPANS,
)


@given(st.lists(GRANTS, max_size=4), GRANTS)
def test_another_grant_never_takes_access_away(grants: list[Grant], another: Grant) -> None:
    if isinstance(before := decide(*grants), Granted):
        after = decide(*grants, another)

        assert isinstance(after, Granted)
        assert set(before.sources) <= set(after.sources)
        assert after.until is None or (before.until is not None and after.until >= before.until)


@given(st.lists(GRANTS, max_size=4))
def test_access_is_the_union(grants: list[Grant]) -> None:
    assert isinstance(decide(*grants), Granted) == any(isinstance(decide(one), Granted) for one in grants)


@given(st.lists(GRANTS, min_size=1, max_size=5), st.data())
def test_revoking_one_leaves_access_iff_another_lives(grants: list[Grant], data: st.DataObject) -> None:
    revoked = data.draw(st.integers(0, len(grants) - 1))
    others = grants[:revoked] + grants[revoked + 1 :]

    after = decide(*grants[:revoked], grants[revoked]._replace(revoked_at=NOW), *grants[revoked + 1 :])

    assert isinstance(after, Granted) == any(is_live(one, NOW) for one in others)
    if isinstance(after, Granted):
        assert after == decide(*others)


@given(st.lists(GRANTS, max_size=4))
def test_access_lasts_until_it_says(grants: list[Grant]) -> None:
    """If nothing but time happens: open until that moment, and at it no more, unless a grant begins meanwhile."""
    decision = decide(*grants)
    if not isinstance(decision, Granted):
        return
    begun = [one for one in grants if is_live(one, NOW)]

    def then(now: datetime) -> Decision:
        return decide_course(now=now, course_id=COURSE, signed_in=True, published=True, has_run=True, grants=begun)

    if decision.until is None:
        assert isinstance(then(FAR), Granted)
    else:
        assert isinstance(then(decision.until - timedelta(microseconds=1)), Granted)
        assert not isinstance(then(decision.until), Granted)


@given(st.lists(GRANTS, max_size=4).flatmap(lambda grants: st.tuples(st.just(grants), st.permutations(grants))))
def test_the_order_of_grants_says_nothing(both: tuple[list[Grant], list[Grant]]) -> None:
    def plain(decision: Decision) -> object:
        return (sorted(map(repr, decision.sources)), decision.until) if isinstance(decision, Granted) else decision

    assert plain(decide(*both[0])) == plain(decide(*both[1]))


OPEN, CLOSED = granted(("ORDER", None)), EntitlementExpired(NOW)


@pytest.mark.parametrize(
    ("course", "is_preview", "published", "completed", "is_completed", "expected"),
    [
        (OPEN, False, True, [FIRST, SECOND], False, OPEN),
        (OPEN, False, True, [FIRST], False, PrerequisiteUnmet((SECOND,))),
        (OPEN, False, True, [], False, PrerequisiteUnmet((FIRST, SECOND))),
        (OPEN, False, True, [], True, OPEN),
        (OPEN, True, True, [], False, OPEN),
        (CLOSED, False, True, [FIRST, SECOND], False, CLOSED),
        (CLOSED, False, True, [FIRST, SECOND], True, CLOSED),
        (CLOSED, True, True, [], False, PREVIEW),
        (CLOSED, True, False, [], False, CLOSED),
        (SignInRequired(), True, True, [], False, PREVIEW),
        (NotEnrolled(COURSE), True, True, [], False, PREVIEW),
        (NotPublished(), True, False, [], False, NotPublished()),
    ],
    ids=[
        "all done before", "one missing", "both missing, in order", "done stays open", "a preview asks nothing", "no grant", "no grant, though done", "a preview without a grant",
        "a preview of a withdrawn course", "a preview for a visitor", "a preview before enrolling", "nothing of what is not published",
    ],
)  # fmt: skip
def test_a_lecture(course: Decision, is_preview: bool, published: bool, completed: list[UUID], is_completed: bool, expected: Decision) -> None:
    decision = decide_lecture(course, is_preview=is_preview, published=published, opens_after=[FIRST, SECOND], completed=completed, is_completed=is_completed)

    assert decision == expected


@pytest.mark.parametrize(
    ("is_own", "is_canceled", "may_preview", "expected"),
    [(True, False, False, OPEN), (True, True, False, RunClosed(COURSE)), (False, False, False, NotEnrolled(COURSE)), (False, True, False, NotEnrolled(COURSE)),
     (True, False, True, OPEN), (False, False, True, PREVIEW)],
    ids=["one's own", "one's own, canceled", "another's", "another's, canceled", "one's own, of one who makes courses", "another's, for one who makes courses"],
)  # fmt: skip
def test_from_which_run_it_is_looked_at(is_own: bool, is_canceled: bool, may_preview: bool, expected: Decision) -> None:
    assert decide_in_run(OPEN, course_id=COURSE, is_own=is_own, is_canceled=is_canceled, may_preview=may_preview) == expected


def test_who_makes_courses_looks_without_a_grant() -> None:
    def look(*grants: Grant, has_run: bool) -> Decision:
        return decide_course(now=NOW, course_id=COURSE, signed_in=True, published=True, has_run=has_run, grants=grants, may_preview=True)

    assert look(has_run=False) == look(grant(ends=-DAY / 2), has_run=True) == PREVIEW
    assert look(grant(), has_run=True) == OPEN
    assert decide_lecture(PREVIEW, is_preview=False, published=True, opens_after=[FIRST], completed=[], is_completed=False) == PREVIEW


MOMENTS = {
    "summer time begins in Berlin": datetime(2027, 3, 28, 3, 0, tzinfo=ZoneInfo("Europe/Berlin")),
    "summer time ends in Berlin, the first two o'clock": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    "summer time ends in Berlin, the second two o'clock": datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    "leap day": datetime(2028, 2, 29, 0, 0, tzinfo=ZoneInfo("America/New_York")),
    "the farthest east": datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=14))),
    "the farthest west": datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-12))),
    "the end of time": FAR - timedelta(microseconds=1),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_a_window_is_moments_and_not_the_face_of_a_clock(moment: datetime) -> None:
    """Live from its beginning on, and at its end no more: to the microsecond, whoever's clock it was written by."""
    moment = moment.astimezone(UTC)  # as the API takes it
    tick = timedelta(microseconds=1)
    begins, ends = Grant("GIFT", moment, None, "ACTIVE", None, None), Grant("GIFT", moment - 2 * DAY, moment, "ACTIVE", None, None)

    assert [is_live(begins, at) for at in (moment - tick, moment, moment + tick)] == [False, True, True]
    assert [is_live(ends, at) for at in (moment - tick, moment, moment + tick)] == [True, False, False]

"""May it be opened? Access is the union of live grants and the release rule, decided anew each time and never stored.

Moments are compared as they are, in UTC: a grant is live from `starts_at`, and no more at `ends_at` itself.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from lms_graph.models.learning import EntitlementState


class Grant(NamedTuple):
    """An entitlement as far as access asks."""

    kind: str
    starts_at: datetime
    ends_at: datetime | None
    state: str
    grace_until: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Source:
    kind: str
    ends_at: datetime | None


@dataclass(frozen=True)
class Granted:
    sources: tuple[Source, ...]
    until: datetime | None


@dataclass(frozen=True)
class SignInRequired:
    pass


@dataclass(frozen=True)
class NotEnrolled:
    course_id: UUID


@dataclass(frozen=True)
class ScheduledFor:
    at: datetime


@dataclass(frozen=True)
class PrerequisiteUnmet:
    lecture_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class EntitlementExpired:
    ended_at: datetime


@dataclass(frozen=True)
class PaymentPastDue:
    grace_until: datetime | None


@dataclass(frozen=True)
class EntitlementPaused:
    pass


@dataclass(frozen=True)
class RunClosed:
    course_id: UUID


@dataclass(frozen=True)
class NotPublished:
    pass


Decision = Granted | SignInRequired | NotEnrolled | ScheduledFor | PrerequisiteUnmet | EntitlementExpired | PaymentPastDue | EntitlementPaused | RunClosed | NotPublished

PREVIEW = Granted((Source("PREVIEW", None),), None)


def end_of(grant: Grant) -> datetime | None:
    """When the grant ends or ended: at its window's end, or when it was revoked, whichever comes first."""
    ends = [at for at in (grant.ends_at, grant.revoked_at) if at is not None]
    return min(ends) if ends else None


def closes_at(grant: Grant) -> datetime | None:
    """When a live grant ceases to open anything if nothing happens: at its end, or when the grace of what is due is over."""
    ends = [at for at in (end_of(grant), grant.grace_until if grant.state == EntitlementState.PAST_DUE else None) if at is not None]
    return min(ends) if ends else None


def is_live(grant: Grant, now: datetime) -> bool:
    """Whether the grant opens what it is for: begun, not ended, and paid for or in grace. `queries.entitlements.LIVE` says the same in SQL."""
    end = end_of(grant)
    if grant.starts_at > now or (end is not None and end <= now):
        return False
    if grant.state == EntitlementState.PAST_DUE:
        return grant.grace_until is not None and grant.grace_until > now
    return grant.state == EntitlementState.ACTIVE


def decide_course(*, now: datetime, course_id: UUID, signed_in: bool, published: bool, has_run: bool, grants: Sequence[Grant], may_preview: bool = False) -> Decision:
    """The union of all grants: one that lives is enough, and the end of one never touches another.

    When none does, the answer is what opens it soonest: a payment, the end of a pause, the beginning of the next grant; else when the last one ended.
    """
    decision = _decide_course(now, course_id, signed_in, published, has_run, grants)
    return PREVIEW if may_preview and not isinstance(decision, Granted) else decision


def _decide_course(now: datetime, course_id: UUID, signed_in: bool, published: bool, has_run: bool, grants: Sequence[Grant]) -> Decision:
    if not published and not has_run:
        return NotPublished()
    if not signed_in:
        return SignInRequired()
    if not has_run:
        return NotEnrolled(course_id)
    live = [grant for grant in grants if is_live(grant, now)]
    if live:
        ends = [closes_at(grant) for grant in live]
        until = None if None in ends else max(end for end in ends if end is not None)
        return Granted(tuple(Source(grant.kind, end) for grant, end in zip(live, ends, strict=True)), until)
    ended = [end for grant in grants if (end := end_of(grant)) is not None and end <= now]
    present = [grant for grant in grants if (end := end_of(grant)) is None or end > now]
    begun = [grant for grant in present if grant.starts_at <= now]
    if any(grant.state == EntitlementState.PAST_DUE for grant in begun):
        return PaymentPastDue(max((grant.grace_until for grant in begun if grant.state == EntitlementState.PAST_DUE and grant.grace_until is not None), default=None))
    if begun:
        return EntitlementPaused()
    if present:
        return ScheduledFor(min(grant.starts_at for grant in present))
    if ended:
        return EntitlementExpired(max(ended))
    return NotEnrolled(course_id)


def decide_in_run(course: Decision, *, course_id: UUID, is_own: bool, is_canceled: bool, may_preview: bool = False) -> Decision:
    """The course's decision where it is looked at from a certain run: somebody else's opens nothing, however far it is, and a canceled one neither."""
    if may_preview:
        return course if isinstance(course, Granted) and is_own else PREVIEW
    if not is_own:
        return NotEnrolled(course_id)
    return RunClosed(course_id) if is_canceled else course


def decide_lecture(course: Decision, *, is_preview: bool, published: bool, opens_after: Sequence[UUID], completed: Set[UUID], is_completed: bool) -> Decision:
    """A preview is open to everybody while the course is published; what a learner has finished stays open whatever its release rule says."""
    if isinstance(course, Granted):
        missing = tuple(id for id in opens_after if id not in completed)
        return PrerequisiteUnmet(missing) if missing and not is_completed and not is_preview and course != PREVIEW else course
    return PREVIEW if is_preview and published else course

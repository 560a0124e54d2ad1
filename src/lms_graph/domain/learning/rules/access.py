"""May it be opened? Access is the union of live grants and the release rule, decided anew each time and never stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.models.learning import EntitlementState


@dataclass(frozen=True)
class Grant:
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
class NotPublished:
    pass


Decision = Granted | SignInRequired | NotEnrolled | ScheduledFor | PrerequisiteUnmet | EntitlementExpired | PaymentPastDue | NotPublished

PREVIEW = Granted((Source("PREVIEW", None),), None)


def end_of(grant: Grant) -> datetime | None:
    """When the grant ends or ended: at its window's end, or when it was revoked, whichever comes first."""
    ends = [at for at in (grant.ends_at, grant.revoked_at) if at is not None]
    return min(ends) if ends else None


def decide_course(*, now: datetime, course_id: UUID, signed_in: bool, published: bool, has_run: bool, grants: Sequence[Grant]) -> Decision:
    """The union of all grants: one that lives is enough, and the end of one never touches another."""
    if not published and not has_run:
        return NotPublished()
    if not signed_in:
        return SignInRequired()
    if not has_run:
        return NotEnrolled(course_id)
    ended = [end for grant in grants if (end := end_of(grant)) is not None and end <= now]
    present = [grant for grant in grants if (end := end_of(grant)) is None or end > now]
    begun = [grant for grant in present if grant.starts_at <= now]
    live = [
        grant
        for grant in begun
        if grant.state == EntitlementState.ACTIVE or (grant.state == EntitlementState.PAST_DUE and grant.grace_until is not None and grant.grace_until > now)
    ]
    if live:
        ends = [end_of(grant) for grant in live]
        until = None if None in ends else max(end for end in ends if end is not None)
        return Granted(tuple(Source(grant.kind, end_of(grant)) for grant in live), until)
    if any(grant.state == EntitlementState.PAST_DUE for grant in begun):
        return PaymentPastDue(max((grant.grace_until for grant in begun if grant.grace_until is not None), default=None))
    if present and not begun:
        return ScheduledFor(min(grant.starts_at for grant in present))
    if ended:
        return EntitlementExpired(max(ended))
    return NotEnrolled(course_id)


def decide_lecture(course: Decision, *, is_preview: bool, published: bool, opens_after: Sequence[UUID], completed: Iterable[UUID], is_completed: bool) -> Decision:
    """A preview is open to everybody while the course is published; what a learner has finished stays open whatever its release rule says."""
    if isinstance(course, Granted):
        missing = tuple(id for id in opens_after if id not in set(completed))
        return PrerequisiteUnmet(missing) if missing and not is_completed and not is_preview else course
    return PREVIEW if is_preview and published else course

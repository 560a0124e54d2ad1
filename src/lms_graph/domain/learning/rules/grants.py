"""Grants by hand: of which kinds, in which window, with which words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line
from lms_graph.models.learning import EntitlementKind

STATED = (EntitlementKind.MANUAL, EntitlementKind.GIFT, EntitlementKind.EXTERNAL)
"""What whoever grants may state. The other kinds are made by what they are named after."""

BY_HAND = (*STATED, EntitlementKind.OPEN)
"""What may be revoked and changed by hand."""

MAX_REFERENCE, MAX_REASON, MAX_NOTE = 200, 200, 1000


@dataclass(frozen=True, kw_only=True)
class GrantFilter:
    """What the grants of a list must be like; None leaves a matter open."""

    account_id: UUID | None = None
    course_id: UUID | None = None
    all_access: bool | None = None
    kinds: tuple[str, ...] | None = None
    live: bool | None = None


def issues_with_grant(*, kind: EntitlementKind, source_reference: str | None, starts_at: datetime, ends_at: datetime | None, note: str | None) -> list[Issue]:
    """Everything that is wrong with a grant that somebody states."""
    issues = [*issues_with_window(starts_at, ends_at), *issues_with_note(note)]
    if kind not in STATED:
        issues.append(Issue(f"A grant by hand is one of {', '.join(STATED)}; others come from what they are named after.", ("kind",)))
    if source_reference is not None and not (0 < len(source_reference) <= MAX_REFERENCE and is_one_line(source_reference)):
        issues.append(Issue(f"A reference is one line of 1 to {MAX_REFERENCE} characters.", ("sourceReference",)))
    return issues


def issues_with_window(starts_at: datetime, ends_at: datetime | None) -> Iterator[Issue]:
    if ends_at is not None and ends_at <= starts_at:
        yield Issue("`endsAt` must come after `startsAt`: the end itself is no longer within.", ("endsAt",))


def issues_with_note(note: str | None) -> Iterator[Issue]:
    if note is not None and not 0 < len(note) <= MAX_NOTE:
        yield Issue(f"A note has from 1 to {MAX_NOTE} characters.", ("note",))


def issues_with_reason(reason: str) -> Iterator[Issue]:
    if not (0 < len(reason) <= MAX_REASON and is_one_line(reason)):
        yield Issue(f"A reason is one line of 1 to {MAX_REASON} characters.", ("reason",))

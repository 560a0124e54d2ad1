"""Progress events as devices send them, their bounds, and what becomes of each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

MAX_EVENTS = 100
MAX_RANGE_MS = 600_000
MAX_POSITION_MS = 24 * 3_600_000
CLOCK_SKEW = timedelta(minutes=5)
HEARTBEAT_SECONDS = 15


class EventKind(StrEnum):
    WATCHED = "WATCHED"
    POSITION = "POSITION"


class Status(StrEnum):
    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


class Reason(StrEnum):
    LECTURE_UNKNOWN = "LECTURE_UNKNOWN"
    RANGE_INVALID = "RANGE_INVALID"
    CLOCK_AHEAD = "CLOCK_AHEAD"
    OUT_OF_ORDER = "OUT_OF_ORDER"


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One thing a player saw. WATCHED has a range, POSITION a place; both in milliseconds of the lecture."""

    client_event_id: int
    lecture_id: UUID | None
    kind: EventKind
    from_ms: int | None = None
    to_ms: int | None = None
    occurred_at: datetime


class EventResult(NamedTuple):
    client_event_id: int
    status: Status
    reason: Reason | None = None


@dataclass(frozen=True)
class Recorded:
    enrollment_id: UUID
    results: list[EventResult]
    next_heartbeat_seconds: int

"""The time of an attempt, by the server's clock. At the deadline itself it is over."""

from datetime import datetime


def is_over(deadline_at: datetime | None, now: datetime) -> bool:
    return deadline_at is not None and now >= deadline_at


def seconds_left(deadline_at: datetime | None, now: datetime) -> int | None:
    """Whole seconds, rounded down, never below 0; None without a deadline."""
    return None if deadline_at is None else max(0, int((deadline_at - now).total_seconds()))

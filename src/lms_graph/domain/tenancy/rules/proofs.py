"""How a host or mail domain stands after its proof was looked up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lms_graph.models.tenancy import DomainProblem, DomainStatus

LOOK_AGAIN_AFTER = timedelta(seconds=10)  # for people
CHECK_EVERY = timedelta(days=1)  # by the clock
LAPSES_AFTER = timedelta(days=7)
LAPSES_AFTER_CHECKS = 3  # so that a clock that stood still does not take a school from its host


def seconds_to_wait(checked_at: datetime | None, now: datetime) -> int:
    """How long until it may be looked up again; 0 for now."""
    left = (checked_at + LOOK_AGAIN_AFTER - now).total_seconds() if checked_at else 0
    return 0 if left <= 0 else max(1, round(left))


def after_check(state: Mapping[str, Any], problem: DomainProblem | None, now: datetime) -> dict[str, Any]:
    """The columns that a look-up changes.

    Found, it is verified. What is verified and no longer found lapses after seven days and three look-ups. Where DNS does not answer nobody knows anything: then only that is noted.
    """
    if problem is None:
        since = state["verified_at"] if state["status"] == DomainStatus.VERIFIED and state["verified_at"] else now
        return {"status": DomainStatus.VERIFIED, "verified_at": since, "missing_since": None, "missed_checks": 0, "problem": None}
    if state["status"] != DomainStatus.VERIFIED or problem is not DomainProblem.PROOF_MISSING:
        return {"problem": problem}
    since, missed = state["missing_since"] or now, state["missed_checks"] + 1
    lapsed = now - since >= LAPSES_AFTER and missed >= LAPSES_AFTER_CHECKS
    return {"missing_since": since, "missed_checks": missed, "problem": problem, "status": DomainStatus.LAPSED if lapsed else DomainStatus.VERIFIED}

"""When payees are paid, and what the provider's answers mean to them."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta

from lms_graph.kit.errors import Issue
from lms_graph.kit.money import charge_step
from lms_graph.models.payouts import ScheduleKind

RUNS_AT = 4  # o'clock UTC
WAIT_FOR_FUNDS = timedelta(hours=6)
MAX_URL = 2000
MAX_PROBLEM = 300
_URL = re.compile(r"(https?://[^/?#\\\s]+)(?:[/?][^#\\\s]*)?")
_OWN_MACHINE = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
_COUNTRY = re.compile(r"[A-Z]{2}")

# What the provider's codes mean to whom they are told. What stands here under none is told in the provider's words.
PROBLEMS = {
    "insufficient_capabilities_for_transfer": "The payee's account cannot receive transfers yet: the provider asks for more information. Open `payoutAccountLink` and complete it.",
    "account_invalid": "The provider does not know the payee's account any more, or its owner has disconnected it. Open `payoutAccountLink` to connect one.",
    "resource_missing": "The provider does not know the payee's account any more. Open `payoutAccountLink` to connect one.",
}
WAITS = "balance_insufficient"
GONE = frozenset({"account_invalid", "resource_missing"})


def problem(reason: str, said: str) -> str:
    """Why a payout was refused, in words that say what to do."""
    return PROBLEMS.get(reason, said)[:MAX_PROBLEM]


def payable(available: int, currency: str) -> int:
    """As much of it as can be sent; what is finer stays on the balance."""
    return available - available % charge_step(currency) if available > 0 else 0


def next_due(kind: ScheduleKind, day: int | None, *, after: datetime) -> datetime | None:
    """The first moment after `after` at which a payee of this schedule is due; None for MANUAL. THRESHOLD looks every day. `day` is 1 (Monday) to 7 of a week, 1 to 28 of a month."""
    if kind is ScheduleKind.MANUAL:
        return None
    due = after.astimezone(UTC).replace(hour=RUNS_AT, minute=0, second=0, microsecond=0)
    while due <= after or not _is_day(kind, day or 1, due.date()):
        due += timedelta(days=1)
    return due


def _is_day(kind: ScheduleKind, day: int, date: date) -> bool:
    if kind is ScheduleKind.WEEKLY:
        return date.isoweekday() == day
    return kind is ScheduleKind.THRESHOLD or date.day == day


def issues_with_schedule(*, kind: ScheduleKind, day: int | None, has_threshold: bool, threshold_amount: int | None) -> Iterator[Issue]:
    last = {ScheduleKind.WEEKLY: 7, ScheduleKind.MONTHLY: 28}.get(kind)
    if day is not None and (last is None or not 1 <= day <= last):
        yield Issue(f"A {kind.value} schedule takes a day from 1 to {last}." if last else f"A {kind.value} schedule takes no day.", ("day",))
    if has_threshold != (kind is ScheduleKind.THRESHOLD):
        yield Issue("A THRESHOLD schedule takes a threshold, the others take none.", ("threshold",))
    elif has_threshold and (threshold_amount is None or threshold_amount <= 0):
        yield Issue("A threshold is more than nothing, with no more decimals than its currency has.", ("threshold", "amount"))


def issues_with_link(*, country: str | None, return_url: str, refresh_url: str, origins: Collection[str]) -> Iterator[Issue]:
    if country is not None and not _COUNTRY.fullmatch(country):
        yield Issue("A country is two letters by ISO 3166-1, in capitals, such as DE.", ("country",))
    for name, url in (("returnUrl", return_url), ("refreshUrl", refresh_url)):
        if not leads_home(url, origins):
            yield Issue("It must be an address of the school's own pages: of its storefront, a verified domain or an origin among `api.allowedOrigins`.", (name,))


def leads_home(url: str, origins: Collection[str]) -> bool:
    """Whether a page is of an origin that is listed by its full name; or of the reader's own machine, where all are."""
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    return match is not None and (match[1] in origins or ("*" in origins and _OWN_MACHINE.fullmatch(match[1]) is not None))

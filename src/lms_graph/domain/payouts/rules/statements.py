"""What a statement says: for each currency of a month what there was, each entry, and what there is."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lms_graph.domain.payouts.ports import StatementPart
from lms_graph.kit import money
from lms_graph.kit.ids import public_id

SETTLES = timedelta(hours=1)  # what is being booked as the month ends stands in the ledger by then
COLUMNS = ("at", "kind", "entry", "order", "currency", "amount", "balance")


def bounds(month: date) -> tuple[datetime, datetime]:
    """The first moment of a month, and that of the next one (UTC)."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)


def is_over(month: date, now: datetime) -> bool:
    return bounds(month)[1] + SETTLES <= now


def parts(opening: Mapping[str, int], entries: Sequence[Mapping[str, Any]]) -> list[StatementPart]:
    """By currency; one in which nothing happened and nothing is due is left out."""
    happened: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        happened.setdefault(entry["currency"], []).append(entry)
    found = [StatementPart(currency=currency, opening=opening.get(currency, 0), entries=happened.get(currency, [])) for currency in sorted({*opening, *happened})]
    return [part for part in found if part.opening or part.entries]


def as_csv(months: Sequence[StatementPart], *, start: datetime, end: datetime) -> bytes:
    """One row per entry, amounts exact, with an opening and a closing row per currency."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for part in months:
        writer.writerows(_rows(part, start, end))
    return written.getvalue().encode()


def _rows(part: StatementPart, start: datetime, end: datetime) -> Iterator[tuple[Any, ...]]:
    def told(minor: int) -> Decimal:
        return money.to_decimal(minor, part.currency)

    balance = part.opening
    yield (_moment(start), "OPENING", "", "", part.currency, "", told(balance))
    for entry in part.entries:
        balance += entry["amount"]
        order = public_id("ord", entry["order_id"]) if entry["order_id"] else ""
        yield (_moment(entry["at"]), entry["kind"], public_id("led", entry["id"]), order, part.currency, told(entry["amount"]), told(balance))
    yield (_moment(end), "CLOSING", "", "", part.currency, "", told(balance))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")

"""Orders as accounting reads them: lines of CSV, and the sealed word by which they can be fetched for a while."""

import base64
import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from lms_graph.domain.commerce.rules.orders import OrderFilter
from lms_graph.kit.money import to_decimal
from lms_graph.kit.secrets import SecretKeys

GOOD_FOR = timedelta(minutes=15)
MAX_TOKEN = 20_000
COLUMNS = "number kind status placed_at paid_at email name country market currency subtotal discount credit tax total refunded tax_included lines payment".split()
_ABOUT = "export of orders"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def sealed(secret_keys: SecretKeys, *, tenant_id: UUID, where: OrderFilter, has_personal: bool, ends_at: datetime) -> str:
    body = {"tenant": str(tenant_id), "where": vars(where), "personal": has_personal, "until": ends_at}
    return base64.urlsafe_b64encode(secret_keys.seal(orjson.dumps(body), about=_ABOUT)).rstrip(b"=").decode()


def opened(secret_keys: SecretKeys, token: str, now: datetime) -> tuple[UUID, OrderFilter, bool] | None:
    """Whose orders, which, and whether with personal data; None for what we did not seal, or whose time is over."""
    if len(token) > MAX_TOKEN:
        return None
    try:
        body = orjson.loads(secret_keys.open(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), about=_ABOUT))
    except ValueError:
        return None
    if datetime.fromisoformat(body["until"]) <= now:
        return None
    where = body["where"]
    values = {
        **where,
        "account_id": UUID(where["account_id"]) if where["account_id"] else None,
        **{name: datetime.fromisoformat(where[name]) if where[name] else None for name in ("placed_from", "placed_before")},
    }
    return UUID(body["tenant"]), OrderFilter(**values), body["personal"]


def head() -> str:
    return _lines([COLUMNS])


def lines(rows: Iterable[Any], *, has_personal: bool) -> str:
    """A line an order; amounts in the main unit of their currency, with exactly its decimals."""
    return _lines([_cells(row, has_personal) for row in rows])


def _cells(row: Any, has_personal: bool) -> list[str]:
    amounts = [format(to_decimal(row[f"{name}_amount"], row["currency"]), "f") for name in ("subtotal", "discount", "credit", "tax", "total", "refunded")]
    person = [row["email"], row["name"]] if has_personal else ["", ""]
    named = [row["number"], row["kind"], row["status"], _moment(row["placed_at"]), _moment(row["paid_at"]), *person, row["country"], row["market"], row["currency"]]
    return [_safe(cell) for cell in [*named, *amounts, "true" if row["is_tax_included"] else "false", row["titles"], row["provider_payment_id"]]]


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def _safe(cell: str | None) -> str:
    """As text also to a spreadsheet, which would run what begins as a formula does."""
    return f"'{cell}" if cell and cell.startswith(_FORMULAS) else cell or ""


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()

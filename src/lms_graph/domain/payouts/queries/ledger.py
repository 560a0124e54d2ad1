"""Sums of the ledger, and its entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

ENTRY = "e.id, e.account, e.payee_id, e.currency, e.amount, e.available_at, e.kind, e.order_id, e.at"
_PAGE = (Term("at", "e.at", "timestamptz", descending=True), Term("id", "e.id", "uuid", descending=True))


@dataclass(frozen=True, kw_only=True)
class PayeeBalance:
    """What is due to a payee in one currency: to be paid out now, and not yet. Negative where more went back than came in: it is carried over."""

    payee_id: UUID
    currency: str
    available: int
    pending: int


async def trial_balance(*, caller: Caller) -> list[database.Record]:
    """Debit and credit of each account in each currency. Raises NotAllowed without LEDGER_READ."""
    caller.require(Permission.LEDGER_READ)
    return await database.fetch(
        "SELECT account, currency, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debit, coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credit "
        "FROM ledger_entries WHERE tenant_id = $1 GROUP BY account, currency ORDER BY currency, account",
        caller.tenant_id,
    )


async def balances_of_payees(*, caller: Caller, payee_ids: list[UUID]) -> list[PayeeBalance]:
    """By payee and currency; nothing for those who never had anything. Who may ask is for the caller of this to know."""
    rows = await database.fetch(
        "SELECT payee_id, currency, coalesce(-sum(amount) FILTER (WHERE available_at <= $3), 0)::bigint AS available, coalesce(-sum(amount) FILTER (WHERE available_at > $3), 0)::bigint AS pending "
        "FROM ledger_entries WHERE tenant_id = $1 AND payee_id = ANY($2) GROUP BY payee_id, currency ORDER BY payee_id, currency",
        caller.tenant_id,
        payee_ids,
        caller.now,
    )
    return [PayeeBalance(payee_id=row["payee_id"], currency=row["currency"], available=row["available"], pending=row["pending"]) for row in rows]


async def entries_by_ids(*, caller: Caller, entry_ids: list[UUID]) -> list[database.Record]:
    """Of payees: the caller's own, or any for who reads the ledger or manages payouts."""
    return await database.fetch(
        f"SELECT {ENTRY} FROM ledger_entries e JOIN payees p ON p.tenant_id = e.tenant_id AND p.id = e.payee_id WHERE e.tenant_id = $1 AND e.id = ANY($2) AND ($3 OR p.account_id = $4)",
        caller.tenant_id,
        entry_ids,
        caller.may(Permission.LEDGER_READ, Permission.PAYOUTS_MANAGE),
        caller.account_id,
    )


async def pool(*, caller: Caller, currency: str, before: datetime) -> int:
    """What lies in the pool of all-access, of what came in before; closings of it whenever they were count."""
    found: int = await database.fetch_value(
        "SELECT coalesce(-sum(amount), 0)::bigint FROM ledger_entries WHERE tenant_id = $1 AND account = 'POOL' AND currency = $2 AND (at < $3 OR kind = 'POOL_CLOSED')",
        caller.tenant_id,
        currency,
        before,
    )
    return found


async def pool_currencies(*, caller: Caller) -> list[str]:
    """The currencies in which anything ever came into the pool."""
    rows = await database.fetch("SELECT DISTINCT currency FROM ledger_entries WHERE tenant_id = $1 AND account = 'POOL' ORDER BY currency", caller.tenant_id)
    return [row["currency"] for row in rows]


async def entries_of_payee(*, caller: Caller, payee_id: UUID, request: PageRequest, cursors: Cursors) -> Page[Any]:
    """A payee's entries, latest first. Who may ask is for the caller of this to know."""
    part = keyset(cursors, request, _PAGE, of=("ledger", caller.tenant_id, payee_id), offset=2)
    rows = await database.fetch(
        f"SELECT {ENTRY}, e.at AS _at, e.id AS _id FROM ledger_entries e WHERE e.tenant_id = $1 AND e.payee_id = $2 AND {part.where} ORDER BY {part.order_by} LIMIT {part.limit}",
        caller.tenant_id,
        payee_id,
        *part.parameters,
    )
    return part.page(rows)

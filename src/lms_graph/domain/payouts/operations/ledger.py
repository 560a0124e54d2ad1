"""The one way to write into the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.payouts import LedgerAccount, TransactionKind
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One side: a positive `amount` is debit, a negative one credit. For PAYEE: whose, and from when on they may have it (at once, unless said)."""

    account: LedgerAccount
    amount: int
    currency: str
    payee_id: UUID | None = None
    available_at: datetime | None = None


async def is_booked(*, caller: Caller, kind: TransactionKind, source_id: UUID) -> bool:
    """Whether this source was booked as this kind. Inside a unit of work: whoever asks the same waits until this one commits, and finds what it booked."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", f"{kind}{source_id}")
    return bool(await database.fetch_value("SELECT true FROM ledger_transactions WHERE tenant_id = $1 AND kind = $2 AND source_id = $3", caller.tenant_id, kind.value, source_id))


async def post(*, caller: Caller, kind: TransactionKind, source_id: UUID, entries: Sequence[Entry], order_id: UUID | None = None, at: datetime | None = None) -> bool:
    """Book a transaction, as of now or `at`; False where this source was booked as this kind before, and nothing changes. Entries of nothing are left out.

    Whatever does not sum up to zero per currency is refused by the database when the unit of work commits.
    """
    at = at or caller.now
    async with unit_of_work(caller):
        made = await database.fetch_one(
            "INSERT INTO ledger_transactions (tenant_id, id, kind, source_id, order_id, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, kind, source_id) DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            kind.value,
            source_id,
            order_id,
            at,
        )
        if made is None:
            return False
        rows = [
            {
                "id": str(new_id()),
                "account": entry.account.value,
                "payee_id": str(entry.payee_id) if entry.payee_id else None,
                "currency": entry.currency,
                "amount": entry.amount,
                "available_at": (entry.available_at or at).isoformat() if entry.payee_id else None,
            }
            for entry in entries
            if entry.amount
        ]
        await database.fetch(
            "INSERT INTO ledger_entries (tenant_id, id, transaction_id, account, payee_id, currency, amount, available_at, kind, order_id, at) "
            "SELECT $1, e.id, $2, e.account, e.payee_id, e.currency, e.amount, e.available_at, $3, $4, $5 "
            "FROM jsonb_to_recordset($6::jsonb) AS e(id uuid, account text, payee_id uuid, currency text, amount bigint, available_at timestamptz)",
            caller.tenant_id,
            made["id"],
            kind.value,
            order_id,
            at,
            database.to_json(rows),
        )
    return True

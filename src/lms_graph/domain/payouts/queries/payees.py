"""Payees, what was paid to them, and their statements. A payee is for whom it pays, and for who manages payouts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_PAYEE = (
    "id, kind, account_id, provider_account_id, country, charges_enabled, payouts_enabled, details_submitted, requirements, schedule_kind, schedule_threshold_amount, schedule_currency, "
    "schedule_day, next_due_at, is_premium_until, created_at"
)
_PAYOUT = "p.id, p.payee_id, p.currency, p.amount, p.status, p.attempts, p.provider_transfer_id, p.reversed_amount, p.problem, p.bank_status, p.arrives_at, p.created_at, p.paid_at"
_STATEMENT = "s.id, s.payee_id, s.month, s.csv_file_id, s.pdf_file_id, s.created_at"
_PAYEES = (Term("created", "created_at", "timestamptz"), Term("id", "id", "uuid"))
_PAYOUTS = (Term("created", "p.created_at", "timestamptz", descending=True), Term("id", "p.id", "uuid", descending=True))
_STATEMENTS = (Term("month", "s.month", "date", descending=True), Term("id", "s.id", "uuid", descending=True))
_MINE = "($3 OR EXISTS (SELECT FROM payees y WHERE y.tenant_id = $1 AND y.id = {payee} AND y.account_id = $4))"


async def lock_payee(*, caller: Caller, payee_id: UUID) -> database.Record | None:
    """A payee for the unit of work around it: payouts of one payee come one after another. Who may ask is for the caller of this to know."""
    return await database.fetch_one(f"SELECT {_PAYEE} FROM payees WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, payee_id)


async def rows_by_ids(*, caller: Caller, payee_ids: list[UUID]) -> list[dict[str, Any]]:
    """Who may ask is for the caller of this to know."""
    return _read(await database.fetch(f"SELECT {_PAYEE} FROM payees WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, payee_ids))


async def payees_by_ids(*, caller: Caller, payee_ids: list[UUID]) -> list[dict[str, Any]]:
    """Those that the caller may see."""
    return _read(
        await database.fetch(
            f"SELECT {_PAYEE} FROM payees WHERE tenant_id = $1 AND id = ANY($2) AND ($3 OR account_id = $4)",
            caller.tenant_id,
            payee_ids,
            caller.may(Permission.PAYOUTS_MANAGE),
            caller.account_id,
        )
    )


async def payees_of_accounts(*, caller: Caller, account_ids: list[UUID]) -> list[dict[str, Any]]:
    """Of these people the payees that the caller may see."""
    return _read(
        await database.fetch(
            f"SELECT {_PAYEE} FROM payees WHERE tenant_id = $1 AND account_id = ANY($2) AND ($3 OR account_id = $4)",
            caller.tenant_id,
            account_ids,
            caller.may(Permission.PAYOUTS_MANAGE),
            caller.account_id,
        )
    )


async def is_premium(*, caller: Caller, account_id: UUID) -> bool:
    """Whether the commission for premium instructors holds for somebody now."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM payees WHERE tenant_id = $1 AND account_id = $2 AND is_premium_until > $3)", caller.tenant_id, account_id, caller.now
        )
    )


async def page_of_payees(*, caller: Caller, request: PageRequest, cursors: Cursors) -> Page[Any]:
    """Everybody who is paid here, oldest first. Raises SignedOut, NotAllowed."""
    caller.require(Permission.PAYOUTS_MANAGE)
    part = keyset(cursors, request, _PAYEES, of=("payees", caller.tenant_id), offset=1)
    rows = await database.fetch(
        f"SELECT {_PAYEE}, created_at AS _created, id AS _id FROM payees WHERE tenant_id = $1 AND {part.where} ORDER BY {part.order_by} LIMIT {part.limit}",
        caller.tenant_id,
        *part.parameters,
    )
    return part.page(_read(rows))


async def count_payees(*, caller: Caller) -> int:
    caller.require(Permission.PAYOUTS_MANAGE)
    return int(await database.fetch_value("SELECT count(*) FROM payees WHERE tenant_id = $1", caller.tenant_id))


async def payee_of_provider_account(*, caller: Caller, provider_account_id: str) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM payees WHERE tenant_id = $1 AND provider_account_id = $2", caller.tenant_id, provider_account_id)
    return id


async def payout_by_id(*, caller: Caller, payout_id: UUID, lock: bool = False) -> database.Record | None:
    """With the payee's account and its account at the provider. Who may ask is for the caller of this to know."""
    return await database.fetch_one(
        f"SELECT {_PAYOUT}, y.account_id, y.provider_account_id FROM payouts p JOIN payees y ON y.tenant_id = p.tenant_id AND y.id = p.payee_id "
        f"WHERE p.tenant_id = $1 AND p.id = $2{' FOR UPDATE OF p' if lock else ''}",
        caller.tenant_id,
        payout_id,
    )


async def payout_of_transfer(*, caller: Caller, transfer_id: str) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM payouts WHERE tenant_id = $1 AND provider_transfer_id = $2", caller.tenant_id, transfer_id)
    return id


async def pending_payout(*, caller: Caller, payee_id: UUID, currency: str) -> UUID | None:
    id: UUID | None = await database.fetch_value(
        "SELECT id FROM payouts WHERE tenant_id = $1 AND payee_id = $2 AND currency = $3 AND status = 'PENDING'", caller.tenant_id, payee_id, currency
    )
    return id


async def on_their_way(*, caller: Caller, payee_id: UUID) -> list[database.Record]:
    """Payouts that reached the payee's account at the provider, and of which the bank has not said that they arrived; for the unit of work around it."""
    return await database.fetch(
        f"SELECT {_PAYOUT} FROM payouts p WHERE p.tenant_id = $1 AND p.payee_id = $2 AND p.status = 'PAID' AND p.bank_status IS DISTINCT FROM 'PAID' ORDER BY p.created_at, p.id FOR UPDATE",
        caller.tenant_id,
        payee_id,
    )


async def payouts_by_ids(*, caller: Caller, payout_ids: list[UUID]) -> list[database.Record]:
    """Those that the caller may see."""
    return await database.fetch(
        f"SELECT {_PAYOUT} FROM payouts p WHERE p.tenant_id = $1 AND p.id = ANY($2) AND {_MINE.format(payee='p.payee_id')}",
        caller.tenant_id,
        payout_ids,
        caller.may(Permission.PAYOUTS_MANAGE),
        caller.account_id,
    )


async def page_of_payouts(*, caller: Caller, payee_id: UUID, request: PageRequest, cursors: Cursors) -> Page[Any]:
    """A payee's payouts, latest first; none where the caller may not see the payee."""
    part = keyset(cursors, request, _PAYOUTS, of=("payouts", caller.tenant_id, payee_id), offset=4)
    rows = await database.fetch(
        f"SELECT {_PAYOUT}, p.created_at AS _created, p.id AS _id FROM payouts p WHERE p.tenant_id = $1 AND p.payee_id = $2 AND {_MINE.format(payee='$2')} AND {part.where} "
        f"ORDER BY {part.order_by} LIMIT {part.limit}",
        caller.tenant_id,
        payee_id,
        caller.may(Permission.PAYOUTS_MANAGE),
        caller.account_id,
        *part.parameters,
    )
    return part.page(rows)


async def statements_by_ids(*, caller: Caller, statement_ids: list[UUID]) -> list[database.Record]:
    """Those that the caller may see."""
    return await database.fetch(
        f"SELECT {_STATEMENT} FROM statements s WHERE s.tenant_id = $1 AND s.id = ANY($2) AND {_MINE.format(payee='s.payee_id')}",
        caller.tenant_id,
        statement_ids,
        caller.may(Permission.PAYOUTS_MANAGE),
        caller.account_id,
    )


async def page_of_statements(*, caller: Caller, payee_id: UUID, request: PageRequest, cursors: Cursors) -> Page[Any]:
    """A payee's statements, latest month first; none where the caller may not see the payee."""
    part = keyset(cursors, request, _STATEMENTS, of=("statements", caller.tenant_id, payee_id), offset=4)
    rows = await database.fetch(
        f"SELECT {_STATEMENT}, s.month AS _month, s.id AS _id FROM statements s WHERE s.tenant_id = $1 AND s.payee_id = $2 AND {_MINE.format(payee='$2')} AND {part.where} "
        f"ORDER BY {part.order_by} LIMIT {part.limit}",
        caller.tenant_id,
        payee_id,
        caller.may(Permission.PAYOUTS_MANAGE),
        caller.account_id,
        *part.parameters,
    )
    return part.page(rows)


async def statement_to_make(*, caller: Caller, statement_id: UUID, lock: bool = False) -> database.Record | None:
    return await database.fetch_one(
        f"SELECT {_STATEMENT}, y.account_id FROM statements s JOIN payees y ON y.tenant_id = s.tenant_id AND y.id = s.payee_id "
        f"WHERE s.tenant_id = $1 AND s.id = $2{' FOR UPDATE OF s' if lock else ''}",
        caller.tenant_id,
        statement_id,
    )


async def entries_between(*, caller: Caller, payee_id: UUID, start: datetime, end: datetime) -> list[database.Record]:
    """A payee's entries of a span, by currency and then oldest first; positive is theirs."""
    return await database.fetch(
        "SELECT id, at, kind, order_id, currency, -amount AS amount FROM ledger_entries WHERE tenant_id = $1 AND payee_id = $2 AND at >= $3 AND at < $4 ORDER BY currency, at, id",
        caller.tenant_id,
        payee_id,
        start,
        end,
    )


async def sums_before(*, caller: Caller, payee_id: UUID, moment: datetime) -> dict[str, int]:
    """What was due to a payee at a moment, by currency; positive is theirs."""
    rows = await database.fetch(
        "SELECT currency, (-sum(amount))::bigint AS amount FROM ledger_entries WHERE tenant_id = $1 AND payee_id = $2 AND at < $3 GROUP BY currency ORDER BY currency",
        caller.tenant_id,
        payee_id,
        moment,
    )
    return {row["currency"]: row["amount"] for row in rows}


async def statement_of_month(*, caller: Caller, payee_id: UUID, month: date) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM statements WHERE tenant_id = $1 AND payee_id = $2 AND month = $3", caller.tenant_id, payee_id, month)
    return id


async def owed_at_provider(*, caller: Caller) -> bool:
    """Whether money of the school's sales lies with the provider that it sells through, or is on its way to a payee."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM ledger_entries WHERE tenant_id = $1 AND account IN ('PROVIDER', 'IN_TRANSIT', 'DISPUTED') GROUP BY account, currency HAVING sum(amount) <> 0)",
            caller.tenant_id,
        )
    )


def _read(rows: list[database.Record]) -> list[dict[str, Any]]:
    return [{**row, "requirements": database.from_json(row["requirements"])} for row in rows]

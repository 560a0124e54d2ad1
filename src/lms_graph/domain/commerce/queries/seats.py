"""Pools of seats and who has them: for their owners, and for those who manage seats."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_POOL = "p.id, p.kind, p.owner_account_id, p.order_id, p.order_line_id, p.course_id, p.seats, p.taken, p.code, p.message, p.expires_at, p.closed_at, p.closed_reason, p.created_at"
_SEAT = "s.id, s.pool_id, s.status, s.email, s.email_key, s.code, s.account_id, s.enrollment_id, s.assigned_at, s.redeemed_at, s.ended_at"
_POOLS = [Term("CREATED_AT", "p.created_at", "timestamptz", descending=True), Term("ID", "p.id", "uuid", descending=True)]
_SEATS = [Term("ASSIGNED_AT", "s.assigned_at", "timestamptz"), Term("ID", "s.id", "uuid")]
# $2 is the caller, $3 whether they manage all seats.
_MAY = "($3::boolean OR p.owner_account_id = $2)"


async def pools_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Those of these that the caller owns, or all for those who manage seats."""
    return await database.fetch(
        f"SELECT {_POOL} FROM seat_pools p WHERE p.tenant_id = $1 AND {_MAY} AND p.id = ANY($4)", caller.tenant_id, caller.account_id, caller.may(Permission.SEATS_MANAGE), ids
    )


async def seats_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Seats, with the owner of their pool: in pools that the caller owns, or all for those who manage seats."""
    return await database.fetch(
        f"SELECT {_SEAT}, p.owner_account_id FROM seat_assignments s JOIN seat_pools p ON p.tenant_id = s.tenant_id AND p.id = s.pool_id "
        f"WHERE s.tenant_id = $1 AND {_MAY} AND s.id = ANY($4)",
        caller.tenant_id,
        caller.account_id,
        caller.may(Permission.SEATS_MANAGE),
        ids,
    )


async def seats_of_pools(*, caller: Caller, pool_ids: list[UUID], cursors: Cursors, request: PageRequest) -> dict[UUID, Page[Any]]:
    """Who has, or had, the seats of each pool that the caller may see, first come first: one statement however many pools."""
    keys = keyset(cursors, request, _SEATS, of=("seats of a pool", caller.tenant_id), offset=4)
    rows = await database.fetch(
        f"""
        SELECT page.*, p.owner_account_id FROM seat_pools p CROSS JOIN LATERAL (
            SELECT {_SEAT}, s.assigned_at AS "_ASSIGNED_AT", s.id AS "_ID" FROM seat_assignments s
            WHERE s.tenant_id = $1 AND s.pool_id = p.id AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}
        ) AS page
        WHERE p.tenant_id = $1 AND {_MAY} AND p.id = ANY($4)
        """,
        caller.tenant_id,
        caller.account_id,
        caller.may(Permission.SEATS_MANAGE),
        pool_ids,
        *keys.parameters,
    )
    return {id: keys.page([row for row in rows if row["pool_id"] == id]) for id in pool_ids}


async def count_seats(*, caller: Caller, pool_ids: list[UUID]) -> dict[UUID, int]:
    """How many there are in each list of `seats_of_pools`."""
    rows: list[Any] = await database.fetch(
        "SELECT s.pool_id, count(*) AS number FROM seat_assignments s JOIN seat_pools p ON p.tenant_id = s.tenant_id AND p.id = s.pool_id "
        f"WHERE s.tenant_id = $1 AND {_MAY} AND s.pool_id = ANY($4) GROUP BY s.pool_id",
        caller.tenant_id,
        caller.account_id,
        caller.may(Permission.SEATS_MANAGE),
        pool_ids,
    )
    return {row["pool_id"]: row["number"] for row in rows}


async def page_of_own(*, caller: Caller, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """The caller's own pools, latest first. Raises SignedOut."""
    keys = keyset(cursors, request, _POOLS, of=("own pools", caller.tenant_id, caller.account), offset=2)
    rows = await database.fetch(
        f'SELECT {_POOL}, p.created_at AS "_CREATED_AT", p.id AS "_ID" FROM seat_pools p WHERE p.tenant_id = $1 AND p.owner_account_id = $2 AND {keys.where} '
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        caller.account,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_own(*, caller: Caller) -> int:
    """Raises SignedOut."""
    return int(await database.fetch_value("SELECT count(*) FROM seat_pools WHERE tenant_id = $1 AND owner_account_id = $2", caller.tenant_id, caller.account))


async def page_of_all(*, caller: Caller, kinds: Sequence[str] | None, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """Every pool of the tenant, latest first. Raises SignedOut, NotAllowed."""
    caller.require(Permission.SEATS_MANAGE)
    keys = keyset(cursors, request, _POOLS, of=("pools", caller.tenant_id), offset=2)
    rows = await database.fetch(
        f'SELECT {_POOL}, p.created_at AS "_CREATED_AT", p.id AS "_ID" FROM seat_pools p WHERE p.tenant_id = $1 AND ($2::text[] IS NULL OR p.kind = ANY($2)) AND {keys.where} '
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        kinds,
        *keys.parameters,
    )
    return keys.page(rows)


async def lock_pool(*, caller: Caller, pool_id: UUID) -> database.Record | None:
    """A pool that the caller owns, or any for those who manage seats, locked until the unit of work ends."""
    return await database.fetch_one(
        f"SELECT {_POOL} FROM seat_pools p WHERE p.tenant_id = $1 AND {_MAY} AND p.id = $4 FOR UPDATE",
        caller.tenant_id,
        caller.account_id,
        caller.may(Permission.SEATS_MANAGE),
        pool_id,
    )


async def lock_pool_of_line(*, caller: Caller, line_id: UUID) -> database.Record | None:
    return await database.fetch_one(f"SELECT {_POOL} FROM seat_pools p WHERE p.tenant_id = $1 AND p.order_line_id = $2 FOR UPDATE", caller.tenant_id, line_id)


async def lock_pools_of_lines(*, caller: Caller, line_ids: Sequence[UUID]) -> None:
    """Those that these lines opened, in the order in which everybody locks several."""
    await database.fetch("SELECT id FROM seat_pools WHERE tenant_id = $1 AND order_line_id = ANY($2) ORDER BY id FOR UPDATE", caller.tenant_id, list(line_ids))


async def pool_of_code(*, caller: Caller, code_sha256: str) -> tuple[UUID, UUID | None] | None:
    """The pool that a code opens, and the seat, where it is a seat's code. Whoever brings it may use it."""
    row = await database.fetch_one(
        "SELECT p.id AS pool_id, NULL::uuid AS seat_id FROM seat_pools p WHERE p.tenant_id = $1 AND p.code_sha256 = $2 "
        "UNION ALL SELECT s.pool_id, s.id FROM seat_assignments s WHERE s.tenant_id = $1 AND s.code_sha256 = $2",
        caller.tenant_id,
        code_sha256,
    )
    return (row["pool_id"], row["seat_id"]) if row else None


async def lock_any_pool(*, caller: Caller, pool_id: UUID) -> database.Record:
    """A pool, for who has brought its code or is told to work on it."""
    row = await database.fetch_one(f"SELECT {_POOL} FROM seat_pools p WHERE p.tenant_id = $1 AND p.id = $2 FOR UPDATE", caller.tenant_id, pool_id)
    assert row is not None, "pools stay"
    return row


async def seat(*, caller: Caller, seat_id: UUID) -> database.Record:
    """A seat of a pool that is locked."""
    row = await database.fetch_one(f"SELECT {_SEAT} FROM seat_assignments s WHERE s.tenant_id = $1 AND s.id = $2", caller.tenant_id, seat_id)
    assert row is not None, "seats stay"
    return row


async def seat_of_account(*, caller: Caller, pool_id: UUID, account_id: UUID) -> database.Record | None:
    """The seat of this pool that an account has redeemed."""
    return await database.fetch_one(
        f"SELECT {_SEAT} FROM seat_assignments s WHERE s.tenant_id = $1 AND s.pool_id = $2 AND s.account_id = $3 AND s.status = 'REDEEMED'", caller.tenant_id, pool_id, account_id
    )


async def seat_of_address(*, caller: Caller, pool_id: UUID, email_key: str) -> database.Record | None:
    """The seat of this pool that an address was given and has not lost."""
    return await database.fetch_one(
        f"SELECT {_SEAT} FROM seat_assignments s WHERE s.tenant_id = $1 AND s.pool_id = $2 AND s.email_key = $3 AND s.status IN ('ASSIGNED', 'REDEEMED')",
        caller.tenant_id,
        pool_id,
        email_key,
    )


async def seats_in_use(*, caller: Caller, pool_id: UUID) -> list[database.Record]:
    """Those of a pool that are assigned or redeemed."""
    return await database.fetch(
        f"SELECT {_SEAT} FROM seat_assignments s WHERE s.tenant_id = $1 AND s.pool_id = $2 AND s.status IN ('ASSIGNED', 'REDEEMED') ORDER BY s.id", caller.tenant_id, pool_id
    )


async def redeemed_of_lines(*, caller: Caller, line_ids: Sequence[UUID]) -> list[UUID]:
    """The seats, of pools that these lines opened, that somebody has taken up."""
    rows = await database.fetch(
        "SELECT s.id FROM seat_assignments s JOIN seat_pools p ON p.tenant_id = s.tenant_id AND p.id = s.pool_id "
        "WHERE s.tenant_id = $1 AND p.order_line_id = ANY($2) AND s.status = 'REDEEMED' ORDER BY s.id",
        caller.tenant_id,
        list(line_ids),
    )
    return [row["id"] for row in rows]


async def waiting_for(*, caller: Caller, email_key: str) -> list[database.Record]:
    """The seats that wait for the owner of an address, in the order in which their pools are locked."""
    return await database.fetch(
        f"SELECT {_SEAT} FROM seat_assignments s WHERE s.tenant_id = $1 AND s.email_key = $2 AND s.status = 'ASSIGNED' ORDER BY s.pool_id, s.id", caller.tenant_id, email_key
    )


async def waiting_seat(*, caller: Caller, seat_id: UUID) -> database.Record | None:
    """A seat that waits for the owner of an address and may still be redeemed, with what its pool says: for the mail to that address."""
    return await database.fetch_one(
        "SELECT s.email, s.code, p.kind, p.owner_account_id, p.course_id, p.message, p.expires_at FROM seat_assignments s JOIN seat_pools p ON p.tenant_id = s.tenant_id AND p.id = s.pool_id "
        "WHERE s.tenant_id = $1 AND s.id = $2 AND s.status = 'ASSIGNED' AND s.email IS NOT NULL AND p.closed_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > $3)",
        caller.tenant_id,
        seat_id,
        caller.now,
    )


async def gift_of_run(*, caller: Caller, enrollment_id: UUID) -> database.Record | None:
    """Who gave a run of a course, and the words that came with it; None where it was no gift."""
    return await database.fetch_one(
        "SELECT p.owner_account_id, p.message FROM seat_assignments s JOIN seat_pools p ON p.tenant_id = s.tenant_id AND p.id = s.pool_id "
        "WHERE s.tenant_id = $1 AND s.enrollment_id = $2 AND s.status = 'REDEEMED' AND p.kind = 'GIFT'",
        caller.tenant_id,
        enrollment_id,
    )

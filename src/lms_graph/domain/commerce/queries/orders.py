"""Orders, their lines and payments: to buyers their own, to who holds ORDERS_READ all."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.rules import exports
from lms_graph.domain.commerce.rules.orders import OrderFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database

ORDER = (
    "o.id, o.number, o.kind, o.status, o.account_id, o.email, o.name, o.country, o.market, o.currency, o.subtotal_amount, o.discount_amount, o.credit_amount, o.tax_amount, "
    "o.total_amount, o.refunded_amount, o.is_tax_included, o.tax_lines, o.subscription_id, o.claimed_at, o.placed_at, o.paid_at"
)
LINE = (
    "l.id, l.order_id, l.offer_id, l.offer_kind, l.subject, l.title, l.quantity, l.unit_amount, l.subtotal_amount, l.discount_amount, l.credit_amount, l.tax_amount, l.total_amount, "
    "l.refunded_amount, l.gift_email, l.gift_message, o.currency, o.account_id, CASE WHEN l.offer_kind IN ('RECURRING', 'INSTALLMENTS') THEN o.subscription_id ELSE l.id END AS source_id"
)
PAYMENT = "p.id, p.order_id, p.status, p.currency, p.amount, p.provider_payment_id, p.failure_code, p.failure_message, p.created_at"
EXPORTED_AT_ONCE = 500
_SEEN = "($2 OR o.account_id = $3 OR o.id = ANY($4))"
_TERMS = {"PLACED_AT": ("o.placed_at", "timestamptz"), "TOTAL": ("o.total_amount", "bigint")}


async def orders_by_ids(*, caller: Caller, ids: Sequence[UUID], shown: Collection[UUID] = ()) -> list[database.Record]:
    return await database.fetch(f"SELECT {ORDER} FROM orders o WHERE o.tenant_id = $1 AND {_SEEN} AND o.id = ANY($5)", *_who(caller, shown), list(ids))


async def references_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[database.Record]:
    """Numbers and times of orders, whosever they are. Whoever asks has shown something of them already."""
    return await database.fetch("SELECT id, number, placed_at FROM orders WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, list(ids))


async def claimable_order(*, caller: Caller, order_id: UUID) -> database.Record | None:
    """A guest's paid order that no account holds yet; None once the guest was erased."""
    return await database.fetch_one(
        "SELECT id, number, email, name FROM orders WHERE tenant_id = $1 AND id = $2 AND account_id IS NULL AND paid_at IS NOT NULL AND email <> ''", caller.tenant_id, order_id
    )


async def lines_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[database.Record]:
    return await _lines(caller, "l.id", ids)


async def lines_of_orders(*, caller: Caller, order_ids: Sequence[UUID], shown: Collection[UUID] = ()) -> list[database.Record]:
    """In the order in which they were asked for."""
    return await _lines(caller, "l.order_id", order_ids, shown)


async def _lines(caller: Caller, key: str, ids: Sequence[UUID], shown: Collection[UUID] = ()) -> list[database.Record]:
    return await database.fetch(
        f"SELECT {LINE} FROM order_lines l JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id WHERE l.tenant_id = $1 AND {_SEEN} AND {key} = ANY($5) "
        "ORDER BY l.order_id, l.position",
        *_who(caller, shown),
        list(ids),
    )


async def payments_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[database.Record]:
    return await _payments(caller, "p.id", ids)


async def payments_of_orders(*, caller: Caller, order_ids: Sequence[UUID], shown: Collection[UUID] = ()) -> list[database.Record]:
    """The first first."""
    return await _payments(caller, "p.order_id", order_ids, shown)


async def _payments(caller: Caller, key: str, ids: Sequence[UUID], shown: Collection[UUID] = ()) -> list[database.Record]:
    return await database.fetch(
        f"SELECT {PAYMENT} FROM payments p JOIN orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id WHERE p.tenant_id = $1 AND {_SEEN} AND {key} = ANY($5) "
        "ORDER BY p.created_at, p.id",
        *_who(caller, shown),
        list(ids),
    )


async def page_of_orders(*, caller: Caller, cursors: Cursors, request: PageRequest, where: OrderFilter, order: Sequence[tuple[str, bool]] = (), own: bool = False) -> Page[Any]:
    """The latest first unless ordered otherwise (a field, and whether it goes down): the caller's own, or for who holds ORDERS_READ all. Raises SignedOut, NotAllowed, Invalid."""
    condition, parameters = _conditions(caller, where, own=own)
    chosen = list(order) or [("PLACED_AT", True)]
    if len({field for field, _ in chosen}) < len(chosen):
        raise Invalid(Issue("`orderBy` names a field twice.", ("orderBy",)))
    terms = [*(Term(field, *_TERMS[field], descending=down) for field, down in chosen), Term("ID", "o.id", "uuid", descending=chosen[-1][1])]
    keys = keyset(cursors, request, terms, of=("orders", caller.tenant_id, caller.account_id if own else None), offset=len(parameters))
    listed = ", ".join(f'{term.expression} AS "_{term.name}"' for term in terms)
    rows = await database.fetch(
        f"SELECT {ORDER}, {listed} FROM orders o WHERE {condition} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}", *parameters, *keys.parameters
    )
    return keys.page(rows)


async def page_of_payments(*, caller: Caller, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """Payments of the caller's own orders, also those that failed, latest first. Raises SignedOut, Invalid."""
    terms = (Term("CREATED_AT", "p.created_at", "timestamptz", descending=True), Term("ID", "p.id", "uuid", descending=True))
    keys = keyset(cursors, request, terms, of=("payments", caller.tenant_id, caller.account), offset=2)
    rows = await database.fetch(
        f'SELECT {PAYMENT}, p.created_at AS "_CREATED_AT", p.id AS "_ID" FROM orders o JOIN payments p ON p.tenant_id = o.tenant_id AND p.order_id = o.id '
        f"WHERE o.tenant_id = $1 AND o.account_id = $2 AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        caller.account,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_orders(*, caller: Caller, where: OrderFilter, own: bool = False) -> int:
    """Raises SignedOut, NotAllowed."""
    condition, parameters = _conditions(caller, where, own=own)
    return int(await database.fetch_value(f"SELECT count(*) FROM orders o WHERE {condition}", *parameters))


def _who(caller: Caller, shown: Collection[UUID]) -> tuple[UUID, bool, UUID | None, list[UUID]]:
    """Of whom, all of them or one's own; and what a guest is shown whose token was right."""
    return caller.tenant_id, caller.may(Permission.ORDERS_READ), caller.account_id, list(shown)


def _conditions(caller: Caller, where: OrderFilter, *, own: bool) -> tuple[str, list[Any]]:
    if not own:
        caller.require(Permission.ORDERS_READ)
    if where.emails is not None:
        caller.require(Permission.PERSONAL_READ)  # else addresses could be tried
    parameters: list[Any] = [caller.tenant_id]
    clauses = ["o.tenant_id = $1"]
    given: list[tuple[str, Any]] = [
        ("o.account_id = {}", caller.account if own else where.account_id),
        ("o.status = ANY({}::text[])", where.statuses),
        ("o.kind = ANY({}::text[])", where.kinds),
        ("o.number = ANY({}::text[])", where.numbers),
        ("lower(o.email) = ANY({}::text[])", None if where.emails is None else [email.lower() for email in where.emails]),
        ("o.placed_at >= {}", where.placed_from),
        ("o.placed_at < {}", where.placed_before),
    ]
    for clause, value in given:
        if value is not None:
            parameters.append(value if not isinstance(value, tuple) else list(value))
            clauses.append(clause.format(f"${len(parameters)}"))
    return " AND ".join(clauses), parameters


def export_token(*, caller: Caller, where: OrderFilter, secret_keys: SecretKeys) -> tuple[str, datetime]:
    """The word by which these orders can be fetched for a while, and until when. Raises SignedOut, NotAllowed."""
    _conditions(caller, where, own=False)
    ends_at = caller.now + exports.GOOD_FOR
    has_personal = caller.may(Permission.PERSONAL_READ) and not caller.is_masked
    return exports.sealed(secret_keys, tenant_id=caller.tenant_id, where=where, has_personal=has_personal, ends_at=ends_at), ends_at


async def exported(*, caller: Caller, where: OrderFilter) -> AsyncIterator[list[database.Record]]:
    """Orders for accounting, the earliest first, some hundreds at a time, each part read by itself. Raises SignedOut, NotAllowed."""
    condition, parameters = _conditions(caller, where, own=False)
    after: tuple[datetime, UUID] = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    count = len(parameters)
    while True:
        async with database.reading(caller):
            rows = await database.fetch(
                f"SELECT {ORDER}, (SELECT string_agg(l.quantity || ' × ' || l.title, '; ' ORDER BY l.position) FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS titles, "
                "(SELECT p.provider_payment_id FROM payments p WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id AND p.status = 'SUCCEEDED') AS provider_payment_id "
                f"FROM orders o WHERE {condition} AND (o.placed_at, o.id) > (${count + 1}, ${count + 2}) ORDER BY o.placed_at, o.id LIMIT {EXPORTED_AT_ONCE}",
                *parameters,
                *after,
            )
        if not rows:
            return
        yield rows
        after = rows[-1]["placed_at"], rows[-1]["id"]

"""Plans: to learners their own, to who holds ORDERS_READ all."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.rules.plans import SubscriptionFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

SUBSCRIPTION = (
    "s.id, s.account_id, s.offer_id, s.first_order_id, s.status, s.currency, s.amount, s.current_period_start, s.current_period_end, s.cancel_at_period_end, s.canceled_at, s.resumes_at, "
    "s.grace_until, s.installments_total, s.installments_paid, s.paid_until, s.ended_at, s.withdrawn_at, s.terms, s.terms ->> 'interval' AS interval, s.created_at, "
    "EXISTS (SELECT FROM subscription_requests r WHERE r.tenant_id = s.tenant_id AND r.subscription_id = s.id AND r.state = 'PENDING') AS is_pending"
)
_TERMS = (Term("created_at", "s.created_at", "timestamptz", descending=True), Term("id", "s.id", "uuid", descending=True))


async def subscriptions_by_ids(*, caller: Caller, ids: Sequence[UUID]) -> list[database.Record]:
    """The caller's own among these; of anybody for who holds ORDERS_READ."""
    return await database.fetch(
        f"SELECT {SUBSCRIPTION} FROM subscriptions s WHERE s.tenant_id = $1 AND s.id = ANY($2) AND ($3 OR s.account_id = $4)",
        caller.tenant_id,
        list(ids),
        caller.may(Permission.ORDERS_READ),
        caller.account_id,
    )


async def page_of_subscriptions(*, caller: Caller, cursors: Cursors, request: PageRequest, where: SubscriptionFilter, own: bool = False) -> Page[Any]:
    """The latest first: the caller's own, or for who holds ORDERS_READ all. Raises SignedOut, NotAllowed."""
    condition, parameters = _conditions(caller, where, own=own)
    keys = keyset(cursors, request, _TERMS, of=("subscriptions", caller.tenant_id, caller.account_id if own else None), offset=len(parameters))
    rows = await database.fetch(
        f"SELECT {SUBSCRIPTION}, s.created_at AS _created_at, s.id AS _id FROM subscriptions s WHERE {condition} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        *parameters,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_subscriptions(*, caller: Caller, where: SubscriptionFilter, own: bool = False) -> int:
    """Raises SignedOut, NotAllowed."""
    condition, parameters = _conditions(caller, where, own=own)
    return int(await database.fetch_value(f"SELECT count(*) FROM subscriptions s WHERE {condition}", *parameters))


def _conditions(caller: Caller, where: SubscriptionFilter, *, own: bool) -> tuple[str, list[Any]]:
    if not own:
        caller.require(Permission.ORDERS_READ)
    parameters: list[Any] = [caller.tenant_id]
    clauses = ["s.tenant_id = $1"]
    for clause, value in (
        ("s.account_id = {}", caller.account if own else where.account_id),
        ("s.offer_id = {}", where.offer_id),
        ("s.status = ANY({}::text[])", list(where.statuses) if where.statuses is not None else None),
    ):
        if value is not None:
            parameters.append(value)
            clauses.append(clause.format(f"${len(parameters)}"))
    return " AND ".join(clauses), parameters

"""Contested payments, and what our records say to the bank."""

from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.queries import refunds
from lms_graph.domain.commerce.rules import disputes as rules
from lms_graph.domain.identity.queries import audit
from lms_graph.domain.learning.queries import consumption
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

COLUMNS = (
    "d.id, d.order_id, d.payment_id, d.status, d.currency, d.amount, d.fee_amount, d.reason, d.provider_dispute_id, d.evidence, d.evidence_due_at, d.evidence_submitted_at, "
    "d.evidence_problem, d.is_held, d.opened_at, d.closed_at, o.account_id"
)
_FROM = "FROM disputes d JOIN orders o ON o.tenant_id = d.tenant_id AND o.id = d.order_id"
_TERMS = (Term("opened_at", "d.opened_at", "timestamptz", descending=True), Term("id", "d.id", "uuid", descending=True))


async def disputes_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """For who may see orders; nothing for anybody else."""
    if not refunds.sees_all(caller):
        return []
    return await database.fetch(f"SELECT {COLUMNS} {_FROM} WHERE d.tenant_id = $1 AND d.id = ANY($2)", caller.tenant_id, ids)


async def disputes_of_orders(*, caller: Caller, order_ids: list[UUID]) -> list[database.Record]:
    """As `disputes_by_ids`, the first first."""
    if not refunds.sees_all(caller):
        return []
    return await database.fetch(f"SELECT {COLUMNS} {_FROM} WHERE d.tenant_id = $1 AND d.order_id = ANY($2) ORDER BY d.opened_at, d.id", caller.tenant_id, order_ids)


async def page_of_disputes(*, caller: Caller, cursors: Cursors, request: PageRequest, statuses: list[str] | None) -> Page[Any]:
    """All disputes, the latest first. Raises SignedOut, NotAllowed."""
    caller.require(*refunds.TO_SEE)
    keys = keyset(cursors, request, _TERMS, of=("disputes", caller.tenant_id), offset=2)
    rows = await database.fetch(
        f"SELECT {COLUMNS}, d.opened_at AS _opened_at, d.id AS _id {_FROM} WHERE d.tenant_id = $1 AND {_status(statuses)} AND {keys.where} "
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        _chosen(statuses),
        *keys.parameters,
    )
    return keys.page(rows)


async def count_disputes(*, caller: Caller, statuses: list[str] | None) -> int:
    """Raises SignedOut, NotAllowed."""
    caller.require(*refunds.TO_SEE)
    return int(await database.fetch_value(f"SELECT count(*) FROM disputes d WHERE d.tenant_id = $1 AND {_status(statuses)}", caller.tenant_id, _chosen(statuses)))


def _status(statuses: list[str] | None) -> str:
    """A condition on `$2`; of one status an index has the rows in order."""
    return "d.status = $2" if statuses is not None and len(statuses) == 1 else "($2::text[] IS NULL OR d.status = ANY($2))"


def _chosen(statuses: list[str] | None) -> str | list[str] | None:
    return statuses[0] if statuses is not None and len(statuses) == 1 else statuses


async def dispute_at_provider(*, caller: Caller, provider_id: str) -> database.Record | None:
    """Our row of a dispute, by the provider's name for it."""
    return await database.fetch_one(f"SELECT {COLUMNS} {_FROM} WHERE d.tenant_id = $1 AND d.provider_dispute_id = $2", caller.tenant_id, provider_id)


async def contested(*, caller: Caller, payment_id: str | None, charge_id: str | None) -> database.Record | None:
    """The settled payment that the provider calls so, also one that came in too often and was sent back; None for one of others, and for one that is not settled here yet."""
    return await database.fetch_one(
        "SELECT id, order_id, status, amount, provider_payment_id FROM payments "
        "WHERE tenant_id = $1 AND status IN ('SUCCEEDED', 'RETURNED') AND (provider_payment_id = $2 OR ($2::text IS NULL AND provider_charge_id = $3))",
        caller.tenant_id,
        payment_id,
        charge_id,
    )


async def is_suspended(*, caller: Caller, order_id: UUID | None = None, subscription_id: UUID | None = None) -> bool:
    """Whether what an order opened, or a plan by any of its payments, is closed meanwhile: one is contested, and the school wants it so."""
    contested = await database.fetch_value(
        "SELECT EXISTS (SELECT FROM orders o JOIN disputes d ON d.tenant_id = o.tenant_id AND d.order_id = o.id AND d.status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW') "
        "JOIN payments p ON p.tenant_id = d.tenant_id AND p.id = d.payment_id AND p.status = 'SUCCEEDED' WHERE o.tenant_id = $1 AND (o.id = $2 OR o.subscription_id = $3))",
        caller.tenant_id,
        order_id,
        subscription_id,
    )
    return bool(contested) and await tenants.suspends_disputed(caller=caller)


async def dispute_or_none(*, caller: Caller, dispute_id: UUID) -> database.Record | None:
    """For operations and jobs, which have decided who asks."""
    return await database.fetch_one(f"SELECT {COLUMNS} {_FROM} WHERE d.tenant_id = $1 AND d.id = $2", caller.tenant_id, dispute_id)


async def evidence_at_hand(*, caller: Caller, order_id: UUID) -> dict[str, str]:
    """What our records say for a sale, by the provider's names: who bought what, when and from which address, what they did with it, and the terms. Whoever asks has decided who may know."""
    sale = await refunds.sale_or_none(caller=caller, order_id=order_id)
    assert sale is not None, "a dispute's order exists"
    order, school = sale.order, await tenants.storefront(caller=caller)
    policy = await refunds.policy_of(caller=caller)
    activity = await consumption.activity_of_sources(caller=caller, source_ids=sale.sources)
    log = rules.activity_log(
        [
            (each.at, f"began the course “{each.course_title}”" if each.lecture_title is None else f"{_did(each)} “{each.lecture_title}” of the course “{each.course_title}”")
            for each in activity
        ]
    )
    address = await audit.address_of(caller=caller, subject=public_id("ord", order_id), action="CheckoutStarted")
    terms = (
        "No refund is offered."
        if policy.days == 0
        else f"A refund can be asked for within {policy.days} days after the purchase, if up to {policy.max_progress_percent} percent of the course was used. The storefront states this."
    )
    bought = "; ".join(f"{row['quantity']} × {row['title']}" if row["quantity"] > 1 else row["title"] for row in sale.rows)
    found = {
        "customer_name": order["name"],
        "customer_email_address": order["email"],
        "customer_purchase_ip": address,
        "billing_address": ", ".join(filter(None, (order["postal_code"], order["country"]))),
        "product_description": f"Access to an online course at {school['name']}: {bought}. Order {order['number']} of {money.to_decimal(order['total_amount'], order['currency'])} {order['currency']}.",
        "service_date": f"{order['paid_at']:%Y-%m-%d}" if order["paid_at"] else None,
        "access_activity_log": log,
        "refund_policy_disclosure": terms,
    }
    return {name: text[: rules.MAX_TEXT] for name, text in found.items() if text}


def _did(activity: consumption.Activity) -> str:
    watched = f" ({activity.covered_ms // 1000} s watched)" if activity.covered_ms else ""
    return f"{'completed' if activity.is_done else 'opened'}{watched}"


async def evidence_for_deciders(*, caller: Caller, order_ids: list[UUID]) -> list[tuple[dict[str, str], UUID | None] | None]:
    """As `evidence_at_hand`, with the buyer's account, for who decides on refunds; None for anybody else."""
    if not caller.may(Permission.REFUNDS_DECIDE):
        return [None] * len(order_ids)
    buyers = await database.fetch("SELECT id, account_id FROM orders WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, order_ids)
    found = {row["id"]: (await evidence_at_hand(caller=caller, order_id=row["id"]), row["account_id"]) for row in buyers}
    return [found.get(id) for id in order_ids]


def evidence_of(row: Any) -> dict[str, str]:
    """What was last said to the bank; nothing before."""
    found: dict[str, str] = database.from_json(row["evidence"])
    return found

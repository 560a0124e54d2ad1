"""Checkouts: to who began them, and to guests who say their token."""

from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.rules import checkouts as rules
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.outbox import store

CHECKOUT = (
    "c.id, c.order_id, c.account_id, c.guest_token_sha256, c.status, c.provider_session_id, c.payment_url, c.client_secret, c.success_url, c.cancel_url, c.is_embedded, c.expires_at, "
    "c.created_at, o.status AS order_status, o.email, o.currency, o.subtotal_amount, o.discount_amount, o.credit_amount, o.tax_amount, o.total_amount, o.is_tax_included, o.tax_lines, "
    "(SELECT k.code FROM coupons k WHERE k.tenant_id = o.tenant_id AND k.id = o.coupon_id) AS coupon_code"
)
_FROM = "FROM checkouts c JOIN orders o ON o.tenant_id = c.tenant_id AND o.id = c.order_id WHERE c.tenant_id = $1"
CHANGES = frozenset(fact.name for fact in (events.OrderPaid, events.CheckoutAbandoned, events.CheckoutReady, events.PaymentFailed, events.PurchaseClaimed))
"""The facts of an order at which its checkout may look different."""


async def checkout_or_none(*, caller: Caller, checkout_id: UUID, token: str | None) -> dict[str, Any] | None:
    """The caller's own checkout, or the one whose guest says the token."""
    row = await find(caller=caller, checkout_id=checkout_id)
    if row is None or not ((row["account_id"] is not None and row["account_id"] == caller.account_id) or rules.is_token(token, row["guest_token_sha256"])):
        return None
    return row


async def own_checkouts(*, caller: Caller, ids: list[UUID]) -> list[dict[str, Any]]:
    if caller.account_id is None:
        return []
    rows = await database.fetch(f"SELECT {CHECKOUT} {_FROM} AND c.id = ANY($2) AND c.account_id = $3", caller.tenant_id, ids, caller.account_id)
    return [_read(row) for row in rows]


async def find(*, caller: Caller, checkout_id: UUID) -> dict[str, Any] | None:
    """Whoever asks: for those who act on it."""
    row = await database.fetch_one(f"SELECT {CHECKOUT} {_FROM} AND c.id = $2", caller.tenant_id, checkout_id)
    return _read(row) if row else None


async def lines(*, caller: Caller, order_id: UUID) -> list[dict[str, Any]]:
    """An order's lines as they were frozen."""
    rows = await database.fetch(
        "SELECT id, offer_kind, subject, title, quantity, unit_amount, subtotal_amount, discount_amount, credit_amount, tax_amount, total_amount, terms FROM order_lines "
        "WHERE tenant_id = $1 AND order_id = $2 ORDER BY position",
        caller.tenant_id,
        order_id,
    )
    return [{**row, "terms": database.from_json(row["terms"])} for row in rows]


async def changes(*, caller: Caller, checkout_id: UUID, token: str | None, after: int | None) -> tuple[dict[str, Any] | None, int]:
    """What a stream about a checkout that has told everything up to `after` has to tell, or None, and up to where it has then told all. At its beginning, with None, it always has.

    Raises CheckoutNotFound for anything but a checkout of the caller's own, or of who says the token.
    """
    row = await checkout_or_none(caller=caller, checkout_id=checkout_id, token=token)
    if row is None:
        raise errors.CheckoutNotFound()
    if after is None:
        last = await store.last_sequence(caller, row["order_id"])
        return await find(caller=caller, checkout_id=checkout_id), last
    changed = False
    while facts := await store.facts_since(caller, row["order_id"], after):
        after = facts[-1].sequence
        changed = changed or any(fact.name in CHANGES for fact in facts)
    return (await find(caller=caller, checkout_id=checkout_id) if changed else None), after


def _read(row: Any) -> dict[str, Any]:
    return {**row, "tax_lines": database.from_json(row["tax_lines"])}

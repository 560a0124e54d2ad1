"""Invoices and credit notes, and what they are made of."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_INVOICE = "id, kind, number, order_id, refund_id, currency, total_amount, tax_amount, issued_at, pdf_file_id"


async def order_to_bill(*, caller: Caller, order_id: UUID) -> database.Record | None:
    """A paid order, locked for the unit of work around it; its `tax_lines` as values."""
    row = await database.fetch_one(
        "SELECT id, number, account_id, name, email, country, postal_code, currency, subtotal_amount, discount_amount, credit_amount, tax_amount, total_amount, is_tax_included, tax_lines, paid_at "
        "FROM orders WHERE tenant_id = $1 AND id = $2 AND paid_at IS NOT NULL FOR UPDATE",
        caller.tenant_id,
        order_id,
    )
    return {**row, "tax_lines": database.from_json(row["tax_lines"])} if row else None


async def lines_to_bill(*, caller: Caller, order_id: UUID) -> list[database.Record]:
    return await database.fetch(
        "SELECT id, title, quantity, unit_amount, discount_amount, credit_amount, tax_amount, total_amount FROM order_lines WHERE tenant_id = $1 AND order_id = $2 ORDER BY position",
        caller.tenant_id,
        order_id,
    )


async def refund_to_credit(*, caller: Caller, refund_id: UUID) -> database.Record | None:
    """A settled refund; its `allocation` as values."""
    row = await database.fetch_one("SELECT id, order_id, amount, allocation FROM refunds WHERE tenant_id = $1 AND id = $2 AND status = 'SUCCEEDED'", caller.tenant_id, refund_id)
    return {**row, "allocation": database.from_json(row["allocation"])} if row else None


async def invoice_of_order(*, caller: Caller, order_id: UUID) -> database.Record | None:
    return await database.fetch_one(f"SELECT {_INVOICE} FROM invoices WHERE tenant_id = $1 AND order_id = $2 AND kind = 'INVOICE'", caller.tenant_id, order_id)


async def credit_note_of_refund(*, caller: Caller, refund_id: UUID) -> database.Record | None:
    return await database.fetch_one(f"SELECT {_INVOICE} FROM invoices WHERE tenant_id = $1 AND refund_id = $2", caller.tenant_id, refund_id)


async def invoice_to_print(*, caller: Caller, invoice_id: UUID) -> database.Record | None:
    """Whole, with what it says as JSON."""
    return await database.fetch_one(f"SELECT {_INVOICE}, snapshot FROM invoices WHERE tenant_id = $1 AND id = $2", caller.tenant_id, invoice_id)


async def invoices_of_orders(*, caller: Caller, order_ids: list[UUID]) -> list[database.Record]:
    """Of orders that the caller may see, both kinds, oldest first."""
    return await _seen(caller, "order_id", order_ids)


async def invoices_by_ids(*, caller: Caller, invoice_ids: list[UUID]) -> list[database.Record]:
    """Those that the caller may see: the buyer's own, and all for ORDERS_READ."""
    return await _seen(caller, "id", invoice_ids)


async def credit_notes_of_refunds(*, caller: Caller, refund_ids: list[UUID]) -> list[database.Record]:
    """Of refunds of orders that the caller may see."""
    return await _seen(caller, "refund_id", refund_ids)


async def _seen(caller: Caller, column: str, ids: list[UUID]) -> list[database.Record]:
    return await database.fetch(
        f"SELECT {_INVOICE}, (SELECT o.account_id FROM orders o WHERE o.tenant_id = i.tenant_id AND o.id = i.order_id) AS buyer_account_id "
        f"FROM invoices i WHERE tenant_id = $1 AND {column} = ANY($2) "
        "AND ($3 OR EXISTS (SELECT FROM orders o WHERE o.tenant_id = i.tenant_id AND o.id = i.order_id AND o.account_id = $4)) ORDER BY issued_at, id",
        caller.tenant_id,
        ids,
        caller.may(Permission.ORDERS_READ),
        caller.account_id,
    )


async def receipt(*, caller: Caller, invoice_id: UUID) -> database.Record | None:
    """What a mail says of an invoice or credit note: the buyer (`account_id`, or `email` and `name` of a guest), the order's number, the amount, the titles in order, and the PDF's object."""
    return await database.fetch_one(
        """
        SELECT i.id, i.kind, i.number, i.currency, i.total_amount, i.issued_at, o.id AS order_id, o.number AS order_number, o.account_id, o.email, o.name, f.object_key,
               ARRAY(SELECT l.title FROM order_lines l WHERE l.tenant_id = i.tenant_id AND l.order_id = o.id ORDER BY l.position) AS titles
        FROM invoices i JOIN orders o ON o.tenant_id = i.tenant_id AND o.id = i.order_id LEFT JOIN files f ON f.tenant_id = i.tenant_id AND f.id = i.pdf_file_id
        WHERE i.tenant_id = $1 AND i.id = $2
        """,
        caller.tenant_id,
        invoice_id,
    )


async def failed_payment(*, caller: Caller, subscription_id: UUID) -> database.Record | None:
    """What a mail says of a payment of a plan that failed: whose, of what, how much, and until when its grants stay open; None once it is paid."""
    return await database.fetch_one(
        """
        SELECT s.id, s.account_id, s.amount, s.currency, s.grace_until, l.title
        FROM subscriptions s JOIN order_lines l ON l.tenant_id = s.tenant_id AND l.order_id = s.first_order_id AND l.position = 0
        WHERE s.tenant_id = $1 AND s.id = $2 AND s.status = 'PAST_DUE'
        """,
        caller.tenant_id,
        subscription_id,
    )

"""Later payments of a plan: each paid invoice is an order of its own, with one line, paid at once."""

from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.operations import provider_objects, refunds, settlement
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.payouts.ports import InvoiceState, PaymentState
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.kit.money import split
from lms_graph.kit.secrets import new_code
from lms_graph.models import database
from lms_graph.models.commerce import OfferKind, OrderKind
from lms_graph.outbox.unit_of_work import unit_of_work


def makes_order(invoice: InvoiceState) -> bool:
    """Whether money came in with it that no order stands for yet: the first payment is its checkout's, and a change may be paid by credit alone."""
    return invoice.status == "PAID" and invoice.amount_paid > 0 and invoice.reason != "FIRST"


async def settle(*, caller: Caller, plan: Any, invoice: InvoiceState, payment: PaymentState | None) -> UUID | None:
    """The order of a paid invoice, once; gives its id if this call made it. What was taken for a time after the plan was ended here goes back. The plan's row is locked by the caller. Records OrderPaid, RefundDecided, and what the ledger records."""
    async with unit_of_work(caller):
        sold = await _what_is_paid(caller, plan, invoice)
        terms: dict[str, Any] = sold["terms"]
        is_included: bool = plan["is_tax_included"]
        total, tax = invoice.amount_paid, rules.tax_in(invoice.amount_paid, terms, is_tax_included=is_included)
        subtotal = total if is_included else total - tax
        kind = OrderKind.PRORATION if invoice.reason == "CHANGE" else OrderKind.INSTALLMENT if plan["installments_total"] else OrderKind.RENEWAL
        order_id = await database.fetch_value(
            "INSERT INTO orders (tenant_id, id, number, kind, status, account_id, email, name, country, postal_code, market, currency, subtotal_amount, discount_amount, credit_amount, "
            "tax_amount, total_amount, refunded_amount, refund_requested_amount, is_tax_included, tax_lines, subscription_id, provider_invoice_id, claimed_at, placed_at) "
            "SELECT $1, $2, $3, $4, 'PENDING', o.account_id, o.email, o.name, o.country, o.postal_code, o.market, $5, $6, 0, 0, $7, $8, 0, 0, o.is_tax_included, $9, $10, $11, o.claimed_at, $12 "
            "FROM orders o WHERE o.tenant_id = $1 AND o.id = $13 ON CONFLICT (tenant_id, provider_invoice_id) DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            new_code(10),
            kind.value,
            invoice.currency,
            subtotal,
            tax,
            total,
            database.to_json(_tax_lines(database.from_json(plan["tax_lines"]) or [], tax)),
            plan["id"],
            invoice.id,
            caller.now,
            plan["first_order_id"],
        )
        if order_id is None:
            return None
        await database.fetch(
            "INSERT INTO order_lines (tenant_id, id, order_id, position, offer_id, offer_kind, subject, subject_id, title, quantity, unit_amount, subtotal_amount, discount_amount, "
            "credit_amount, tax_amount, total_amount, refunded_amount, refunded_tax_amount, terms) VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, 1, $9, $9, 0, 0, $10, $11, 0, 0, $12)",
            caller.tenant_id,
            new_id(),
            order_id,
            sold["offer_id"],
            (OfferKind.INSTALLMENTS if plan["installments_total"] else OfferKind.RECURRING).value,
            terms["subject"],
            UUID(terms["subject_id"]) if terms["subject_id"] else None,
            terms["title"],
            subtotal,
            tax,
            total,
            database.to_json(terms if plan["installments_total"] else {**terms, "affiliate": None}),  # who brought a subscriber has a share of the first payment
        )
        await provider_objects.remember(caller=caller, provider_id=invoice.id, kind="invoice", own_id=order_id)
        payment, elsewhere_amount = rules.settled_by(invoice, payment)
        await settlement.settle_order(caller=caller, order_id=order_id, payment=payment, elsewhere_amount=elsewhere_amount)
        if payment is not None and plan["withdrawn_at"] is not None and invoice.period_start is not None and invoice.period_start >= plan["withdrawn_at"]:
            await refunds.send_back(caller=caller, order_id=order_id, reason="The plan had ended when this was taken.")
        id: UUID = order_id
        return id


async def _what_is_paid(caller: Caller, plan: Any, invoice: InvoiceState) -> dict[str, Any]:
    """The plan's offer and terms; of an invoice for a change those that it changes to, whether that is settled here yet or not."""
    if invoice.reason == "CHANGE":
        change = await database.fetch_one(
            "SELECT offer_id, terms FROM subscription_requests WHERE tenant_id = $1 AND subscription_id = $2 AND kind = 'CHANGE' AND state <> 'REFUSED' ORDER BY created_at DESC LIMIT 1",
            caller.tenant_id,
            plan["id"],
        )
        if change is not None:
            return {"offer_id": change["offer_id"], "terms": database.from_json(change["terms"])}
    return {"offer_id": plan["offer_id"], "terms": database.from_json(plan["terms"])}


def _tax_lines(first: list[Any], tax: int) -> list[Any]:
    """The first order's rates, with the tax of this payment."""
    if not first or not tax:
        return []
    return [{**line, "amount": amount} for line, amount in zip(first, split(tax, [line["rate_ppm"] for line in first]), strict=True)]

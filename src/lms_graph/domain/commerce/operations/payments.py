"""Payments: what is heard of them, what their provider keeps, and the second one of an order, which goes back."""

from uuid import UUID

from lms_graph.domain.commerce.operations import checkouts, provider_objects, settlement
from lms_graph.domain.payouts.ports import PaymentGateway, PaymentRefused, PaymentState
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.commerce import PaymentStatus
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import unit_of_work


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """A payment may be another one now: ask, and settle its order or note that it failed. A plan's first is settled by its checkout, which knows the plan; its later ones are told by their invoices.

    Does nothing for one that is not ours.
    """
    await database.pause_reading()
    state = await gateway.payment(provider_id)
    order_id = await _order_of(caller, provider_id, state.metadata.get("tenant"), state.metadata.get("order"))
    session_id = await checkouts.session_of_plan(caller=caller, order_id=order_id) if order_id else None
    await database.pause_reading()
    if session_id is not None:
        await checkouts.refresh(caller=caller, provider_id=session_id, gateway=gateway)
    elif order_id is None:
        await _refresh_plan(caller, state, gateway)
    elif state.status == PaymentStatus.SUCCEEDED:
        await settlement.settle_order(caller=caller, order_id=order_id, payment=state)
    elif state.status == PaymentStatus.FAILED:
        await settlement.note_failure(caller=caller, order_id=order_id, payment=state)
    if state.status == PaymentStatus.SUCCEEDED:
        await settlement.note_fee(caller=caller, payment=state)


async def _refresh_plan(caller: Caller, state: PaymentState, gateway: PaymentGateway) -> None:
    """The payment of an invoice with which a plan may begin here."""
    invoice = await gateway.invoice(state.invoice_id) if state.invoice_id else None
    if invoice is not None and invoice.subscription_id is not None and invoice.reason == "FIRST":
        await checkouts.refresh_plan(caller=caller, provider_id=invoice.subscription_id, gateway=gateway)


async def return_payment(*, caller: Caller, payment_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Send back what came in for an order that had been paid, under a key made from the payment's id: asked twice, it goes back once."""
    payment = await database.fetch_one(
        "SELECT order_id, provider_payment_id, amount, currency FROM payments WHERE tenant_id = $1 AND id = $2 AND status = 'RETURNED'", caller.tenant_id, payment_id
    )
    if payment is not None:
        await database.pause_reading()
        metadata = {"tenant": str(caller.tenant_id), "returned_payment": str(payment_id)}
        try:
            await gateway.refund(payment["provider_payment_id"], amount=payment["amount"], currency=payment["currency"], metadata=metadata, key=f"return-{payment_id}")
        except PaymentRefused as refused:
            if refused.reason not in ("charge_already_refunded", "charge_disputed"):  # of a dispute, its end asks again
                raise
    async with unit_of_work(caller, closes=closes):
        pass


async def book_tax(*, caller: Caller, order_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Let the provider book the tax that it calculated for an order that is paid."""
    calculation_id = await provider_objects.provider_id_of(caller=caller, kind="tax_calculation", own_id=order_id)
    if calculation_id is not None:
        await database.pause_reading()
        transaction_id = await gateway.book_tax(calculation_id, reference=str(order_id), key=f"tax-{order_id}")
        async with unit_of_work(caller, closes=closes):
            await provider_objects.remember(caller=caller, provider_id=transaction_id, kind="tax_transaction", own_id=order_id)


async def _order_of(caller: Caller, provider_id: str, tenant: str | None, order: str | None) -> UUID | None:
    """The order that a payment is known for here, or for which it was asked for: a plan's carries no words of ours."""
    known: UUID | None = await database.fetch_value("SELECT p.order_id FROM payments p WHERE p.tenant_id = $1 AND p.provider_payment_id = $2", caller.tenant_id, provider_id)
    if known is not None or tenant != str(caller.tenant_id):
        return known
    found: UUID | None = await database.fetch_value("SELECT id FROM orders WHERE tenant_id = $1 AND id::text = $2", caller.tenant_id, order)
    return found

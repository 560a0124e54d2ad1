"""An order is paid: the money, the coupon, what it opens, the shares and the facts, in one unit of work."""

from uuid import UUID

import structlog

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.operations import coupons, fulfillment, provider_objects
from lms_graph.domain.commerce.rules import orders as rules
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.ports import PaymentState
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.commerce import OfferSubject, OrderStatus, PaymentStatus
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

log = structlog.get_logger(__name__)


async def settle_order(*, caller: Caller, order_id: UUID, payment: PaymentState | None, subscription_id: str | None = None, elsewhere_amount: int = 0) -> bool:
    """The order's money is there, or with None none was due: mark it paid and give what it is for. True if this call did it.

    `elsewhere_amount` of it did not come through the provider: the school has it in hand, and owes the others their shares of it. A second payment of a paid order is marked to be sent back. Raises OrderNotFound, and PaymentDiffers where not exactly what was agreed came in.
    Records OrderPaid or PaymentDuplicated, OrderPaidElsewhere, and what the grants, the runs and the ledger record.
    """
    if payment is not None and payment.status != PaymentStatus.SUCCEEDED:
        raise ValueError("only a payment that succeeded settles an order")
    async with unit_of_work(caller) as work:
        order = await lock_order(caller, order_id)
        if order is None:
            raise errors.OrderNotFound()
        if not rules.is_payable(OrderStatus(order["status"])):
            if payment is not None:
                await _send_back(work, caller, order_id, payment)
            return False
        agreed = (order["total_amount"] - elsewhere_amount, order["currency"])
        came = (payment.amount, payment.currency) if payment else (0, order["currency"])
        if agreed != came:
            log.error("commerce.payment_differs", order_id=str(order_id), agreed=agreed, came=came, payment=payment.id if payment else None)
            raise errors.PaymentDiffers(agreed=agreed, came=came)
        payment_id = await _keep(caller, order_id, payment, PaymentStatus.SUCCEEDED) if payment else None
        if payment is not None and payment_id is None:
            raise errors.PaymentBelongsElsewhere()
        await database.fetch("UPDATE orders SET status = 'PAID', paid_at = $3 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order_id, caller.now)
        checkout = await database.fetch_one(
            "UPDATE checkouts SET status = 'COMPLETED', completed_at = $3 WHERE tenant_id = $1 AND order_id = $2 RETURNING id", caller.tenant_id, order_id, caller.now
        )
        if checkout is not None:
            await coupons.redeem(caller=caller, checkout_id=checkout["id"])
        if subscription_id is not None:  # a guest's plan begins when it is claimed
            await provider_objects.remember(caller=caller, provider_id=subscription_id, kind="subscription", own_id=order_id)
        await fulfillment.fulfill(caller=caller, order_id=order_id, provider_subscription_id=subscription_id)
        if payment_id is not None or elsewhere_amount:
            await sales.post_sale(
                caller=caller,
                order_id=order_id,
                payment_id=payment_id,
                currency=order["currency"],
                lines=await _sold(caller, order_id),
                elsewhere_amount=elsewhere_amount,
            )
        if payment is not None:
            await note_fee(caller=caller, payment=payment)
        if elsewhere_amount:
            work.record(events.OrderPaidElsewhere(order_id=order_id, amount=elsewhere_amount, currency=order["currency"]))
        plan: UUID | None = await database.fetch_value("SELECT subscription_id FROM orders WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order_id)
        calculation_id = await provider_objects.provider_id_of(caller=caller, kind="tax_calculation", own_id=order_id)
        work.record(
            events.OrderPaid(
                order_id=order_id,
                account_id=order["account_id"],
                subscription_id=plan,
                is_claimable=order["account_id"] is None,
                is_tax_to_book=calculation_id is not None,
            )
        )
    return True


async def note_failure(*, caller: Caller, order_id: UUID, payment: PaymentState) -> None:
    """A payment of an order failed: keep why. The buyer may try again while the checkout is open. Records PaymentFailed, once for each way in which it failed."""
    async with unit_of_work(caller) as work:
        order = await lock_order(caller, order_id)
        if order is None:
            return
        row = await database.fetch_one(
            "INSERT INTO payments AS p (tenant_id, id, order_id, status, currency, amount, provider_payment_id, failure_code, failure_message, created_at) "
            "VALUES ($1, $2, $3, 'FAILED', $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id, provider_payment_id) DO UPDATE SET status = 'FAILED', failure_code = $7, failure_message = $8 "
            "WHERE p.order_id = $3 AND (p.status = 'PENDING' OR (p.status = 'FAILED' AND p.failure_code IS DISTINCT FROM $7)) RETURNING id",
            caller.tenant_id,
            new_id(),
            order_id,
            payment.currency,
            payment.amount,
            payment.id,
            payment.failure_code[:60] if payment.failure_code else None,
            payment.failure_message[:500] if payment.failure_message else None,
            caller.now,
        )
        if row is not None:
            await provider_objects.remember(caller=caller, provider_id=payment.id, kind="payment", own_id=row["id"])
            work.record(events.PaymentFailed(order_id=order_id, account_id=order["account_id"], subscription_id=order["subscription_id"]))


async def note_fee(*, caller: Caller, payment: PaymentState) -> None:
    """What the provider keeps of a payment, also of one that goes back: kept and booked once it is known."""
    if payment.fee_amount is None or payment.fee_currency is None:
        return
    async with unit_of_work(caller):
        row = await database.fetch_one(
            "UPDATE payments SET provider_fee_amount = $3 WHERE tenant_id = $1 AND provider_payment_id = $2 AND status IN ('SUCCEEDED', 'RETURNED') AND provider_fee_amount IS NULL "
            "RETURNING id, order_id",
            caller.tenant_id,
            payment.id,
            payment.fee_amount,
        )
        if row is not None:
            await sales.post_provider_fee(caller=caller, payment_id=row["id"], order_id=row["order_id"], currency=payment.fee_currency, amount=payment.fee_amount)


async def lock_order(caller: Caller, order_id: UUID) -> database.Record | None:
    """The order, locked until the unit of work ends: the first lock of all that change it."""
    return await database.fetch_one(
        "SELECT id, kind, status, account_id, email, currency, total_amount, subscription_id, paid_at FROM orders WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        caller.tenant_id,
        order_id,
    )


async def _send_back(work: UnitOfWork, caller: Caller, order_id: UUID, payment: PaymentState) -> None:
    """The same payment told again changes nothing; another one is too much."""
    if payment_id := await _keep(caller, order_id, payment, PaymentStatus.RETURNED):
        work.record(events.PaymentDuplicated(payment_id=payment_id, order_id=order_id))
        await note_fee(caller=caller, payment=payment)


async def _sold(caller: Caller, order_id: UUID) -> list[sales.SoldLine]:
    """The lines as the ledger splits them."""
    rows = await database.fetch(
        "SELECT id, subject, total_amount, tax_amount, terms FROM order_lines WHERE tenant_id = $1 AND order_id = $2 AND total_amount > 0 ORDER BY position",
        caller.tenant_id,
        order_id,
    )
    lines = []
    for row in rows:
        terms = database.from_json(row["terms"])
        affiliate = terms.get("affiliate")
        lines.append(
            sales.SoldLine(
                line_id=row["id"],
                net_amount=row["total_amount"] - row["tax_amount"],
                tax_amount=row["tax_amount"],
                courses=tuple((UUID(course["id"]), course["weight"]) for course in terms["courses"]),
                affiliate=(UUID(affiliate["account_id"]), affiliate["share_bps"]) if affiliate else None,
                is_pooled=row["subject"] == OfferSubject.ALL_ACCESS,
            )
        )
    return lines


async def _keep(caller: Caller, order_id: UUID, payment: PaymentState, status: PaymentStatus) -> UUID | None:
    """The row of a payment that came in, perhaps after it had failed; None where it had come in before."""
    row = await database.fetch_one(
        "INSERT INTO payments (tenant_id, id, order_id, status, currency, amount, provider_payment_id, provider_charge_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "ON CONFLICT (tenant_id, provider_payment_id) DO UPDATE SET status = $4, provider_charge_id = $8, failure_code = NULL, failure_message = NULL "
        "WHERE payments.status IN ('PENDING', 'FAILED') AND payments.order_id = $3 RETURNING id",
        caller.tenant_id,
        new_id(),
        order_id,
        status.value,
        payment.currency,
        payment.amount,
        payment.id,
        payment.charge_id,
        caller.now,
    )
    if row is None:
        return None
    await provider_objects.remember(caller=caller, provider_id=payment.id, kind="payment", own_id=row["id"])
    if payment.charge_id:
        await provider_objects.remember(caller=caller, provider_id=payment.charge_id, kind="charge", own_id=row["id"])
    id: UUID = row["id"]
    return id

"""Plans and their invoices as the provider says they are: asked for, and settled, whenever something tells of them or their time to be looked at has come."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import checkouts, renewals, subscriptions
from lms_graph.domain.commerce.operations.subscriptions import plan_of
from lms_graph.domain.commerce.queries import selling
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import Plan
from lms_graph.domain.payouts.ports import InvoiceState, PaymentGateway, PaymentState, SubscriptionState
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Unavailable
from lms_graph.models import database
from lms_graph.models.commerce import SubscriptionStatus
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

log = structlog.get_logger(__name__)

TRIES = 5


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider how a plan and its invoices are, and settle that: in any order, any number of times. One that has not begun here begins if its checkout is paid; does nothing for others'.
    Never inside a unit of work.

    What is written was asked for after what was written before it: where somebody else wrote in between, it is asked for again. A plan that has ended here is ended there.
    Raises Unavailable. Records SubscriptionChanged, SubscriptionPastDue, PaymentFailed, SubscriptionLookDue, and what its new payments record.
    """
    for _ in range(TRIES):
        seen = await database.fetch_one("SELECT id, revision FROM subscriptions WHERE tenant_id = $1 AND provider_subscription_id = $2", caller.tenant_id, provider_id)
        if seen is None:
            return await checkouts.refresh_plan(caller=caller, provider_id=provider_id, gateway=gateway)
        known = {
            row["provider_invoice_id"]
            for row in await database.fetch("SELECT provider_invoice_id FROM orders WHERE tenant_id = $1 AND subscription_id = $2", caller.tenant_id, seen["id"])
        }
        await database.pause_reading()
        state = await gateway.subscription(provider_id)
        invoices = await gateway.invoices_of(provider_id)
        paid = [
            (invoice, await gateway.payment(invoice.payment_id) if invoice.payment_id else None)
            for invoice in invoices
            if renewals.makes_order(invoice) and invoice.id not in known
        ]
        after = await _settle(caller, seen["id"], seen["revision"], state, invoices, paid)
        if after is None:
            continue
        if after in rules.ENDED and state.status != SubscriptionStatus.CANCELED:
            await gateway.cancel_subscription(provider_id, at_period_end=False, key=f"end:{seen['id']}")
        return None
    raise Unavailable("This plan is being changed by others just now. Try again in a moment.")


async def refresh_invoice(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider for an invoice, and settle its plan with all its invoices. Does nothing for one of no plan here. Never inside a unit of work."""
    invoice = await gateway.invoice(provider_id)
    if invoice.subscription_id is not None:
        await refresh(caller=caller, provider_id=invoice.subscription_id, gateway=gateway)


async def sweep(*, caller: Caller, subscription_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Ask for a plan whose time to be looked at has come; nothing for others. While the provider does not know a plan yet, or it lives, another time follows."""
    plan = await database.fetch_one("SELECT provider_subscription_id, sweep_at FROM subscriptions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, subscription_id)
    if plan is not None and plan["sweep_at"] is not None and plan["sweep_at"] <= caller.now and plan["provider_subscription_id"] is not None:
        await refresh(caller=caller, provider_id=plan["provider_subscription_id"], gateway=gateway)
    if closes is not None:
        async with unit_of_work(caller, closes=closes):
            pass


async def _settle(
    caller: Caller, id: UUID, revision: int, state: SubscriptionState, invoices: Sequence[InvoiceState], paid: list[tuple[InvoiceState, PaymentState | None]]
) -> SubscriptionStatus | None:
    """Write what the provider says; None where somebody wrote since `revision` was read."""
    async with unit_of_work(caller) as work:
        row = await database.fetch_one(subscriptions.LOCK, caller.tenant_id, id)
        if row is None or row["revision"] != revision:
            return None
        for invoice, payment in paid:
            await renewals.settle(caller=caller, plan=row, invoice=invoice, payment=payment)
        values = await _values(caller, row, state, invoices)
        is_new = any(row[name] != value for name, value in values.items())
        plan = plan_of({**row, **values})
        look = _next_look(row, plan, state, caller.now)
        if is_new or look != row["sweep_at"]:
            named = ", ".join(f"{name} = ${index}" for index, name in enumerate(values, 6))
            await database.fetch(
                f"UPDATE subscriptions SET sweep_at = $3, revision = revision + $4, updated_at = $5, {named} WHERE tenant_id = $1 AND id = $2",
                caller.tenant_id,
                id,
                look,
                int(is_new),
                caller.now,
                *values.values(),
            )
        await subscriptions.write_grants(caller=caller, id=id, plan=plan)
        if is_new:
            _tell(work, row, values)
        if look is not None and look != row["sweep_at"]:
            work.record(events.SubscriptionLookDue(subscription_id=id, sweep_at=look.isoformat()))
    return plan.status


async def _values(caller: Caller, row: Any, state: SubscriptionState, invoices: Sequence[InvoiceState]) -> dict[str, Any]:
    """The columns of a plan as the provider's state makes them."""
    last = next((invoice for invoice in reversed(invoices) if invoice.status == "PAID" and invoice.period_end is not None), None)
    values = {
        "current_period_start": state.current_period_start,
        "current_period_end": state.current_period_end,
        "cancel_at_period_end": state.cancel_at_period_end,
        "canceled_at": state.canceled_at if row["withdrawn_at"] is None else row["canceled_at"],
        "resumes_at": state.paused_until if state.status == SubscriptionStatus.PAUSED else None,
        "paid_until": last.period_end if last else row["paid_until"],
        "ended_at": row["ended_at"] if row["withdrawn_at"] else state.ended_at,
        "amount": state.amount,
        "installments_paid": row["installments_paid"],
    }
    if row["installments_total"] is not None:
        later = await database.fetch_value("SELECT count(*) FROM orders WHERE tenant_id = $1 AND subscription_id = $2 AND kind = 'INSTALLMENT'", caller.tenant_id, row["id"])
        if 1 + later > row["installments_total"]:
            log.error("commerce.paid_too_often", subscription_id=str(row["id"]), payments=1 + later, installments=row["installments_total"])
        values["installments_paid"] = min(1 + later, row["installments_total"])
    plan = plan_of({**row, **values})
    values["status"] = rules.status_after(plan, SubscriptionStatus(state.status)).value
    shop = await selling.selling_of(caller=caller)
    values["grace_until"] = rules.grace_of(plan_of({**row, **values}), grace_days=shop.grace_days)
    return values


def _next_look(row: Any, plan: Plan, state: SubscriptionState, now: datetime) -> datetime | None:
    """The time that is set already stays while it is not over, unless an earlier one is wanted."""
    wanted = rules.look_at(plan, now)
    if plan.status in rules.ENDED and state.status != SubscriptionStatus.CANCELED:
        wanted = now + rules.LOOK_AFTER  # until the provider has ended it too
    set_already: datetime | None = row["sweep_at"]
    return set_already if wanted is not None and set_already is not None and now < set_already <= wanted else wanted


def _tell(work: UnitOfWork, row: Any, values: Mapping[str, Any]) -> None:
    id, account_id = row["id"], row["account_id"]
    if values["status"] == SubscriptionStatus.PAST_DUE and row["status"] != SubscriptionStatus.PAST_DUE:
        work.record(events.SubscriptionPastDue(subscription_id=id, account_id=account_id, grace_until=(values["grace_until"] or values["current_period_end"]).isoformat()))
        work.record(events.PaymentFailed(order_id=row["first_order_id"], account_id=account_id, subscription_id=id))
    work.record(events.SubscriptionChanged(subscription_id=id, account_id=account_id, status=values["status"]))

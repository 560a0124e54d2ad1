"""Plans: begun by the first paid order, then following the provider's state. Their grants carry the plan's id as their source, so that nothing else a learner holds is touched."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import provider_objects, renewals
from lms_graph.domain.commerce.queries import selling
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import Plan
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.payouts.ports import InvoiceState, PaymentGateway, PaymentState, SubscriptionState
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, DefaultRule, OfferKind, OfferSubject, SubscriptionStatus
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

log = structlog.get_logger(__name__)

TRIES = 5
COLUMNS = (
    "s.id, s.account_id, s.offer_id, s.first_order_id, s.status, s.currency, s.amount, s.provider_subscription_id, s.current_period_start, s.current_period_end, s.cancel_at_period_end, "
    "s.canceled_at, s.resumes_at, s.grace_until, s.installments_total, s.installments_paid, s.paid_until, s.ended_at, s.withdrawn_at, s.sweep_at, s.revision, s.terms, s.created_at, "
    "s.updated_at"
)
_LOCK = f"SELECT {COLUMNS}, o.is_tax_included, o.tax_lines FROM subscriptions s JOIN orders o ON o.tenant_id = s.tenant_id AND o.id = s.first_order_id WHERE s.tenant_id = $1 AND s.id = $2 FOR UPDATE OF s"


async def begin(*, caller: Caller, order_id: UUID, line_id: UUID, account_id: UUID, provider_subscription_id: str | None) -> UUID:
    """The plan of a paid order's line, with its grants and the runs of its courses; again gives the one there is. The order is locked by the caller.

    Until the provider is asked, which is due at once, its period is reckoned here. Records SubscriptionChanged, SubscriptionLookDue, and what grants and runs record.
    """
    async with unit_of_work(caller) as work:
        there: UUID | None = await database.fetch_value("SELECT id FROM subscriptions WHERE tenant_id = $1 AND first_order_id = $2", caller.tenant_id, order_id)
        if there is not None:
            return there
        line = await database.fetch_one(
            "SELECT l.offer_id, l.offer_kind, l.subject, l.subject_id, l.title, l.terms, o.currency, o.is_tax_included, o.paid_at FROM order_lines l "
            "JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id WHERE l.tenant_id = $1 AND l.id = $2 AND l.order_id = $3",
            caller.tenant_id,
            line_id,
            order_id,
        )
        if line is None:
            raise RuntimeError(f"order {order_id} has no line {line_id}")
        terms = plan_terms(line, database.from_json(line["terms"]))
        is_trial = bool(terms["trial_days"])
        start = line["paid_at"] or caller.now
        end = start + timedelta(days=terms["trial_days"]) if is_trial else rules.later(start, BillingInterval(terms["interval"]))
        is_installments = line["offer_kind"] == OfferKind.INSTALLMENTS
        if is_installments and terms["access_days"]:
            terms["access_ends_at"] = (start + timedelta(days=terms["access_days"])).isoformat()
        id = new_id()
        status = SubscriptionStatus.TRIALING if is_trial else SubscriptionStatus.ACTIVE
        await database.fetch(
            "INSERT INTO subscriptions (tenant_id, id, account_id, offer_id, first_order_id, status, currency, amount, provider_subscription_id, current_period_start, current_period_end, "
            "cancel_at_period_end, installments_total, installments_paid, paid_until, sweep_at, terms, created_at, updated_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, FALSE, $12, $13, $11, $14, $15, $14, $14)",
            caller.tenant_id,
            id,
            account_id,
            line["offer_id"],
            order_id,
            status.value,
            line["currency"],
            rules.each_payment(terms, is_tax_included=line["is_tax_included"]),
            provider_subscription_id,
            start,
            end,
            terms["installments"] if is_installments else None,
            1 if is_installments else 0,
            caller.now,
            database.to_json(terms),
        )
        await database.fetch("UPDATE orders SET subscription_id = $3 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order_id, id)
        if provider_subscription_id is not None:
            await provider_objects.remember(caller=caller, provider_id=provider_subscription_id, kind="subscription", own_id=id)
        plan = await database.fetch_one(_LOCK, caller.tenant_id, id)
        await _grant(caller, plan, terms)
        work.record(events.SubscriptionChanged(subscription_id=id, account_id=account_id, status=status.value))
        work.record(events.SubscriptionLookDue(subscription_id=id, sweep_at=caller.now.isoformat()))
    return id


def plan_terms(line: Any, terms: Mapping[str, Any]) -> dict[str, Any]:
    """A line's terms as its plan keeps them: with what was sold."""
    return {**terms, "subject": str(line["subject"]), "subject_id": str(line["subject_id"]) if line["subject_id"] else None, "title": line["title"]}


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider how a plan and its invoices are, and settle that: in any order, any number of times. Does nothing for one that is not here. Never inside a unit of work.

    What is written was asked for after what was written before it: where somebody else wrote in between, it is asked for again. A plan that has ended here is ended there.
    Raises Unavailable. Records SubscriptionChanged, SubscriptionPastDue, PaymentFailed, SubscriptionLookDue, and what its new payments record.
    """
    for _ in range(TRIES):
        seen = await database.fetch_one("SELECT id, revision FROM subscriptions WHERE tenant_id = $1 AND provider_subscription_id = $2", caller.tenant_id, provider_id)
        if seen is None:
            return
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
        return
    raise Unavailable("This plan is being changed by others just now. Try again in a moment.")


async def sweep(*, caller: Caller, subscription_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Ask for a plan whose time to be looked at has come; nothing for others. While the provider does not know a plan yet, or it lives, another time follows."""
    plan = await database.fetch_one("SELECT provider_subscription_id, sweep_at FROM subscriptions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, subscription_id)
    if plan is not None and plan["sweep_at"] is not None and plan["sweep_at"] <= caller.now and plan["provider_subscription_id"] is not None:
        await refresh(caller=caller, provider_id=plan["provider_subscription_id"], gateway=gateway)
    if closes is not None:
        async with unit_of_work(caller, closes=closes):
            pass


async def end(*, caller: Caller, subscription_id: UUID, reason: str) -> None:
    """End a plan here and now, for good, with all it opened; the provider is told after the commit. Again changes nothing. Records SubscriptionChanged, SubscriptionLookDue, EntitlementRevoked."""
    async with unit_of_work(caller) as work:
        plan = await database.fetch_one(
            "UPDATE subscriptions SET status = 'CANCELED', withdrawn_at = $3, ended_at = coalesce(ended_at, $3), canceled_at = coalesce(canceled_at, $3), grace_until = NULL, sweep_at = $3, "
            "revision = revision + 1, updated_at = $3 WHERE tenant_id = $1 AND id = $2 AND withdrawn_at IS NULL RETURNING account_id",
            caller.tenant_id,
            subscription_id,
            caller.now,
        )
        if plan is None:
            return
        await entitlements.end_by_source(caller=caller, source_id=subscription_id, reason=reason)
        work.record(events.SubscriptionChanged(subscription_id=subscription_id, account_id=plan["account_id"], status=SubscriptionStatus.CANCELED.value))
        work.record(events.SubscriptionLookDue(subscription_id=subscription_id, sweep_at=caller.now.isoformat()))


async def change_offer(*, caller: Caller, work: UnitOfWork, subscription_id: UUID, offer_id: UUID, amount: int, terms: dict[str, Any]) -> None:
    """A plan is one for another offer now: what only the old one opened is closed, what only the new one opens is opened. Records SubscriptionChanged, and what grants record."""
    plan = await database.fetch_one(_LOCK, caller.tenant_id, subscription_id)
    if plan is None:
        return
    before, after = _subjects(database.from_json(plan["terms"])), _subjects(terms)
    await database.fetch(
        "UPDATE subscriptions SET offer_id = $3, amount = $4, terms = $5, revision = revision + 1, updated_at = $6 WHERE tenant_id = $1 AND id = $2",
        caller.tenant_id,
        subscription_id,
        offer_id,
        amount,
        database.to_json(terms),
        caller.now,
    )
    if None in before - after:
        await entitlements.end_by_source(caller=caller, source_id=subscription_id, reason="The plan is one for another offer now.")
    for course_id in sorted(id for id in before - after if id is not None):
        await entitlements.end_by_source(caller=caller, source_id=subscription_id, reason="The plan is one for another offer now.", course_id=course_id)
    await _grant(caller, await database.fetch_one(_LOCK, caller.tenant_id, subscription_id), terms)
    work.record(events.SubscriptionChanged(subscription_id=subscription_id, account_id=plan["account_id"], status=plan["status"]))


def plan_of(row: Any) -> Plan:
    """A plan's row as its rules ask of it."""
    terms = database.from_json(row["terms"])
    fixed = terms.get("access_ends_at")
    return Plan(
        status=SubscriptionStatus(row["status"]),
        current_period_end=row["current_period_end"],
        paid_until=row["paid_until"],
        cancel_at_period_end=row["cancel_at_period_end"],
        ended_at=row["ended_at"],
        resumes_at=row["resumes_at"],
        grace_until=row["grace_until"],
        installments_total=row["installments_total"],
        installments_paid=row["installments_paid"],
        on_default=DefaultRule(terms.get("on_default") or DefaultRule.SUSPEND),
        access_ends_at=datetime.fromisoformat(fixed) if fixed else None,
        is_withdrawn=row["withdrawn_at"] is not None,
    )


async def _settle(
    caller: Caller, id: UUID, revision: int, state: SubscriptionState, invoices: list[InvoiceState] | Any, paid: list[tuple[InvoiceState, PaymentState | None]]
) -> SubscriptionStatus | None:
    """Write what the provider says; None where somebody wrote since `revision` was read."""
    async with unit_of_work(caller) as work:
        row = await database.fetch_one(_LOCK, caller.tenant_id, id)
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
        await _write_grants(caller, id, plan)
        if is_new:
            _tell(work, row, values)
        if look is not None and look != row["sweep_at"]:
            work.record(events.SubscriptionLookDue(subscription_id=id, sweep_at=look.isoformat()))
    return plan.status


async def _values(caller: Caller, row: Any, state: SubscriptionState, invoices: list[InvoiceState]) -> dict[str, Any]:
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


def _subjects(terms: Mapping[str, Any]) -> set[UUID | None]:
    """What a plan opens: courses, or with None all of them."""
    return {None} if terms["subject"] == OfferSubject.ALL_ACCESS else {UUID(course["id"]) for course in terms["courses"]}


async def _grant(caller: Caller, row: Any, terms: Mapping[str, Any]) -> None:
    """What the plan opens, with a run of each course; all access opens runs when its learner begins them."""
    kind = EntitlementKind.SUBSCRIPTION if row["installments_total"] is None else EntitlementKind.INSTALLMENT_PLAN
    for course_id in sorted(_subjects(terms), key=str):
        if await entitlements.reopen_by_source(caller=caller, source_id=row["id"], course_id=course_id):
            continue
        grant_id = await entitlements.grant_course(caller=caller, account_id=row["account_id"], course_id=course_id, kind=kind, source_id=row["id"], starts_at=row["created_at"])
        if course_id is not None:
            await enrollments.open_granted(caller=caller, entitlement_id=grant_id, account_id=row["account_id"], course_id=course_id)
    await _write_grants(caller, row["id"], plan_of(row))


async def _write_grants(caller: Caller, id: UUID, plan: Plan) -> None:
    wanted = rules.grants_of(plan, caller.now)
    await entitlements.change_by_source(caller=caller, source_id=id, state=wanted.state, grace_until=wanted.grace_until, ends_at=wanted.ends_at)

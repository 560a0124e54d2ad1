"""Plans: begun by the first paid order, then following the provider's state. Their grants carry the plan's id as their source, so that nothing else a learner holds is touched."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import provider_objects
from lms_graph.domain.commerce.queries import disputes
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import Plan
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.payouts.operations import premium
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject, SubscriptionStatus
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

log = structlog.get_logger(__name__)

TRIES = 5
COLUMNS = (
    "s.id, s.account_id, s.offer_id, s.first_order_id, s.status, s.currency, s.amount, s.provider_subscription_id, s.current_period_start, s.current_period_end, s.cancel_at_period_end, "
    "s.canceled_at, s.resumes_at, s.grace_until, s.installments_total, s.installments_paid, s.paid_until, s.ended_at, s.withdrawn_at, s.sweep_at, s.revision, s.terms, s.created_at, "
    "s.updated_at"
)
LOCK = f"SELECT {COLUMNS}, o.is_tax_included, o.tax_lines FROM subscriptions s JOIN orders o ON o.tenant_id = s.tenant_id AND o.id = s.first_order_id WHERE s.tenant_id = $1 AND s.id = $2 FOR UPDATE OF s"


async def begin(*, caller: Caller, order_id: UUID, line_id: UUID, account_id: UUID, provider_subscription_id: str | None) -> UUID:
    """The plan of a paid order's line, with its grants and the runs of its courses; again gives the one there is. The order is locked by the caller.

    What the provider calls it is known by the order where it is not given: a guest's plan begins when it is claimed. Until the provider is asked, which is due at once, its period is reckoned here. Records SubscriptionChanged, SubscriptionLookDue, and what grants and runs record.
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
        provider_subscription_id = provider_subscription_id or await provider_objects.provider_id_of(caller=caller, kind="subscription", own_id=order_id)
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
        plan = await database.fetch_one(LOCK, caller.tenant_id, id)
        await _grant(caller, plan, terms)
        work.record(events.SubscriptionChanged(subscription_id=id, account_id=account_id, status=status.value))
        work.record(events.SubscriptionLookDue(subscription_id=id, sweep_at=caller.now.isoformat()))
    return id


def plan_terms(line: Any, terms: Mapping[str, Any]) -> dict[str, Any]:
    """A line's terms as its plan keeps them: with what was sold."""
    return {**terms, "subject": str(line["subject"]), "subject_id": str(line["subject_id"]) if line["subject_id"] else None, "title": line["title"]}


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
        await premium.end_premium(caller=caller, source_id=subscription_id)
        work.record(events.SubscriptionChanged(subscription_id=subscription_id, account_id=plan["account_id"], status=SubscriptionStatus.CANCELED.value))
        work.record(events.SubscriptionLookDue(subscription_id=subscription_id, sweep_at=caller.now.isoformat()))


async def change_offer(*, caller: Caller, work: UnitOfWork, subscription_id: UUID, offer_id: UUID, amount: int, terms: dict[str, Any]) -> None:
    """A plan is one for another offer now: what only the old one opened is closed, what only the new one opens is opened. Records SubscriptionChanged, and what grants record."""
    plan = await database.fetch_one(LOCK, caller.tenant_id, subscription_id)
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
    await _grant(caller, await database.fetch_one(LOCK, caller.tenant_id, subscription_id), terms)
    work.record(events.SubscriptionChanged(subscription_id=subscription_id, account_id=plan["account_id"], status=plan["status"]))


def plan_of(row: Any) -> Plan:
    """A plan's row as its rules ask of it."""
    return rules.plan_of(row, database.from_json(row["terms"]))


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
    await write_grants(caller=caller, id=row["id"], plan=plan_of(row))


async def write_grants(*, caller: Caller, id: UUID, plan: Plan) -> None:
    """What the plan's state means for its grants; those that were revoked are left alone. While a payment of it is contested they may be closed.

    A plan for premium instructors has none, and says until when its holder is one.
    """
    contested = await disputes.is_suspended(caller=caller, subscription_id=id)
    if plan.is_premium:
        account_id: UUID = await database.fetch_value("SELECT account_id FROM subscriptions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, id)
        until = rules.premium_until(plan, caller.now)
        await premium.keep_premium(caller=caller, account_id=account_id, source_id=id, until=min(until, caller.now) if contested else until)
        return
    wanted = rules.grants_of(plan, caller.now)
    if contested:
        wanted = rules.suspended(wanted)
    await entitlements.change_by_source(caller=caller, source_id=id, state=wanted.state, grace_until=wanted.grace_until, ends_at=wanted.ends_at)

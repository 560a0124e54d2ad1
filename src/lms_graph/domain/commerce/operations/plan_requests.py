"""What learners and the school ask of plans: end, pause, go on, become another. Reserved as a row, asked of the provider under a key made from its id, then settled; a job finishes what a crash left."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.operations import plan_states, subscriptions
from lms_graph.domain.commerce.queries import plan_changes
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import Plan, Target
from lms_graph.domain.payouts.ports import PaymentGateway, PaymentRefused
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, Invalid, Issue
from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import RequestKind, RequestState, SubscriptionStatus
from lms_graph.outbox import idempotency
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True)
class Changed:
    """A plan that is for another offer now, and what that cost at once, in minor units: negative for credit against the next payments."""

    subscription_id: UUID
    prorated_amount: int
    currency: str


_WHY_NOT = {
    RequestKind.CANCEL: "This plan has ended.",
    RequestKind.PAUSE: "Only a plan that is active, and not to end, can be paused; one in installments cannot.",
    RequestKind.RESUME: "This plan is neither paused nor to end: there is nothing to resume.",
    RequestKind.CHANGE: "Only a plan that is active or in its trial, and not to end, can become another; one in installments cannot. Resume it first, or pay what is due.",
}


async def cancel(*, caller: Caller, subscription_id: UUID, at_period_end: bool, idempotency_key: str, gateway: PaymentGateway) -> UUID:
    """End a plan with its period, or at once. One in installments is ended by the school alone, at once: its learner owes the rest.

    Raises SignedOut, SubscriptionNotFound, PlanNotChangeable, PaymentRefused, Unavailable, IdempotencyConflict. Records SubscriptionRequested, SubscriptionChanged.
    """

    def decide(plan: Plan, row: Any) -> dict[str, Any]:
        if plan.is_installments and not caller.may(Permission.REFUNDS_DECIDE):
            left = plan.installments_total - plan.installments_paid if plan.installments_total else 0
            raise errors.PlanNotChangeable(f"A purchase in installments ends with its last payment: {left} are to come. Ask the school to end it, or for a refund.")
        return {"at_period_end": at_period_end and not plan.is_installments}

    body = {"id": subscription_id, "atPeriodEnd": at_period_end}
    return (await _ask(caller, RequestKind.CANCEL, subscription_id, idempotency_key, body, gateway, decide)).subscription_id


async def pause(*, caller: Caller, subscription_id: UUID, resumes_at: datetime, idempotency_key: str, gateway: PaymentGateway) -> UUID:
    """Skip the payments until a moment 1 to 90 days from now. What is paid stays open to its end; what it opens is open again with the next payment.

    Raises SignedOut, SubscriptionNotFound, PlanNotChangeable, Invalid, PaymentRefused, Unavailable, IdempotencyConflict. Records SubscriptionRequested, SubscriptionChanged.
    """

    def decide(plan: Plan, row: Any) -> dict[str, Any]:
        if not caller.now + rules.MIN_PAUSE <= resumes_at <= caller.now + rules.MAX_PAUSE:
            raise Invalid(Issue("A pause is from 1 to 90 days.", ("resumesAt",)))
        return {"resumes_at": resumes_at}

    body = {"id": subscription_id, "resumesAt": resumes_at}
    return (await _ask(caller, RequestKind.PAUSE, subscription_id, idempotency_key, body, gateway, decide)).subscription_id


async def resume(*, caller: Caller, subscription_id: UUID, idempotency_key: str, gateway: PaymentGateway) -> UUID:
    """Take back that a plan is to end, or end its pause.

    Raises SignedOut, SubscriptionNotFound, PlanNotChangeable, PaymentRefused, Unavailable, IdempotencyConflict. Records SubscriptionRequested, SubscriptionChanged.
    """
    return (await _ask(caller, RequestKind.RESUME, subscription_id, idempotency_key, {"id": subscription_id}, gateway, lambda plan, row: {})).subscription_id


async def change(*, caller: Caller, subscription_id: UUID, offer_id: UUID, idempotency_key: str, gateway: PaymentGateway) -> Changed:
    """Make a plan one for another offer, at once: what is left of the period is reckoned, and what is due is taken at once. Where it cannot be taken, nothing changes.

    Raises SignedOut, SubscriptionNotFound, PlanNotChangeable, OfferNotFound, OfferNotSold, PaymentRefused, Unavailable, IdempotencyConflict.
    Records SubscriptionRequested, SubscriptionChanged, and what the payment records.
    """
    target: Target | DomainError
    try:
        target = await plan_changes.target(caller=caller, subscription_id=subscription_id, offer_id=offer_id, gateway=gateway)
    except DomainError as error:
        target = error  # told below, so that a repeat gets the first answer, whatever is sold by then
    await database.pause_reading()

    def decide(plan: Plan, row: Any) -> dict[str, Any]:
        if isinstance(target, DomainError):
            raise target
        return {"offer_id": offer_id, "amount": target.amount, "terms": target.terms, "prorated_amount": target.due_amount}

    request = await _ask(caller, RequestKind.CHANGE, subscription_id, idempotency_key, {"id": subscription_id, "offerId": offer_id}, gateway, decide)
    return Changed(request.subscription_id, request.prorated_amount, request.currency)


@dataclass(frozen=True)
class _Request:
    id: UUID
    subscription_id: UUID
    prorated_amount: int
    currency: str


async def _ask(
    caller: Caller, kind: RequestKind, subscription_id: UUID, idempotency_key: str, body: dict[str, Any], gateway: PaymentGateway, decide: Callable[[Plan, Any], dict[str, Any]]
) -> _Request:
    caller.identity  # noqa: B018  # raises SignedOut

    async def reserve(work: UnitOfWork) -> UUID:
        row = await lock_to_change(caller=caller, subscription_id=subscription_id)
        plan = subscriptions.plan_of(row)
        is_pending = await database.fetch_value(
            "SELECT EXISTS (SELECT FROM subscription_requests WHERE tenant_id = $1 AND subscription_id = $2 AND state = 'PENDING')", caller.tenant_id, subscription_id
        )
        if is_pending:
            raise errors.PlanNotChangeable("Another change of this plan is under way. Try again in a moment.")
        if kind not in rules.allowed(plan) or row["provider_subscription_id"] is None:
            raise errors.PlanNotChangeable(_WHY_NOT[kind])
        values: dict[str, Any] = {"at_period_end": True, "resumes_at": None, "offer_id": None, "amount": None, "terms": {}, "prorated_amount": None} | decide(plan, row)
        id = new_id()
        await database.fetch(
            "INSERT INTO subscription_requests (tenant_id, id, subscription_id, kind, state, at_period_end, resumes_at, offer_id, amount, terms, prorated_amount, requested_by_account_id, created_at) "
            "VALUES ($1, $2, $3, $4, 'PENDING', $5, $6, $7, $8, $9, $10, $11, $12)",
            caller.tenant_id,
            id,
            subscription_id,
            kind.value,
            values["at_period_end"],
            values["resumes_at"],
            values["offer_id"],
            values["amount"],
            database.to_json(values["terms"]),
            values["prorated_amount"],
            caller.account_id,
            caller.now,
        )
        sweep_at = (caller.now + rules.REQUEST_LOOK_AFTER).isoformat()
        work.record(events.SubscriptionRequested(request_id=id, subscription_id=subscription_id, account_id=row["account_id"], kind=kind.value, sweep_at=sweep_at))
        return id

    id = await idempotency.once(caller, field=f"subscription{kind.value.title()}", key=idempotency_key, body=body, run=reserve)
    await finish_request(caller=caller, request_id=id, gateway=gateway)
    row = await database.fetch_one(
        "SELECT r.subscription_id, r.prorated_amount, s.currency, r.state, r.failure_code, r.failure_message FROM subscription_requests r "
        "JOIN subscriptions s ON s.tenant_id = r.tenant_id AND s.id = r.subscription_id WHERE r.tenant_id = $1 AND r.id = $2",
        caller.tenant_id,
        id,
    )
    assert row is not None
    if row["state"] == RequestState.REFUSED:
        raise PaymentRefused(row["failure_message"], reason=row["failure_code"])
    return _Request(id, row["subscription_id"], row["prorated_amount"] or 0, row["currency"])


async def lock_to_change(*, caller: Caller, subscription_id: UUID) -> Any:
    """A plan that the caller may change, locked: their own, or with REFUNDS_DECIDE anybody's. Raises SubscriptionNotFound."""
    row = await database.fetch_one(
        f"SELECT {subscriptions.COLUMNS} FROM subscriptions s WHERE s.tenant_id = $1 AND s.id = $2 AND ($3 OR s.account_id = $4) FOR UPDATE",
        caller.tenant_id,
        subscription_id,
        caller.may(Permission.REFUNDS_DECIDE),
        caller.account_id,
    )
    if row is None:
        raise errors.SubscriptionNotFound()
    return row


async def finish_request(*, caller: Caller, request_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Ask the provider what was reserved, and settle it; any number of times. What the provider refuses is kept as refused. Never inside a unit of work. Raises Unavailable."""
    request = await database.fetch_one(
        "SELECT r.id, r.subscription_id, r.kind, r.state, r.at_period_end, r.resumes_at, r.offer_id, r.amount, r.terms, r.created_at, s.provider_subscription_id, s.currency, s.status, "
        "s.cancel_at_period_end FROM subscription_requests r JOIN subscriptions s ON s.tenant_id = r.tenant_id AND s.id = r.subscription_id WHERE r.tenant_id = $1 AND r.id = $2",
        caller.tenant_id,
        request_id,
    )
    if request is not None and request["state"] == RequestState.PENDING:
        await database.pause_reading()
        try:
            await _CALLS[RequestKind(request["kind"])](gateway, request, f"request:{request_id}")
        except PaymentRefused as refused:
            await _refuse(caller, request_id, refused)
        else:
            await _settle(caller, request, gateway)
    if closes is not None:
        async with unit_of_work(caller, closes=closes):
            pass


async def _settle(caller: Caller, request: Any, gateway: PaymentGateway) -> None:
    """The new offer first, for its payment is one for it; then what the provider says; done last, so that a crash in between repeats it."""
    is_change = request["kind"] == RequestKind.CHANGE
    if is_change:
        async with unit_of_work(caller) as work:
            still = await database.fetch_value("SELECT state = 'PENDING' FROM subscription_requests WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, request["id"])
            if still:
                await subscriptions.change_offer(
                    caller=caller,
                    work=work,
                    subscription_id=request["subscription_id"],
                    offer_id=request["offer_id"],
                    amount=request["amount"],
                    terms=database.from_json(request["terms"]),
                )
    await plan_states.refresh(caller=caller, provider_id=request["provider_subscription_id"], gateway=gateway)
    async with unit_of_work(caller):
        await database.fetch(
            "UPDATE subscription_requests r SET state = 'DONE', settled_at = $3, prorated_amount = CASE WHEN r.kind = 'CHANGE' THEN coalesce((SELECT sum(o.total_amount) FROM orders o "
            "WHERE o.tenant_id = r.tenant_id AND o.subscription_id = r.subscription_id AND o.kind = 'PRORATION' AND o.placed_at >= r.created_at), least(r.prorated_amount, 0)) END "
            "WHERE r.tenant_id = $1 AND r.id = $2 AND r.state = 'PENDING'",
            caller.tenant_id,
            request["id"],
            caller.now,
        )


async def _refuse(caller: Caller, request_id: UUID, refused: PaymentRefused) -> None:
    async with unit_of_work(caller):
        await database.fetch(
            "UPDATE subscription_requests SET state = 'REFUSED', settled_at = $3, failure_code = $4, failure_message = $5 WHERE tenant_id = $1 AND id = $2 AND state = 'PENDING'",
            caller.tenant_id,
            request_id,
            caller.now,
            refused.reason[:60],
            refused.message[:500],
        )


_Call = Callable[[PaymentGateway, Any, str], Awaitable[None]]


async def _cancel(gateway: PaymentGateway, request: Any, key: str) -> None:
    await gateway.cancel_subscription(request["provider_subscription_id"], at_period_end=request["at_period_end"], key=key)


async def _pause(gateway: PaymentGateway, request: Any, key: str) -> None:
    await gateway.pause_subscription(request["provider_subscription_id"], resumes_at=request["resumes_at"], key=key)


async def _resume(gateway: PaymentGateway, request: Any, key: str) -> None:
    if request["cancel_at_period_end"]:
        await gateway.keep_subscription(request["provider_subscription_id"], key=f"{key}:keep")
    if request["status"] == SubscriptionStatus.PAUSED:
        await gateway.resume_subscription(request["provider_subscription_id"], key=f"{key}:resume")


async def _change(gateway: PaymentGateway, request: Any, key: str) -> None:
    terms = database.from_json(request["terms"])
    await gateway.change_subscription(
        request["provider_subscription_id"],
        amount=request["amount"],
        currency=request["currency"],
        interval=terms["interval"],
        title=terms["title"],
        metadata={"subscription": public_id("sub", request["subscription_id"])},
        key=key,
    )


_CALLS: dict[RequestKind, _Call] = {RequestKind.CANCEL: _cancel, RequestKind.PAUSE: _pause, RequestKind.RESUME: _resume, RequestKind.CHANGE: _change}

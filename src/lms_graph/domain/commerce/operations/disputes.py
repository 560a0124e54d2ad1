"""Payments that buyers contest at their bank: the hold, the evidence, and what follows from the bank's word.

Everything begins with the provider's state, asked for anew: events only say that something happened. So they may come late, twice or out of order, and before the payment's own.
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.operations import payments, provider_objects, refunds, suspensions
from lms_graph.domain.commerce.queries import disputes as queries
from lms_graph.domain.commerce.queries import refunds as refund_queries
from lms_graph.domain.commerce.rules import disputes as rules
from lms_graph.domain.commerce.rules import refunds as refund_rules
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.ports import DisputeState, PaymentGateway, PaymentRefused
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.outbox import idempotency
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

REVOKED = "The payment was taken back by the bank."


async def submit_evidence(*, caller: Caller, dispute_id: UUID, evidence: Mapping[str, str], idempotency_key: str) -> UUID:
    """Answer a dispute, once: what is given, and for the rest what our records say. A job sends it.

    Raises SignedOut, NotAllowed, DisputeNotFound, Invalid, Conflict where it can no longer be answered, IdempotencyConflict. Records DisputeAnswered.
    """
    caller.require(Permission.REFUNDS_DECIDE)
    if issues := rules.issues_with_evidence(evidence):
        raise Invalid(*issues)

    async def answer(work: UnitOfWork) -> UUID:
        dispute = await _lock(caller, dispute_id)
        if not rules.is_answerable(status=dispute["status"], due_at=dispute["evidence_due_at"], is_answered=bool(database.from_json(dispute["evidence"])), now=caller.now):
            raise Conflict("This dispute was answered, is decided, or its time is over.", path=("disputeId",))
        said = await queries.evidence_at_hand(caller=caller, order_id=dispute["order_id"]) | {name: text for name, text in evidence.items() if text}
        if issues := rules.issues_with_evidence(said):
            raise Invalid(*issues)
        if not said:
            raise Invalid(Issue("Say at least one thing.", ("evidence",)))
        await rows.Dispute.for_caller(caller, id=dispute_id).update(evidence=said, evidence_problem=None)
        work.record(events.DisputeAnswered(dispute_id=dispute_id, order_id=dispute["order_id"]))
        return dispute_id

    body = {"disputeId": dispute_id, "evidence": dict(evidence)}
    return await idempotency.once(caller, field="disputeEvidenceSubmit", key=idempotency_key, body=body, run=answer)


async def send_evidence(*, caller: Caller, dispute_id: UUID, gateway: PaymentGateway) -> None:
    """Hand the evidence to the provider; again it changes nothing. Raises Unavailable, for which the job comes again. Records DisputeEvidenceSent, and as `refresh`."""
    row = await _unsent(caller, dispute_id)
    if row is None:
        return
    said: dict[str, str] = database.from_json(row["evidence"])
    key = hashlib.sha256(database.to_json(said).encode()).hexdigest()[:16]
    state, problem = None, None
    await database.pause_reading()
    try:
        state = await gateway.submit_evidence(row["provider_dispute_id"], said, submit=True, key=f"evidence-{dispute_id}-{key}")
    except PaymentRefused as refused:
        problem = refused.message
    async with unit_of_work(caller) as work:
        dispute = await _lock(caller, dispute_id)
        if dispute["evidence_submitted_at"] is None and database.from_json(dispute["evidence"]) == said:
            taken = {"evidence_submitted_at": caller.now, "evidence_problem": None} if state else {"evidence": {}, "evidence_problem": (problem or "")[:500]}
            await rows.Dispute.for_caller(caller, id=dispute_id).update(**taken)
            work.record(events.DisputeEvidenceSent(dispute_id=dispute_id, order_id=dispute["order_id"], is_taken=state is not None))
    if state is not None:
        await _heard(caller, state, gateway)


async def _unsent(caller: Caller, dispute_id: UUID) -> Any:
    async with unit_of_work(caller):
        row = await queries.dispute_or_none(caller=caller, dispute_id=dispute_id)
    return row if row is not None and row["evidence_submitted_at"] is None and database.from_json(row["evidence"]) else None


async def check_dispute(*, caller: Caller, dispute_id: UUID, gateway: PaymentGateway) -> None:
    """The sweeper's look at one that is not decided. Raises Unavailable. Records as `refresh`, and DisputeAwaited while it is open."""
    async with unit_of_work(caller):
        row = await queries.dispute_or_none(caller=caller, dispute_id=dispute_id)
    if row is None or row["status"] in rules.FINAL:
        return
    await refresh(caller=caller, provider_id=row["provider_dispute_id"], gateway=gateway)
    async with unit_of_work(caller) as work:
        dispute = await _lock(caller, dispute_id)
        if dispute["status"] not in rules.FINAL:
            work.record(events.DisputeAwaited(dispute_id=dispute_id, order_id=dispute["order_id"], sweep_at=(caller.now + rules.SWEEP).isoformat()))


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Settle a dispute by what the provider says of it now; one of a payment that is not ours is nothing to us.

    A payment that is not settled here yet is settled first. Raises Unavailable. Records DisputeOpened, DisputeClosed, and what follows from them.
    """
    await database.pause_reading()
    state = await gateway.dispute(provider_id)
    await _heard(caller, state, gateway)


async def _heard(caller: Caller, state: DisputeState, gateway: PaymentGateway) -> None:
    payment = await queries.contested(caller=caller, payment_id=state.payment_id, charge_id=state.charge_id)
    if payment is None and state.payment_id is not None:
        await payments.refresh(caller=caller, provider_id=state.payment_id, gateway=gateway)
        payment = await queries.contested(caller=caller, payment_id=state.payment_id, charge_id=state.charge_id)
    if payment is not None:
        await _settle(caller, payment, state, await _taken(payment, state, gateway))


async def _taken(payment: Any, state: DisputeState, gateway: PaymentGateway) -> int:
    """What the bank takes of the money that our books know. What came in too often and is still to be sent back is in none: there, the bank takes what we would have sent."""
    if payment["status"] != rows.PaymentStatus.RETURNED:
        return state.amount
    await database.pause_reading()
    sent_back = (await gateway.payment(payment["provider_payment_id"])).refunded_amount
    taken: int = state.amount - (payment["amount"] - sent_back)
    return max(0, taken)


async def _settle(caller: Caller, payment: Any, state: DisputeState, taken: int) -> None:
    """What follows from the provider's word. Two at once wait at the order, and the second finds what the first has done."""
    order_id, is_sale = payment["order_id"], payment["status"] == rows.PaymentStatus.SUCCEEDED
    async with unit_of_work(caller) as work:
        sale = await refund_queries.sale_or_none(caller=caller, order_id=order_id, lock=True)
        assert sale is not None, "a payment's order exists"
        dispute = await queries.dispute_at_provider(caller=caller, provider_id=state.id) or await _open(work, caller, sale, payment, state)
        is_withdrawn = rules.was_withdrawn(status=state.status, is_withdrawn=state.is_money_withdrawn, fee_amount=state.fee_amount)
        is_new = is_withdrawn and await _hold(caller, dispute["id"], order_id, state, taken)
        changes: dict[str, Any] = {"evidence_due_at": state.evidence_due_at} if state.evidence_due_at != dispute["evidence_due_at"] and dispute["status"] in rules.OPEN else {}
        if rules.may_follow(dispute["status"], state.status):
            changes["status"] = rows.DisputeStatus(state.status)
            if state.status in rules.FINAL:
                changes["closed_at"] = caller.now
        elif is_new and dispute["status"] in rules.FINAL and state.status in rules.OPEN:  # an inquiry that had been closed, and is a dispute all the same
            changes |= {"status": rows.DisputeStatus(state.status), "closed_at": None}
            work.record(events.DisputeAwaited(dispute_id=dispute["id"], order_id=order_id, sweep_at=(caller.now + rules.SWEEP).isoformat()))
        if changes:
            await rows.Dispute.for_caller(caller, id=dispute["id"]).update(**changes)
        is_lost = state.status == rows.DisputeStatus.LOST and (is_new or dispute["is_held"])
        if "status" in changes and not is_lost:
            await suspensions.write_access(caller=caller, order_id=order_id)
        is_over = changes.get("closed_at") is not None
        if is_over:
            work.record(events.DisputeClosed(dispute_id=dispute["id"], order_id=order_id, is_won=state.status == rows.DisputeStatus.WON))
        if is_over or (is_new and dispute["status"] == state.status and state.status in rules.FINAL):  # the money's way may be told after the bank's word
            is_held = is_new or dispute["is_held"]
            if state.status == rows.DisputeStatus.LOST and is_held:
                await _lose(caller, sale if is_sale else None, dispute["id"], state)
            else:
                await _win(caller, dispute["id"], is_held=is_held)
            if not is_sale and state.status == rows.DisputeStatus.WON and taken < state.amount:
                work.record(events.PaymentDuplicated(payment_id=payment["id"], order_id=order_id))  # the bank stood in the way of its return


async def _open(work: UnitOfWork, caller: Caller, sale: refund_queries.Sale, payment: Any, state: DisputeState) -> Any:
    """Its row, however it stands meanwhile: what has happened since follows in the same commit."""
    dispute_id = new_id()
    await rows.Dispute.create(
        tenant_id=caller.tenant_id,
        id=dispute_id,
        order_id=sale.order["id"],
        payment_id=payment["id"],
        status=rows.DisputeStatus.NEEDS_RESPONSE,
        currency=state.currency,
        amount=state.amount,
        fee_amount=state.fee_amount,
        reason=state.reason[:60],
        provider_dispute_id=state.id,
        evidence={},
        evidence_due_at=state.evidence_due_at,
        opened_at=caller.now,
    )
    await provider_objects.remember(caller=caller, provider_id=state.id, kind="dispute", own_id=dispute_id)
    await suspensions.write_access(caller=caller, order_id=sale.order["id"])
    work.record(events.DisputeOpened(dispute_id=dispute_id, order_id=sale.order["id"], sweep_at=(caller.now + rules.SWEEP).isoformat()))
    return await queries.dispute_or_none(caller=caller, dispute_id=dispute_id)


async def _hold(caller: Caller, dispute_id: UUID, order_id: UUID, state: DisputeState, taken: int) -> bool:
    """The bank has taken the money: the ledger says so, once. True if this call did it."""
    if not await rows.Dispute.for_caller(caller, id=dispute_id, is_held=False).update(is_held=True, amount=state.amount, fee_amount=state.fee_amount):
        return False
    return await sales.post_dispute_hold(caller=caller, dispute_id=dispute_id, order_id=order_id, currency=state.currency, amount=taken, fee_amount=state.fee_amount)


async def _win(caller: Caller, dispute_id: UUID, *, is_held: bool) -> None:
    """The money is the school's again, if it was taken at all."""
    if is_held:
        await sales.post_dispute_won(caller=caller, dispute_id=dispute_id)


async def _lose(caller: Caller, sale: refund_queries.Sale | None, dispute_id: UUID, state: DisputeState) -> None:
    """The money is the buyer's: each line gives its part of what is left of it, each party its share of that, and what was bought is closed.

    With `sale` None, of a payment that bought nothing and had gone back before, it is the school that loses it.
    """
    if sale is None:
        await sales.post_dispute_lost(caller=caller, dispute_id=dispute_id, lines=[])
        return
    amount = min(state.amount, sum(line.rest for line in sale.lines))  # what had gone back before is not lost again
    shares = refund_rules.allocate(sale.lines, amount) if amount else []
    await database.fetch(
        "UPDATE orders SET refunded_amount = refunded_amount + $3, status = CASE WHEN refunded_amount + $3 >= total_amount THEN 'REFUNDED' ELSE 'PARTIALLY_REFUNDED' END "
        "WHERE tenant_id = $1 AND id = $2",
        caller.tenant_id,
        sale.order["id"],
        amount,
    )
    await refunds.give_back(caller, shares, closes_what_is_gone=True)
    await refunds.close(caller, sale, [line.id for line in sale.lines], reason=REVOKED)
    await sales.post_dispute_lost(caller=caller, dispute_id=dispute_id, lines=[(part.line_id, part.amount - part.tax, part.tax) for part in shares])


async def _lock(caller: Caller, dispute_id: UUID) -> Any:
    """The order first, then the dispute. Raises DisputeNotFound."""
    order_id = await database.fetch_value("SELECT order_id FROM disputes WHERE tenant_id = $1 AND id = $2", caller.tenant_id, dispute_id)
    if order_id is None:
        raise errors.DisputeNotFound()
    await database.fetch("SELECT id FROM orders WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, order_id)
    return await database.fetch_one(
        "SELECT id, order_id, payment_id, status, evidence, evidence_due_at, evidence_submitted_at FROM disputes WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        caller.tenant_id,
        dispute_id,
    )

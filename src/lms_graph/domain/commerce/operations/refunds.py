"""Money that goes back: asked for, decided, sent, settled.

Reserve → call → settle. What goes back is reserved on the order, and frozen line by line, under the order's lock. A job asks the provider, with a key made from the refund's id. Its answer, its
webhook or the sweeper settles: amounts, access, plans and the ledger in one commit. Each may come first, and each may come again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.operations import fulfillment, payments, provider_objects, subscriptions
from lms_graph.domain.commerce.queries import refunds as queries
from lms_graph.domain.commerce.queries import seats
from lms_graph.domain.commerce.rules import refunds as rules
from lms_graph.domain.payouts.operations import sales
from lms_graph.domain.payouts.ports import PaymentGateway, PaymentRefused, RefundState
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid, Issue, NotAllowed, NotFound, Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.kit.money import charge_step
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.outbox import idempotency
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

BY_HAND = "Refunded at the payment provider."
REVOKED = "The purchase was refunded."
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class LineAmount:
    """So much of a line of an order; None for all that is left of it."""

    line_id: UUID
    amount: Decimal | None = None


async def request_refund(*, caller: Caller, order_id: UUID, amount: Decimal | None, line_ids: Sequence[UUID] | None, reason: str, idempotency_key: str) -> UUID:
    """A buyer asks for money of their own order back: all that is left (of these lines), or `amount`. Gives the refund's id.

    It waits for a decision, unless the school grants what its policy covers at once; never at once for who asks often.
    Raises SignedOut, NotFound, Invalid, RefundNotEligible, RefundExceedsBalance, IdempotencyConflict. Records RefundRequested, and RefundDecided where it is granted.
    """
    account_id = caller.account
    _require_reason(reason)

    async def request(work: UnitOfWork) -> UUID:
        sale = await queries.sale_or_none(caller=caller, order_id=order_id, lock=True)
        if sale is None or sale.order["account_id"] != account_id:
            raise errors.OrderNotFound("orderId")
        lines = _lines(sale, line_ids)
        policy, obstacle, _ = await queries.standing(caller=caller, sale=sale, line_ids=line_ids)
        if obstacle is not None:
            raise errors.RefundNotEligible(obstacle)
        shares = _allocate(sale, lines, amount)
        record = (await queries.records(caller=caller, account_ids=[account_id]))[account_id]
        refund_id = await _make(caller, sale, shares, reason=reason, access_change=rows.AccessChange.REVOKE, requested_by=account_id)
        work.record(events.RefundRequested(refund_id=refund_id, order_id=order_id))
        if rules.is_granted_at_once(policy=policy, is_within=True, is_serial=record.is_serial):
            await _approve(work, caller, sale, refund_id, shares, access_change=rows.AccessChange.REVOKE, note=None, decided_by=None)
        return refund_id

    body = {"orderId": order_id, "amount": amount, "lineIds": line_ids, "reason": reason}
    return await idempotency.once(caller, field="refundRequest", key=idempotency_key, body=body, run=request)


async def decide_refund(*, caller: Caller, refund_id: UUID, is_approved: bool, note: str | None, access_change: rows.AccessChange | None = None) -> UUID:
    """Grant or reject what a buyer asked for; the same decision again by the same person changes nothing. Nobody decides on their own.

    Raises SignedOut, NotAllowed, RefundNotFound, Invalid, Conflict for one that was decided, OrderDisputed, RefundExceedsBalance. Records RefundDecided.
    """
    caller.require(Permission.REFUNDS_DECIDE)
    if note is not None and len(note) > rules.MAX_NOTE:
        raise Invalid(Issue(f"A note has at most {rules.MAX_NOTE} characters.", ("note",)))
    async with unit_of_work(caller) as work:
        sale, refund = await _lock(caller, refund_id)
        if caller.account_id is not None and caller.account_id in (refund["requested_by_account_id"], sale.order["account_id"]):
            raise NotAllowed("Nobody decides on their own refund. Ask somebody else who may.")
        if refund["status"] != rows.RefundStatus.REQUESTED:
            was_approved = refund["status"] != rows.RefundStatus.REJECTED
            if refund["decided_by_account_id"] == caller.account_id and refund["requested_by_account_id"] is not None and was_approved == is_approved:
                return refund_id
            raise Conflict("This request was decided before. Read it again.", path=("refundId",))
        if is_approved:
            if sale.is_disputed:
                raise errors.OrderDisputed()
            asked = rules.read(database.from_json(refund["allocation"]))
            lines = sale.among([part.line_id for part in asked])
            shares = _within(sale, lines, refund["amount"], closes=access_change == rows.AccessChange.REVOKE)
            await _approve(work, caller, sale, refund_id, shares, access_change=access_change or rows.AccessChange.REVOKE, note=note, decided_by=caller.account_id)
        else:
            await rows.Refund.for_caller(caller, id=refund_id).update(
                status=rows.RefundStatus.REJECTED, decided_by_account_id=caller.account_id, decision_note=note, decided_at=caller.now
            )
            work.record(events.RefundDecided(refund_id=refund_id, order_id=sale.order["id"], is_approved=False, sweep_at=None))
    return refund_id


async def refund_order(
    *, caller: Caller, order_id: UUID, amount: Decimal | None, lines: Sequence[LineAmount] | None, reason: str, access_change: rows.AccessChange | None, idempotency_key: str
) -> UUID:
    """Give money of an order back, whatever the policy: all that is left, `amount`, or so much of these lines. Gives the refund's id; the money is on its way once it is SUCCEEDED.

    `access_change` None closes what is fully refunded; KEEP nothing; REVOKE each line of which something goes back. Nobody refunds their own order.
    Raises SignedOut, NotAllowed, NotFound, Invalid, OrderDisputed, RefundExceedsBalance, IdempotencyConflict. Records RefundDecided.
    """
    caller.require(Permission.REFUNDS_DECIDE)
    _require_reason(reason)
    if lines is not None and amount is not None and any(line.amount is not None for line in lines):
        raise Invalid(Issue("Give `amount` for the lines together, or an amount for each: not both.", ("amount",)))
    if lines is not None and len({line.line_id for line in lines}) != len(lines):
        raise Invalid(Issue("Name each line once.", ("lines",)))

    async def refund(work: UnitOfWork) -> UUID:
        sale = await queries.sale_or_none(caller=caller, order_id=order_id, lock=True)
        if sale is None:
            raise errors.OrderNotFound("orderId")
        if queries.is_buyer(caller, sale.order):
            raise NotAllowed("Nobody refunds their own order. Ask somebody else who may.")
        if sale.is_disputed:
            raise errors.OrderDisputed()
        closes = access_change == rows.AccessChange.REVOKE
        chosen = _lines(sale, None if lines is None else [line.line_id for line in lines])
        if lines is not None and amount is None:
            wanted = {line.line_id: line.amount for line in lines}
            shares = [part for line in chosen if (part := _share(sale, line, wanted[line.id], closes=closes)).amount]
            if not shares:
                raise errors.RefundExceedsBalance(refundable=0, currency=sale.order["currency"], path=("lines",))
        else:
            shares = _allocate(sale, chosen, amount, closes=closes)
        change = access_change or rows.AccessChange.REVOKE
        refund_id = await _make(caller, sale, shares, reason=reason, access_change=change, requested_by=None)
        await _approve(work, caller, sale, refund_id, shares, access_change=change, note=None, decided_by=caller.account_id)
        return refund_id

    body = {"orderId": order_id, "amount": amount, "lines": [vars(line) for line in lines] if lines is not None else None, "reason": reason, "accessChange": access_change}
    return await idempotency.once(caller, field="orderRefund", key=idempotency_key, body=body, run=refund)


async def send_back(*, caller: Caller, order_id: UUID, reason: str) -> None:
    """Give back all that is left of a paid order that nothing was given for, by the house's own word. Joins the unit of work around it. Records RefundDecided."""
    async with unit_of_work(caller) as work:
        sale = await queries.sale_or_none(caller=caller, order_id=order_id, lock=True)
        assert sale is not None, "it was just paid"
        shares = _allocate(sale, sale.lines, None)
        refund_id = await _make(caller, sale, shares, reason=reason, access_change=rows.AccessChange.REVOKE, requested_by=None)
        await _approve(work, caller, sale, refund_id, shares, access_change=rows.AccessChange.REVOKE, note=None, decided_by=None)


async def send_refund(*, caller: Caller, refund_id: UUID, gateway: PaymentGateway) -> None:
    """Ask the provider for a refund that was decided, and settle by its answer. Again it asks for nothing twice: by the key at once, and later because it looks first for what it asked before.

    Raises Unavailable, for which the job comes again. Records RefundSettled, RefundFailed or RefundAwaited.
    """
    row = await _note_asking(caller, refund_id)
    if row is None:
        return None
    await database.pause_reading()
    if row["provider_refund_id"] is not None:
        return await refresh(caller=caller, provider_id=row["provider_refund_id"], gateway=gateway)
    if row["provider_payment_id"] is None:
        await _settle(caller, refund_id, None, seen=_standing(row), problem="The payment has no name at the provider.")
        return None
    state = await _asked_before(row, gateway) if row["asked_at"] is not None else None
    problem = None
    if state is None:
        try:
            state = await gateway.refund(
                row["provider_payment_id"],
                amount=row["amount"],
                currency=row["currency"],
                metadata={"tenant": str(caller.tenant_id), "order": str(row["order_id"]), "refund": str(refund_id)},
                key=f"refund-{refund_id}",
            )
        except PaymentRefused as refused:
            state, problem = await _asked_before(row, gateway), refused.message  # it also says no to what an earlier call has done
    if not await _settle(caller, refund_id, state, seen=_standing(row), problem=problem):
        await _ask(caller, refund_id, gateway)
    return None


async def _note_asking(caller: Caller, refund_id: UUID) -> Any:
    """The refund as it was before this attempt, which is noted; None where there is nothing to send any more."""
    async with unit_of_work(caller):
        row = await queries.to_send(caller=caller, refund_id=refund_id)
        if row is None or row["status"] != rows.RefundStatus.PENDING:
            return None
        await rows.Refund.for_caller(caller, id=refund_id, asked_at=None).update(asked_at=caller.now)
        return row


async def _asked_before(row: Any, gateway: PaymentGateway) -> RefundState | None:
    """What the provider made of an earlier attempt: its answer may have been lost, and its memory for keys ends before ours."""
    return next((state for state in await gateway.refunds_of(row["provider_payment_id"]) if state.metadata.get("refund") == str(row["id"])), None)


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Settle a refund by what the provider says of it now. One that was made by hand at the provider, of a payment of ours, becomes a refund of ours; one of others' payments is nothing to us.

    Raises Unavailable. Records as `send_refund`, and RefundDecided for one made by hand.
    """
    refund_id = await queries.refund_at_provider(caller=caller, provider_id=provider_id)
    if refund_id is None:
        await database.pause_reading()
        state = await gateway.refund_state(provider_id)
        refund_id = await _named(caller, state) or await _by_hand(caller, state, gateway)
    if refund_id is not None:
        await _ask(caller, refund_id, gateway, provider_id)


async def _ask(caller: Caller, refund_id: UUID, gateway: PaymentGateway, provider_id: str | None = None) -> None:
    """Settle by what the provider says now. What is written was asked for after what was written before it: where somebody else wrote in between, it is asked for again. Raises Unavailable."""
    for _ in range(TRIES):
        seen = await queries.to_send(caller=caller, refund_id=refund_id)
        assert seen is not None, "refunds stay"
        name = provider_id or seen["provider_refund_id"]
        if name is None:
            return
        await database.pause_reading()
        if await _settle(caller, refund_id, await gateway.refund_state(name), seen=_standing(seen)):
            return
    raise Unavailable("This refund is being settled by others just now. Try again in a moment.")


async def _by_hand(caller: Caller, state: RefundState, gateway: PaymentGateway) -> UUID | None:
    """Our row of a refund that we did not ask for; None for one of others' payments."""
    if state.payment_id is None:
        return None
    payment = await queries.paid_by(caller=caller, payment_id=state.payment_id)
    if payment is None:  # its own settlement may not have arrived
        await payments.refresh(caller=caller, provider_id=state.payment_id, gateway=gateway)
        payment = await queries.paid_by(caller=caller, payment_id=state.payment_id)
    return await _take_in(caller, payment, state) if payment is not None else None


async def _named(caller: Caller, state: RefundState) -> UUID | None:
    """Our row of a refund that we asked for and whose answer is not here yet."""
    try:
        refund_id = UUID(state.metadata.get("refund", ""))
    except ValueError:
        return None
    row = await queries.to_send(caller=caller, refund_id=refund_id)
    return refund_id if row is not None and row["provider_payment_id"] == state.payment_id else None


async def _take_in(caller: Caller, payment: Any, state: RefundState) -> UUID | None:
    """A row for a refund that somebody made at the provider; None for one that came to nothing. Raises Unavailable while what we have on its way ourselves leaves no room for it."""
    if state.status not in ("SUCCEEDED", "PENDING"):
        return None
    async with unit_of_work(caller) as work:
        sale = await queries.sale_or_none(caller=caller, order_id=payment["order_id"], lock=True)
        assert sale is not None, "a payment's order exists"
        if known := await queries.refund_at_provider(caller=caller, provider_id=state.id):
            return known
        shares = _what_is_left(sale, state.amount)
        refund_id = await _make(caller, sale, shares, reason=BY_HAND, access_change=rows.AccessChange.REVOKE, requested_by=None, amount=state.amount)
        await _approve(work, caller, sale, refund_id, shares, access_change=rows.AccessChange.REVOKE, note=None, decided_by=None)
        await _remember(caller, refund_id, state)
        return refund_id


def _what_is_left(sale: queries.Sale, amount: int) -> list[rules.Share]:
    """Of money that has gone back already, what each line gives. What the order has not left, because it had gone back before (and came back, or to the bank), is the school's, and no line's.

    Raises Unavailable while something on its way leaves no room for it: the provider will refuse that.
    """
    room = sum(line.rest for line in sale.lines)
    if amount > room and sale.order["refund_requested_amount"] > 0:
        raise Unavailable("A refund made at the provider takes more than the order has left beside those on their way. It is looked at again.")
    return rules.allocate(sale.lines, min(amount, room), charge_step(sale.order["currency"])) if room else []


def _standing(refund: Any) -> tuple[str, bool]:
    """What the provider's word may change of a refund."""
    return refund["status"], refund["failure_message"] is not None


async def _settle(caller: Caller, refund_id: UUID, state: RefundState | None, *, seen: tuple[str, bool], problem: str | None = None) -> bool:
    """What follows from the provider's word; `problem` is its no. The first to come does it, whoever that is. False, and nothing, where the refund is another one than it was before the provider was asked."""
    async with unit_of_work(caller) as work:
        sale, refund = await _lock(caller, refund_id)
        if _standing(refund) != seen:
            return False
        if state is not None and refund["provider_refund_id"] is None:
            await _remember(caller, refund_id, state)
        if state is None or state.status in ("FAILED", "CANCELED"):
            await _fail(work, caller, sale, refund, problem or (state and state.failure_reason) or "The provider could not send it.")
        elif refund["status"] in (rows.RefundStatus.SUCCEEDED, rows.RefundStatus.REJECTED):
            pass
        elif state.status == "SUCCEEDED":
            await _succeed(work, caller, sale, refund)
        elif refund["status"] == rows.RefundStatus.PENDING:
            sweep_at = rules.look_again_at(since=queries.due_since(refund), now=caller.now)
            work.record(events.RefundAwaited(refund_id=refund_id, order_id=refund["order_id"], sweep_at=sweep_at.isoformat()))
    return True


async def _succeed(work: UnitOfWork, caller: Caller, sale: queries.Sale, refund: Any) -> None:
    """The money is back: amounts, plan, access and ledger, in the order of locks."""
    order = sale.order
    shares = rules.read(database.from_json(refund["allocation"]))
    is_reserved = refund["status"] == rows.RefundStatus.PENDING
    if not is_reserved and not rules.fit(sale.lines, shares):  # a late yes after a no, which had let others take what it is of
        shares = _what_is_left(sale, refund["amount"])
    amount = sum(part.amount for part in shares)
    reserved = amount if is_reserved else 0
    await database.fetch(
        "UPDATE orders SET refunded_amount = refunded_amount + $3, refund_requested_amount = refund_requested_amount - $4, "
        "status = CASE WHEN refunded_amount + $3 >= total_amount THEN 'REFUNDED' ELSE 'PARTIALLY_REFUNDED' END WHERE tenant_id = $1 AND id = $2",
        caller.tenant_id,
        order["id"],
        amount,
        reserved,
    )
    await rows.Refund.for_caller(caller, id=refund["id"]).update(status=rows.RefundStatus.SUCCEEDED, settled_at=caller.now, failure_message=None, allocation=rules.frozen(shares))
    closed = await give_back(caller, shares, closes_what_is_gone=refund["access_change"] == rows.AccessChange.REVOKE)
    await close(caller, sale, closed, reason=REVOKED)
    await sales.post_refund(
        caller=caller,
        refund_id=refund["id"],
        order_id=order["id"],
        currency=refund["currency"],
        lines=[(part.line_id, part.amount - part.tax, part.tax) for part in shares],
        total=refund["amount"],
    )
    work.record(events.RefundSettled(refund_id=refund["id"], order_id=order["id"], account_id=order["account_id"]))


async def give_back(caller: Caller, shares: Sequence[rules.Share], *, closes_what_is_gone: bool) -> list[UUID]:
    """Note on the lines what they gave; gives those whose access ends: all of them is gone, or it was said so."""
    closed = []
    for part in shares:
        row = await database.fetch_one(
            "UPDATE order_lines SET refunded_amount = refunded_amount + $3, refunded_tax_amount = refunded_tax_amount + $4 WHERE tenant_id = $1 AND id = $2 "
            "RETURNING refunded_amount >= total_amount AS is_gone",
            caller.tenant_id,
            part.line_id,
            part.amount,
            part.tax,
        )
        assert row is not None, "an allocation names lines of the order"
        if closes_what_is_gone and (row["is_gone"] or part.closes):
            closed.append(part.line_id)
    return closed


async def close(caller: Caller, sale: queries.Sale, line_ids: Sequence[UUID], *, reason: str) -> None:
    """End what these lines opened: the plan they belong to, their seats and grants. What else their learner holds stays, and so do certificates that were earned."""
    if line_ids and sale.order["subscription_id"]:
        await subscriptions.end(caller=caller, subscription_id=sale.order["subscription_id"], reason=reason)
    await seats.lock_pools_of_lines(caller=caller, line_ids=line_ids)
    for line_id in line_ids:
        await fulfillment.withdraw(caller=caller, line_id=line_id, reason=reason)


async def _fail(work: UnitOfWork, caller: Caller, sale: queries.Sale, refund: Any, problem: str) -> None:
    """It came to nothing, and what was reserved is free again. A no after the yes (the buyer's bank sent the money back) is noted for people, and booked: the money is at the provider, and the school's to send another way."""
    if refund["status"] == rows.RefundStatus.PENDING:
        reserved = sum(part.amount for part in rules.read(database.from_json(refund["allocation"])))
        await database.fetch(
            "UPDATE orders SET refund_requested_amount = refund_requested_amount - $3 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, sale.order["id"], reserved
        )
        await rows.Refund.for_caller(caller, id=refund["id"]).update(status=rows.RefundStatus.FAILED, failure_message=problem[:500])
    elif refund["status"] == rows.RefundStatus.SUCCEEDED and refund["failure_message"] is None:
        await rows.Refund.for_caller(caller, id=refund["id"]).update(failure_message=problem[:500])
        await sales.post_refund_returned(caller=caller, refund_id=refund["id"], order_id=sale.order["id"], currency=refund["currency"], amount=refund["amount"])
    else:
        return
    work.record(events.RefundFailed(refund_id=refund["id"], order_id=sale.order["id"]))


async def _make(
    caller: Caller, sale: queries.Sale, shares: Sequence[rules.Share], *, reason: str, access_change: rows.AccessChange, requested_by: UUID | None, amount: int | None = None
) -> UUID:
    """A refund of the payment that paid the order: one that was asked for waits, any other is granted next. Raises RefundExceedsBalance where nothing was paid."""
    payment = await queries.payment_of_order(caller=caller, order_id=sale.order["id"])
    if payment is None:
        raise errors.RefundExceedsBalance(refundable=0, currency=sale.order["currency"])
    refund_id = new_id()
    await rows.Refund.create(
        tenant_id=caller.tenant_id,
        id=refund_id,
        order_id=sale.order["id"],
        payment_id=payment["id"],
        status=rows.RefundStatus.PENDING if requested_by is None else rows.RefundStatus.REQUESTED,
        currency=sale.order["currency"],
        amount=amount or sum(part.amount for part in shares),
        reason=reason,
        access_change=access_change,
        allocation=rules.frozen(shares),
        requested_by_account_id=requested_by,
        created_at=caller.now,
    )
    return refund_id


async def _approve(
    work: UnitOfWork,
    caller: Caller,
    sale: queries.Sale,
    refund_id: UUID,
    shares: Sequence[rules.Share],
    *,
    access_change: rows.AccessChange,
    note: str | None,
    decided_by: UUID | None,
) -> None:
    """Reserve it on the order and let it be sent. Raises RefundExceedsBalance."""
    amount, order = sum(part.amount for part in shares), sale.order
    reserved = await database.fetch_one(
        "UPDATE orders SET refund_requested_amount = refund_requested_amount + $3 WHERE tenant_id = $1 AND id = $2 AND refunded_amount + refund_requested_amount + $3 <= total_amount "
        "AND (status IN ('PAID', 'PARTIALLY_REFUNDED') OR $3 = 0) RETURNING id",
        caller.tenant_id,
        order["id"],
        amount,
    )
    if reserved is None:
        raise errors.RefundExceedsBalance(refundable=_left(sale), currency=order["currency"])
    await rows.Refund.for_caller(caller, id=refund_id).update(
        status=rows.RefundStatus.PENDING,
        allocation=rules.frozen(shares),
        access_change=access_change,
        decided_by_account_id=decided_by,
        decision_note=note,
        decided_at=caller.now,
    )
    sweep_at = rules.look_again_at(since=caller.now, now=caller.now)
    work.record(events.RefundDecided(refund_id=refund_id, order_id=order["id"], is_approved=True, sweep_at=sweep_at.isoformat()))


async def _lock(caller: Caller, refund_id: UUID) -> tuple[queries.Sale, Any]:
    """The order first, then the refund. Raises RefundNotFound."""
    order_id = await database.fetch_value("SELECT order_id FROM refunds WHERE tenant_id = $1 AND id = $2", caller.tenant_id, refund_id)
    if order_id is None:
        raise errors.RefundNotFound()
    sale = await queries.sale_or_none(caller=caller, order_id=order_id, lock=True)
    refund = await database.fetch_one(
        "SELECT id, order_id, status, amount, currency, access_change, allocation, requested_by_account_id, decided_by_account_id, provider_refund_id, failure_message, asked_at, decided_at "
        "FROM refunds WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        caller.tenant_id,
        refund_id,
    )
    assert sale is not None, "a refund's order exists"
    return sale, refund


async def _remember(caller: Caller, refund_id: UUID, state: RefundState) -> None:
    await rows.Refund.for_caller(caller, id=refund_id).update(provider_refund_id=state.id)
    await provider_objects.remember(caller=caller, provider_id=state.id, kind="refund", own_id=refund_id)


def _lines(sale: queries.Sale, line_ids: Sequence[UUID] | None) -> list[rules.Line]:
    """The lines in question. Raises NotFound for one that is not the order's."""
    lines = sale.among(line_ids)
    if line_ids is not None and len(lines) != len(set(line_ids)):
        raise NotFound("The order has no such line.", path=("lineIds",))
    return lines


def _left(sale: queries.Sale) -> int:
    return sum(line.rest for line in sale.lines) if sale.is_paid else 0


def _allocate(sale: queries.Sale, lines: Sequence[rules.Line], amount: Decimal | None, *, closes: bool = False) -> list[rules.Share]:
    """Raises Invalid, RefundExceedsBalance."""
    currency = sale.order["currency"]
    return _within(sale, lines, sum(line.rest for line in lines) if amount is None else queries.minor(amount, currency), closes=closes)


def _within(sale: queries.Sale, lines: Sequence[rules.Line], amount: int, *, closes: bool = False) -> list[rules.Share]:
    """Raises RefundExceedsBalance, also where nothing is left or nothing was paid."""
    currency, rest = sale.order["currency"], sum(line.rest for line in lines) if sale.is_paid else 0
    if amount > rest or rest == 0:
        raise errors.RefundExceedsBalance(refundable=rest, currency=currency, path=("amount",))
    return [rules.closing(part, closes) for part in rules.allocate(lines, amount, charge_step(currency))]


def _share(sale: queries.Sale, line: rules.Line, amount: Decimal | None, *, closes: bool) -> rules.Share:
    """Raises Invalid, RefundExceedsBalance."""
    wanted = line.rest if amount is None else queries.minor(amount, sale.order["currency"], ("lines", "amount"))
    if not sale.is_paid or wanted > line.rest:
        raise errors.RefundExceedsBalance(refundable=line.rest if sale.is_paid else 0, currency=sale.order["currency"], path=("lines",))
    return rules.closing(rules.share(line, wanted), closes)


def _require_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= rules.MAX_REASON:
        raise Invalid(Issue(f"A reason has 1 to {rules.MAX_REASON} characters.", ("reason",)))

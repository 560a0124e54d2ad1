"""Payouts: what is available to a payee is sent to their account at the provider.

Three steps. **Reserve**: a row, and the ledger moves the amount from the payee to IN_TRANSIT, in one unit of work. **Send**: the provider is asked under a key made from the row's id. **Settle**: it is
paid, or the amount goes back. Each step is a reaction to the one before: whatever dies in between is done again, and nothing twice.
"""

from uuid import UUID, uuid5

from lms_graph.domain.payouts import events, policies
from lms_graph.domain.payouts.operations import accounts, ledger
from lms_graph.domain.payouts.operations.accounts import remember, schedule_next
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.payouts.ports import BankPayout, PaymentGateway, PaymentRefused, TransferState
from lms_graph.domain.payouts.queries import ledger as books
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.rules import payees as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.payouts import BankStatus, LedgerAccount, PayoutStatus, ScheduleKind, TransactionKind
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

TRANSFER = "PAYOUT"


async def run_due(*, caller: Caller, payee_id: UUID, due_at: str, closes: Delivery | None) -> None:
    """Reserve what is available to a payee in each currency, and set the next run. Does nothing for a run that another one replaced. Records PayoutReserved, PayoutRunDue."""
    async with unit_of_work(caller, closes=closes) as work:
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        if payee is None or payee["next_due_at"] is None or payee["next_due_at"].isoformat() != due_at:
            return
        if not payee["payouts_enabled"]:  # a run is set again when the provider pays to it
            await rows.Payee.for_caller(caller, id=payee_id).update(next_due_at=None)
            return
        for balance in await books.balances_of_payees(caller=caller, payee_ids=[payee_id]):
            await _reserve(work, caller, payee, balance.currency, balance.available)
        await schedule_next(work, caller=caller, payee_id=payee_id, kind=ScheduleKind(payee["schedule_kind"]), day=payee["schedule_day"])


async def pay_now(*, caller: Caller, payee_id: UUID, currency: str, key: str) -> UUID:
    """Reserve all that is available to a payee in a currency, whatever their schedule says, and give the payout. One that is pending already is tried again at once.

    Raises SignedOut, NotAllowed, NotFound; Conflict where nothing is available or the provider does not pay to the payee. Records PayoutReserved, PayoutDelayed.
    """
    policies.require_may_manage_payouts(caller)

    async def run(work: UnitOfWork) -> UUID:
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        if payee is None:
            raise policies.no_payee()
        pending = await queries.pending_payout(caller=caller, payee_id=payee_id, currency=currency)
        if pending is not None:
            work.record(events.PayoutDelayed(payout_id=pending, again_at=caller.now.isoformat()))
            return pending
        if not payee["payouts_enabled"]:
            raise Conflict("The provider does not pay to this payee yet: they complete `payoutAccountLink` first.", path=("payeeId",))
        balances = await books.balances_of_payees(caller=caller, payee_ids=[payee_id])
        available = rules.payable(sum(balance.available for balance in balances if balance.currency == currency), currency)
        if not available:
            raise Conflict("Nothing is available to this payee in this currency now.", path=("currency",))
        return await _write(work, caller, payee_id, currency, available)

    return await once(caller, field="payoutCreate", key=key, body={"payee_id": payee_id, "currency": currency}, run=run)


async def send(*, caller: Caller, payout_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Ask the provider to transfer a payout that is pending, and settle what it answers. Safe any number of times, also at once.

    Where the provider holds too little it waits; where it says no the amount goes back to the payee. Raises Unavailable. Records PayoutPaid, PayoutFailed, PayoutDelayed.
    """
    async with database.reading(caller):
        payout = await queries.payout_by_id(caller=caller, payout_id=payout_id)
    if payout is None or payout["status"] != PayoutStatus.PENDING:
        return
    attempt, account_id = payout["attempts"], payout["provider_account_id"]
    group = f"payout {payout_id}"
    try:
        # The provider forgets keys after a day or so; what it transferred it does not forget.
        made = next(iter(await gateway.transfers_of(group)), None)
        if made is None:
            if account_id is None:
                raise PaymentRefused("The payee has no account at the provider.", reason="account_invalid")
            made = await gateway.transfer(
                account_id,
                amount=payout["amount"],
                currency=payout["currency"],
                group=group,
                metadata={"tenant": str(caller.tenant_id), "payout": str(payout_id)},
                key=f"payout {payout_id} {attempt}",
            )
    except PaymentRefused as refusal:
        if account_id is not None and refusal.reason != rules.WAITS:
            await accounts.refresh(caller=caller, provider_id=account_id, gateway=gateway)  # why it was refused may be news to us
        await _refused(caller, payout_id, attempt, refusal, closes)
        return
    await _settle(caller, payout_id, made, closes)
    if made.reversed_amount:  # told before the transfer was known here
        await refresh(caller=caller, provider_id=made.id, gateway=gateway)


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider how a transfer is: what was taken back of it is on the payee's balance again. Does nothing for one that is not ours. Raises Unavailable. Records PayoutReversed."""
    async with database.reading(caller):
        payout_id = await queries.payout_of_transfer(caller=caller, transfer_id=provider_id)
    if payout_id is None:
        return
    found = await gateway.transfer_state(provider_id)
    async with unit_of_work(caller) as work:
        payout = await queries.payout_by_id(caller=caller, payout_id=payout_id, lock=True)
        assert payout is not None
        returned = found.reversed_amount - payout["reversed_amount"]
        if returned <= 0:
            return
        await ledger.post(
            caller=caller,
            kind=TransactionKind.PAYOUT_RETURNED,
            source_id=uuid5(payout_id, str(found.reversed_amount)),
            entries=[
                Entry(account=LedgerAccount.PROVIDER, amount=returned, currency=payout["currency"]),
                Entry(account=LedgerAccount.PAYEE, payee_id=payout["payee_id"], amount=-returned, currency=payout["currency"]),
            ],
        )
        is_whole = found.reversed_amount >= payout["amount"]
        await rows.Payout.for_caller(caller, id=payout_id).update(
            reversed_amount=found.reversed_amount, status=PayoutStatus.REVERSED if is_whole else PayoutStatus(payout["status"])
        )
        work.record(events.PayoutReversed(payout_id=payout_id, payee_id=payout["payee_id"]))


async def refresh_bank(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider what went from a connected account (`provider_id`) to its owner's bank, and say when what we paid arrives. Does nothing for an account that is not ours. Raises Unavailable."""
    async with database.reading(caller):
        payee_id = await queries.payee_of_provider_account(caller=caller, provider_account_id=provider_id)
    if payee_id is None:
        return
    found = list(reversed(await gateway.bank_payouts(provider_id)))
    async with unit_of_work(caller):
        for payout in await queries.on_their_way(caller=caller, payee_id=payee_id):
            if bank := _carrier(payout, found):
                await rows.Payout.for_caller(caller, id=payout["id"]).update(
                    bank_status=BankStatus(bank.status), arrives_at=bank.arrives_at, problem=(bank.failure_message or "")[: rules.MAX_PROBLEM] or None
                )


def _carrier(payout: database.Record, found: list[BankPayout]) -> BankPayout | None:
    """What carries a payout to the bank: the first that left the account after it came there and did not fail; it takes all that is there."""
    later = [bank for bank in found if bank.currency == payout["currency"] and bank.created_at >= payout["paid_at"].replace(microsecond=0)]
    return next((bank for bank in later if bank.status != BankStatus.FAILED), later[-1] if later else None)


async def _reserve(work: UnitOfWork, caller: Caller, payee: database.Record, currency: str, available: int) -> None:
    """All or nothing: below the threshold it stays, and a negative balance is carried over."""
    least = payee["schedule_threshold_amount"] if payee["schedule_currency"] == currency else None
    available = rules.payable(available, currency)
    if available and available >= (least or 0) and await queries.pending_payout(caller=caller, payee_id=payee["id"], currency=currency) is None:
        await _write(work, caller, payee["id"], currency, available)


async def _write(work: UnitOfWork, caller: Caller, payee_id: UUID, currency: str, amount: int) -> UUID:
    payout = await rows.Payout.create(tenant_id=caller.tenant_id, payee_id=payee_id, currency=currency, amount=amount, status=PayoutStatus.PENDING, created_at=caller.now)
    await ledger.post(
        caller=caller,
        kind=TransactionKind.PAYOUT,
        source_id=payout.id,
        entries=[
            Entry(account=LedgerAccount.PAYEE, payee_id=payee_id, amount=amount, currency=currency),
            Entry(account=LedgerAccount.IN_TRANSIT, amount=-amount, currency=currency),
        ],
    )
    work.record(events.PayoutReserved(payout_id=payout.id, payee_id=payee_id))
    return payout.id


async def _settle(caller: Caller, payout_id: UUID, made: TransferState, closes: Delivery | None) -> None:
    async with unit_of_work(caller, closes=closes) as work:
        payout = await queries.payout_by_id(caller=caller, payout_id=payout_id, lock=True)
        assert payout is not None
        if payout["status"] != PayoutStatus.PENDING:
            return
        await ledger.post(
            caller=caller,
            kind=TransactionKind.PAYOUT_PAID,
            source_id=payout_id,
            entries=[
                Entry(account=LedgerAccount.IN_TRANSIT, amount=payout["amount"], currency=payout["currency"]),
                Entry(account=LedgerAccount.PROVIDER, amount=-payout["amount"], currency=payout["currency"]),
            ],
        )
        await rows.Payout.for_caller(caller, id=payout_id).update(status=PayoutStatus.PAID, provider_transfer_id=made.id, paid_at=caller.now, problem=None)
        await remember(caller, made.id, TRANSFER, payout_id)
        work.record(events.PayoutPaid(payout_id=payout_id, payee_id=payout["payee_id"], account_id=payout["account_id"]))


async def _refused(caller: Caller, payout_id: UUID, attempt: int, refusal: PaymentRefused, closes: Delivery | None) -> None:
    async with unit_of_work(caller, closes=closes) as work:
        payout = await queries.payout_by_id(caller=caller, payout_id=payout_id, lock=True)
        assert payout is not None
        if payout["status"] != PayoutStatus.PENDING or payout["attempts"] != attempt:  # another one was faster
            return
        # The provider gives the same answer to the same key: the next time takes another.
        changes = {"attempts": attempt + 1}
        if refusal.reason == rules.WAITS:
            await rows.Payout.for_caller(caller, id=payout_id).update(**changes, problem="It waits until enough of the school's sales has reached the provider.")
            work.record(events.PayoutDelayed(payout_id=payout_id, again_at=(caller.now + rules.WAIT_FOR_FUNDS).isoformat()))
            return
        await ledger.post(
            caller=caller,
            kind=TransactionKind.PAYOUT_RETURNED,
            source_id=payout_id,
            entries=[
                Entry(account=LedgerAccount.IN_TRANSIT, amount=payout["amount"], currency=payout["currency"]),
                Entry(account=LedgerAccount.PAYEE, payee_id=payout["payee_id"], amount=-payout["amount"], currency=payout["currency"]),
            ],
        )
        await rows.Payout.for_caller(caller, id=payout_id).update(**changes, status=PayoutStatus.FAILED, problem=rules.problem(refusal.reason, refusal.message))
        work.record(events.PayoutFailed(payout_id=payout_id, payee_id=payout["payee_id"], account_id=payout["account_id"]))

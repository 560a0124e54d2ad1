"""What sales, refunds and disputes do to the ledger. Splits are frozen at sale, per line; whatever goes back takes its part from each share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from lms_graph.domain.payouts.operations import ledger
from lms_graph.domain.payouts.operations.accounts import payee_of
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.payouts.queries import commissions
from lms_graph.domain.payouts.queries import ledger as books
from lms_graph.domain.payouts.queries import shares as shares_queries
from lms_graph.domain.payouts.rules import splits
from lms_graph.domain.payouts.rules.splits import Share
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.payouts import LedgerAccount, Party, TransactionKind
from lms_graph.outbox.unit_of_work import unit_of_work

ACCOUNTS = {
    Party.PLATFORM: LedgerAccount.PLATFORM,
    Party.FEE_TAX: LedgerAccount.FEE_TAX,
    Party.TAX: LedgerAccount.TAX,
    Party.POOL: LedgerAccount.POOL,
    Party.AFFILIATE: LedgerAccount.PAYEE,
    Party.INSTRUCTOR: LedgerAccount.PAYEE,
    Party.SCHOOL: LedgerAccount.PAYEE,
}

Returned = Sequence[tuple[UUID, int, int]]  # a line, and of what goes back the part without tax, and the tax


@dataclass(frozen=True, kw_only=True)
class SoldLine:
    """A line as it is to be split: `net_amount` without tax; its courses weighted by list price; who brought the buyer, and for how much of it. Pooled: of all courses, split when a period ends."""

    line_id: UUID
    net_amount: int
    tax_amount: int
    courses: tuple[tuple[UUID, int], ...] = ()
    affiliate: tuple[UUID, int] | None = None
    is_pooled: bool = False


async def post_sale(*, caller: Caller, order_id: UUID, payment_id: UUID | None, currency: str, lines: Sequence[SoldLine], elsewhere_amount: int = 0) -> bool:
    """Freeze how each line is split and book the payment; False where it was booked before. Joins the unit of work around it.

    What came in elsewhere (all of it, where there is no payment) is in the school's hand, not with the provider: the school owes it to those who share it.
    """
    source_id = payment_id or order_id
    async with unit_of_work(caller):
        if await ledger.is_booked(caller=caller, kind=TransactionKind.SALE, source_id=source_id):
            return False
        rules = await commissions.rules_now(caller=caller, currency=currency)
        terms = await commissions.terms_of_courses(caller=caller, course_ids=sorted({id for line in lines for id, _ in line.courses}), rules=rules)
        total = sum(line.net_amount + line.tax_amount for line in lines)
        entries = [Entry(account=LedgerAccount.PROVIDER, amount=total - elsewhere_amount, currency=currency)] if total != elsewhere_amount else []
        available_at = caller.now + timedelta(days=rules.hold_days)
        split = [
            splits.split_line(
                net=line.net_amount,
                tax=line.tax_amount,
                courses=line.courses,
                terms=terms,
                affiliate=line.affiliate,
                fee_tax_ppm=rules.fee_tax_ppm,
                is_pooled=line.is_pooled,
            )
            for line in lines
        ]
        payees = await _payees(caller, [share for shares in split for share in shares])
        if elsewhere_amount:
            school = payees.get(None) or await payee_of(caller=caller, account_id=None)
            entries.append(Entry(account=LedgerAccount.PAYEE, amount=elsewhere_amount, currency=currency, payee_id=school, available_at=available_at))
        for line, shares in zip(lines, split, strict=True):
            for position, share in enumerate(shares):
                payee_id = payees.get(share.account_id) if ACCOUNTS[share.party] is LedgerAccount.PAYEE else None
                await rows.LineShare.create(
                    tenant_id=caller.tenant_id,
                    line_id=line.line_id,
                    order_id=order_id,
                    position=position,
                    party=share.party,
                    payee_id=payee_id,
                    course_id=share.course_id,
                    rate_bps=share.rate_bps,
                    currency=currency,
                    amount=share.amount,
                    available_at=available_at,
                )
                entries.append(Entry(account=ACCOUNTS[share.party], amount=-share.amount, currency=currency, payee_id=payee_id, available_at=available_at))
        return await ledger.post(caller=caller, kind=TransactionKind.SALE, source_id=source_id, order_id=order_id, entries=entries)


async def post_provider_fee(*, caller: Caller, payment_id: UUID, order_id: UUID, currency: str, amount: int) -> bool:
    """Book what the provider keeps of a payment: the school bears it."""
    return await _post_fee(caller, TransactionKind.PROVIDER_FEE, payment_id, order_id, currency, amount)


async def post_refund(*, caller: Caller, refund_id: UUID, order_id: UUID, currency: str, lines: Returned, total: int | None = None) -> bool:
    """Book money that went back: each share gives its part, so that a balance may become negative, and is carried over. What `lines` leave of `total` is the school's.

    Raises ValueError for more than remains of a line.
    """
    return await _post_return(caller, TransactionKind.REFUND, refund_id, order_id, currency, lines, LedgerAccount.PROVIDER, total)


async def post_refund_returned(*, caller: Caller, refund_id: UUID, order_id: UUID, currency: str, amount: int) -> bool:
    """Book that money of a booked refund is with the provider again, for the buyer's bank did not take it: the school has it, and owes it to the buyer."""
    async with unit_of_work(caller):
        school = await payee_of(caller=caller, account_id=None)
        entries = [
            Entry(account=LedgerAccount.PROVIDER, amount=amount, currency=currency),
            Entry(account=LedgerAccount.PAYEE, payee_id=school, amount=-amount, currency=currency),
        ]
        return await ledger.post(caller=caller, kind=TransactionKind.REFUND, source_id=uuid5(refund_id, "returned"), order_id=order_id, entries=entries)


async def post_dispute_hold(*, caller: Caller, dispute_id: UUID, order_id: UUID, currency: str, amount: int, fee_amount: int) -> bool:
    """Book that the buyer's bank holds the money. The provider's fee for it is the school's, however it ends."""
    async with unit_of_work(caller):
        entries = [
            Entry(account=LedgerAccount.DISPUTED, amount=amount, currency=currency),
            Entry(account=LedgerAccount.PROVIDER, amount=-amount - fee_amount, currency=currency),
        ]
        if fee_amount:
            entries.append(await _borne_by_school(caller, order_id, currency, fee_amount))
        return await ledger.post(caller=caller, kind=TransactionKind.DISPUTE_HELD, source_id=dispute_id, order_id=order_id, entries=entries)


async def post_dispute_won(*, caller: Caller, dispute_id: UUID) -> bool:
    """Book that the money is back."""
    async with unit_of_work(caller):
        held = await _held(caller, dispute_id)
        if not held["amount"]:
            return False
        entries = [
            Entry(account=LedgerAccount.DISPUTED, amount=-held["amount"], currency=held["currency"]),
            Entry(account=LedgerAccount.PROVIDER, amount=held["amount"], currency=held["currency"]),
        ]
        return await ledger.post(caller=caller, kind=TransactionKind.DISPUTE_WON, source_id=dispute_id, order_id=held["order_id"], entries=entries)


async def post_dispute_lost(*, caller: Caller, dispute_id: UUID, lines: Returned) -> bool:
    """Book that the money is gone: each share gives its part, as with a refund. What `lines` leave of the sum that was held, for it had gone back before, is lost twice: the school bears it."""
    async with unit_of_work(caller):
        held = await _held(caller, dispute_id)
        if not held["amount"] and not lines:
            return False
        return await _post_return(caller, TransactionKind.DISPUTE_LOST, dispute_id, held["order_id"], held["currency"], lines, LedgerAccount.DISPUTED, held["amount"])


async def close_pool(*, caller: Caller, pool_id: UUID, period_end: datetime, currency: str, seconds: Mapping[UUID, int]) -> bool:
    """Split what lies in the pool from before `period_end` over the courses by watched seconds, each as its instructors share it; False where `pool_id` was closed before.

    Where nobody watched anything, it is the school's. A pool that refunds have made negative stays for the next period.
    """
    async with unit_of_work(caller):
        if await ledger.is_booked(caller=caller, kind=TransactionKind.POOL_CLOSED, source_id=pool_id):
            return False
        pot = await books.pool(caller=caller, currency=currency, before=period_end)
        if pot <= 0:
            return False
        rules = await commissions.rules_now(caller=caller, currency=currency)
        watched = sorted((id, time) for id, time in seconds.items() if time > 0)
        terms = await commissions.terms_of_courses(caller=caller, course_ids=[id for id, _ in watched], rules=rules)
        parts = money.split(pot, [time for _, time in watched]) if watched else []
        shares = [share for (id, _), part in zip(watched, parts, strict=True) for share in splits.split_pot(part, id, terms[id])]
        shares = shares or splits.split_pot(pot, None, terms[None])
        entries = [Entry(account=LedgerAccount.POOL, amount=pot, currency=currency)]
        payees = await _payees(caller, shares)
        for share in shares:
            entries.append(Entry(account=LedgerAccount.PAYEE, payee_id=payees[share.account_id], amount=-share.amount, currency=currency))
        return await ledger.post(caller=caller, kind=TransactionKind.POOL_CLOSED, source_id=pool_id, entries=entries)


async def _payees(caller: Caller, shares: Sequence[Share]) -> dict[UUID | None, UUID]:
    """Those to whom shares are owed, by account, None being the school. Made in one order: two sales that make the same ones at once would else wait for each other."""
    owed = {share.account_id for share in shares if ACCOUNTS[share.party] is LedgerAccount.PAYEE}
    return {account_id: await payee_of(caller=caller, account_id=account_id) for account_id in sorted(owed, key=str)}


async def _post_fee(caller: Caller, kind: TransactionKind, source_id: UUID, order_id: UUID, currency: str, amount: int) -> bool:
    async with unit_of_work(caller):
        entries = [await _borne_by_school(caller, order_id, currency, amount), Entry(account=LedgerAccount.PROVIDER, amount=-amount, currency=currency)]
        return await ledger.post(caller=caller, kind=kind, source_id=source_id, order_id=order_id, entries=entries)


async def _borne_by_school(caller: Caller, order_id: UUID, currency: str, amount: int) -> Entry:
    """Taken from what the school gets of the order: while that is pending, so is this, lest what is available sink below zero."""
    available_at = await shares_queries.available_at(caller=caller, order_id=order_id)
    return Entry(account=LedgerAccount.PAYEE, payee_id=await payee_of(caller=caller, account_id=None), amount=amount, currency=currency, available_at=available_at)


async def _post_return(
    caller: Caller, kind: TransactionKind, source_id: UUID, order_id: UUID, currency: str, lines: Returned, against: LedgerAccount, total: int | None = None
) -> bool:
    async with unit_of_work(caller):
        if await ledger.is_booked(caller=caller, kind=kind, source_id=source_id):
            return False
        told = sum(net + tax for _, net, tax in lines)
        total = told if total is None else total
        entries = [Entry(account=against, amount=-total, currency=currency)]
        if total != told:
            entries.append(await _borne_by_school(caller, order_id, currency, total - told))
        frozen = await shares_queries.lock_shares(caller=caller, line_ids=sorted(id for id, _, _ in lines))
        for line_id, net, tax in lines:
            for is_tax, amount in ((False, net), (True, tax)):
                shares = [share for share in frozen if share["line_id"] == line_id and (share["party"] == Party.TAX) == is_tax]
                parts = splits.take_back(amount, [share["amount"] for share in shares], [share["reversed_amount"] for share in shares])
                for share, part in zip(shares, parts, strict=True):
                    if part:
                        await rows.LineShare.for_caller(caller, id=share["id"]).update(reversed_amount=share["reversed_amount"] + part)
                        entries.append(
                            Entry(account=ACCOUNTS[Party(share["party"])], amount=part, currency=currency, payee_id=share["payee_id"], available_at=share["available_at"])
                        )
        return await ledger.post(caller=caller, kind=kind, source_id=source_id, order_id=order_id, entries=entries)


async def _held(caller: Caller, dispute_id: UUID) -> database.Record:
    """What a dispute holds, which may be nothing. Raises Conflict where no hold was booked: its opening is still to be booked."""
    row = await database.fetch_one(
        "SELECT coalesce(e.amount, 0) AS amount, e.currency, t.order_id FROM ledger_transactions t "
        "LEFT JOIN ledger_entries e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'DISPUTED' "
        "WHERE t.tenant_id = $1 AND t.kind = 'DISPUTE_HELD' AND t.source_id = $2",
        caller.tenant_id,
        dispute_id,
    )
    if row is None:
        raise Conflict("Nothing is held for this dispute.")
    return row

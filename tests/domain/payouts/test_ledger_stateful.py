"""Any sequence of sales, refunds, disputes, closings and payouts, against a plain model that knows nothing of the database."""

import functools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any
from uuid import UUID

import anyio
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from lms_graph.domain.payouts.operations import accounts, ledger, sales
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.payouts.queries import ledger as books
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models.payouts import LedgerAccount, TransactionKind
from tests.factories import sales as factory
from tests.factories.accounts import account
from tests.factories.tenants import tenant
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

CURRENCIES = ("EUR", "JPY", "KWD")
FEE, PREMIUM, FEE_TAX = Fraction(20, 100), Fraction(8, 100), Fraction(19, 100)
Key = tuple[str, UUID | None]  # an account of the ledger, and for PAYEE whose: None is the school


def nearest(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder, in the plainest words."""
    weights = weights if any(weights) else [1] * len(weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [floor(value) for value in exact]
    for index in sorted(range(len(weights)), key=lambda index: (parts[index] - exact[index], index))[: amount - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass
class Line:
    """What the model knows of a line: who got what, and what of it is gone."""

    id: UUID
    parties: list[tuple[Key, int]]
    tax: int
    gone: int = 0
    gone_tax: int = 0

    @property
    def rest(self) -> int:
        return sum(amount for _, amount in self.parties) - self.gone

    @property
    def rest_tax(self) -> int:
        return self.tax - self.gone_tax


@dataclass
class Model:
    """Sums by currency and account, debits positive."""

    sums: dict[tuple[str, Key], int] = field(default_factory=lambda: defaultdict(int))

    def move(self, currency: str, key: Key, amount: int) -> None:
        self.sums[currency, key] += amount

    def sell(
        self,
        currency: str,
        net: int,
        tax: int,
        courses: Sequence[tuple[UUID, int]],
        taught: Mapping[UUID, list[tuple[UUID, int]]],
        rates: Mapping[UUID, Fraction],
        by: Any,
        pooled: bool,
    ) -> Line:
        parties: list[tuple[Key, int]] = []
        split: list[tuple[UUID | None, int]] = [(None, net)] if pooled else list(zip([id for id, _ in courses], spread(net, [weight for _, weight in courses]), strict=True))
        for course, part in split:
            left = part
            if by is not None:
                brought = nearest(part * Fraction(by[1], 10_000))
                parties.append((("PAYEE", by[0]), brought))
                left -= brought
            kept = min(nearest(part * rates.get(course, FEE) if course else part * FEE), left)
            tax_on_it = min(nearest(kept * FEE_TAX), left - kept)
            left -= kept + tax_on_it
            parties += [(("PLATFORM", None), kept), (("FEE_TAX", None), tax_on_it)]
            parties += [(("POOL", None), left)] if pooled else self.shared(left, taught[course] if course else [])
        line = Line(id=new_id(), parties=[(key, amount) for key, amount in parties if amount], tax=tax)
        for key, amount in line.parties:
            self.move(currency, key, -amount)
        self.move(currency, ("TAX", None), -tax)
        self.move(currency, ("PROVIDER", None), net + tax)
        return line

    @staticmethod
    def shared(left: int, instructors: Sequence[tuple[UUID, int]]) -> list[tuple[Key, int]]:
        parts = spread(left, [*(bps for _, bps in instructors), 10_000 - sum(bps for _, bps in instructors)])
        return [(("PAYEE", id), part) for (id, _), part in zip(instructors, parts, strict=False)] + [(("PAYEE", None), parts[-1])]

    def give_back(self, currency: str, line: Line, net: int, tax: int, against: str) -> None:
        amounts = [amount for _, amount in line.parties]
        before, after = spread(line.gone, amounts) if amounts else [], spread(line.gone + net, amounts) if amounts else []
        for (key, _), then, now in zip(line.parties, before, after, strict=True):
            self.move(currency, key, now - then)
        self.move(currency, ("TAX", None), tax)
        self.move(currency, (against, None), -net - tax)
        line.gone += net
        line.gone_tax += tax


@dataclass
class Order:
    id: UUID
    payment_id: UUID
    currency: str
    lines: list[Line]
    fee: bool = False


class Books(RuleBasedStateMachine):
    """Steps run in the test's event loop; hypothesis drives them from a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.orders, self.done = Model(), list[Order](), list[Callable[[], Awaitable[bool]]]()
        self.held: dict[UUID, tuple[Order, int]] = {}
        self.now = datetime.now(UTC)

    def run(self, what: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        async def inside() -> Any:
            async with database.reading(self.caller):
                return await what(*arguments)

        return anyio.from_thread.run(inside)

    def book(self, what: Callable[..., Awaitable[bool]], **arguments: Any) -> None:
        """It changes something once; `again` will try it a second time."""
        call = functools.partial(what, caller=self.caller, **arguments)
        assert self.run(call)
        self.done.append(call)

    @property
    def caller(self) -> Caller:
        return Caller.system(self.tenant_id, now=self.now)

    @initialize()
    def open(self) -> None:
        anyio.from_thread.run(self._open)

    async def _open(self) -> None:
        self.tenant_id, _ = await tenant()
        await factory.terms(self.caller, fee_bps=2000, premium_bps=800, fee_tax_ppm=190_000, refund_days=14)
        first, second = await factory.teacher(self.caller, is_premium=True), await factory.teacher(self.caller)
        self.taught = {}
        for shares in ({first: 3333, second: 2500}, {second: 7000}, {second: 10_000, first: 0}):
            self.taught[await factory.earning(self.caller, shares)] = [(id, bps) for id, bps in shares.items() if bps]
        self.courses = list(self.taught)
        self.rates = {self.courses[0]: PREMIUM}
        self.affiliate = await account(self.caller)

    @rule(
        currency=st.sampled_from(CURRENCIES),
        wanted=st.lists(
            st.tuples(
                st.integers(0, 500_000), st.integers(0, 50_000), st.lists(st.integers(0, 3), min_size=1, max_size=3), st.sampled_from((None, 1, 2500, 10_000)), st.booleans()
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def sell(self, currency: str, wanted: list[tuple[int, int, list[int], int | None, bool]]) -> None:
        order, told = Order(id=new_id(), payment_id=new_id(), currency=currency, lines=[]), []
        for net, tax, weights, bps, pooled in wanted:
            courses = tuple(zip(self.courses, weights, strict=False))
            by = None if bps is None else (self.affiliate, bps)
            line = self.model.sell(currency, net, tax, courses, self.taught, self.rates, by, pooled)
            order.lines.append(line)
            told.append(sales.SoldLine(line_id=line.id, net_amount=net, tax_amount=tax, courses=courses, affiliate=by, is_pooled=pooled))
        self.orders.append(order)
        self.book(sales.post_sale, order_id=order.id, payment_id=order.payment_id, currency=currency, lines=told)

    @precondition(lambda self: any(not order.fee for order in self.orders))
    @rule(data=st.data(), amount=st.integers(0, 5000))
    def charge(self, data: st.DataObject, amount: int) -> None:
        order = data.draw(st.sampled_from([order for order in self.orders if not order.fee]), "order")
        order.fee = True
        self.model.move(order.currency, ("PAYEE", None), amount)
        self.model.move(order.currency, ("PROVIDER", None), -amount)
        self.book(sales.post_provider_fee, payment_id=order.payment_id, order_id=order.id, currency=order.currency, amount=amount)

    def _part(self, data: st.DataObject, order: Order) -> list[tuple[Line, int, int]]:
        return [(line, data.draw(st.integers(0, line.rest)), data.draw(st.integers(0, line.rest_tax))) for line in order.lines]

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders), "order")
        self._refund(order, self._part(data, order))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def refund_all(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders), "order")
        self._refund(order, [(line, line.rest, line.rest_tax) for line in order.lines])
        left = self.run(database.fetch, "SELECT * FROM line_shares WHERE tenant_id = $1 AND order_id = $2 AND amount <> reversed_amount", self.tenant_id, order.id)
        assert left == []

    def _refund(self, order: Order, parts: list[tuple[Line, int, int]]) -> None:
        for line, net, tax in parts:
            self.model.give_back(order.currency, line, net, tax, "PROVIDER")
        self.book(sales.post_refund, refund_id=new_id(), order_id=order.id, currency=order.currency, lines=[(line.id, net, tax) for line, net, tax in parts])

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), amount=st.integers(1, 500_000), fee=st.integers(0, 2000))
    def hold(self, data: st.DataObject, amount: int, fee: int) -> None:
        order, dispute = data.draw(st.sampled_from(self.orders), "order"), new_id()
        self.held[dispute] = (order, amount)
        self.model.move(order.currency, ("DISPUTED", None), amount)
        self.model.move(order.currency, ("PROVIDER", None), -amount - fee)
        self.model.move(order.currency, ("PAYEE", None), fee)
        self.book(sales.post_dispute_hold, dispute_id=dispute, order_id=order.id, currency=order.currency, amount=amount, fee_amount=fee)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def win(self, data: st.DataObject) -> None:
        dispute = data.draw(st.sampled_from(list(self.held)), "dispute")
        order, amount = self.held.pop(dispute)
        self.model.move(order.currency, ("DISPUTED", None), -amount)
        self.model.move(order.currency, ("PROVIDER", None), amount)
        self.book(sales.post_dispute_won, dispute_id=dispute)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        dispute = data.draw(st.sampled_from(list(self.held)), "dispute")
        order, amount = self.held.pop(dispute)
        parts, left = [], amount
        for line in order.lines:  # as much of it as is left of the order
            net = min(left, line.rest)
            tax = min(left - net, line.rest_tax)
            left -= net + tax
            parts.append((line, net, tax))
        for line, net, tax in parts:
            self.model.give_back(order.currency, line, net, tax, "DISPUTED")
        self.model.move(order.currency, ("DISPUTED", None), -left)
        self.model.move(order.currency, ("PAYEE", None), left)
        self.book(sales.post_dispute_lost, dispute_id=dispute, lines=[(line.id, net, tax) for line, net, tax in parts])

    @rule(currency=st.sampled_from(CURRENCIES), seconds=st.lists(st.integers(0, 100_000), max_size=3))
    def close_pool(self, currency: str, seconds: list[int]) -> None:
        watched = dict(zip(self.courses, seconds, strict=False))
        pot = -self.model.sums[currency, ("POOL", None)]
        arguments: Any = {"pool_id": new_id(), "period_end": self.now + timedelta(seconds=1), "currency": currency, "seconds": watched}
        if pot <= 0:
            assert not self.run(functools.partial(sales.close_pool, caller=self.caller, **arguments))
            return
        some = sorted((id, time) for id, time in watched.items() if time)
        self.model.move(currency, ("POOL", None), pot)
        for (course, _), part in zip(some, spread(pot, [time for _, time in some]), strict=True) if some else ():
            for key, amount in self.model.shared(part, self.taught[course]):
                self.model.move(currency, key, -amount)
        if not some:
            self.model.move(currency, ("PAYEE", None), -pot)
        self.book(sales.close_pool, **arguments)

    @rule(data=st.data())
    def pay_out(self, data: st.DataObject) -> None:
        owed = {place: -amount for place, amount in self.model.sums.items() if place[1][0] == "PAYEE" and amount < 0}
        if not owed:
            return
        currency, key = place = data.draw(st.sampled_from(list(owed)), "payee")
        amount = data.draw(st.integers(1, owed[place]), "amount")
        self.model.move(currency, key, amount)
        self.model.move(currency, ("IN_TRANSIT", None), -amount)
        payee_id = self.run(functools.partial(accounts.payee_of, caller=self.caller, account_id=key[1]))
        entries = [
            Entry(account=LedgerAccount.PAYEE, payee_id=payee_id, amount=amount, currency=currency),
            Entry(account=LedgerAccount.IN_TRANSIT, amount=-amount, currency=currency),
        ]
        self.book(ledger.post, kind=TransactionKind.PAYOUT, source_id=new_id(), entries=entries)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        assert not self.run(data.draw(st.sampled_from(self.done), "what was booked"))

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "affiliate"):
            self.run(self._holds)

    async def _holds(self) -> None:
        odd = await database.fetch("SELECT 1 FROM ledger_entries WHERE tenant_id = $1 GROUP BY transaction_id, currency HAVING sum(amount) <> 0", self.tenant_id)
        assert odd == []
        trial = defaultdict(int)
        for row in await books.trial_balance(caller=self.caller):
            trial[row["currency"]] += row["debit"] - row["credit"]
        assert not any(trial.values())
        found = await database.fetch(
            "SELECT e.currency, e.account, p.account_id, sum(e.amount)::bigint AS sum FROM ledger_entries e LEFT JOIN payees p ON p.tenant_id = e.tenant_id AND p.id = e.payee_id "
            "WHERE e.tenant_id = $1 GROUP BY 1, 2, 3",
            self.tenant_id,
        )
        assert {(row["currency"], (row["account"], row["account_id"])): row["sum"] for row in found if row["sum"]} == {
            place: amount for place, amount in self.model.sums.items() if amount
        }
        payees = {row["id"]: row["account_id"] for row in await database.fetch("SELECT id, account_id FROM payees WHERE tenant_id = $1", self.tenant_id)}
        for balance in await books.balances_of_payees(caller=self.caller, payee_ids=list(payees)):
            assert balance.available + balance.pending == -self.model.sums[balance.currency, ("PAYEE", payees[balance.payee_id])]


async def test_whatever_happens_every_sum_is_the_models(house: House) -> None:
    steps = settings(max_examples=8, stateful_step_count=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))

    await anyio.to_thread.run_sync(functools.partial(run_state_machine_as_test, Books, settings=steps))

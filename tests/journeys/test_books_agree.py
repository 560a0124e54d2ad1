"""The books of a whole school and of its payment provider, after weeks of everything at once: they agree to the last unit, and nobody holds what nobody paid."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce.operations import refunds, selling
from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.domain.payouts.operations import transfers
from lms_graph.domain.payouts.queries import ledger as books
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, DomainError
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import AccessChange, BillingInterval, OfferKind, OfferSubject, TaxMode
from tests.factories import offers, payees
from tests.factories.checkouts import HOME, begin, gateway, rows_of, session_of
from tests.factories.sales import earning, teacher, terms
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import fetch

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]
PRICES = {"EUR": "119.00", "USD": "49.99", "JPY": "3980"}
STEPS = 12


@dataclass
class World:
    """A school that sells in three currencies, its buyers and payees, and what may befall them."""

    house: House
    school: School
    stripe: StripeTwin
    settle: Settle
    chance: random.Random
    buyers: list[Client]
    sold: list[str]
    payees: dict[UUID, str]
    done: Counter[str] = field(default_factory=Counter)

    @property
    def staff(self) -> Caller:
        return Caller(tenant_id=self.school.id, key_id=uuid4(), permissions=frozenset({Permission.REFUNDS_DECIDE, Permission.PAYOUTS_MANAGE}), now=datetime.now(UTC))

    async def listen(self) -> None:
        """What is told comes late, twice or in another order; now and then the jobs go on without it."""
        self.stripe.events.doubled = self.chance.random() < 0.3
        if self.stripe.events.held is None:
            if self.chance.random() < 0.5:
                self.stripe.events.hold()
        elif self.chance.random() < 0.5:
            self.stripe.events.release(order=self.chance.choice(["real", "reversed", "shuffled"]), seed=self.chance.randrange(100))
        if self.chance.random() < 0.5:
            await self.stripe.events.quiet()
            await self.settle()

    async def buy(self) -> None:
        checkout = await begin(self.chance.choice(self.buyers), self.chance.choice(self.sold), country="DE")
        session = await session_of(self.school.system, checkout)
        if self.chance.random() < 0.25:
            self.stripe.checkout.pay(session, "pm_card_chargeDeclined")
            if self.chance.random() < 0.5:
                return
        self.stripe.checkout.pay(session)

    async def refund(self) -> None:
        orders = [each for each in await rows_of(self.school.system, "orders") if each["status"] in ("PAID", "PARTIALLY_REFUNDED")]
        if not orders:
            return
        order = self.chance.choice(orders)
        left = order["total_amount"] - order["refunded_amount"] - order["refund_requested_amount"]
        amount: Decimal | None = None
        if left > 1 and self.chance.random() < 0.6:
            amount = money.to_decimal(self.chance.randrange(1, left), order["currency"])
        change = self.chance.choice([None, None, AccessChange.REVOKE])
        try:
            await refunds.refund_order(caller=self.staff, order_id=order["id"], amount=amount, lines=None, reason="Sorry.", access_change=change, idempotency_key=uuid4().hex)
        except DomainError as error:
            self.done[error.code] += 1

    async def refund_by_hand(self) -> None:
        charges = [charge for charge in self._charges() if not charge["disputed"] and charge["amount_refunded"] < charge["amount"]]
        if charges:
            charge = self.chance.choice(charges)
            self.stripe.refunds.refund(charge, self.chance.randrange(1, charge["amount"] - charge["amount_refunded"] + 1))

    async def bounce(self) -> None:
        """The buyer's bank sends a refund back that had arrived."""
        there = [refund for refund in self.stripe.store.all("refund") if refund["status"] == "succeeded" and refund["_owner"].account is None]
        if there:
            self.stripe.refunds.finish(self.chance.choice(there)["id"], failure_reason="lost_or_stolen_card")

    async def dispute(self) -> None:
        charges = [charge for charge in self._charges() if not charge["disputed"]]
        if charges:
            charge = self.chance.choice(charges)
            left = charge["amount"] - charge["amount_refunded"]
            amount = charge["amount"] if left == 0 or self.chance.random() < 0.3 else self.chance.randrange(1, left + 1)
            self.stripe.disputes.open(charge["id"], amount=amount, inquiry=self.chance.random() < 0.2)

    async def decide(self) -> None:
        open_ones = [dispute for dispute in self.stripe.store.all("dispute") if dispute["status"] in ("needs_response", "warning_needs_response")]
        if open_ones:
            self.stripe.disputes.decide(self.chance.choice(open_ones)["id"], won=self.chance.random() < 0.5)

    async def pay_out(self) -> None:
        try:
            await transfers.pay_now(caller=self.staff, payee_id=self.chance.choice(list(self.payees)), currency=self.chance.choice(list(PRICES)), key=uuid4().hex)
        except Conflict:
            self.done["nothing to pay out"] += 1

    async def a_month(self) -> None:
        self.stripe.advance(days=31)

    def _charges(self) -> list[dict[str, Any]]:
        """Of buyers: what is transferred to a payee is a payment there too."""
        return [charge for charge in self.stripe.store.all("charge") if charge["status"] == "succeeded" and charge["_owner"].account is None]

    async def rest(self) -> None:
        """Everything that was begun comes to its end."""
        for dispute in self.stripe.store.all("dispute"):
            if dispute["status"] in ("needs_response", "warning_needs_response"):
                self.stripe.disputes.decide(dispute["id"], won=self.chance.random() < 0.5)
        if self.stripe.events.held is not None:
            self.stripe.events.release(order="shuffled", seed=1)
        await self._quiet()
        for event in self.stripe.store.all("event"):  # and once more, all of it
            self.stripe.events.send_again(event["id"])
        await self._quiet()
        for row in await rows_of(self.school.system, "payouts"):
            await transfers.send(caller=self.school.system, payout_id=row["id"], gateway=gateway(self.house))
        await self._quiet()

    async def _quiet(self) -> None:
        await self.stripe.events.quiet()
        while await self.settle():
            await self.stripe.events.quiet()

    # What must hold in the end.

    async def check(self) -> None:
        await self._check_ledger()
        await self._check_payees()
        await self._check_orders()
        await self._check_grants()

    async def _check_ledger(self) -> None:
        async with database.reading(self.school.system):
            trial = await books.trial_balance(caller=self.school.system)
        left: dict[tuple[str, str], int] = {(row["account"], row["currency"]): row["debit"] - row["credit"] for row in trial}
        for currency in PRICES:
            assert sum(amount for (_, each), amount in left.items() if each == currency) == 0
        at_provider = {currency.lower(): left.get(("PROVIDER", currency), 0) for currency in PRICES}
        assert {currency: amount for currency, amount in at_provider.items() if amount} == self.stripe.holdings()["platform"]
        assert {key: amount for key, amount in left.items() if key[0] in ("DISPUTED", "IN_TRANSIT") and amount} == self._in_transit(await rows_of(self.school.system, "payouts"))

    def _in_transit(self, payouts: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
        """What waits until the provider holds enough."""
        waiting: dict[tuple[str, str], int] = {}
        for row in payouts:
            if row["status"] == "PENDING":
                waiting["IN_TRANSIT", row["currency"]] = waiting.get(("IN_TRANSIT", row["currency"]), 0) - row["amount"]
        return waiting

    async def _check_payees(self) -> None:
        sent: dict[UUID, dict[str, int]] = {}
        for row in await rows_of(self.school.system, "payouts"):
            if row["status"] == "PAID":
                mine = sent.setdefault(row["payee_id"], {})
                mine[row["currency"].lower()] = mine.get(row["currency"].lower(), 0) + row["amount"]
        holdings = self.stripe.holdings()
        for payee_id, connected in self.payees.items():
            assert holdings.get(connected, {}) == sent.get(payee_id, {})

    async def _check_orders(self) -> None:
        """What an order says went back is what its charge says, and what its shares gave."""
        shares = await fetch(
            self.school, "SELECT order_id, sum(amount)::bigint AS amount, sum(reversed_amount)::bigint AS gone FROM line_shares WHERE tenant_id = $1 GROUP BY order_id"
        )
        split = {row["order_id"]: (row["amount"], row["gone"]) for row in shares}
        paid = {row["order_id"]: row for row in await rows_of(self.school.system, "payments") if row["status"] == "SUCCEEDED"}
        orders = await rows_of(self.school.system, "orders")
        assert {charge["id"] for charge in self._charges()} == {row["provider_charge_id"] for row in paid.values()}, "each payment is settled, once"
        for order in orders:
            was_paid = order["status"] in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")
            assert was_paid == (order["id"] in paid)
            assert order["refund_requested_amount"] == 0
            if was_paid:
                assert split[order["id"]] == (order["total_amount"], order["refunded_amount"])
                assert (order["status"] == "REFUNDED") == (order["refunded_amount"] == order["total_amount"])

    async def _check_grants(self) -> None:
        """A purchase that is paid opens what it sold; one that went back, or was never paid, opens nothing."""
        orders = {row["id"]: row for row in await rows_of(self.school.system, "orders")}
        lines = await rows_of(self.school.system, "order_lines")
        plans = {row["id"]: row for row in await rows_of(self.school.system, "subscriptions")}
        grants = {row["source_id"]: row["revoked_at"] is None for row in await rows_of(self.school.system, "entitlements")}
        lost = {row["order_id"] for row in await rows_of(self.school.system, "disputes") if row["status"] == "LOST"}
        taken = {
            row["order_id"]
            for row in await rows_of(self.school.system, "refunds")
            if row["status"] == "SUCCEEDED" and '"closes": true' in str(row["allocation"]).replace("'", '"').replace("True", "true")
        }
        closed = {order["id"] for order in orders.values() if order["status"] == "REFUNDED"} | lost | taken
        assert set(grants) <= {line["id"] for line in lines} | set(plans)
        for line in lines:
            order = orders[line["order_id"]]
            if order["kind"] != "PURCHASE":
                continue
            plan = plans.get(order["subscription_id"])
            source = plan["id"] if plan else line["id"]
            was_paid = order["status"] in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")
            assert (source in grants) == was_paid, "a grant for each paid order, and for no other"
            if was_paid:
                ends = bool(closed & {each["id"] for each in orders.values() if each["subscription_id"] == plan["id"]}) if plan else order["id"] in closed
                assert grants[source] == (not ends)
        for plan in plans.values():
            at_provider = self.stripe.store.kinds["subscription"][plan["provider_subscription_id"]]
            assert (plan["status"] in ("CANCELED", "COMPLETED")) == (at_provider["status"] == "canceled")


async def world(house: House, school: School, stripe: StripeTwin, settle: Settle, sign_in: SignIn, seed: int) -> World:
    """Two courses that earn for two people and the school, sold once and as plans in each currency."""
    system, chance = school.system, random.Random(seed)
    await terms(system, fee_bps=1500, fee_tax_ppm=190_000)
    await tenants.update_tenant(caller=system, changes={"allowed_origins": [HOME]})
    await selling.set_selling(caller=system, changes={"tax_mode": TaxMode.RATES, "prices_include_tax": seed % 2 == 0})
    await selling.save_tax_rate(caller=system, draft=TaxRateDraft(country="DE", region=None, name="VAT", percent=Decimal(19)))
    ann, ben = await teacher(system), await teacher(system)
    both, alone = await earning(system, {ann: 3333, ben: 4100}), await earning(system, {ben: 5000})
    sold = []
    for currency, amount in PRICES.items():
        price = offers.price(amount, currency)
        sold.append(await offers.offer(system, both, price))
        sold.append(await offers.offer(system, await offers.bundle(system, both, alone), price, subject=OfferSubject.BUNDLE))
        sold.append(await offers.offer(system, alone, price, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH))
    sold.append(await offers.offer(system, alone, offers.price("33.34"), kind=OfferKind.INSTALLMENTS, interval=BillingInterval.MONTH, installments=3))
    sold.append(await offers.offer(system, None, offers.price("29.90"), subject=OfferSubject.ALL_ACCESS))
    known = {}
    for account_id in (ann, ben, None):
        payee_id = await payees.connected(school, stripe, gateway(house), account_id)
        known[payee_id] = str((await payees.row(school, payee_id)).provider_account_id)
    buyers = [await sign_in(name=f"Buyer {number}") for number in range(3)]
    return World(house, school, stripe, settle, chance, buyers, [public_id("off", id) for id in sold], known)


@pytest.mark.parametrize("seed", [1])
async def test_the_schools_books_agree_with_the_providers(seed: int, house: House, school: School, stripe: StripeTwin, settle: Settle, sign_in: SignIn) -> None:
    made = await world(house, school, stripe, settle, sign_in, seed)
    steps = [made.buy] * 3 + [made.refund] * 3 + [made.refund_by_hand, made.bounce, made.dispute, made.dispute, made.decide, made.pay_out, made.pay_out]
    for number in range(STEPS):
        step = made.buy if number < 4 else made.chance.choice(steps)
        await step()
        await made.listen()
    for _ in range(STEPS):  # the provider's clock goes ahead of the shop's now, and nobody begins anything new
        step = made.chance.choice([*steps[3:], made.a_month, made.a_month])
        await step()
        await made.listen()
    await made.rest()

    assert set(made.done) <= {"REFUND_EXCEEDS_BALANCE", "ORDER_DISPUTED", "nothing to pay out"}
    await made.check()

"""The ledger: what sales, refunds, disputes and closings book, and that nobody changes it. That it balances whatever happens: `test_ledger_stateful.py`."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from lms_graph.domain.payouts.operations import accounts, ledger, sales
from lms_graph.domain.payouts.operations.ledger import Entry
from lms_graph.domain.payouts.operations.sales import SoldLine
from lms_graph.domain.payouts.queries import ledger as books
from lms_graph.domain.payouts.queries import shares
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, NotAllowed
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.payouts import LedgerAccount, TransactionKind
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import on_behalf_of, unit_of_work
from tests.factories.accounts import account
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def terms(school: School, **changes: Any) -> None:
    async with unit_of_work(school.system):
        await Tenant.for_caller(school.system, id=school.id).update(**changes)


async def trial(school: School) -> dict[tuple[str, str], int]:
    """Debit less credit, by account and currency."""
    async with database.reading(school.system):
        return {(row["account"], row["currency"]): row["debit"] - row["credit"] for row in await books.trial_balance(caller=school.system)}


async def owed(school: School) -> dict[tuple[UUID | None, str], tuple[int, int]]:
    """What is available and pending, by person (None for the school) and currency."""
    async with unit_of_work(school.system):
        people = {payee.id: payee.account_id for payee in await rows.Payee.for_caller(school.system)}
    async with database.reading(school.system):
        found = await books.balances_of_payees(caller=school.system, payee_ids=list(people))
    return {(people[balance.payee_id], balance.currency): (balance.available, balance.pending) for balance in found}


@dataclass
class Sale:
    order_id: UUID = field(default_factory=uuid4)
    payment_id: UUID = field(default_factory=uuid4)
    line_id: UUID = field(default_factory=uuid4)


async def sell(school: School, net: int = 10000, tax: int = 1900, currency: str = "EUR", **more: Any) -> Sale:
    sale = Sale()
    line = SoldLine(line_id=sale.line_id, net_amount=net, tax_amount=tax, **more)
    assert await sales.post_sale(caller=school.system, order_id=sale.order_id, payment_id=sale.payment_id, currency=currency, lines=[line])
    return sale


class TestPostSale:
    async def test_books_every_share_and_freezes_it(self, school: School) -> None:
        await terms(school, platform_fee_bps=1000, refund_days=14)
        ann = await account(school.system)

        sale = await sell(school, affiliate=(ann, 3000))
        await terms(school, platform_fee_bps=5000)

        assert await trial(school) == {("PROVIDER", "EUR"): 11900, ("PAYEE", "EUR"): -9000, ("PLATFORM", "EUR"): -1000, ("TAX", "EUR"): -1900}
        assert await owed(school) == {(ann, "EUR"): (0, 3000), (None, "EUR"): (0, 6000)}
        async with database.reading(school.system):
            assert await shares.sums_of_orders(caller=school.system, order_ids=[sale.order_id]) == {sale.order_id: (1000, 0)}

    async def test_a_share_waits_as_long_as_money_is_given_back(self, school: School) -> None:
        await terms(school, refund_days=14)
        await sell(school)

        later = Caller.system(school.id, now=school.system.now + timedelta(days=15))
        payee = await accounts.payee_of(caller=school.system, account_id=None)
        async with database.reading(later):
            (balance,) = await books.balances_of_payees(caller=later, payee_ids=[payee])
        assert (balance.available, balance.pending) == (10000, 0)

    async def test_twice_at_once_books_once(self, school: School) -> None:
        sale = Sale()
        line = SoldLine(line_id=sale.line_id, net_amount=100, tax_amount=0)

        booked = await asyncio.gather(*(sales.post_sale(caller=school.system, order_id=sale.order_id, payment_id=sale.payment_id, currency="EUR", lines=[line]) for _ in range(6)))

        assert sorted(booked) == [False] * 5 + [True]
        assert (await trial(school))["PROVIDER", "EUR"] == 100

    async def test_sales_at_once_that_make_the_same_payees_do_not_wait_for_each_other(self, school: School) -> None:
        for _ in range(5):
            people = [await account(school.system) for _ in range(4)]

            async def book(order: list[UUID]) -> bool:
                lines = [SoldLine(line_id=uuid4(), net_amount=100, tax_amount=0, affiliate=(id, 5000)) for id in order]
                return await sales.post_sale(caller=school.system, order_id=uuid4(), payment_id=uuid4(), currency="EUR", lines=lines)

            assert await asyncio.gather(*(book(order) for order in (people, people[::-1]) * 3)) == [True] * 6

    async def test_the_steps_of_a_month_lower_the_commission(self, school: School) -> None:
        await terms(school, platform_fee_bps=2000)
        async with unit_of_work(school.system):
            for from_amount, rate_bps in ((10000, 1500), (30000, 1000)):
                await rows.CommissionTier.create(tenant_id=school.id, currency="EUR", from_amount=from_amount, rate_bps=rate_bps)

        for _ in range(4):
            await sell(school, tax=0)
        await sell(school, tax=0, currency="USD")

        assert {key: value for key, value in (await trial(school)).items() if key[0] == "PLATFORM"} == {
            ("PLATFORM", "EUR"): -(2000 + 1500 + 1500 + 1000),
            ("PLATFORM", "USD"): -2000,
        }


class TestRefundsAndDisputes:
    async def test_a_sale_that_goes_back_whole_leaves_nothing(self, school: School) -> None:
        await terms(school, platform_fee_bps=1500)
        ann = await account(school.system)
        sale = await sell(school, net=9999, tax=1901, affiliate=(ann, 3333))

        for net, tax in ((1, 0), (4998, 900), (5000, 1001)):
            refund = uuid4()
            for again in (True, False):
                assert again == await sales.post_refund(caller=school.system, refund_id=refund, order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, net, tax)])

        assert set((await trial(school)).values()) == {0}
        assert set((await owed(school)).values()) == {(0, 0)}

    async def test_what_was_paid_out_is_owed_back(self, school: School) -> None:
        sale = await sell(school)
        payee = await accounts.payee_of(caller=school.system, account_id=None)
        await ledger.post(
            caller=school.system, kind=TransactionKind.PAYOUT, source_id=uuid4(),
            entries=[Entry(account=LedgerAccount.PAYEE, payee_id=payee, amount=10000, currency="EUR"), Entry(account=LedgerAccount.IN_TRANSIT, amount=-10000, currency="EUR")],
        )  # fmt: skip

        await sales.post_refund(caller=school.system, refund_id=uuid4(), order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, 4000, 760)])

        assert await owed(school) == {(None, "EUR"): (-4000, 0)}

    async def test_more_than_was_sold_is_refused_and_nothing_booked(self, school: School) -> None:
        sale = await sell(school)
        before = await trial(school)

        with pytest.raises(ValueError, match="remain"):
            await sales.post_refund(caller=school.system, refund_id=uuid4(), order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, 10001, 0)])
        assert await trial(school) == before

    async def test_two_refunds_at_once_never_take_more_than_there_is(self, school: School) -> None:
        sale = await sell(school, tax=0)

        done = await asyncio.gather(
            *(sales.post_refund(caller=school.system, refund_id=uuid4(), order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, 6000, 0)]) for _ in range(4)),
            return_exceptions=True,
        )

        assert Counter(type(one).__name__ for one in done) == {"bool": 1, "ValueError": 3}
        assert await owed(school) == {(None, "EUR"): (4000, 0)}

    async def test_a_dispute_that_is_won_costs_its_fee(self, school: School) -> None:
        sale = await sell(school)
        dispute = uuid4()

        await sales.post_dispute_hold(caller=school.system, dispute_id=dispute, order_id=sale.order_id, currency="EUR", amount=11900, fee_amount=2000)
        held = await trial(school)
        await sales.post_dispute_won(caller=school.system, dispute_id=dispute)

        assert (held["DISPUTED", "EUR"], held["PROVIDER", "EUR"]) == (11900, -2000)
        assert await trial(school) == {("DISPUTED", "EUR"): 0, ("PROVIDER", "EUR"): 9900, ("PAYEE", "EUR"): -8000, ("TAX", "EUR"): -1900}

    async def test_a_dispute_that_is_lost_takes_from_each_share(self, school: School) -> None:
        await terms(school, platform_fee_bps=1000)
        sale = await sell(school)
        dispute = uuid4()
        await sales.post_dispute_hold(caller=school.system, dispute_id=dispute, order_id=sale.order_id, currency="EUR", amount=11900, fee_amount=0)

        await sales.post_dispute_lost(caller=school.system, dispute_id=dispute, lines=[(sale.line_id, 10000, 1900)])

        assert set((await trial(school)).values()) == {0}

    async def test_a_fee_waits_with_the_sale_that_it_is_of(self, school: School) -> None:
        await terms(school, refund_days=14)
        sale = await sell(school)
        await sales.post_provider_fee(caller=school.system, payment_id=sale.payment_id, order_id=sale.order_id, currency="EUR", amount=300)

        assert await owed(school) == {(None, "EUR"): (0, 9700)}

    async def test_what_a_lost_dispute_takes_beyond_the_order_is_the_schools_loss(self, school: School) -> None:
        await terms(school, platform_fee_bps=1000)
        sale, dispute = await sell(school, tax=0), uuid4()
        await sales.post_refund(caller=school.system, refund_id=uuid4(), order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, 4000, 0)])
        await sales.post_dispute_hold(caller=school.system, dispute_id=dispute, order_id=sale.order_id, currency="EUR", amount=10000, fee_amount=0)

        await sales.post_dispute_lost(caller=school.system, dispute_id=dispute, lines=[(sale.line_id, 6000, 0)])

        assert await trial(school) == {("PROVIDER", "EUR"): -4000, ("PAYEE", "EUR"): 4000, ("PLATFORM", "EUR"): 0, ("DISPUTED", "EUR"): 0}

    async def test_a_dispute_of_which_nothing_is_held_waits(self, school: School) -> None:
        with pytest.raises(Conflict):
            await sales.post_dispute_won(caller=school.system, dispute_id=uuid4())


class TestClosePool:
    async def pooled(self, school: School) -> None:
        await sell(school, net=1000, tax=0, is_pooled=True)

    async def test_without_anybody_who_watched_it_is_the_schools(self, school: School) -> None:
        await self.pooled(school)
        pool_id, later = uuid4(), Caller.system(school.id, now=school.system.now + timedelta(days=40))

        closed = [await sales.close_pool(caller=later, pool_id=pool_id, period_end=later.now, currency="EUR", seconds={}) for _ in range(2)]

        assert closed == [True, False]
        assert await trial(school) == {("PROVIDER", "EUR"): 1000, ("POOL", "EUR"): 0, ("PAYEE", "EUR"): -1000}

    async def test_takes_only_what_came_in_before_its_end(self, school: School) -> None:
        await self.pooled(school)

        assert not await sales.close_pool(caller=school.system, pool_id=uuid4(), period_end=school.system.now - timedelta(days=1), currency="EUR", seconds={})
        assert (await trial(school))["POOL", "EUR"] == -1000


class TestNobodyChangesIt:
    @pytest.mark.parametrize("sql", ["UPDATE {} SET id = gen_random_uuid()", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
    @pytest.mark.parametrize("table", ["ledger_entries", "ledger_transactions", "line_shares"])
    async def test_not_even_its_owner(self, sql: str, table: str, school: School, environment: dict[str, str]) -> None:
        await sell(school)
        connection = await asyncpg.connect(environment["DATABASE_OWNER_URL"])

        try:
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(sql.format(table))
        finally:
            await connection.close()

    async def test_what_does_not_sum_up_to_zero_is_refused(self, school: School) -> None:
        with pytest.raises(Exception, match="does not sum up to zero"):
            await ledger.post(caller=school.system, kind=TransactionKind.SALE, source_id=uuid4(), entries=[Entry(account=LedgerAccount.PROVIDER, amount=1, currency="EUR")])
        assert await trial(school) == {}

    async def test_currencies_do_not_make_up_for_each_other(self, school: School) -> None:
        entries = [Entry(account=LedgerAccount.PROVIDER, amount=1, currency="EUR"), Entry(account=LedgerAccount.TAX, amount=-1, currency="USD")]
        with pytest.raises(Exception, match="does not sum up to zero"):
            await ledger.post(caller=school.system, kind=TransactionKind.SALE, source_id=uuid4(), entries=entries)

    async def test_nor_is_an_entry_added_by_another_tenants_leave(self, school: School, platform: School) -> None:
        """At the commit the tenant is the platform's again: the check looks past row policies."""
        with pytest.raises(Exception, match="does not sum up to zero"):
            async with unit_of_work(platform.system) as work, on_behalf_of(work, school.id) as part:
                await ledger.post(caller=part.caller, kind=TransactionKind.SALE, source_id=uuid4(), entries=[Entry(account=LedgerAccount.PROVIDER, amount=1, currency="EUR")])
        assert await trial(school) == {}

    async def test_of_a_share_only_what_went_back_moves(self, school: School) -> None:
        sale = await sell(school)

        with pytest.raises(Exception, match="append-only"):
            async with unit_of_work(school.system):
                await database.fetch("UPDATE line_shares SET amount = amount + 1 WHERE tenant_id = $1 AND line_id = $2", school.id, sale.line_id)
        await sales.post_refund(caller=school.system, refund_id=uuid4(), order_id=sale.order_id, currency="EUR", lines=[(sale.line_id, 1, 0)])

        async with database.reading(school.system):
            found = await shares.shares_of_lines(caller=school.system, line_ids=[sale.line_id])
        assert [(share["party"], share["amount"], share["reversed_amount"]) for share in found] == [("SCHOOL", 10000, 1), ("TAX", 1900, 0)]


class TestWhoReads:
    async def test_takes_ledger_read(self, school: School, other_school: School) -> None:
        await sell(school)

        with pytest.raises(NotAllowed):
            await books.trial_balance(caller=Caller(tenant_id=school.id, account_id=uuid4(), now=school.system.now))
        assert await trial(other_school) == {}

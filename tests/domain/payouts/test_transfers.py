"""Payouts: reserved, sent and settled once, whatever dies in between; and what the provider then holds is what the ledger says."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.payouts.operations import accounts, transfers
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.payouts.rules import payees as rules
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, NotAllowed, NotFound, Unavailable
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.payouts import ScheduleKind
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import payees as factory
from tests.factories.accounts import account
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


@pytest.fixture
def gateway(adapters: Adapters, stripe: StripeTwin) -> PaymentGateway:
    return adapters.payments.gateway()


@pytest.fixture
async def payee_id(school: School, stripe: StripeTwin, gateway: PaymentGateway) -> UUID:
    return await factory.connected(school, stripe, gateway, await account(school.system))


def manager(school: School) -> Caller:
    return Caller(tenant_id=school.id, key_id=uuid4(), permissions=frozenset({Permission.PAYOUTS_MANAGE}), now=datetime.now(UTC))


async def pay(school: School, payee_id: UUID, currency: str = "EUR") -> UUID:
    return await transfers.pay_now(caller=manager(school), payee_id=payee_id, currency=currency, key=uuid4().hex)


async def run(school: School, payee_id: UUID, due_at: datetime | None = None) -> None:
    """The run that is set, as if it were due."""
    due = due_at or (await factory.row(school, payee_id)).next_due_at
    assert due is not None
    await transfers.run_due(caller=school.system, payee_id=payee_id, due_at=due.isoformat(), closes=None)


def held(stripe: StripeTwin, account_id: str | None) -> int:
    return stripe.holdings()[account_id or ""].get("eur", 0) if account_id in stripe.holdings() else 0


def transferred(stripe: StripeTwin) -> list[int]:
    return [each["amount"] for each in stripe.store.all("transfer")]


class TestPayNow:
    async def test_sends_all_that_is_available(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])

        payout_id = await pay(school, payee_id)
        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 4200, ("IN_TRANSIT", None, "EUR"): -4200}
        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        (payout,) = await factory.payouts_of(school, payee_id)
        payee = await factory.row(school, payee_id)
        assert (payout.status, payout.amount, payout.problem) == (rows.PayoutStatus.PAID, 4200, None)
        assert held(stripe, payee.provider_account_id) == 4200
        assert await factory.booked(school) == {}
        (transfer,) = stripe.store.all("transfer")
        assert (transfer["transfer_group"], transfer["metadata"]["payout"]) == (f"payout {payout_id}", str(payout_id))

    async def test_needs_something_that_is_available(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        with pytest.raises(Conflict):
            await pay(school, payee_id)
        await factory.sold(school, stripe, [(payee_id, 100)])
        await factory.refunded(school, stripe, payee_id, 300)
        with pytest.raises(Conflict):
            await pay(school, payee_id)
        assert await factory.payouts_of(school, payee_id) == []

    async def test_needs_an_account_that_the_provider_pays_to(self, school: School, stripe: StripeTwin) -> None:
        payee_id = await factory.payee(school, await account(school.system))
        await factory.sold(school, stripe, [(payee_id, 100)])

        with pytest.raises(Conflict):
            await pay(school, payee_id)
        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 100, ("PAYEE", payee_id, "EUR"): -100}

    async def test_is_for_who_manages_payouts_here(self, school: School, other_school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 100)])

        with pytest.raises(NotFound):
            await pay(other_school, payee_id)
        for permissions in (frozenset[Permission](), frozenset(Permission) - {Permission.PAYOUTS_MANAGE}):
            caller = Caller(tenant_id=school.id, key_id=uuid4(), permissions=permissions, now=datetime.now(UTC))
            with pytest.raises(NotAllowed):
                await transfers.pay_now(caller=caller, payee_id=payee_id, currency="EUR", key="k")
        assert await factory.payouts_of(school, payee_id) == []

    async def test_many_at_once_reserve_it_once(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])

        ids = await asyncio.gather(*(pay(school, payee_id) for _ in range(6)))

        assert len(set(ids)) == 1
        assert [payout.amount for payout in await factory.payouts_of(school, payee_id)] == [4200]

    async def test_the_same_request_twice_gives_the_same_payout(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        caller = manager(school)
        first = await transfers.pay_now(caller=caller, payee_id=payee_id, currency="EUR", key="k")
        await transfers.send(caller=school.system, payout_id=first, gateway=gateway)
        await factory.sold(school, stripe, [(payee_id, 100)])

        assert await transfers.pay_now(caller=caller, payee_id=payee_id, currency="EUR", key="k") == first
        assert transferred(stripe) == [4200]


class TestSend:
    async def test_many_at_once_pay_once(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        payout_id = await pay(school, payee_id)

        async def send() -> None:
            try:
                await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
            except Unavailable:  # the other request of the same key still runs
                await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        await asyncio.gather(*(send() for _ in range(5)))

        assert transferred(stripe) == [4200]
        assert await factory.booked(school) == {}

    @pytest.mark.parametrize("fault", ["lost", "error"])
    async def test_an_answer_that_never_came_is_asked_for_again(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID, fault: str) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        payout_id = await pay(school, payee_id)
        stripe.fault(fault, "/v1/transfers")

        with pytest.raises(Unavailable):
            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
        (pending,) = await factory.payouts_of(school, payee_id)
        assert pending.status is rows.PayoutStatus.PENDING
        if fault == "error":
            stripe.idempotency.__init__()  # type: ignore[misc]  # the provider's failure is kept under its key for a day
        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        assert transferred(stripe) == [4200]
        assert await factory.booked(school) == {}

    async def test_what_was_sent_before_the_key_was_forgotten_is_found(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200), (await factory.payee(school, None), 9000)])
        payout_id = await pay(school, payee_id)
        stripe.fault("lost", "/v1/transfers")
        with pytest.raises(Unavailable):
            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
        stripe.idempotency.__init__()  # type: ignore[misc]  # a day goes by

        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        assert transferred(stripe) == [4200]

    async def test_a_crash_after_it_was_settled_changes_nothing_more(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        payout_id = await pay(school, payee_id)

        for _ in range(3):
            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        assert transferred(stripe) == [4200]
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM facts WHERE tenant_id = $1 AND name = 'PayoutPaid'", school.id) == 1

    async def test_waits_while_the_provider_holds_too_little(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)], is_there=False)
        payout_id = await pay(school, payee_id)

        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
        (waiting,) = await factory.payouts_of(school, payee_id)
        stripe.top_up(4200, "eur")
        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        assert (waiting.status, waiting.attempts) == (rows.PayoutStatus.PENDING, 1)
        assert waiting.problem and "waits" in waiting.problem
        (paid,) = await factory.payouts_of(school, payee_id)
        assert (paid.status, paid.problem) == (rows.PayoutStatus.PAID, None)
        assert transferred(stripe) == [4200]

    async def test_looks_again_by_itself(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)], is_there=False)
        payout_id = await pay(school, payee_id)
        before = datetime.now(UTC)

        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        async with database.reading(school.system):
            payload = database.from_json(await database.fetch_value("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'PayoutDelayed'", school.id))
        assert before + rules.WAIT_FOR_FUNDS - timedelta(seconds=5) <= datetime.fromisoformat(payload["again_at"]) <= datetime.now(UTC) + rules.WAIT_FOR_FUNDS

    async def test_what_the_provider_refuses_goes_back_to_the_payee(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        payout_id = await pay(school, payee_id)
        stripe.connect.restrict(str((await factory.row(school, payee_id)).provider_account_id))

        for _ in range(2):
            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        (failed,) = await factory.payouts_of(school, payee_id)
        assert (failed.status, failed.problem) == (rows.PayoutStatus.FAILED, rules.PROBLEMS["insufficient_capabilities_for_transfer"])
        assert not (await factory.row(school, payee_id)).payouts_enabled
        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 4200, ("PAYEE", payee_id, "EUR"): -4200}
        assert transferred(stripe) == []

    async def test_an_account_that_went_away_is_said_so(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        payout_id = await pay(school, payee_id)
        provider_id = str((await factory.row(school, payee_id)).provider_account_id)
        stripe.connect.disconnect(provider_id)
        await accounts.refresh(caller=school.system, provider_id=provider_id, gateway=gateway)

        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        (failed,) = await factory.payouts_of(school, payee_id)
        assert (failed.status, failed.problem) == (rows.PayoutStatus.FAILED, rules.PROBLEMS["account_invalid"])
        payee = await factory.row(school, payee_id)
        assert (payee.provider_account_id, payee.payouts_enabled) == (None, False)


class TestRunDue:
    async def test_pays_each_currency_and_sets_the_next_run(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])
        await factory.sold(school, stripe, [(payee_id, 500)], currency="JPY")
        first = (await factory.row(school, payee_id)).next_due_at
        assert first is not None

        await asyncio.gather(*(run(school, payee_id, first) for _ in range(4)))

        assert sorted((payout.currency, payout.amount) for payout in await factory.payouts_of(school, payee_id)) == [("EUR", 4200), ("JPY", 500)]

    async def test_a_run_that_another_one_replaced_does_nothing(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 4200)])

        await run(school, payee_id, datetime(2026, 1, 1, 4, tzinfo=UTC))

        assert await factory.payouts_of(school, payee_id) == []

    async def test_below_the_threshold_nothing_moves(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        async with unit_of_work(school.system):
            await rows.Payee.for_caller(school.system, id=payee_id).update(schedule_kind=ScheduleKind.THRESHOLD, schedule_threshold_amount=5000, schedule_currency="EUR")
        await factory.sold(school, stripe, [(payee_id, 4999)])
        await run(school, payee_id)
        assert await factory.payouts_of(school, payee_id) == []
        await factory.sold(school, stripe, [(payee_id, 1)])

        await run(school, payee_id)

        assert [payout.amount for payout in await factory.payouts_of(school, payee_id)] == [5000]

    async def test_a_negative_balance_is_carried_over_and_set_off(self, school: School, stripe: StripeTwin, payee_id: UUID) -> None:
        await factory.refunded(school, stripe, payee_id, 300)
        await run(school, payee_id)
        assert await factory.payouts_of(school, payee_id) == []
        await factory.sold(school, stripe, [(payee_id, 1000)])

        await run(school, payee_id)

        assert [payout.amount for payout in await factory.payouts_of(school, payee_id)] == [700]

    async def test_ends_while_the_provider_does_not_pay_and_begins_again(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 1000)])
        provider_id = str((await factory.row(school, payee_id)).provider_account_id)
        due = (await factory.row(school, payee_id)).next_due_at
        stripe.connect.restrict(provider_id)
        await accounts.refresh(caller=school.system, provider_id=provider_id, gateway=gateway)

        await run(school, payee_id, due)
        assert (await factory.row(school, payee_id)).next_due_at is None
        assert await factory.payouts_of(school, payee_id) == []
        stripe.connect.onboard(provider_id)
        await accounts.refresh(caller=school.system, provider_id=provider_id, gateway=gateway)

        assert (await factory.row(school, payee_id)).next_due_at == due


class TestRefresh:
    async def test_what_was_taken_back_before_we_knew_the_transfer_is_not_lost(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 1000)])
        payout_id = await pay(school, payee_id)
        stripe.fault("lost", "/v1/transfers")
        with pytest.raises(Unavailable):
            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
        (transfer,) = stripe.store.all("transfer")
        await gateway.reverse_transfer(transfer["id"], amount=400, key="a")
        await transfers.refresh(caller=school.system, provider_id=transfer["id"], gateway=gateway)  # its event: nobody knows it yet

        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)

        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 400, ("PAYEE", payee_id, "EUR"): -400}

    async def test_what_was_taken_back_is_on_the_balance_again(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 1000)])
        payout_id = await pay(school, payee_id)
        await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
        transfer_id = str((await factory.payouts_of(school, payee_id))[0].provider_transfer_id)

        await gateway.reverse_transfer(transfer_id, amount=400, key="a")
        for _ in range(2):
            await transfers.refresh(caller=school.system, provider_id=transfer_id, gateway=gateway)
        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 400, ("PAYEE", payee_id, "EUR"): -400}
        (partly,) = await factory.payouts_of(school, payee_id)
        assert (partly.status, partly.reversed_amount) == (rows.PayoutStatus.PAID, 400)
        await gateway.reverse_transfer(transfer_id, amount=600, key="b")
        await asyncio.gather(*(transfers.refresh(caller=school.system, provider_id=transfer_id, gateway=gateway) for _ in range(3)))

        assert await factory.booked(school) == {("PROVIDER", None, "EUR"): 1000, ("PAYEE", payee_id, "EUR"): -1000}
        assert (await factory.payouts_of(school, payee_id))[0].status is rows.PayoutStatus.REVERSED

    async def test_the_bank_says_when_it_arrives(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        await factory.sold(school, stripe, [(payee_id, 1000)])
        await transfers.send(caller=school.system, payout_id=await pay(school, payee_id), gateway=gateway)
        provider_id = str((await factory.row(school, payee_id)).provider_account_id)
        leaves = stripe.payouts.pay_out(provider_id, "eur")

        await transfers.refresh_bank(caller=school.system, provider_id=provider_id, gateway=gateway)
        (on_its_way,) = await factory.payouts_of(school, payee_id)
        stripe.payouts.finish(leaves["id"], failure_code="account_closed")
        await transfers.refresh_bank(caller=school.system, provider_id=provider_id, gateway=gateway)
        (failed,) = await factory.payouts_of(school, payee_id)
        stripe.payouts.finish(stripe.payouts.pay_out(provider_id, "eur")["id"])
        await transfers.refresh_bank(caller=school.system, provider_id=provider_id, gateway=gateway)
        (arrived,) = await factory.payouts_of(school, payee_id)

        assert on_its_way.bank_status is rows.BankStatus.IN_TRANSIT
        assert on_its_way.arrives_at == datetime.fromtimestamp(leaves["arrival_date"], UTC)
        assert (failed.bank_status, failed.problem) == (rows.BankStatus.FAILED, "The bank says: account closed.")
        assert (arrived.bank_status, arrived.problem, arrived.status) == (rows.BankStatus.PAID, None, rows.PayoutStatus.PAID)

    async def test_what_is_not_ours_changes_nothing(self, school: School, other_school: School, stripe: StripeTwin, gateway: PaymentGateway, payee_id: UUID) -> None:
        provider_id = str((await factory.row(school, payee_id)).provider_account_id)
        stripe.connect.restrict(provider_id)

        await accounts.refresh(caller=other_school.system, provider_id=provider_id, gateway=gateway)
        await transfers.refresh(caller=school.system, provider_id="tr_unknown", gateway=gateway)
        await transfers.refresh_bank(caller=school.system, provider_id="acct_unknown", gateway=gateway)

        assert (await factory.row(school, payee_id)).payouts_enabled


class TestByItself:
    async def test_what_is_reserved_is_sent(self, house: House, school: School, stripe: StripeTwin, payee_id: UUID, settle) -> None:  # type: ignore[no-untyped-def]
        await factory.sold(school, stripe, [(payee_id, 4200)])
        await pay(school, payee_id)

        assert "payouts.send_payout" in await settle()

        assert held(stripe, (await factory.row(school, payee_id)).provider_account_id) == 4200


class TestHoldings:
    @pytest.mark.parametrize("seed", range(3))
    async def test_the_provider_holds_for_each_what_the_ledger_says(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, seed: int) -> None:
        """Sales, refunds, payouts, reversals, faults and refusals in any order: paid out plus due is earned, and the platform holds the rest."""
        dice = random.Random(seed)
        payees = [await factory.connected(school, stripe, gateway, await account(school.system)) for _ in range(3)]
        earned = dict.fromkeys(payees, 0)
        for _ in range(40):
            who, amount = dice.choice(payees), dice.randrange(1, 5000)
            match dice.choice(["sale", "sale", "refund", "pay", "pay", "fault", "reverse"]):
                case "sale":
                    shares = [(each, dice.randrange(1, amount + 1)) for each in payees]
                    await factory.sold(school, stripe, shares)
                    for each, part in shares:
                        earned[each] += part
                case "refund":
                    await factory.refunded(school, stripe, who, amount)
                    earned[who] -= amount
                case "fault":
                    stripe.fault(dice.choice(["lost", "down", "limited"]), "/v1/transfers")
                case "pay":
                    try:
                        payout_id = await pay(school, who)
                    except Conflict:
                        continue
                    for _ in range(4):
                        try:
                            await transfers.send(caller=school.system, payout_id=payout_id, gateway=gateway)
                            break
                        except Unavailable:
                            pass
                case "reverse":
                    sent = [payout for payout in await factory.payouts_of(school, who) if payout.status is rows.PayoutStatus.PAID and payout.reversed_amount == 0]
                    if sent:
                        stripe.faults.clear()
                        await gateway.reverse_transfer(str(sent[0].provider_transfer_id), amount=1, key=uuid4().hex)
                        await transfers.refresh(caller=school.system, provider_id=str(sent[0].provider_transfer_id), gateway=gateway)

        books, holdings = await factory.booked(school), stripe.holdings()
        in_transit = dict.fromkeys(payees, 0)
        for each in payees:
            payouts = await factory.payouts_of(school, each)
            in_transit[each] = sum(payout.amount for payout in payouts if payout.status is rows.PayoutStatus.PENDING)
            there = holdings.get(str((await factory.row(school, each)).provider_account_id), {}).get("eur", 0)
            assert there == sum(payout.amount - payout.reversed_amount for payout in payouts if payout.status in (rows.PayoutStatus.PAID, rows.PayoutStatus.REVERSED))
            assert there + in_transit[each] - books.get(("PAYEE", each, "EUR"), 0) == earned[each]
        assert holdings["platform"].get("eur", 0) == books.get(("PROVIDER", None, "EUR"), 0)
        assert books.get(("IN_TRANSIT", None, "EUR"), 0) == -sum(in_transit.values())


class TestNextDue:
    @pytest.mark.parametrize(
        ("kind", "day", "after", "due"),
        [
            (ScheduleKind.WEEKLY, None, datetime(2026, 5, 4, 3, 59, tzinfo=UTC), datetime(2026, 5, 4, 4, tzinfo=UTC)),
            (ScheduleKind.WEEKLY, None, datetime(2026, 5, 4, 4, 0, tzinfo=UTC), datetime(2026, 5, 11, 4, tzinfo=UTC)),
            (ScheduleKind.WEEKLY, 7, datetime(2026, 5, 4, 4, 0, tzinfo=UTC), datetime(2026, 5, 10, 4, tzinfo=UTC)),
            (ScheduleKind.MONTHLY, None, datetime(2026, 12, 31, 23, 0, tzinfo=UTC), datetime(2027, 1, 1, 4, tzinfo=UTC)),
            (ScheduleKind.MONTHLY, 28, datetime(2027, 2, 28, 4, 0, tzinfo=UTC), datetime(2027, 3, 28, 4, tzinfo=UTC)),
            (ScheduleKind.THRESHOLD, None, datetime(2026, 5, 4, 5, 0, tzinfo=UTC), datetime(2026, 5, 5, 4, tzinfo=UTC)),
            (ScheduleKind.MANUAL, None, datetime(2026, 5, 4, 5, 0, tzinfo=UTC), None),
        ],
    )
    def test_is_the_first_such_day_after(self, kind: ScheduleKind, day: int | None, after: datetime, due: datetime | None) -> None:
        assert rules.next_due(kind, day, after=after) == due

    def test_what_is_too_fine_for_the_provider_stays(self) -> None:
        assert [rules.payable(amount, currency) for amount, currency in ((1234, "EUR"), (1234, "KWD"), (9, "KWD"), (-5, "EUR"))] == [1234, 1230, 0, 0]

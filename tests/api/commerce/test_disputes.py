"""`disputes`, `disputeEvidenceSubmit`, and what a bank's word does."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce.operations import disputes, payments, refunds
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.errors import Unavailable
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models import database
from lms_graph.models.commerce import OfferSubject
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text
from tests.factories.refundable import PaidOrder, Sold, charged, paid_order, placed_order, settled
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import audit_of, facts_of, fetch, person

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def gateway(house: House, stripe: StripeTwin) -> PaymentGateway:
    return house.adapters.payments.gateway()


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Max Admin")


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text("one"), text("two"))


@pytest.fixture
async def order(school: School, student: Client, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> PaidOrder:
    """119.00 with 19.00 of tax, for one course."""
    return await paid_order(school, student.account_id or uuid4(), Sold(total=11900, tax=1900, courses=(made.course_id,)), gateway=gateway, stripe=stripe)


async def heard(school: School, provider_id: str, gateway: PaymentGateway) -> None:
    """An event tells of a dispute."""
    async with database.reading(school.system):
        await disputes.refresh(caller=school.system, provider_id=provider_id, gateway=gateway)


async def opened(school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, **more: Any) -> tuple[str, UUID]:
    """The buyer goes to their bank, and we hear of it: the provider's id, and ours."""
    provider_id = str(stripe.disputes.open(order.provider_payment_id, **more)["id"])
    await heard(school, provider_id, gateway)
    (row,) = await fetch(school, "SELECT id FROM disputes WHERE tenant_id = $1 AND provider_dispute_id = $2", provider_id)
    return provider_id, row["id"]


async def order_of(school: School, order_id: UUID) -> tuple[str, int, int]:
    (row,) = await fetch(school, "SELECT status, refunded_amount, refund_requested_amount FROM orders WHERE tenant_id = $1 AND id = $2", order_id)
    return tuple(row.values())


async def grant_of(school: School, order: PaidOrder) -> tuple[str, bool]:
    (row,) = await fetch(school, "SELECT state, revoked_at IS NULL AS is_open FROM entitlements WHERE tenant_id = $1 AND source_id = $2", order.line_ids[0])
    return tuple(row.values())


async def ledger_of(school: School) -> dict[str, int]:
    """Each account's balance; what is owed to others is negative."""
    rows = await fetch(school, "SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 GROUP BY account")
    return {row["account"]: row["left"] for row in rows if row["left"]}


async def status_of(school: School, dispute_id: UUID) -> str:
    (row,) = await fetch(school, "SELECT status FROM disputes WHERE tenant_id = $1 AND id = $2", dispute_id)
    return str(row["status"])


class TestOpened:
    async def test_holds_the_money_and_leaves_access(self, school: School, admin: Client, student: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        _, dispute_id = await opened(school, order, gateway, stripe)

        (listed,) = (await admin.data("Disputes"))["nodes"]
        assert listed["id"] == public_id("dsp", dispute_id)
        assert (listed["amount"], listed["reason"], listed["status"]) == ({"amount": "119.00", "currency": "EUR"}, "fraudulent", "NEEDS_RESPONSE")
        assert datetime.fromisoformat(listed["evidenceDueAt"]) > datetime.now(UTC)
        assert await grant_of(school, order) == ("ACTIVE", True)
        ledger = await ledger_of(school)
        assert (ledger["DISPUTED"], sum(ledger.values())) == (11900, 0)
        assert [name for name, _ in await facts_of(school, ["DisputeOpened", "DisputeClosed"])] == ["DisputeOpened"]
        assert ("DisputeOpened", order.public_id, None) in await audit_of(school)

    async def test_closes_what_was_bought_meanwhile_where_the_school_wants_it(
        self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin
    ) -> None:
        changed = await admin.data("mutation { tenantUpdate(input: { disputeSuspendsAccess: true }) { tenant { disputeSuspendsAccess } errors { code } } }")
        provider_id, _ = await opened(school, order, gateway, stripe)
        meanwhile = await grant_of(school, order)
        stripe.disputes.decide(provider_id, won=True)
        await heard(school, provider_id, gateway)

        assert changed == {"tenant": {"disputeSuspendsAccess": True}, "errors": []}
        assert meanwhile == ("PAUSED", True)
        assert await grant_of(school, order) == ("ACTIVE", True)

    async def test_many_times_at_once_is_one(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        provider_id = str(stripe.disputes.open(order.provider_payment_id)["id"])

        await asyncio.gather(*(heard(school, provider_id, gateway) for _ in range(6)))

        assert len(await fetch(school, "SELECT id FROM disputes WHERE tenant_id = $1")) == 1
        assert (await ledger_of(school))["DISPUTED"] == 11900
        assert len(await facts_of(school, ["DisputeOpened"])) == 1

    async def test_an_inquiry_holds_nothing(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        before = await ledger_of(school)

        _, dispute_id = await opened(school, order, gateway, stripe, inquiry=True)

        assert await status_of(school, dispute_id) == "NEEDS_RESPONSE"
        assert await ledger_of(school) == before

    async def test_refuses_refunds_beside_it(self, school: School, student: Client, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        async with unit_of_work(school.system):
            await Tenant.for_caller(school.system).update(refund_days=14)
        asked = (await student.data("AskRefund", input={"orderId": order.public_id, "reason": "No.", "idempotencyKey": "a"}))["refund"]["id"]
        await opened(school, order, gateway, stripe)

        assert await admin.codes("Refund", input={"orderId": order.public_id, "reason": "Yes.", "idempotencyKey": "b"}) == ["ORDER_DISPUTED"]
        assert await admin.codes("DecideRefund", input={"refundId": asked, "decision": "APPROVE"}) == ["ORDER_DISPUTED"]
        assert (await student.data("RefundOutlook", orderId=order.public_id))["obstacle"] == "DISPUTED"
        assert await order_of(school, order.id) == ("PAID", 0, 0)

    async def test_before_its_payment_is_settled_settles_that_first(self, school: School, student: Client, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order_id, _ = await placed_order(school, student.account_id or uuid4(), Sold(total=5000, courses=(made.course_id,)))
        payment_id = await charged(school, order_id, gateway, stripe)
        provider_id = str(stripe.disputes.open(payment_id)["id"])

        await heard(school, provider_id, gateway)

        assert await order_of(school, order_id) == ("PAID", 0, 0)
        (dispute,) = await fetch(school, "SELECT order_id, status FROM disputes WHERE tenant_id = $1")
        assert tuple(dispute.values()) == (order_id, "NEEDS_RESPONSE")

    async def test_of_others_is_nothing_to_us(self, school: School, other_school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        await heard(other_school, str(stripe.disputes.open(order.provider_payment_id)["id"]), gateway)

        assert await fetch(other_school, "SELECT id FROM disputes WHERE tenant_id = $1") == []
        assert await fetch(school, "SELECT id FROM disputes WHERE tenant_id = $1") == []


class TestClosed:
    async def test_won_gives_the_money_back_to_the_school(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        before = await ledger_of(school)
        provider_id, dispute_id = await opened(school, order, gateway, stripe)
        stripe.disputes.decide(provider_id, won=True)

        for _ in range(2):
            await heard(school, provider_id, gateway)

        after = await ledger_of(school)
        fee = before["PROVIDER"] - after["PROVIDER"]
        assert (await status_of(school, dispute_id), "DISPUTED" in after, fee > 0, sum(after.values())) == ("WON", False, True, 0)
        assert (await order_of(school, order.id), await grant_of(school, order)) == (("PAID", 0, 0), ("ACTIVE", True))
        assert [payload["is_won"] for _, payload in await facts_of(school, ["DisputeClosed"])] == [True]

    async def test_lost_takes_each_share_and_closes_what_was_bought(
        self, school: School, student: Client, made: MadeCourse, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin
    ) -> None:
        given = await entitlements.grant_course(caller=school.system, account_id=student.account_id or uuid4(), course_id=made.course_id)
        provider_id, dispute_id = await opened(school, order, gateway, stripe)
        stripe.disputes.decide(provider_id, won=False)

        await asyncio.gather(*(heard(school, provider_id, gateway) for _ in range(4)))

        assert (await status_of(school, dispute_id), await order_of(school, order.id)) == ("LOST", ("REFUNDED", 11900, 0))
        assert await grant_of(school, order) == ("ACTIVE", False)
        (other,) = await fetch(school, "SELECT revoked_at FROM entitlements WHERE tenant_id = $1 AND id = $2", given)
        assert other["revoked_at"] is None
        ledger = await ledger_of(school)
        assert {name: left for name, left in ledger.items() if name not in ("PROVIDER", "PAYEE")} == {}
        assert sum(ledger.values()) == 0, "what is left is the fee, which the school owes"
        assert [payload["is_won"] for _, payload in await facts_of(school, ["DisputeClosed"])] == [False]

    async def test_lost_after_a_part_went_back_takes_the_rest(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        refund_id = await refunds.refund_order(
            caller=boss, order_id=order.id, amount=refunds.Decimal("19.00"), lines=None, reason="A part.", access_change=None, idempotency_key="k"
        )
        await refunds.send_refund(caller=school.system, refund_id=refund_id, gateway=gateway)
        provider_id, _ = await opened(school, order, gateway, stripe, amount=10000)
        stripe.disputes.decide(provider_id, won=False)

        await heard(school, provider_id, gateway)

        (line,) = await fetch(school, "SELECT refunded_amount, refunded_tax_amount FROM order_lines WHERE tenant_id = $1 AND order_id = $2", order.id)
        assert (await order_of(school, order.id), tuple(line.values())) == (("REFUNDED", 11900, 0), (11900, 1900))
        assert "DISPUTED" not in await ledger_of(school)

    async def test_is_right_where_only_the_end_is_heard_of(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        provider_id = str(stripe.disputes.open(order.provider_payment_id)["id"])
        stripe.disputes.decide(provider_id, won=False)

        await heard(school, provider_id, gateway)

        assert (await order_of(school, order.id), await grant_of(school, order)) == (("REFUNDED", 11900, 0), ("ACTIVE", False))
        assert "DISPUTED" not in await ledger_of(school)
        assert [name for name, _ in await facts_of(school, ["DisputeOpened", "DisputeClosed"])] == ["DisputeOpened", "DisputeClosed"]

    async def test_with_a_refund_at_once_never_gives_more_than_was_paid(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        provider_id = str(stripe.disputes.open(order.provider_payment_id)["id"])
        stripe.disputes.decide(provider_id, won=False)

        async def refund() -> None:
            id = await refunds.refund_order(caller=boss, order_id=order.id, amount=None, lines=None, reason="All.", access_change=None, idempotency_key=uuid4().hex)
            await refunds.send_refund(caller=school.system, refund_id=id, gateway=gateway)

        await asyncio.gather(refund(), heard(school, provider_id, gateway), refund(), return_exceptions=True)
        await heard(school, provider_id, gateway)

        (given,) = await fetch(school, "SELECT coalesce(sum(amount), 0) AS given FROM refunds WHERE tenant_id = $1 AND status = 'SUCCEEDED'")
        status, refunded, requested = await order_of(school, order.id)
        assert (given["given"], requested) == (0, 0), "the provider refuses to refund what a bank has taken"
        assert (status, refunded) in (("REFUNDED", 11900), ("PARTIALLY_REFUNDED", 0)), "the first to come had it reserved"

    async def test_that_nobody_told_of_is_found_by_the_sweeper(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        provider_id, dispute_id = await opened(school, order, gateway, stripe)

        async with database.reading(school.system):
            await disputes.check_dispute(caller=school.system, dispute_id=dispute_id, gateway=gateway)
            open_still = await facts_of(school, ["DisputeAwaited"])
            stripe.disputes.decide(provider_id, won=False)
            await disputes.check_dispute(caller=school.system, dispute_id=dispute_id, gateway=gateway)

        (opening,) = await facts_of(school, ["DisputeOpened"])
        assert datetime.fromisoformat(opening[1]["sweep_at"]) > datetime.now(UTC) + timedelta(hours=23)
        assert len(open_still) == 1
        assert await status_of(school, dispute_id) == "LOST"


class TestSuspension:
    """Where the school wants it so, what was bought is closed while its payment is contested: also what others hold of it."""

    @pytest.fixture(autouse=True)
    async def wanted(self, school: School) -> None:
        async with unit_of_work(school.system):
            await Tenant.for_caller(school.system).update(is_access_suspended_by_dispute=True)

    async def seats(self, school: School, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> tuple[PaidOrder, str]:
        """Three seats that are paid, and the code that gives them."""
        sold = Sold(total=30000, courses=(made.course_id,), subject=OfferSubject.SEATS)
        order = await paid_order(school, await account(school.system), sold, gateway=gateway, stripe=stripe)
        async with unit_of_work(school.system):
            (pool,) = await database.fetch("UPDATE seat_pools SET seats = 3 WHERE tenant_id = $1 AND order_line_id = $2 RETURNING code", school.id, order.line_ids[0])
        return order, pool["code"]

    async def redeemed(self, client: Client, code: str) -> None:
        assert await client.codes("RedeemCode", input={"code": code}) == []

    async def states(self, school: School, kind: str) -> list[tuple[str, bool]]:
        rows = await fetch(school, "SELECT state, revoked_at IS NULL AS is_open FROM entitlements WHERE tenant_id = $1 AND kind = $2 ORDER BY id", kind)
        return [tuple(row.values()) for row in rows]

    @pytest.mark.parametrize("won", [True, False])
    async def test_closes_seats_that_are_taken_and_those_taken_meanwhile(
        self, school: School, sign_in: SignIn, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin, won: bool
    ) -> None:
        order, code = await self.seats(school, made, gateway, stripe)
        other, _ = await self.seats(school, made, gateway, stripe)
        await self.redeemed(await sign_in(), code)
        provider_id, _ = await opened(school, order, gateway, stripe)
        assert await self.states(school, "SEAT") == [("PAUSED", True)]
        learner = await sign_in()
        await self.redeemed(learner, code)
        assert await self.states(school, "SEAT") == [("PAUSED", True)] * 2
        stripe.disputes.decide(provider_id, won=won)

        await heard(school, provider_id, gateway)

        states = await self.states(school, "SEAT")
        assert states == [("ACTIVE", True)] * 2 if won else [is_open for _, is_open in states] == [False] * 2
        assert await order_of(school, other.id) == ("PAID", 0, 0)

    async def test_of_seats_taken_at_the_same_time_leaves_none_open(self, school: School, sign_in: SignIn, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, code = await self.seats(school, made, gateway, stripe)
        learners = [await sign_in() for _ in range(3)]
        provider_id = str(stripe.disputes.open(order.provider_payment_id)["id"])

        await asyncio.gather(*(self.redeemed(learner, code) for learner in learners), heard(school, provider_id, gateway))

        assert await self.states(school, "SEAT") == [("PAUSED", True)] * 3

    async def test_stays_until_the_last_dispute_is_won(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        first, _ = await opened(school, order, gateway, stripe, amount=5000)
        stripe.store.kinds["charge"][stripe.store.kinds["payment_intent"][order.provider_payment_id]["latest_charge"]]["disputed"] = False
        second, _ = await opened(school, order, gateway, stripe, amount=6000)
        seen = []
        for provider_id in (first, second):
            stripe.disputes.decide(provider_id, won=True)
            await heard(school, provider_id, gateway)
            seen.append(await grant_of(school, order))

        assert seen == [("PAUSED", True), ("ACTIVE", True)]

    async def test_holds_for_what_a_guest_claims_meanwhile(self, school: School, student: Client, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        lines = (Sold(total=5000, courses=(made.course_id,)),)
        order_id, line_ids = await placed_order(school, student.account_id or uuid4(), *lines)
        async with unit_of_work(school.system):
            (own,) = await database.fetch("UPDATE accounts SET email_verified_at = now() WHERE tenant_id = $1 AND id = $2 RETURNING email", school.id, student.account_id)
            await database.fetch("UPDATE orders SET account_id = NULL, email = $3 WHERE tenant_id = $1 AND id = $2", school.id, order_id, own["email"])
        payment_id = await charged(school, order_id, gateway, stripe)
        await settled(school, order_id, payment_id, line_ids, lines, gateway=gateway, currency="EUR")
        order = PaidOrder(id=order_id, account_id=student.account_id or uuid4(), line_ids=line_ids, provider_payment_id=payment_id)
        provider_id, _ = await opened(school, order, gateway, stripe)

        assert await student.codes("ClaimPurchase", input={"orderId": order.public_id, "idempotencyKey": uuid4().hex}) == []

        assert await grant_of(school, order) == ("PAUSED", True)
        stripe.disputes.decide(provider_id, won=True)
        await heard(school, provider_id, gateway)
        assert await grant_of(school, order) == ("ACTIVE", True)


class TestInquiry:
    """A bank that only asks has taken nothing."""

    async def test_that_is_given_up_takes_nothing_and_closes_nothing(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        async with unit_of_work(school.system):
            await Tenant.for_caller(school.system).update(is_access_suspended_by_dispute=True)
        before = await ledger_of(school)
        provider_id, dispute_id = await opened(school, order, gateway, stripe, inquiry=True)
        stripe.disputes._end(stripe.store.kinds["dispute"][provider_id], "lost")

        for _ in range(2):
            await heard(school, provider_id, gateway)

        assert (await status_of(school, dispute_id), await ledger_of(school)) == ("LOST", before)
        assert (await order_of(school, order.id), await grant_of(school, order)) == (("PAID", 0, 0), ("ACTIVE", True))
        assert before["PROVIDER"] == stripe.holdings()["platform"]["eur"]
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        await refunds.refund_order(caller=boss, order_id=order.id, amount=None, lines=None, reason="All.", access_change=None, idempotency_key="k")

    @pytest.mark.parametrize("is_closed", [False, True])
    async def test_that_becomes_a_dispute_holds_the_money_from_then_on(
        self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, is_closed: bool
    ) -> None:
        provider_id, dispute_id = await opened(school, order, gateway, stripe, inquiry=True)
        if is_closed:
            stripe.disputes.decide(provider_id, won=True)
            await heard(school, provider_id, gateway)
            stripe.store.kinds["dispute"][provider_id]["status"] = "warning_needs_response"
        stripe.disputes.escalate(provider_id)

        await asyncio.gather(*(heard(school, provider_id, gateway) for _ in range(3)))
        assert (await status_of(school, dispute_id), (await ledger_of(school))["DISPUTED"]) == ("NEEDS_RESPONSE", 11900)
        stripe.disputes.decide(provider_id, won=False)
        await heard(school, provider_id, gateway)

        ledger = await ledger_of(school)
        assert (await status_of(school, dispute_id), await order_of(school, order.id)) == ("LOST", ("REFUNDED", 11900, 0))
        assert ("DISPUTED" in ledger, ledger["PROVIDER"], sum(ledger.values())) == (False, stripe.holdings()["platform"]["eur"], 0)


class TestOfWhatCameInTwice:
    """A second payment of an order bought nothing, and goes back; its buyer may contest it all the same."""

    async def twice(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, *, is_sent_back: bool = True) -> tuple[str, UUID]:
        second = await charged(school, order.id, gateway, stripe, key="again")
        async with database.reading(school.system):
            await payments.refresh(caller=school.system, provider_id=second, gateway=gateway)
        (row,) = await fetch(school, "SELECT id, status FROM payments WHERE tenant_id = $1 AND provider_payment_id = $2", second)
        assert row["status"] == "RETURNED"
        if is_sent_back:
            await self.sent_back(school, row["id"], gateway)
            assert (await ledger_of(school))["PROVIDER"] == stripe.holdings()["platform"]["eur"]
        return second, row["id"]

    async def sent_back(self, school: School, payment_id: UUID, gateway: PaymentGateway) -> None:
        async with database.reading(school.system):
            await payments.return_payment(caller=school.system, payment_id=payment_id, gateway=gateway)

    async def untouched(self, school: School, order: PaidOrder) -> bool:
        return (await order_of(school, order.id), await grant_of(school, order)) == (("PAID", 0, 0), ("ACTIVE", True))

    @pytest.mark.parametrize("won", [True, False])
    @pytest.mark.parametrize("is_heard_early", [True, False])
    async def test_is_booked_and_is_the_schools_loss(
        self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, won: bool, is_heard_early: bool
    ) -> None:
        second, _ = await self.twice(school, order, gateway, stripe)
        before = await ledger_of(school)
        provider_id = str(stripe.disputes.open(second, amount=11900)["id"])
        if is_heard_early:
            await asyncio.gather(*(heard(school, provider_id, gateway) for _ in range(3)))
            held = await ledger_of(school)
            assert (held["DISPUTED"], held["PROVIDER"], sum(held.values())) == (11900, stripe.holdings()["platform"]["eur"], 0)
            assert await admin.codes("Refund", input={"orderId": order.public_id, "amount": "1.00", "reason": "Yes.", "idempotencyKey": "b"}) == []
        stripe.disputes.decide(provider_id, won=won)

        await asyncio.gather(*(heard(school, provider_id, gateway) for _ in range(3)))

        after = await ledger_of(school)
        assert ("DISPUTED" in after, after["PROVIDER"], sum(after.values())) == (False, stripe.holdings()["platform"]["eur"], 0)
        assert before["PROVIDER"] - after["PROVIDER"] == (1500 if won else 11900 + 1500)
        assert {name: left for name, left in after.items() if name not in ("PROVIDER", "PAYEE")} == {
            name: left for name, left in before.items() if name not in ("PROVIDER", "PAYEE")
        }
        assert (await grant_of(school, order), (await order_of(school, order.id))[:2]) == (("ACTIVE", True), ("PAID", 0))

    @pytest.mark.parametrize("won", [True, False])
    async def test_before_it_was_sent_back_goes_back_once(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, won: bool) -> None:
        second, payment_id = await self.twice(school, order, gateway, stripe, is_sent_back=False)
        provider_id = str(stripe.disputes.open(second)["id"])
        await heard(school, provider_id, gateway)
        await self.sent_back(school, payment_id, gateway)
        assert stripe.store.all("refund") == []
        assert "DISPUTED" not in await ledger_of(school)

        stripe.disputes.decide(provider_id, won=won)
        await heard(school, provider_id, gateway)
        told = len(await facts_of(school, ["PaymentDuplicated"]))
        if won:
            stripe.advance(days=2)  # the provider forgets what it answered
            await self.sent_back(school, payment_id, gateway)

        assert told == (2 if won else 1)
        ledger = await ledger_of(school)
        assert (ledger["PROVIDER"], sum(ledger.values())) == (stripe.holdings()["platform"]["eur"], 0)
        assert await self.untouched(school, order)


class TestEvidence:
    async def test_says_what_is_given_and_what_the_records_say(
        self, school: School, student: Client, admin: Client, made: MadeCourse, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, settle: Settle
    ) -> None:
        (run,) = await fetch(school, "SELECT id FROM enrollments WHERE tenant_id = $1 AND account_id = $2", student.account_id)
        await student.data("CompleteLecture", input={"enrollmentId": public_id("enr", run["id"]), "lectureId": made.lecture("one")})
        provider_id, dispute_id = await opened(school, order, gateway, stripe)
        id = public_id("dsp", dispute_id)
        hand = (await admin.data("DisputeOf", id=id))["evidenceAtHand"]

        payload = await admin.data("AnswerDispute", input={"disputeId": id, "evidence": {"uncategorizedText": "She finished it.", "customerName": ""}, "idempotencyKey": "k"})
        await settle()

        assert (hand["customerName"], hand["customerEmailAddress"]) == ("Ada Example", "ada@home.example")
        assert "completed “Lecture one” of the course “A Course”" in hand["accessActivityLog"]
        assert hand["refundPolicyDisclosure"] == "No refund is offered."
        assert (payload["errors"], payload["dispute"]["id"]) == ([], id)
        seen = await admin.data("DisputeOf", id=id)
        assert (seen["status"], seen["evidenceSubmittedAt"] is None, seen["evidenceProblem"]) == ("UNDER_REVIEW", False, None)
        assert (seen["evidence"]["uncategorizedText"], seen["evidence"]["customerName"]) == ("She finished it.", "Ada Example")
        sent = stripe.store.kinds["dispute"][provider_id]["evidence"]
        assert (sent["uncategorized_text"], "Lecture one" in sent["access_activity_log"]) == ("She finished it.", True)
        assert {name for name, _ in await facts_of(school, ["DisputeAnswered", "DisputeEvidenceSent"])} == {"DisputeAnswered", "DisputeEvidenceSent"}

    async def test_is_said_once(self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, settle: Settle) -> None:
        _, dispute_id = await opened(school, order, gateway, stripe)
        answer = {"disputeId": public_id("dsp", dispute_id), "idempotencyKey": "k"}

        first, again = [await admin.data("AnswerDispute", input=answer) for _ in range(2)]
        others = await asyncio.gather(*(admin.codes("AnswerDispute", input=answer | {"idempotencyKey": uuid4().hex}) for _ in range(4)))
        await settle()

        assert first == again
        assert others == [["CONFLICT"]] * 4
        assert len([path for method, path, _ in stripe.asked if method == "POST" and path.startswith("/v1/disputes/")]) == 1

    async def test_whose_answer_is_lost_is_sent_again(self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        _, dispute_id = await opened(school, order, gateway, stripe)
        await admin.data("AnswerDispute", input={"disputeId": public_id("dsp", dispute_id), "idempotencyKey": "k"})
        stripe.fault("lost", "/v1/disputes", times=20)

        async with database.reading(school.system):
            with pytest.raises(Unavailable):
                await disputes.send_evidence(caller=school.system, dispute_id=dispute_id, gateway=gateway)
            stripe.faults.clear()
            for _ in range(2):
                await disputes.send_evidence(caller=school.system, dispute_id=dispute_id, gateway=gateway)

        assert await status_of(school, dispute_id) == "UNDER_REVIEW"
        assert len(await facts_of(school, ["DisputeEvidenceSent"])) == 1

    async def test_that_the_provider_does_not_take_can_be_mended(
        self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, settle: Settle
    ) -> None:
        provider_id, dispute_id = await opened(school, order, gateway, stripe)
        await admin.data("AnswerDispute", input={"disputeId": public_id("dsp", dispute_id), "idempotencyKey": "k"})
        stripe.disputes.decide(provider_id, won=False)

        await settle()

        seen = await admin.data("DisputeOf", id=public_id("dsp", dispute_id))
        assert (seen["evidence"], seen["evidenceSubmittedAt"], bool(seen["evidenceProblem"])) == (None, None, True)

    async def test_keeps_to_bounds_and_time(self, school: School, admin: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        _, dispute_id = await opened(school, order, gateway, stripe)
        answer = {"disputeId": public_id("dsp", dispute_id), "idempotencyKey": "k"}

        assert await admin.codes("AnswerDispute", input=answer | {"evidence": {"uncategorizedText": "x" * 20_001}}) == ["INVALID"]
        async with unit_of_work(school.system):
            await database.fetch("UPDATE disputes SET evidence_due_at = now() - interval '1 second' WHERE tenant_id = $1", school.id)
        assert await admin.codes("AnswerDispute", input=answer | {"idempotencyKey": "l"}) == ["CONFLICT"]

    async def test_takes_the_permission_in_this_school(
        self, school: School, other_school: School, student: Client, sign_in: SignIn, visitor: Client, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin
    ) -> None:
        _, dispute_id = await opened(school, order, gateway, stripe)
        answer = {"disputeId": public_id("dsp", dispute_id), "idempotencyKey": "k"}
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("AnswerDispute", input=answer) == ["UNAUTHENTICATED"]
        assert await student.codes("AnswerDispute", input=answer) == ["FORBIDDEN"]
        assert await stranger.codes("AnswerDispute", input=answer) == ["NOT_FOUND"]
        assert await visitor.codes("Disputes") == ["UNAUTHENTICATED"]
        assert await student.codes("Disputes") == ["FORBIDDEN"]
        assert (await stranger.data("Disputes"))["nodes"] == []
        assert [await each.data("DisputeOf", id=answer["disputeId"]) for each in (student, stranger)] == [None, None], "not even for the buyer"
        assert parse_id(answer["disputeId"]) == ("dsp", dispute_id)

"""Reserve → call → settle: a death in each gap, two at once, and money that was not agreed. After the sweep everything is as if nothing had happened."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lms_graph.domain.commerce import errors
from lms_graph.domain.commerce.operations import checkouts, payments, settlement
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.errors import Unavailable
from lms_graph.models import database
from tests.factories import offers
from tests.factories.checkouts import GONE, OPEN, PAID, asked, begin, gateway, rows_of, session_of, shop, state, sweep, till, uuid_of
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


class Died(Exception):
    """The process, here."""


class DiesAfter:
    """A gateway in whose process nothing happens any more once the provider has done what a method asks for."""

    def __init__(self, real: Any, method: str, *, before: bool = False) -> None:
        self._real, self._method, self._before = real, method, before

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        async def die(*args: Any, **kwargs: Any) -> Any:
            if not self._before:
                await real(*args, **kwargs)
            raise Died

        return die


class DyingPayments:
    def __init__(self, payments: Any, method: str, *, before: bool) -> None:
        self._payments, self._method, self._before = payments, method, before

    def gateway(self, own: Any = None) -> Any:
        return DiesAfter(self._payments.gateway(own), self._method, before=self._before)


class TestGaps:
    @pytest.mark.parametrize("before", [True, False], ids=["before the call", "after the call"])
    @pytest.mark.parametrize("mended_by", ["repeat", "sweep", "event"])
    async def test_dying_around_the_call_that_opens_it_leaves_one_session(
        self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, before: bool, mended_by: str
    ) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system)
        sent = asked(made.offer, couponCode=code)
        stripe.fault("down" if before else "lost", "/v1/checkout/sessions", times=3)  # as often as the library asks
        assert await student.codes("StartCheckout", input=sent) == ["UNAVAILABLE"]
        (row,) = await rows_of(school.system, "checkouts")
        assert (row["status"], row["provider_session_id"]) == ("OPEN", None)
        stripe.faults.clear()

        if mended_by == "repeat" or (mended_by == "event" and before):
            assert (await student.data("StartCheckout", input=sent))["errors"] == []
        elif mended_by == "sweep":
            await sweep(house, school)
        (session,) = stripe.store.all("checkout.session")
        stripe.checkout.pay(session["id"])
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == PAID | {"payments": [("SUCCEEDED", 1800)]}
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 1)
        (row,) = await rows_of(school.system, "checkouts")
        assert row["provider_session_id"] == session["id"]

    async def test_a_checkout_that_nobody_comes_back_to_is_opened_by_the_sweep_and_released_at_its_end(
        self, stripe: StripeTwin, house: House, school: School, student: Client
    ) -> None:
        made = await shop(school)
        stripe.fault("down", "/v1/checkout/sessions", times=3)
        await student.codes("StartCheckout", input=asked(made.offer))
        stripe.faults.clear()

        await sweep(house, school)
        assert await state(school.system) == OPEN
        stripe.advance(2 * 3600)
        await sweep(house, school)

        assert await state(school.system) == GONE

    async def test_a_payment_whose_events_were_all_lost_is_found_by_the_sweep(self, stripe: StripeTwin, house: House, school: School, student: Client) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))

        await sweep(house, school)
        await sweep(house, school)

        assert await state(school.system) == PAID

    @pytest.mark.parametrize("step", ["coupons.redeem", "fulfillment.fulfill", "sales.post_sale", "settlement.note_fee"])
    async def test_dying_within_the_settlement_leaves_nothing_of_it(
        self, stripe: StripeTwin, house: House, school: School, student: Client, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))

        async def die(**_: Any) -> None:
            raise Died

        module, name = step.split(".")
        with monkeypatch.context() as dying:
            dying.setattr(settlement if module == "settlement" else getattr(settlement, module), name, die)
            with pytest.raises(Died):
                await sweep(house, school)
        assert await state(school.system) == OPEN

        await sweep(house, school)
        assert await state(school.system) == PAID

    async def test_dying_after_the_session_was_ended_at_the_provider_is_mended_by_the_sweep(self, stripe: StripeTwin, house: House, school: School, student: Client) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        caller = replace(school.system, account_id=student.account_id)
        dying = replace(till(house), payments=DyingPayments(house.adapters.payments, "expire_checkout", before=False))
        with pytest.raises(Died):
            async with database.reading(caller):
                await checkouts.cancel_checkout(caller=caller, checkout_id=uuid_of(checkout["id"]), token=None, till=dying)
        assert await state(school.system) == OPEN

        await sweep(house, school)

        assert await state(school.system) == GONE

    async def test_the_provider_away_is_told_and_tried_again(self, stripe: StripeTwin, house: House, school: School, student: Client) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))
        stripe.fault("down", "/v1/", method="GET", times=3)

        with pytest.raises(Unavailable):
            await sweep(house, school)
        stripe.faults.clear()
        await sweep(house, school)

        assert await state(school.system) == PAID


class TestRaces:
    async def test_event_mutation_and_sweep_at_once_settle_once(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()

        await asyncio.gather(settle(), *(sweep(house, school) for _ in range(4)), *(student.codes("CancelCheckout", input={"id": checkout["id"]}) for _ in range(2)))
        await settle()

        assert await state(school.system) == PAID
        assert len(await rows_of(school.system, "line_shares")) > 0

    async def test_two_payments_of_an_order_pay_it_once_and_the_second_goes_back_once(
        self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle
    ) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        session = stripe.store.kinds["checkout.session"][await session_of(school.system, checkout)]
        second = await _another_session(house, session)
        for each in (session["id"], second):
            stripe.checkout.pay(each)
        await stripe.events.quiet()
        await settle()
        await settle()

        rows = await rows_of(school.system, "payments", order="created_at, id")
        assert sorted((row["status"], row["amount"]) for row in rows) == [("RETURNED", 2000), ("SUCCEEDED", 2000)]
        assert (await state(school.system)) | {"payments": []} == PAID | {"payments": []}
        (refund,) = stripe.store.all("refund")
        returned = next(row for row in rows if row["status"] == "RETURNED")
        assert (refund["payment_intent"], refund["amount"]) == (returned["provider_payment_id"], 2000)
        async with database.reading(school.system):
            await payments.return_payment(caller=school.system, payment_id=returned["id"], gateway=gateway(house))
        assert len(stripe.store.all("refund")) == 1


class TestMoney:
    @pytest.mark.parametrize("differs", [{"amount": 1999}, {"amount": 2001}, {"currency": "USD"}])
    async def test_what_was_not_agreed_is_never_settled(self, stripe: StripeTwin, house: House, school: School, student: Client, differs: dict[str, Any]) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))
        (intent,) = stripe.store.all("payment_intent")
        paid = await gateway(house).payment(intent["id"])

        with pytest.raises(errors.PaymentDiffers):
            await settlement.settle_order(caller=school.system, order_id=uuid_of(checkout["order"]["id"]), payment=replace(paid, **differs))
        with pytest.raises(errors.PaymentDiffers):
            await settlement.settle_order(caller=school.system, order_id=uuid_of(checkout["order"]["id"]), payment=None)

        assert await state(school.system) == OPEN

    async def test_money_that_comes_after_the_end_is_honored(self, stripe: StripeTwin, house: House, school: School, student: Client) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        order_id = uuid_of(checkout["order"]["id"])
        stripe.checkout.pay(await session_of(school.system, checkout))
        (intent,) = stripe.store.all("payment_intent")
        await checkouts._release(school.system, uuid_of(checkout["id"]), order_id, checkouts.CheckoutStatus.EXPIRED)
        assert await state(school.system) == GONE

        assert await settlement.settle_order(caller=school.system, order_id=order_id, payment=await gateway(house).payment(intent["id"]))

        assert await state(school.system) == PAID

    async def test_the_ledger_holds_what_the_provider_does(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        rows = await rows_of(school.system, "ledger_entries", "account, amount", "id")
        assert sum(row["amount"] for row in rows) == 0
        assert sum(row["amount"] for row in rows if row["account"] == "PROVIDER") == stripe.holdings()["platform"]["eur"]


async def _another_session(house: House, session: dict[str, Any]) -> str:
    """The same again at the provider, as a process makes it that comes back after the provider has forgotten the key."""
    from datetime import UTC, datetime

    from lms_graph.domain.payouts.ports import CheckoutRequest, Item

    made = await gateway(house).open_checkout(
        CheckoutRequest(
            currency="EUR",
            items=[Item(title="A Course", unit_amount=2000)],
            email="ada@home.example",
            metadata=session["metadata"],
            transfer_group=session["metadata"]["order"],
            success_url="https://shop.example/thanks",
            cancel_url="https://shop.example/cart",
            is_embedded=False,
            expires_at=datetime.fromtimestamp(session["expires_at"], UTC),
            locale="en",
        ),
        key=f"again-{session['id']}",
    )
    return made.id

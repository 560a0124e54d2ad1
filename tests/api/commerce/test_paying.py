"""Ways to pay, beyond a card at the provider's page: debits, two tabs, embedded forms, tax that the provider reckons, keys of the school's own; and what a sale settles."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.commerce.operations import checkouts, payments, plan_states, selling
from lms_graph.domain.commerce.rules.offers import Amount
from lms_graph.integrations.twins.stripe import TEST_KEY, WEBHOOK_SECRET, StripeTwin
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind, TaxMode
from tests.factories import offers
from tests.factories.checkouts import GONE, HOME, OPEN, PAID, asked, begin, gateway, rows_of, session_of, shop, state, sweep, uuid_of
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


class TestCoupons:
    async def test_ten_uses_are_ten_sales_however_many_ask_at_once(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system, max_redemptions=10)
        buyers = [await sign_in() for _ in range(50)]

        answers = await asyncio.gather(*(buyer.data("StartCheckout", input=asked(made.offer, couponCode=code)) for buyer in buyers))

        refused = [answer["errors"][0] for answer in answers if answer["errors"]]
        assert len(refused) == 40 and {(error["code"], error["reason"]) for error in refused} == {("COUPON_REJECTED", "USED_UP")}
        (coupon,) = await rows_of(school.system, "coupons")
        assert coupon["held"] == 10 == len(await rows_of(school.system, "orders"))
        for session in list(stripe.store.all("checkout.session")):
            stripe.checkout.pay(session["id"])
        await stripe.events.quiet()
        await settle()
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 10)
        assert (await state(school.system))["payments"] == [("SUCCEEDED", 1800)] * 10


class TestDebits:
    """Paid, and the money is days under way."""

    async def begun(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> dict[str, Any]:
        _, code = await offers.coupon(school.system)
        checkout = await begin(student, (await shop(school)).offer, couponCode=code)
        assert stripe.checkout.pay(await session_of(school.system, checkout), "pm_bank_debit") == "processing"
        await stripe.events.quiet()
        await settle()
        return checkout

    async def test_wait_and_open_nothing_until_the_money_is_there(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        checkout = await self.begun(stripe, school, student, settle)

        assert await state(school.system) == OPEN | {"checkouts": ["PROCESSING"]}
        assert (await student.data("Checkout", id=checkout["id"]))["status"] == "PROCESSING"
        assert await student.codes("CancelCheckout", input={"id": checkout["id"]}) == ["CHECKOUT_CLOSED"]
        stripe.advance(3 * 24 * 3600)
        await sweep(house, school)
        assert (await state(school.system))["checkouts"] == ["PROCESSING"], "its time has passed, and the money may still come"
        stripe.payments.arrive(stripe.store.all("payment_intent")[0]["id"])
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == PAID | {"payments": [("SUCCEEDED", 1800)]}
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 1)

    @pytest.mark.parametrize("told_by", ["event", "sweep"])
    async def test_that_the_bank_returns_release_everything(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, told_by: str) -> None:
        checkout = await self.begun(stripe, school, student, settle)
        if told_by == "sweep":
            stripe.events.endpoints.clear()

        stripe.payments.arrive(stripe.store.all("payment_intent")[0]["id"], well=False)
        await stripe.events.quiet()
        await settle()
        if told_by == "sweep":
            await sweep(house, school)

        assert await state(school.system) == GONE | {"checkouts": ["FAILED"], "payments": [("FAILED", 1800)]}
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 0)
        (payment,) = (await student.data("OrderParts", id=checkout["order"]["id"]))["payments"]
        assert (payment["status"], payment["failureCode"]) == ("FAILED", "insufficient_funds")


class TestDebitsOfPlans:
    """The first payment of a plan, whose money is days under way, and perhaps returned and tried again. Whoever tells of it: it is paid once, and the plan is the provider's."""

    async def begun(self, stripe: StripeTwin, school: School, student: Client, **differs: Any) -> str:
        made = await shop(school, **{"kind": OfferKind.RECURRING, "interval": BillingInterval.MONTH} | differs)
        checkout = await begin(student, made.offer)
        assert stripe.checkout.pay(await session_of(school.system, checkout), "pm_bank_debit") == "processing"
        (intent,) = stripe.store.all("payment_intent")
        return str(intent["id"])

    async def returned(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> str:
        """The bank has returned it."""
        intent = await self.begun(stripe, school, student)
        stripe.payments.arrive(intent, well=False)
        await stripe.events.quiet()
        await settle()
        assert await state(school.system) == GONE | {"checkouts": ["FAILED"], "payments": [("FAILED", 2000)]}
        assert stripe.store.all("subscription")[0]["status"] == "past_due"
        return intent

    def paid_again(self, stripe: StripeTwin, card: str = "pm_card_visa") -> None:
        """The provider tries again, and this time it works."""
        (plan,) = stripe.store.all("subscription")
        stripe.customers.use_card(plan["customer"], card)
        (invoice,) = stripe.store.all("invoice")
        assert stripe.invoices.take(invoice, stripe.subscriptions.card_of(invoice)) == "paid"
        assert stripe.store.all("checkout.session")[0]["payment_status"] == "unpaid"

    async def is_paid(self, stripe: StripeTwin, school: School) -> None:
        assert await state(school.system) == PAID
        (plan,) = await rows_of(school.system, "subscriptions")
        (theirs,) = stripe.store.all("subscription")
        assert (plan["provider_subscription_id"], plan["status"]) == (theirs["id"], "ACTIVE")
        (order,) = await rows_of(school.system, "orders")
        assert (order["kind"], order["subscription_id"]) == ("PURCHASE", plan["id"])
        booked = [row["kind"] for row in await rows_of(school.system, "ledger_transactions")]
        assert sorted(booked) == ["PROVIDER_FEE", "SALE"]
        entries = await rows_of(school.system, "ledger_entries", "account, amount")
        assert sum(row["amount"] for row in entries if row["account"] == "PROVIDER") == stripe.holdings()["platform"]["eur"]

    async def test_under_way_opens_nothing(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        await self.begun(stripe, school, student)
        await stripe.events.quiet()
        await settle()
        await sweep(house, school)

        assert await state(school.system) == OPEN | {"checkouts": ["PROCESSING"]}
        assert await rows_of(school.system, "subscriptions") == []

    async def is_paid_once_told(self, stripe: StripeTwin, house: House, school: School, settle: Settle, told_by: str) -> None:
        await stripe.events.quiet()
        await settle()
        if told_by == "sweep":
            await sweep(house, school)
            await settle()

        await self.is_paid(stripe, school)

    @pytest.mark.parametrize("told_by", ["events", "invoice.paid", "checkout.session.async_payment_succeeded", "customer.subscription.updated", "sweep"])
    async def test_that_arrives_begins_the_plan_whoever_tells_of_it(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, told_by: str) -> None:
        intent = await self.begun(stripe, school, student)
        await stripe.events.quiet()
        await settle()
        if told_by != "events":
            stripe.events.lost = lambda event: event["type"] != told_by

        stripe.payments.arrive(intent)
        if told_by == "customer.subscription.updated":
            stripe.subscriptions._change(stripe.store.all("subscription")[0], description="Touched.")
        await self.is_paid_once_told(stripe, house, school, settle, told_by)

    @pytest.mark.parametrize("told_by", ["events", "payment_intent.succeeded", "charge.succeeded", "invoice.paid", "customer.subscription.updated", "sweep"])
    async def test_that_was_returned_and_comes_later_begins_the_plan_whoever_tells_of_it(
        self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, told_by: str
    ) -> None:
        await self.returned(stripe, school, student, settle)
        if told_by != "events":
            stripe.events.lost = lambda event: event["type"] != told_by

        self.paid_again(stripe)
        await self.is_paid_once_told(stripe, house, school, settle, told_by)

    @pytest.mark.parametrize("order", ["reversed", "shuffled"])
    async def test_events_in_any_order_and_twice_with_sweeps_between_pay_it_once(
        self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, order: str
    ) -> None:
        stripe.events.doubled = True
        stripe.events.hold()
        intent = await self.begun(stripe, school, student)
        stripe.payments.arrive(intent, well=False)
        self.paid_again(stripe)
        stripe.events.release(order=order, seed=5)
        await stripe.events.quiet()

        await asyncio.gather(settle(), *(sweep(house, school) for _ in range(3)))
        await settle()

        await self.is_paid(stripe, school)

    async def test_in_installments_counts_the_first(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        intent = await self.begun(stripe, school, student, kind=OfferKind.INSTALLMENTS, installments=3)
        stripe.payments.arrive(intent, well=False)
        await stripe.events.quiet()
        await settle()
        self.paid_again(stripe)
        await stripe.events.quiet()
        await settle()

        await self.is_paid(stripe, school)
        (plan,) = await rows_of(school.system, "subscriptions")
        assert (plan["installments_paid"], plan["installments_total"]) == (1, 3)

    async def test_that_was_returned_and_paid_by_hand_begins_the_plan(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        await self.returned(stripe, school, student, settle)

        stripe.invoices.paid_elsewhere(stripe.store.all("invoice")[0])
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == PAID | {"payments": [("FAILED", 2000)]}
        (plan,) = await rows_of(school.system, "subscriptions")
        assert plan["provider_subscription_id"] == stripe.store.all("subscription")[0]["id"]
        assert [row["kind"] for row in await rows_of(school.system, "ledger_transactions")] == ["SALE"]

    async def test_of_another_school_is_nothing_to_us(self, stripe: StripeTwin, house: House, school: School, other_school: School, student: Client, settle: Settle) -> None:
        intent = await self.begun(stripe, school, student)
        stripe.events.endpoints.clear()
        stripe.payments.arrive(intent)
        (plan,) = stripe.store.all("subscription")

        async with database.reading(other_school.system):
            await plan_states.refresh(caller=other_school.system, provider_id=plan["id"], gateway=gateway(house))
            await payments.refresh(caller=other_school.system, provider_id=intent, gateway=gateway(house))

        assert await rows_of(other_school.system, "subscriptions") == []
        assert (await state(school.system))["orders"] == ["PENDING"]

    async def test_that_never_comes_is_looked_at_for_two_months(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        await self.returned(stripe, school, student, settle)
        (row,) = await rows_of(school.system, "checkouts")
        looks = []
        for days in (1, 59, 61):
            caller = school.system.at(row["created_at"] + timedelta(days=days))
            before = await rows_of(school.system, "facts", "name")
            async with database.reading(caller):
                await checkouts.sweep_checkout(caller=caller, checkout_id=row["id"], gateway=gateway(house))
            looks.append(len(await rows_of(school.system, "facts", "name")) - len(before))

        assert looks == [1, 1, 0]


class TestCouponsOfPlans:
    """A coupon lowers the first payment of a plan, and none of the later ones."""

    async def bought(self, stripe: StripeTwin, school: School, student: Client, settle: Settle, total: str, coupon: dict[str, Any], **differs: Any) -> str:
        """A plan of 20.00 a month, whose first payment is `total`; gives what the provider calls it."""
        made = await shop(school, **{"kind": OfferKind.RECURRING, "interval": BillingInterval.MONTH} | differs)
        _, code = await offers.coupon(school.system, **coupon)
        checkout = await begin(student, made.offer, couponCode=code, expectedTotal={"amount": total, "currency": "EUR"}, country="DE")
        (held,) = await rows_of(school.system, "coupons")
        assert (held["held"], held["redemptions"]) == (1, 0)
        assert stripe.checkout.pay(await session_of(school.system, checkout)) == "paid"
        await stripe.events.quiet()
        await settle()
        (held,) = await rows_of(school.system, "coupons")
        assert (held["held"], held["redemptions"]) == (0, 1)
        (theirs,) = stripe.store.all("subscription")
        return str(theirs["id"])

    async def a_month_later(self, stripe: StripeTwin, school: School, house: House, plan: str) -> None:
        stripe.events.endpoints.clear()
        stripe.advance(days=32)
        caller = school.system.at(datetime.fromtimestamp(stripe.now(), UTC))
        async with database.reading(caller):
            await plan_states.refresh(caller=caller, provider_id=plan, gateway=gateway(house))

    async def orders(self, school: School) -> list[tuple[str, str, int, int, int]]:
        names = ("kind", "status", "discount_amount", "tax_amount", "total_amount")
        return [tuple(row[name] for name in names) for row in await rows_of(school.system, "orders", order="placed_at, id")]

    @pytest.mark.parametrize(
        ("coupon", "off", "total"),
        [({"percent_off": Decimal(10)}, 200, "18.00"), ({"amount_off": Amount(amount=Decimal("5.00"), currency="EUR")}, 500, "15.00")],
    )
    async def test_percent_and_amount(
        self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle, coupon: dict[str, Any], off: int, total: str
    ) -> None:
        plan = await self.bought(stripe, school, student, settle, total, coupon)
        (line,) = await rows_of(school.system, "order_lines")
        assert (line["unit_amount"], line["subtotal_amount"], line["discount_amount"], line["total_amount"]) == (2000, 2000, off, 2000 - off)
        assert sum(share["amount"] for share in await rows_of(school.system, "line_shares")) == 2000 - off

        await self.a_month_later(stripe, school, house, plan)

        assert await self.orders(school) == [("PURCHASE", "PAID", off, 0, 2000 - off), ("RENEWAL", "PAID", 0, 0, 2000)]
        (row,) = await rows_of(school.system, "subscriptions")
        assert (row["status"], row["amount"]) == ("ACTIVE", 2000)
        entries = await rows_of(school.system, "ledger_entries", "account, amount")
        assert sum(entry["amount"] for entry in entries if entry["account"] == "PROVIDER") == stripe.holdings()["platform"]["eur"]

    @pytest.mark.parametrize(("is_included", "total", "first", "each"), [(True, "18.00", (287, 1800), (319, 2000)), (False, "21.42", (342, 2142), (380, 2380))])
    async def test_lowers_the_tax_of_the_first_payment_with_it(
        self,
        stripe: StripeTwin,
        house: House,
        school: School,
        student: Client,
        settle: Settle,
        is_included: bool,
        total: str,
        first: tuple[int, int],
        each: tuple[int, int],
    ) -> None:
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.PROVIDER, "prices_include_tax": is_included})
        plan = await self.bought(stripe, school, student, settle, total, {"percent_off": Decimal(10)})

        await self.a_month_later(stripe, school, house, plan)

        assert await self.orders(school) == [("PURCHASE", "PAID", 200, *first), ("RENEWAL", "PAID", 0, *each)]

    async def test_of_installments_is_the_first_one_s(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        differs = {"kind": OfferKind.INSTALLMENTS, "installments": 2}
        plan = await self.bought(stripe, school, student, settle, "15.00", {"amount_off": Amount(amount=Decimal("5.00"), currency="EUR")}, **differs)

        await self.a_month_later(stripe, school, house, plan)

        assert await self.orders(school) == [("PURCHASE", "PAID", 500, 0, 1500), ("INSTALLMENT", "PAID", 0, 0, 2000)]
        (row,) = await rows_of(school.system, "subscriptions")
        assert (row["status"], row["installments_paid"]) == ("COMPLETED", 2)

    async def test_of_all_of_it_begins_the_plan_without_a_payment(self, stripe: StripeTwin, house: House, school: School, student: Client, settle: Settle) -> None:
        plan = await self.bought(stripe, school, student, settle, "0.00", {"percent_off": Decimal(100)})
        assert await state(school.system) == PAID | {"payments": []}

        await self.a_month_later(stripe, school, house, plan)

        assert await self.orders(school) == [("PURCHASE", "PAID", 2000, 0, 0), ("RENEWAL", "PAID", 0, 0, 2000)]

    async def test_is_asked_for_once_whatever_is_lost(self, stripe: StripeTwin, house: House, school: School, student: Client) -> None:
        made = await shop(school, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH)
        _, code = await offers.coupon(school.system)
        sent = asked(made.offer, couponCode=code)
        for path in ("/v1/coupons", "/v1/checkout/sessions"):
            stripe.fault("lost", path, times=3)
            assert await student.codes("StartCheckout", input=sent) == ["UNAVAILABLE"]
            stripe.faults.clear()

        await sweep(house, school)

        (session,) = stripe.store.all("checkout.session")
        assert (session["amount_total"], len(stripe.store.all("coupon"))) == (1800, 1)

    async def test_is_nothing_for_a_plan_that_begins_free(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH, trial_days=7)
        _, code = await offers.coupon(school.system)

        payload = await student.data("StartCheckout", input=asked(made.offer, couponCode=code))

        assert [(error["code"], error["reason"]) for error in payload["errors"]] == [("COUPON_REJECTED", "NOT_APPLICABLE")]
        assert await rows_of(school.system, "orders") == []


class TestTwoTabs:
    async def test_that_pay_one_order_pay_it_once(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        checkout = await begin(student, (await shop(school)).offer)

        async with httpx.AsyncClient() as browser:
            await asyncio.gather(*(browser.post(checkout["paymentUrl"], data={"choice": "pay"}) for _ in range(4)))
        await stripe.events.quiet()
        await settle()

        assert len([charge for charge in stripe.store.all("charge") if charge["status"] == "succeeded"]) == 1
        assert await state(school.system) == PAID


class TestEmbedded:
    async def test_a_form_in_the_storefront_is_paid_like_the_provider_s_page(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        checkout = await begin(student, (await shop(school)).offer, embedded=True, cancelUrl=None)

        assert checkout["paymentUrl"] is None and checkout["clientSecret"]
        session = stripe.store.kinds["checkout.session"][await session_of(school.system, checkout)]
        assert (session["client_secret"], session["return_url"]) == (checkout["clientSecret"], f"{HOME}/thanks?session={{CHECKOUT_SESSION_ID}}")
        stripe.checkout.pay(session["id"])
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == PAID
        assert (await student.data("Checkout", id=checkout["id"]))["clientSecret"] is None


class TestTax:
    @pytest.mark.parametrize("is_included", [True, False])
    async def test_of_the_provider_is_booked_there_once_it_is_paid(self, stripe: StripeTwin, school: School, student: Client, settle: Settle, is_included: bool) -> None:
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.PROVIDER, "prices_include_tax": is_included})
        checkout = await begin(student, (await shop(school)).offer, country="DE", postalCode="10115")
        total, tax = (2000, 319) if is_included else (2380, 380)
        assert stripe.store.all("tax.transaction") == []

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        ran = await settle()

        assert "commerce.book_tax" in ran
        assert (await state(school.system))["payments"] == [("SUCCEEDED", total)]
        (booked,) = stripe.store.all("tax.transaction")
        assert booked["reference"] == str(uuid_of(checkout["order"]["id"]))
        rows = await rows_of(school.system, "ledger_entries", "account, amount", "id")
        assert sum(row["amount"] for row in rows if row["account"] == "TAX") == -tax


class TestCurrency:
    async def test_of_the_school_is_settled_with_the_first_sale(self, stripe: StripeTwin, school: School, other_school: School, student: Client, sign_in: SignIn) -> None:
        admin, other = await sign_in(roles=("STUDENT", "TENANT_ADMIN")), await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))
        made = await shop(school)
        assert await admin.codes("BrandTenant", input={"currency": "USD"}) == []
        assert await admin.codes("BrandTenant", input={"currency": "EUR"}) == []
        checkout = await begin(student, made.offer)

        payload = await admin.data("BrandTenant", input={"currency": "USD", "name": "Another"})

        assert [(error["code"], error["path"]) for error in payload["errors"]] == [("CONFLICT", ["currency"])]
        async with database.reading(school.system):
            row = await database.fetch_one("SELECT currency, name FROM tenants WHERE tenant_id = $1", school.id)
        assert (row["currency"], row["name"] == "Another") == ("EUR", False)
        assert await admin.codes("BrandTenant", input={"currency": "EUR", "name": "Another"}) == []
        assert await other.codes("BrandTenant", input={"currency": "USD"}) == []
        await student.data("CancelCheckout", input={"id": checkout["id"]})
        assert await admin.codes("BrandTenant", input={"currency": "USD"}) == [], "nothing came of it"


class TestKeysOfTheSchool:
    async def test_take_its_money_and_its_events_come_to_its_own_address(
        self, stripe: StripeTwin, house: House, school: School, student: Client, sign_in: SignIn, settle: Settle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        monkeypatch.setattr(stripe, "keys", {**stripe.keys, "sk_test_school": False})
        made = await admin.data("SetPaymentProvider", input={"secretKey": "sk_test_school", "webhookSecrets": ["whsec_school"]})
        assert made["errors"] == []
        monkeypatch.setattr(stripe, "keys", {"sk_test_school": False})  # the deployment's opens nothing here
        stripe.events.endpoints.clear()
        stripe.listen(f"{house.url}/webhooks/stripe/{school.slug}", "whsec_school")
        checkout = await begin(student, (await shop(school)).offer)

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        assert {attempt.status for attempt in stripe.events.attempts} == {200}
        assert await state(school.system) == PAID
        refund = await admin.data("Refund", input={"orderId": checkout["order"]["id"], "reason": "No.", "idempotencyKey": uuid4().hex})
        assert refund["errors"] == []
        await settle()
        await stripe.events.quiet()
        await settle()
        assert (await state(school.system))["orders"] == ["REFUNDED"]
        await sweep(house, school)

    async def test_do_not_believe_what_the_deployment_s_secret_signed(
        self, stripe: StripeTwin, house: House, school: School, other_school: School, student: Client, sign_in: SignIn, settle: Settle
    ) -> None:
        admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        assert (await admin.data("SetPaymentProvider", input={"secretKey": TEST_KEY, "webhookSecrets": ["whsec_school"]}))["errors"] == []
        checkout = await begin(student, (await shop(school)).offer)
        stripe.events.endpoints.clear()
        stripe.events.attempts.clear()
        stripe.events.retry_after = ()
        for slug, secret in ((school.slug, WEBHOOK_SECRET), (other_school.slug, "whsec_school")):
            stripe.listen(f"{house.url}/webhooks/stripe/{slug}", secret)

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        assert {attempt.status for attempt in stripe.events.attempts} == {400}
        assert await state(school.system) == OPEN

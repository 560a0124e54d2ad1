"""Checkouts: begun, paid at the provider's twin, told by its events, and told live."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.commerce.operations import selling
from lms_graph.domain.commerce.rules.checkouts import claim_token
from lms_graph.integrations.twins.stripe import TEST_KEY, WEBHOOK_SECRET, StripeTwin
from lms_graph.kit.ids import new_id, public_id
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject, TaxMode
from tests.factories import offers
from tests.factories.accounts import account, verify_address
from tests.factories.checkouts import GONE, HOME, OPEN, PAID, asked, begin, rows_of, session_of, shop, state, sweep, uuid_of
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


class TestBuying:
    async def test_a_paid_checkout_opens_the_course_once_its_event_is_worked(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        made = await shop(school)
        checkout = await begin(student, made.offer)
        assert checkout["status"] == "OPEN" and checkout["paymentUrl"].startswith(stripe.url) and checkout["clientSecret"] is None
        assert checkout["total"] == {"amount": "20.00", "currency": "EUR"}

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        assert await state(school.system) == OPEN
        ran = await settle()

        assert "commerce.work_event" in ran
        assert await state(school.system) == PAID
        assert (await student.data("Checkout", id=checkout["id"]))["status"] == "COMPLETED"
        order = await student.data("OrderParts", id=checkout["order"]["id"])
        (line,), (payment,) = order["lines"], order["payments"]
        assert (order["status"], order["number"], order["allowedTransitions"]) == ("PAID", checkout["order"]["number"], ["PARTIALLY_REFUNDED", "REFUNDED"])
        assert line["entitlement"]["id"] == line["entitlements"][0]["id"] and line["entitlements"][0]["course"]["id"] == made.course.public_id
        assert payment == {
            "id": payment["id"],
            "status": "SUCCEEDED",
            "amount": {"amount": "20.00", "currency": "EUR"},
            "platformFee": None,
            "instructorPayout": None,
            "stripePaymentId": None,
            "failureCode": None,
        }
        (row,) = await rows_of(school.system, "payments")
        assert row["provider_fee_amount"] == stripe.store.all("balance_transaction")[0]["fee"]

    async def test_the_provider_is_asked_for_exactly_what_was_agreed(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school)
        checkout = await begin(student, made.offer)

        (request,) = [given for method, path, given in stripe.asked if (method, path) == ("POST", "/v1/checkout/sessions")]
        (order,) = await rows_of(school.system, "orders")
        assert request["metadata"]["tenant"] == str(school.id) and request["metadata"]["order"] == str(order["id"])
        assert request["payment_intent_data"]["transfer_group"] == str(order["id"])
        assert request["success_url"] == f"{HOME}/thanks?session={{CHECKOUT_SESSION_ID}}"
        assert stripe.store.kinds["checkout.session"][await session_of(school.system, checkout)]["amount_total"] == 2000

    async def test_a_card_that_is_declined_leaves_it_open_and_is_told(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        session = await session_of(school.system, checkout)

        stripe.checkout.pay(session, "pm_card_chargeDeclined")
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == OPEN | {"payments": [("FAILED", 2000)]}
        (payment,) = (await student.data("OrderParts", id=checkout["order"]["id"]))["payments"]
        assert (payment["status"], payment["failureCode"]) == ("FAILED", "generic_decline")
        stripe.checkout.pay(session)
        await stripe.events.quiet()
        await settle()
        assert await state(school.system) == PAID

    async def test_what_costs_nothing_is_bought_without_the_provider(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system, percent_off=100)

        checkout = await begin(student, made.offer, couponCode=code)

        assert (checkout["status"], checkout["paymentUrl"], checkout["total"]["amount"]) == ("COMPLETED", None, "0.00")
        assert await state(school.system) == PAID | {"payments": []}
        assert stripe.asked == []
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 1)

    async def test_a_coupon_is_held_while_it_is_open_and_redeemed_when_it_is_paid(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system)
        checkout = await begin(student, made.offer, couponCode=code)
        assert checkout["total"]["amount"] == "18.00"
        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (1, 0)

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        (coupon,) = await rows_of(school.system, "coupons")
        assert (coupon["held"], coupon["redemptions"]) == (0, 1)
        assert (await state(school.system))["payments"] == [("SUCCEEDED", 1800)]

    async def test_ten_uses_of_a_coupon_are_ten_checkouts_however_many_ask(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle) -> None:
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


class TestRefusals:
    async def test_another_total_than_was_seen_does_nothing(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school)

        payload = await student.data("StartCheckout", input=asked(made.offer, expectedTotal={"amount": "19.00", "currency": "EUR"}))

        (error,) = payload["errors"]
        assert (error["code"], error["total"]) == ("PRICE_CHANGED", {"amount": "20.00", "currency": "EUR"})
        assert payload["checkout"] is None and await rows_of(school.system, "orders") == [] and stripe.asked == []

    @pytest.mark.parametrize(
        ("differs", "path"),
        [
            ({"lines": []}, ["lines"]),
            ({"successUrl": "https://evil.example/thanks"}, ["successUrl"]),
            ({"successUrl": "https://shop.example.evil.example/"}, ["successUrl"]),
            ({"cancelUrl": "javascript:alert(1)"}, ["cancelUrl"]),
            ({"cancelUrl": None}, ["cancelUrl"]),
            ({"expiresInMinutes": 29}, ["expiresInMinutes"]),
            ({"expiresInMinutes": 1441}, ["expiresInMinutes"]),
            ({"email": "somebody@else.example"}, ["email"]),
            ({"postalCode": "1" * 21}, ["postalCode"]),
            ({"expectedTotal": {"amount": "1.234", "currency": "EUR"}}, ["expectedTotal"]),
        ],
    )
    async def test_an_input_that_breaks_a_rule_says_where(self, stripe: StripeTwin, school: School, student: Client, differs: dict[str, Any], path: list[str]) -> None:
        made = await shop(school)

        payload = await student.data("StartCheckout", input=asked(made.offer, **differs))

        assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID", path)]
        assert await rows_of(school.system, "orders") == []

    async def test_an_offer_of_another_school_is_not_there(self, stripe: StripeTwin, school: School, other_school: School, student: Client) -> None:
        await shop(school)
        theirs = await shop(other_school)

        assert await student.codes("StartCheckout", input=asked(theirs.offer)) == ["NOT_FOUND"]
        assert await student.codes("StartCheckout", input=asked(public_id("off", new_id()))) == ["NOT_FOUND"]

    async def test_a_plan_is_bought_alone_and_by_who_is_signed_in(self, stripe: StripeTwin, school: School, visitor: Client, student: Client) -> None:
        made = await shop(school)
        plan = public_id("off", await offers.offer(school.system, None, subject=OfferSubject.ALL_ACCESS, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH))

        assert await visitor.codes("StartCheckout", input=asked(plan, email="guest@home.example")) == ["UNAUTHENTICATED"]
        assert await student.codes("StartCheckout", input=asked(plan, made.offer)) == ["INVALID"]
        assert await rows_of(school.system, "orders") == []

    async def test_a_guest_says_an_address(self, stripe: StripeTwin, school: School, visitor: Client) -> None:
        payload = await visitor.data("StartCheckout", input=asked((await shop(school)).offer))

        assert [error["path"] for error in payload["errors"]] == [["email"]]

    async def test_the_same_key_gives_the_same_checkout_and_another_body_a_conflict(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school)
        sent = asked(made.offer)

        answers = await asyncio.gather(*(student.data("StartCheckout", input=sent) for _ in range(5)))

        assert len({answer["checkout"]["id"] for answer in answers}) == 1 == len(await rows_of(school.system, "orders"))
        assert len({answer["checkout"]["paymentUrl"] for answer in answers}) == 1 == len(stripe.store.all("checkout.session"))
        assert await student.codes("StartCheckout", input=sent | {"postalCode": "10115"}) == ["IDEMPOTENCY_CONFLICT"]

    async def test_what_the_provider_refuses_is_released(self, stripe: StripeTwin, school: School, student: Client) -> None:
        made = await shop(school, offers.price("0.10"))
        _, code = await offers.coupon(school.system)

        assert await student.codes("StartCheckout", input=asked(made.offer, couponCode=code)) == ["PAYMENT_REFUSED"]

        assert await state(school.system) == GONE | {"checkouts": ["FAILED"]}
        (coupon,) = await rows_of(school.system, "coupons")
        assert coupon["held"] == 0


class TestGuests:
    async def test_a_guest_sees_the_checkout_with_the_token_alone_and_a_repeat_gives_it_again(
        self, stripe: StripeTwin, school: School, other_school: School, visitor: Client, student: Client, house: House, clients: list[Client]
    ) -> None:
        made = await shop(school)
        sent = asked(made.offer, email="guest@home.example")
        first = await visitor.data("StartCheckout", input=sent)
        checkout, token = first["checkout"], first["guestToken"]

        assert (await visitor.data("StartCheckout", input=sent))["guestToken"] == token
        seen = await visitor.data("GuestCheckout", id=checkout["id"], token=token)
        assert seen["order"]["status"] == "PENDING" and seen["order"]["email"] is None and [line["title"] for line in seen["order"]["lines"]]
        for wrong in (None, "", token[:-1], token + "x", "é"):
            assert await visitor.data("Checkout", id=checkout["id"], token=wrong) is None
        assert await student.data("Checkout", id=checkout["id"]) is None
        stranger = Client(house, other_school.slug)
        clients.append(stranger)
        assert await stranger.data("Checkout", id=checkout["id"], token=token) is None
        assert await visitor.data("OrderParts", id=checkout["order"]["id"]) is None

    async def test_a_key_that_could_be_guessed_is_refused(self, stripe: StripeTwin, school: School, visitor: Client) -> None:
        made = await shop(school)

        payload = await visitor.data("StartCheckout", input=asked(made.offer, email="guest@home.example", idempotencyKey="1"))

        assert [error["path"] for error in payload["errors"]] == [["idempotencyKey"]]

    async def test_nothing_is_granted_until_it_is_claimed_once_by_who_has_the_link(
        self, stripe: StripeTwin, school: School, other_school: School, visitor: Client, student: Client, sign_in: SignIn, settle: Settle, house: House
    ) -> None:
        checkout = await begin(visitor, (await shop(school)).offer, email="guest@home.example")
        order_id = uuid_of(checkout["order"]["id"])
        token = claim_token(house.adapters.secret_keys, school.id, order_id)
        claim = {"token": token, "idempotencyKey": uuid4().hex}
        assert await student.codes("ClaimPurchase", input=claim) == ["NOT_FOUND"]  # it is not paid
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()
        assert await state(school.system) == PAID | {"grants": 0, "runs": 0}

        claim = {"token": token, "idempotencyKey": uuid4().hex}
        for wrong in (token[:-2] + "zz", claim_token(house.adapters.secret_keys, other_school.id, order_id), "", "é.é"):
            assert await student.codes("ClaimPurchase", input={"token": wrong, "idempotencyKey": uuid4().hex}) == ["NOT_FOUND"]
        assert await student.codes("ClaimPurchase", input={"orderId": checkout["order"]["id"], "idempotencyKey": uuid4().hex}) == ["NOT_FOUND"]
        assert await (await sign_in(at=other_school)).codes("ClaimPurchase", input=claim) == ["NOT_FOUND"]
        assert (await student.data("ClaimPurchase", input=claim))["order"]["id"] == checkout["order"]["id"]
        assert (await student.data("ClaimPurchase", input=claim | {"idempotencyKey": uuid4().hex}))["errors"] == []
        assert await (await sign_in()).codes("ClaimPurchase", input=claim | {"idempotencyKey": uuid4().hex}) == ["NOT_FOUND"]

        assert await state(school.system) == PAID
        (line,) = (await student.data("OrderParts", id=checkout["order"]["id"]))["lines"]
        assert line["entitlement"] is not None

    async def test_who_has_verified_the_address_claims_without_a_link(self, stripe: StripeTwin, school: School, visitor: Client, sign_in: SignIn, settle: Settle) -> None:
        checkout = await begin(visitor, (await shop(school)).offer, email="Gwen@Home.example")
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()
        account_id = await account(school.system, email="gwen@home.example")
        gwen = await sign_in(account_id)
        claim = {"orderId": checkout["order"]["id"]}
        assert await gwen.codes("ClaimPurchase", input=claim | {"idempotencyKey": uuid4().hex}) == ["NOT_FOUND"]

        await verify_address(school.system, account_id)

        assert (await gwen.data("ClaimPurchase", input=claim | {"idempotencyKey": uuid4().hex}))["order"]["id"] == checkout["order"]["id"]
        assert await state(school.system) == PAID


class TestEnding:
    async def test_a_canceled_checkout_cannot_be_paid_and_frees_its_coupon(self, stripe: StripeTwin, school: School, student: Client, sign_in: SignIn) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system)
        checkout = await begin(student, made.offer, couponCode=code)
        assert await (await sign_in()).codes("CancelCheckout", input={"id": checkout["id"]}) == ["NOT_FOUND"]

        for _ in range(2):
            canceled = await student.data("CancelCheckout", input={"id": checkout["id"]})
            assert (canceled["checkout"]["status"], canceled["checkout"]["paymentUrl"]) == ("EXPIRED", None)

        assert stripe.store.kinds["checkout.session"][await session_of(school.system, checkout)]["status"] == "expired"
        assert await state(school.system) == GONE
        (coupon,) = await rows_of(school.system, "coupons")
        assert coupon["held"] == 0

    async def test_one_that_was_paid_meanwhile_is_settled_instead(self, stripe: StripeTwin, school: School, student: Client) -> None:
        checkout = await begin(student, (await shop(school)).offer)
        stripe.checkout.pay(await session_of(school.system, checkout))

        assert await student.codes("CancelCheckout", input={"id": checkout["id"]}) == ["CHECKOUT_CLOSED"]

        assert await state(school.system) == PAID

    async def test_one_whose_time_is_over_is_released_and_told_as_abandoned(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        await begin(student, (await shop(school)).offer)

        stripe.advance(2 * 3600)
        await stripe.events.quiet()
        await settle()

        assert await state(school.system) == GONE
        assert [row["name"] for row in await rows_of(school.system, "facts")].count("CheckoutAbandoned") == 1

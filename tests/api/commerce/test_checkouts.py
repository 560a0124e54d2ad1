"""Checkouts: begun, paid at the provider's twin, told by its events, and told live."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.domain.commerce.operations import refunds, selling
from lms_graph.domain.commerce.rules.checkouts import claim_token
from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid
from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models.commerce import AccessChange, BillingInterval, OfferKind, OfferSubject, TaxMode
from tests.factories import offers
from tests.factories.accounts import account, verify_address
from tests.factories.checkouts import GONE, HOME, OPEN, PAID, asked, begin, rows_of, session_of, shop, state, uuid_of
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import person

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
        _, code = await offers.coupon(school.system, percent_off=Decimal(100))

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

    async def test_in_dinars_whatever_is_taken_off_and_added_can_be_charged_and_given_back(self, stripe: StripeTwin, school: School, student: Client, settle: Settle) -> None:
        made = await shop(school, offers.price("12.350", "KWD"))
        seats = await offers.offer(
            school.system, made.course.course_id, offers.price("7.770", "KWD"), subject=OfferSubject.SEATS, kind=OfferKind.ONE_TIME, min_quantity=1, max_quantity=20
        )
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.RATES, "prices_include_tax": False})
        await selling.save_tax_rate(caller=school.system, draft=TaxRateDraft(country="KW", region=None, name="VAT", percent=Decimal("5")))
        _, code = await offers.coupon(school.system, percent_off=Decimal("33.33"))
        lines = [{"offerId": made.offer}, {"offerId": public_id("off", seats), "quantity": 7}]

        checkout = await begin(student, lines=lines, country="KW", couponCode=code)
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        # 66.740 less 33.33 %, 22.240, is 44.500; 5 % of that, 2.225, is 2.230
        assert checkout["total"] == {"amount": "46.730", "currency": "KWD"}
        (order,) = await rows_of(school.system, "orders")
        assert (order["status"], order["discount_amount"], order["tax_amount"], order["total_amount"]) == ("PAID", 22_240, 2230, 46_730)
        assert [(row["status"], row["amount"]) for row in await rows_of(school.system, "payments")] == [("SUCCEEDED", 46_730)]
        assert [row["total_amount"] % 10 for row in await rows_of(school.system, "order_lines")] == [0, 0]

        admin = person(school, await account(school.system), "TENANT_ADMIN")
        with pytest.raises(Invalid, match=r"multiples of 0\.010"):
            await refunds.refund_order(caller=admin, order_id=order["id"], amount=Decimal("0.005"), lines=None, reason="Finer.", access_change=None, idempotency_key=uuid4().hex)
        for amount in ("0.010", None):
            value = Decimal(amount) if amount else None
            await refunds.refund_order(caller=admin, order_id=order["id"], amount=value, lines=None, reason="Back.", access_change=None, idempotency_key=uuid4().hex)
            await settle()
        assert [(row["status"], row["amount"]) for row in await rows_of(school.system, "refunds", order="created_at")] == [("SUCCEEDED", 10), ("SUCCEEDED", 46_720)]

    async def test_ten_uses_of_a_coupon_are_ten_checkouts_however_many_ask(self, stripe: StripeTwin, school: School, sign_in: SignIn) -> None:
        made = await shop(school)
        _, code = await offers.coupon(school.system, max_redemptions=3)
        buyers = [await sign_in() for _ in range(8)]

        answers = await asyncio.gather(*(buyer.data("StartCheckout", input=asked(made.offer, couponCode=code)) for buyer in buyers))

        refused = [answer["errors"][0] for answer in answers if answer["errors"]]
        assert len(refused) == 5 and {(error["code"], error["reason"]) for error in refused} == {("COUPON_REJECTED", "USED_UP")}
        (coupon,) = await rows_of(school.system, "coupons")
        assert coupon["held"] == 3 == len(await rows_of(school.system, "orders"))


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

    @pytest.mark.parametrize("taken", ["refunded", "disputed"])
    async def test_what_was_taken_back_before_is_not_given_by_the_claim(
        self, stripe: StripeTwin, school: School, visitor: Client, student: Client, settle: Settle, house: House, taken: str
    ) -> None:
        """Though only a part of the money went back."""
        checkout = await begin(visitor, (await shop(school)).offer, email="guest@home.example")
        order_id = uuid_of(checkout["order"]["id"])
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()
        if taken == "refunded":
            staff = Caller(tenant_id=school.id, key_id=uuid4(), permissions=frozenset({Permission.REFUNDS_DECIDE}), now=datetime.now(UTC))
            await refunds.refund_order(
                caller=staff, order_id=order_id, amount=Decimal(5), lines=None, reason="Not for sale.", access_change=AccessChange.REVOKE, idempotency_key="k"
            )
        else:
            (charge,) = stripe.store.all("charge")
            stripe.disputes.decide(stripe.disputes.open(charge["id"], amount=500)["id"], won=False)
            await stripe.events.quiet()
        await settle()

        claim = {"token": claim_token(house.adapters.secret_keys, school.id, order_id), "idempotencyKey": uuid4().hex}
        assert (await student.data("ClaimPurchase", input=claim))["order"]["id"] == checkout["order"]["id"]

        after = await state(school.system)
        assert (after["orders"], after["grants"], after["runs"]) == (["PARTIALLY_REFUNDED"], 0, 0)

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


class TestWhoLooksOn:
    async def test_a_token_that_masks_opens_no_payment(self, stripe: StripeTwin, house: House, school: School, student: Client, clients: list[Client]) -> None:
        made = await shop(school)
        page, form = await begin(student, made.offer), await begin(student, made.offer, embedded=True, cancelUrl=None)
        token = (await student.data("CreateExplorerToken", input={"idempotencyKey": "masked"}))["accessToken"]
        masked = Client(house, school.slug, token, student.account_id)
        clients.append(masked)

        seen = [await masked.data("Checkout", id=checkout["id"]) for checkout in (page, form)]

        assert page["paymentUrl"] is not None and form["clientSecret"] is not None
        assert [(checkout["status"], checkout["paymentUrl"], checkout["clientSecret"]) for checkout in seen] == [("OPEN", None, None)] * 2

"""What we rely upon of Stripe, through the adapter and the real library.

On the twin; and where LMS_STRIPE_TEST_KEY names a key of a Stripe account in test mode, on Stripe itself. What only buyers, banks or time can do is done at the twin alone.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe as library

from lms_graph.domain.payouts.ports import CheckoutRequest, Item, OwnProvider, PaymentGateway, PaymentRefused, PaymentsNotConfigured, Recurrence, TaxRequest
from lms_graph.integrations.stripe import StripePayments, from_stripe, to_stripe
from lms_graph.integrations.twins.stripe import DAY, TEST_KEY, StripeTwin
from lms_graph.kit.errors import Unavailable
from tests.fixtures.house import served
from tests.fixtures.processes import until

pytestmark = pytest.mark.anyio


@dataclass
class Party:
    """Stripe or its twin: the adapter, and the library for what the adapter has no need of."""

    gateway: PaymentGateway
    v1: Any

    async def charged(self, amount: int = 5000, currency: str = "eur", card: str = "pm_card_visa", **more: Any) -> str:
        params = {"amount": amount, "currency": currency, "payment_method": card, "confirm": True, "payment_method_types": ["card"], "metadata": {"order": "o1"}, **more}
        return str((await self.v1.payment_intents.create_async(params)).id)

    async def subscribed(self, amount: int = 3000, card: str = "pm_card_visa") -> str:
        customer = await self.v1.customers.create_async({"email": "ada@home.example"})
        method = await self.v1.payment_methods.attach_async(card, {"customer": customer.id})
        price = await self.v1.prices.create_async({"currency": "eur", "unit_amount": amount, "recurring": {"interval": "month"}, "product_data": {"name": "All courses"}})
        params = {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id, "metadata": {"order": "o1"}}
        return str((await self.v1.subscriptions.create_async(params)).id)


@pytest.fixture
async def twin() -> AsyncIterator[StripeTwin]:
    twin = StripeTwin()
    async with served(twin.app()) as url:
        twin.url = url
        yield twin
        await twin.events.stop()


@pytest.fixture
async def at_twin(twin: StripeTwin) -> AsyncIterator[Party]:
    async with party(TEST_KEY, twin.url) as found:
        yield found


@pytest.fixture(params=["twin", "stripe"] if "LMS_STRIPE_TEST_KEY" in os.environ else ["twin"])
async def at(request: pytest.FixtureRequest, twin: StripeTwin) -> AsyncIterator[Party]:
    key, url = (TEST_KEY, twin.url) if request.param == "twin" else (os.environ["LMS_STRIPE_TEST_KEY"], "https://api.stripe.com")
    async with party(key, url) as found:
        yield found


class party:  # noqa: N801  # reads as a function
    def __init__(self, key: str, url: str) -> None:
        self._http = library.AIOHTTPClient(timeout=30)
        self._payments = StripePayments(secret_key=key, webhook_secrets=(), url=url)
        self._party = Party(self._payments.gateway(), library.StripeClient(key, base_addresses={"api": url}, http_client=self._http).v1)

    async def __aenter__(self) -> Party:
        return self._party

    async def __aexit__(self, *error: object) -> None:
        await self._http.close_async()
        await self._payments.aclose()


def key() -> str:
    return f"test:{uuid4()}"


def order(**more: Any) -> CheckoutRequest:
    usual: dict[str, Any] = {
        "currency": "EUR",
        "items": [Item(title="Watercolors", unit_amount=4900), Item(title="VAT 19 %", unit_amount=931)],
        "email": "ada@home.example",
        "metadata": {"tenant": "t1", "order": "o1", "checkout": "c1"},
        "transfer_group": "o1",
        "success_url": "https://school.example/done",
        "cancel_url": "https://school.example/cart",
        "is_embedded": False,
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
        "locale": "de-AT",
    }
    return CheckoutRequest(**(usual | more))


def plan(**more: Any) -> CheckoutRequest:
    return order(items=[Item(title="All courses", unit_amount=3000)], recurrence=Recurrence(interval="MONTH", **more))


# Checkouts


async def test_a_checkout_is_a_page_or_a_form_of_the_total(at: Party) -> None:
    page = await at.gateway.open_checkout(order(), key=key())
    form = await at.gateway.open_checkout(order(is_embedded=True, cancel_url=None), key=key())
    assert (page.status, page.is_paid, page.amount, page.currency, page.metadata["checkout"], page.client_secret) == ("OPEN", False, 5831, "EUR", "c1", None)
    assert page.url is not None
    assert page.url.startswith("http")
    assert (form.url, form.amount) == (None, 5831)
    assert form.client_secret is not None
    assert form.client_secret.startswith(form.id)
    assert await at.gateway.checkout(page.id) == page


async def test_a_checkout_expires_once_and_stays_so(at: Party) -> None:
    made = await at.gateway.open_checkout(order(), key=key())
    assert (await at.gateway.expire_checkout(made.id)).status == "EXPIRED"
    assert (await at.gateway.expire_checkout(made.id)).status == "EXPIRED"
    assert (await at.gateway.checkout(made.id)).url is None


async def test_one_key_is_one_checkout_and_refuses_another_request(at: Party) -> None:
    again, wanted = key(), order()
    first = await at.gateway.open_checkout(wanted, key=again)
    assert (await at.gateway.open_checkout(wanted, key=again)).id == first.id
    with pytest.raises(PaymentRefused) as refusal:
        await at.gateway.open_checkout(order(items=[Item(title="Oils", unit_amount=100)], expires_at=wanted.expires_at), key=again)
    assert refusal.value.reason == "idempotency_error"


async def test_what_stripe_cannot_take_is_refused_with_its_reason(at: Party) -> None:
    with pytest.raises(PaymentRefused) as small:
        await at.gateway.open_checkout(order(items=[Item(title="Brush", unit_amount=10)]), key=key())
    with pytest.raises(PaymentRefused) as unknown:
        await at.gateway.checkout("cs_test_unknown")
    with pytest.raises(PaymentRefused) as fine:
        await at.gateway.open_checkout(order(currency="KWD", items=[Item(title="Brush", unit_amount=5001)]), key=key())
    assert [each.value.reason for each in (small, unknown, fine)] == ["amount_too_small", "resource_missing", "amount_too_fine"]


async def test_a_buyer_pays_and_their_words_come_back(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(order(), key=key())
    twin.checkout.pay(made.id, email="grace@home.example", name="Grace", country="FR")
    paid = await at_twin.gateway.checkout(made.id)
    assert (paid.status, paid.is_paid, paid.email, paid.name, paid.country) == ("COMPLETE", True, "grace@home.example", "Grace", "FR")
    assert paid.payment_id is not None
    payment = await at_twin.gateway.payment(paid.payment_id)
    assert (payment.status, payment.amount, payment.fee_amount, payment.fee_currency, payment.metadata["order"]) == ("SUCCEEDED", 5831, 199, "EUR", "o1")
    assert (await at_twin.gateway.expire_checkout(made.id)).status == "COMPLETE"
    assert twin.store.find("charge", payment.charge_id or "") is not None
    assert twin.store.kinds["charge"][payment.charge_id or ""]["transfer_group"] == "o1"


@pytest.mark.parametrize(
    ("currency", "amount", "theirs"), [("EUR", 5000, 5000), ("JPY", 5000, 5000), ("KWD", 5010, 5010), ("ISK", 5000, 500_000), ("UGX", 5000, 500_000), ("MGA", 500_000, 5000)]
)
async def test_amounts_are_theirs_on_the_way_there_and_ours_on_the_way_back(twin: StripeTwin, at_twin: Party, currency: str, amount: int, theirs: int) -> None:
    assert to_stripe(amount, currency) == theirs
    assert from_stripe(theirs, currency) == amount
    made = await at_twin.gateway.open_checkout(order(currency=currency, items=[Item(title="Watercolors", unit_amount=amount)]), key=key())
    twin.checkout.pay(made.id)
    paid = await at_twin.gateway.checkout(made.id)
    refund = await at_twin.gateway.refund(paid.payment_id or "", amount=amount, currency=currency, metadata={}, key=key())
    assert (made.amount, refund.amount, refund.currency) == (amount, amount, currency)
    assert twin.store.kinds["refund"][refund.id]["amount"] == theirs


# Payments and refunds


async def test_a_payment_says_what_it_cost_and_is_refunded_in_parts(at: Party) -> None:
    id = await at.charged()
    one, two = key(), key()
    first = await at.gateway.refund(id, amount=2000, currency="EUR", metadata={"refund": "r1"}, key=one)
    assert (await at.gateway.refund(id, amount=2000, currency="EUR", metadata={"refund": "r1"}, key=one)).id == first.id
    second = await at.gateway.refund(id, amount=1000, currency="EUR", metadata={"refund": "r2"}, key=two)
    payment = await at.gateway.payment(id)
    assert (payment.status, payment.amount, payment.refunded_amount, payment.invoice_id, payment.metadata["order"]) == ("SUCCEEDED", 5000, 3000, None, "o1")
    assert payment.fee_amount is not None
    assert payment.fee_amount > 0
    assert [(each.id, each.amount, each.metadata["refund"]) for each in await at.gateway.refunds_of(id)] == [(first.id, 2000, "r1"), (second.id, 1000, "r2")]
    assert await at.gateway.refund_state(first.id) == first


async def test_more_than_is_left_is_not_refunded(at: Party) -> None:
    id = await at.charged()
    with pytest.raises(PaymentRefused, match="greater than"):
        await at.gateway.refund(id, amount=5001, currency="EUR", metadata={}, key=key())
    await at.gateway.refund(id, amount=5000, currency="EUR", metadata={}, key=key())
    with pytest.raises(PaymentRefused) as refusal:
        await at.gateway.refund(id, amount=1, currency="EUR", metadata={}, key=key())
    assert refusal.value.reason == "charge_already_refunded"
    assert (await at.gateway.payment(id)).refunded_amount == 5000


async def test_a_declined_payment_says_why(at: Party) -> None:
    with pytest.raises(library.CardError) as declined:
        await at.charged(card="pm_card_chargeDeclinedInsufficientFunds")
    payment = await at.gateway.payment(declined.value.error.payment_intent.id)
    assert (payment.status, payment.failure_code, payment.fee_amount, payment.refunded_amount) == ("FAILED", "insufficient_funds", None, 0)


async def test_a_fee_may_be_known_later(twin: StripeTwin, at_twin: Party) -> None:
    twin.payments.books_after = 10
    id = await at_twin.charged()
    payment = await at_twin.gateway.payment(id)
    assert (payment.status, payment.fee_amount, payment.fee_currency) == ("SUCCEEDED", None, None)
    twin.advance(10)
    assert (await at_twin.gateway.payment(id)).fee_amount == 175
    assert twin.store.all("event")[-1]["type"] == "charge.updated"


async def test_a_refund_may_wait_and_fail_days_later(twin: StripeTwin, at_twin: Party) -> None:
    twin.refunds.pending = True
    id = await at_twin.charged()
    refund = await at_twin.gateway.refund(id, amount=5000, currency="EUR", metadata={}, key=key())
    assert refund.status == "PENDING"
    twin.refunds.finish(refund.id)
    assert (await at_twin.gateway.refund_state(refund.id)).status == "SUCCEEDED"
    assert twin.holdings() == {"platform": {"eur": -175}}
    twin.refunds.finish(refund.id, failure_reason="expired_or_canceled_card")
    failed = await at_twin.gateway.refund_state(refund.id)
    assert (failed.status, failed.failure_reason) == ("FAILED", "expired_or_canceled_card")
    assert (await at_twin.gateway.payment(id)).refunded_amount == 0
    assert twin.holdings() == {"platform": {"eur": 4825}}


async def test_a_dispute_takes_the_money_and_a_fee_until_it_is_won(twin: StripeTwin, at_twin: Party) -> None:
    id = await at_twin.charged()
    opened = twin.disputes.open(id)
    dispute = await at_twin.gateway.dispute(opened["id"])
    assert (dispute.status, dispute.amount, dispute.fee_amount, dispute.is_money_withdrawn, dispute.payment_id) == ("NEEDS_RESPONSE", 5000, 1500, True, id)
    assert twin.holdings() == {"platform": {"eur": 4825 - 5000 - 1500}}
    with pytest.raises(PaymentRefused) as refusal:
        await at_twin.gateway.refund(id, amount=1, currency="EUR", metadata={}, key=key())
    assert refusal.value.reason == "charge_disputed"
    answered = await at_twin.gateway.submit_evidence(dispute.id, {"access_activity_log": "watched it all"}, submit=True, key=key())
    assert answered.status == "UNDER_REVIEW"
    with pytest.raises(PaymentRefused):
        await at_twin.gateway.submit_evidence(dispute.id, {"receipt": "again"}, submit=True, key=key())
    twin.disputes.decide(dispute.id, won=True)
    won = await at_twin.gateway.dispute(dispute.id)
    assert (won.status, won.is_money_withdrawn, won.fee_amount) == ("WON", False, 1500)
    assert twin.holdings() == {"platform": {"eur": 4825 - 1500}}
    assert [each["type"] for each in twin.store.all("event")][-2:] == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]


async def test_a_lost_dispute_and_an_inquiry_that_ends(twin: StripeTwin, at_twin: Party) -> None:
    lost, asked = twin.disputes.open(await at_twin.charged())["id"], twin.disputes.open(await at_twin.charged(), inquiry=True)["id"]
    assert (await at_twin.gateway.dispute(asked)).is_money_withdrawn is False
    twin.disputes.decide(lost, won=False)
    twin.disputes.decide(asked, won=False)
    assert [(await at_twin.gateway.dispute(id)).status for id in (lost, asked)] == ["LOST", "WON"]
    assert twin.holdings() == {"platform": {"eur": 4825 - 5000 - 1500 + 4825}}


# Plans


async def test_a_plan_is_paid_by_an_invoice_that_its_payment_names(at: Party) -> None:
    id = await at.subscribed()
    state = await at.gateway.subscription(id)
    assert (state.status, state.amount, state.currency, state.interval, state.cancel_at_period_end, state.metadata["order"]) == ("ACTIVE", 3000, "EUR", "MONTH", False, "o1")
    (invoice,) = await at.gateway.invoices_of(id)
    assert (invoice.id, invoice.status, invoice.reason, invoice.amount_paid, invoice.subscription_id) == (state.latest_invoice_id, "PAID", "FIRST", 3000, id)
    assert (invoice.period_start, invoice.period_end) == (state.current_period_start, state.current_period_end)
    assert await at.gateway.invoice(invoice.id) == invoice
    assert invoice.payment_id is not None
    assert (await at.gateway.payment(invoice.payment_id)).invoice_id == invoice.id


async def test_a_cancellation_at_the_end_can_be_taken_back_and_one_at_once_cannot(at: Party) -> None:
    id = await at.subscribed()
    assert (await at.gateway.cancel_subscription(id, at_period_end=True, key=key())).cancel_at_period_end
    kept = await at.gateway.keep_subscription(id, key=key())
    assert (kept.cancel_at_period_end, kept.canceled_at) == (False, None)
    assert (await at.gateway.cancel_subscription(id, at_period_end=False, key=key())).status == "CANCELED"
    assert (await at.gateway.cancel_subscription(id, at_period_end=False, key=key())).status == "CANCELED"
    with pytest.raises(PaymentRefused):
        await at.gateway.keep_subscription(id, key=key())


async def test_a_pause_has_an_end_or_none(at: Party) -> None:
    id = await at.subscribed()
    until = datetime.fromtimestamp(int(time.time()) + 40 * DAY, UTC)
    paused = await at.gateway.pause_subscription(id, resumes_at=until, key=key())
    assert (paused.status, paused.paused_until) == ("PAUSED", until)
    assert (await at.gateway.pause_subscription(id, resumes_at=None, key=key())).paused_until is None
    assert (await at.gateway.resume_subscription(id, key=key())).status == "ACTIVE"


async def test_a_change_costs_what_its_preview_said(at: Party) -> None:
    id = await at.subscribed()
    change = {"amount": 9000, "currency": "EUR", "interval": "MONTH", "title": "All courses and coaching"}
    expected = await at.gateway.preview_change(id, **change)
    again = key()
    changed = await at.gateway.change_subscription(id, **change, metadata={"order": "o1"}, key=again)
    assert (changed.amount, changed.interval, changed.metadata["order"]) == (9000, "MONTH", "o1")
    assert await at.gateway.change_subscription(id, **change, metadata={"order": "o1"}, key=again) == changed
    first, second = await at.gateway.invoices_of(id)
    assert (first.reason, second.reason, second.status) == ("FIRST", "CHANGE", "PAID")
    assert abs(second.amount_paid - expected) <= 1  # a second may have passed
    assert 5990 <= expected <= 6000


async def test_a_change_to_another_interval_begins_anew(at: Party) -> None:
    id = await at.subscribed()
    changed = await at.gateway.change_subscription(id, amount=30_000, currency="EUR", interval="YEAR", title="A year", metadata={}, key=key())
    assert (changed.interval, changed.amount) == ("YEAR", 30_000)
    assert changed.current_period_end - changed.current_period_start >= timedelta(days=365)
    assert 26_990 <= (await at.gateway.invoices_of(id))[-1].amount_paid <= 27_010


async def test_a_smaller_plan_gives_credit_and_no_money(at: Party) -> None:
    id = await at.subscribed()
    change = {"amount": 1000, "currency": "EUR", "interval": "MONTH", "title": "A little"}
    assert -2000 <= await at.gateway.preview_change(id, **change) <= -1990
    await at.gateway.change_subscription(id, **change, metadata={}, key=key())
    assert [each.amount_paid for each in await at.gateway.invoices_of(id)] == [3000, 0]


async def test_a_change_that_cannot_be_paid_changes_nothing(twin: StripeTwin, at_twin: Party) -> None:
    id = await at_twin.subscribed()
    twin.customers.use_card(twin.store.kinds["subscription"][id]["customer"], "pm_card_chargeDeclined")
    with pytest.raises(PaymentRefused) as refusal:
        await at_twin.gateway.change_subscription(id, amount=9000, currency="EUR", interval="MONTH", title="More", metadata={}, key=key())
    assert refusal.value.reason == "generic_decline"
    assert (await at_twin.gateway.subscription(id)).amount == 3000
    assert len(await at_twin.gateway.invoices_of(id)) == 1


async def test_a_plan_with_a_trial_is_paid_for_when_the_trial_is_over(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(plan(trial_days=7), key=key())
    twin.checkout.pay(made.id)
    done = await at_twin.gateway.checkout(made.id)
    assert (done.is_paid, done.amount, done.payment_id) == (True, 0, None)
    id = done.subscription_id or ""
    assert (await at_twin.gateway.subscription(id)).status == "TRIALING"
    twin.advance(days=8)
    assert (await at_twin.gateway.subscription(id)).status == "ACTIVE"
    assert [(each.amount_paid, each.reason) for each in await at_twin.gateway.invoices_of(id)] == [(0, "FIRST"), (3000, "CYCLE")]


async def test_a_plan_that_is_not_paid_is_past_due_and_recovers_with_another_card(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(plan(), key=key())
    twin.checkout.pay(made.id)
    id = (await at_twin.gateway.checkout(made.id)).subscription_id or ""
    customer = (await at_twin.gateway.subscription(id)).customer_id
    twin.customers.use_card(customer, "pm_card_chargeDeclinedInsufficientFunds")
    twin.advance(days=32)
    assert (await at_twin.gateway.subscription(id)).status == "PAST_DUE"
    late = await at_twin.gateway.invoice((await at_twin.gateway.invoices_of(id))[-1].id)
    assert (late.status, late.attempts, late.failure_message) == ("OPEN", 1, "Your card has insufficient funds.")
    assert late.next_attempt_at is not None
    twin.customers.use_card(customer, "pm_card_visa")
    twin.advance(days=3)
    assert (await at_twin.gateway.subscription(id)).status == "ACTIVE"
    assert (await at_twin.gateway.invoice(late.id)).status == "PAID"


async def test_a_discount_lowers_the_first_payment_of_a_plan(at: Party) -> None:
    again, wanted = key(), replace(plan(), discount_amount=1000, discount_name="SPRING")
    made = await at.gateway.open_checkout(wanted, key=again)
    assert (made.status, made.amount) == ("OPEN", 2000)
    assert (await at.gateway.open_checkout(wanted, key=again)).id == made.id
    assert (await at.gateway.open_checkout(replace(wanted, discount_amount=3000), key=key())).amount == 0


async def test_a_discount_lowers_no_later_payment(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(replace(plan(payments=2), discount_amount=1000, discount_name="SPRING"), key=key())
    twin.checkout.pay(made.id)
    done = await at_twin.gateway.checkout(made.id)
    id = done.subscription_id or ""
    assert (done.is_paid, (await at_twin.gateway.subscription(id)).amount) == (True, 3000)
    twin.advance(days=32)
    assert [(each.reason, each.amount_paid, each.elsewhere_amount) for each in await at_twin.gateway.invoices_of(id)] == [("FIRST", 2000, 0), ("CYCLE", 3000, 0)]
    (coupon,) = twin.store.all("coupon")
    assert (coupon["times_redeemed"], coupon["valid"], coupon["name"]) == (1, False, "SPRING")


async def test_a_plan_whose_first_payment_is_all_discount_begins_without_one(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(replace(plan(), discount_amount=3000), key=key())
    twin.checkout.pay(made.id)
    done = await at_twin.gateway.checkout(made.id)
    id = done.subscription_id or ""
    assert (done.is_paid, done.amount, (await at_twin.gateway.subscription(id)).status) == (True, 0, "ACTIVE")
    twin.advance(days=32)
    assert [(each.status, each.amount_paid) for each in await at_twin.gateway.invoices_of(id)] == [("PAID", 0), ("PAID", 3000)]


async def test_what_a_discount_took_off_is_no_credit_of_a_change(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(replace(plan(), discount_amount=3000), key=key())
    twin.checkout.pay(made.id)
    id = (await at_twin.gateway.checkout(made.id)).subscription_id or ""
    assert 8_990 <= await at_twin.gateway.preview_change(id, amount=9000, currency="EUR", interval="MONTH", title="More") <= 9000


async def test_an_invoice_that_is_marked_as_paid_by_hand_took_nothing(at: Party) -> None:
    id = await at.subscribed(card="pm_card_visa")
    (paid,) = await at.gateway.invoices_of(id)
    assert paid.elsewhere_amount == 0
    customer = (await at.gateway.subscription(id)).customer_id
    price = await at.v1.prices.create_async({"currency": "eur", "unit_amount": 3000, "recurring": {"interval": "month"}, "product_data": {"name": "All courses"}})
    made = await at.v1.subscriptions.create_async({"customer": customer, "items": [{"price": price.id}], "payment_behavior": "default_incomplete"})
    (open_still,) = await at.gateway.invoices_of(made.id)
    assert (open_still.status, open_still.elsewhere_amount, open_still.payment_id is not None) == ("OPEN", 0, True)
    await at.v1.invoices.pay_async(open_still.id, {"paid_out_of_band": True})
    (by_hand,) = await at.gateway.invoices_of(made.id)
    assert (by_hand.status, by_hand.amount_paid, by_hand.elsewhere_amount, by_hand.payment_id) == ("PAID", 3000, 3000, None)
    assert await at.gateway.invoice(by_hand.id) == by_hand


async def test_a_plan_whose_first_debit_is_returned_may_be_paid_later(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(plan(), key=key())
    assert twin.checkout.pay(made.id, "pm_bank_debit") == "processing"
    under_way = await at_twin.gateway.checkout(made.id)
    assert (under_way.status, under_way.is_paid) == ("COMPLETE", False)
    id, invoice_id = under_way.subscription_id or "", under_way.invoice_id or ""
    assert (await at_twin.gateway.subscription(id)).status == "ACTIVE"
    first = await at_twin.gateway.invoice(invoice_id)
    assert (first.status, (await at_twin.gateway.payment(first.payment_id or "")).status) == ("OPEN", "PENDING")
    twin.payments.arrive(first.payment_id or "", well=False)
    assert ((await at_twin.gateway.subscription(id)).status, (await at_twin.gateway.payment(first.payment_id or "")).status) == ("PAST_DUE", "FAILED")
    twin.customers.use_card((await at_twin.gateway.subscription(id)).customer_id, "pm_card_visa")
    twin.advance(days=5)
    late = await at_twin.gateway.invoice(invoice_id)
    assert (late.status, late.reason, (await at_twin.gateway.payment(late.payment_id or "")).status) == ("PAID", "FIRST", "SUCCEEDED")
    assert (await at_twin.gateway.subscription(id)).status == "ACTIVE"


async def test_a_paused_plan_takes_nothing_and_goes_on_by_itself(twin: StripeTwin, at_twin: Party) -> None:
    id = await at_twin.subscribed()
    await at_twin.gateway.pause_subscription(id, resumes_at=datetime.fromtimestamp(twin.now() + 45 * DAY, UTC), key=key())
    twin.advance(days=40)
    assert [each.status for each in await at_twin.gateway.invoices_of(id)] == ["PAID", "VOID"]
    twin.advance(days=25)
    assert (await at_twin.gateway.subscription(id)).status == "ACTIVE"
    assert [each.status for each in await at_twin.gateway.invoices_of(id)] == ["PAID", "VOID", "PAID"]


async def test_installments_are_as_many_as_were_agreed_and_then_it_is_over(twin: StripeTwin, at_twin: Party) -> None:
    made = await at_twin.gateway.open_checkout(plan(payments=3), key=key())
    twin.checkout.pay(made.id)
    id = (await at_twin.gateway.checkout(made.id)).subscription_id or ""
    first = await at_twin.gateway.subscription(id)
    assert (first.status, first.cancel_at_period_end) == ("ACTIVE", False)
    twin.advance(days=200)
    over = await at_twin.gateway.subscription(id)
    assert (over.status, over.ended_at) == ("CANCELED", over.current_period_end)
    assert [(each.reason, each.amount_paid) for each in await at_twin.gateway.invoices_of(id)] == [("FIRST", 3000), ("CYCLE", 3000), ("CYCLE", 3000)]


async def test_a_plan_that_was_canceled_ends_with_its_period(twin: StripeTwin, at_twin: Party) -> None:
    id = await at_twin.subscribed()
    await at_twin.gateway.cancel_subscription(id, at_period_end=True, key=key())
    twin.advance(days=32)
    ended = await at_twin.gateway.subscription(id)
    assert (ended.status, ended.ended_at) == ("CANCELED", ended.current_period_end)
    assert len(await at_twin.gateway.invoices_of(id)) == 1


# Tax


@pytest.mark.parametrize(
    ("country", "region", "included", "by_line", "rates"),
    [
        ("DE", None, False, {"l1": 931, "l2": 63}, [("VAT", 190_000, 994)]),
        ("DE", None, True, {"l1": 782, "l2": 53}, [("VAT", 190_000, 835)]),
        ("FI", None, False, {"l1": 1250, "l2": 85}, [("VAT", 255_000, 1335)]),
        ("US", "NY", False, {"l1": 435, "l2": 30}, [("SALES TAX", 88_750, 465)]),
        ("US", "OR", False, {"l1": 0, "l2": 0}, []),
    ],
)
async def test_tax_is_of_the_buyers_place_a_line_at_a_time(
    at_twin: Party, country: str, region: str | None, included: bool, by_line: dict[str, int], rates: list[tuple[str, int, int]]
) -> None:
    request = TaxRequest(currency="EUR", country=country, postal_code="10115", region=region, is_tax_included=included, lines=[("l1", 4900, None), ("l2", 333, "txcd_20060058")])
    found = await at_twin.gateway.tax(request)
    assert found.by_line == by_line
    assert [(line.name, line.rate_ppm, line.amount) for line in found.lines] == rates
    assert found.calculation_id is not None
    booked = key()
    first = await at_twin.gateway.book_tax(found.calculation_id, reference="o1", key=booked)
    assert await at_twin.gateway.book_tax(found.calculation_id, reference="o1", key=booked) == first
    with pytest.raises(PaymentRefused):
        await at_twin.gateway.book_tax(found.calculation_id, reference="o1", key=key())


async def test_tax_of_many_lines_is_told_of_each(at_twin: Party) -> None:
    lines = [(f"l{number}", 1000 + number, None) for number in range(25)]
    found = await at_twin.gateway.tax(TaxRequest(currency="EUR", country="DE", postal_code="10115", region=None, is_tax_included=False, lines=lines))
    assert found.by_line == {reference: (amount * 19 + 50) // 100 for reference, amount, _ in lines}
    assert sum(found.by_line.values()) == found.lines[0].amount


async def test_a_place_that_is_none_has_no_tax_but_a_refusal(at_twin: Party) -> None:
    with pytest.raises(PaymentRefused) as refusal:
        await at_twin.gateway.tax(TaxRequest(currency="EUR", country="US", postal_code=None, region=None, is_tax_included=False, lines=[("l1", 1, None)]))
    assert refusal.value.reason == "customer_tax_location_invalid"


# Connected accounts


async def test_an_account_is_made_once_and_gets_nothing_before_it_is_known(at: Party) -> None:
    again = key()
    made = await at.gateway.make_account(country="DE", email="ada@home.example", metadata={"payee": "p1"}, key=again)
    assert (made.country, made.payouts_enabled, made.details_submitted, made.default_currency) == ("DE", False, False, "EUR")
    assert made.requirements
    assert (await at.gateway.make_account(country="DE", email="ada@home.example", metadata={"payee": "p1"}, key=again)).id == made.id
    link = await at.gateway.account_link(made.id, return_url="https://school.example/back", refresh_url="https://school.example/again")
    assert link.url.startswith("http")
    assert link.expires_at > datetime.now(UTC)
    with pytest.raises(PaymentRefused):
        await at.gateway.transfer(made.id, amount=100, currency="EUR", group=None, metadata={}, key=key())


async def onboarded(twin: StripeTwin, at: Party) -> str:
    made = await at.gateway.make_account(country="DE", email="ada@home.example", metadata={}, key=key())
    twin.connect.onboard(made.id)
    return made.id


async def test_what_is_transferred_leaves_the_platform_and_comes_back_by_a_reversal(twin: StripeTwin, at_twin: Party) -> None:
    account = await onboarded(twin, at_twin)
    assert (await at_twin.gateway.account(account)).payouts_enabled
    await at_twin.charged()
    again = key()
    sent = await at_twin.gateway.transfer(account, amount=3000, currency="EUR", group="o1", metadata={"payout": "p1"}, key=again)
    assert (await at_twin.gateway.transfer(account, amount=3000, currency="EUR", group="o1", metadata={"payout": "p1"}, key=again)).id == sent.id
    assert twin.holdings() == {"platform": {"eur": 1825}, account: {"eur": 3000}}
    back = key()
    assert (await at_twin.gateway.reverse_transfer(sent.id, amount=1000, key=back)).reversed_amount == 1000
    assert (await at_twin.gateway.reverse_transfer(sent.id, amount=1000, key=back)).reversed_amount == 1000
    assert twin.holdings() == {"platform": {"eur": 2825}, account: {"eur": 2000}}
    assert [(each.currency, each.available) for each in await at_twin.gateway.balance(account)] == [("EUR", 2000)]
    with pytest.raises(PaymentRefused, match="greater than unreversed"):
        await at_twin.gateway.reverse_transfer(sent.id, amount=2001, key=key())


async def test_nobody_gets_more_than_there_is(twin: StripeTwin, at_twin: Party) -> None:
    account = await onboarded(twin, at_twin)
    twin.balances.settles_after = 2 * DAY
    await at_twin.charged()
    assert [(each.available, each.pending) for each in await at_twin.gateway.balance()] == [(0, 4825)]
    with pytest.raises(PaymentRefused) as refusal:
        await at_twin.gateway.transfer(account, amount=4825, currency="EUR", group=None, metadata={}, key=key())
    assert refusal.value.reason == "balance_insufficient"
    twin.advance(days=2)
    await at_twin.gateway.transfer(account, amount=4825, currency="EUR", group=None, metadata={}, key=key())
    twin.payouts.pay_out(account, "eur")
    with pytest.raises(PaymentRefused) as empty:
        await at_twin.gateway.reverse_transfer(twin.store.all("transfer")[0]["id"], amount=1, key=key())
    assert empty.value.reason == "balance_insufficient"
    assert twin.holdings() == {"platform": {}, account: {}}


async def test_a_payout_that_fails_is_back_on_the_balance(twin: StripeTwin, at_twin: Party) -> None:
    account = await onboarded(twin, at_twin)
    twin.top_up(5000, "eur", account=account)
    arrives, fails = twin.payouts.pay_out(account, "eur", 2000), twin.payouts.pay_out(account, "eur")
    twin.payouts.finish(fails["id"], failure_code="account_closed")
    twin.advance(days=1)
    assert (arrives["status"], fails["status"]) == ("paid", "failed")
    assert twin.holdings()[account] == {"eur": 3000}
    assert [(each["type"], each["account"]) for each in twin.store.all("event")[-2:]] == [("payout.failed", account), ("payout.paid", account)]


async def test_an_account_that_went_away_is_said_to_be_gone(twin: StripeTwin, at_twin: Party) -> None:
    account = await onboarded(twin, at_twin)
    twin.connect.disconnect(account)
    with pytest.raises(PaymentRefused) as refusal:
        await at_twin.gateway.balance(account)
    assert refusal.value.reason == "account_invalid"


# What goes wrong on the way


async def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_happens_twice(twin: StripeTwin, at_twin: Party) -> None:
    id, again = await at_twin.charged(), key()
    twin.fault("lost", "/v1/refunds")
    with pytest.raises(Unavailable):
        await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=again)
    assert (await at_twin.gateway.payment(id)).refunded_amount == 1000
    refund = await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=again)
    assert [each.id for each in await at_twin.gateway.refunds_of(id)] == [refund.id]


async def test_an_answer_that_takes_too_long_is_there_under_the_same_key(twin: StripeTwin, at_twin: Party) -> None:
    id, same = await at_twin.charged(), key()
    payments = StripePayments(secret_key=TEST_KEY, webhook_secrets=(), url=twin.url, timeout=0.2)
    twin.pause = asyncio.Event()
    with pytest.raises(Unavailable):
        await payments.gateway().refund(id, amount=1000, currency="EUR", metadata={}, key=same)
    await payments.aclose()
    twin.pause.set()
    refund = await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=same)
    assert [each.id for each in await at_twin.gateway.refunds_of(id)] == [refund.id]


@pytest.mark.parametrize("kind", ["error", "limited", "down"])
async def test_failures_of_theirs_are_told_as_unavailable(twin: StripeTwin, at_twin: Party, kind: str) -> None:
    id = await at_twin.charged()
    twin.fault(kind, "/v1/refunds", times=3)
    with pytest.raises(Unavailable):
        await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=key())
    assert await at_twin.gateway.refunds_of(id) == []


async def test_a_failure_of_theirs_is_kept_under_its_key_and_another_key_goes_on(twin: StripeTwin, at_twin: Party) -> None:
    id, bad = await at_twin.charged(), key()
    twin.fault("error", "/v1/refunds")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=bad)
    assert (await at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=key())).status == "SUCCEEDED"


async def test_two_at_once_with_one_key_are_one(twin: StripeTwin, at_twin: Party) -> None:
    id, same = await at_twin.charged(), key()
    twin.pause = asyncio.Event()
    both = [asyncio.create_task(at_twin.gateway.refund(id, amount=1000, currency="EUR", metadata={}, key=same)) for _ in range(2)]

    async def both_came() -> bool:
        return len([asked for asked in twin.asked if asked[1] == "/v1/refunds"]) >= 2

    await until(both_came)
    twin.pause.set()
    first, second = await asyncio.gather(*both)  # the library asks again after the 409
    assert first == second
    assert len(await at_twin.gateway.refunds_of(id)) == 1


async def test_nobody_listens_there(at_twin: Party) -> None:
    payments = StripePayments(secret_key=TEST_KEY, webhook_secrets=(), url="http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="does not answer"):
        await payments.gateway().checkout("cs_test_1")
    await payments.aclose()


async def test_a_wrong_key_is_the_operators_matter_and_is_not_told(twin: StripeTwin, caplog: pytest.LogCaptureFixture) -> None:
    payments = StripePayments(secret_key="sk_test_other_secret", webhook_secrets=(), url=twin.url)
    with pytest.raises(Unavailable) as failure:
        await payments.gateway().checkout("cs_test_1")
    await payments.aclose()
    assert "operator" in failure.value.message
    assert "other_secret" not in failure.value.message + caplog.text


async def test_a_school_with_a_key_of_its_own_is_another_account(twin: StripeTwin) -> None:
    twin.keys["sk_live_school"] = True
    payments = StripePayments(secret_key=None, webhook_secrets=(), url=twin.url)
    own = OwnProvider(tenant_id=uuid4(), secret_key="sk_live_school", webhook_secrets=["whsec_school"])
    with pytest.raises(PaymentsNotConfigured):
        payments.gateway()
    made = await payments.gateway(own).open_checkout(order(), key=key())
    assert made.id.startswith("cs_live_")
    other = StripePayments(secret_key=TEST_KEY, webhook_secrets=(), url=twin.url)
    with pytest.raises(PaymentRefused, match="a similar object exists in live mode"):
        await other.gateway().checkout(made.id)
    await payments.aclose()
    await other.aclose()

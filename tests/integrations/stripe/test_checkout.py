"""Checkout sessions at the twin: what a buyer can do, and what the platform holds afterwards."""

from typing import Any

import pytest
import stripe as library

from lms_graph.integrations.twins.stripe import DAY, StripeTwin

pytestmark = pytest.mark.anyio


def sale(amount: int = 5000, currency: str = "eur", **more: Any) -> dict[str, Any]:
    item = {"price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "Course"}}, "quantity": 1}
    return {"mode": "payment", "line_items": [item], "success_url": "https://school.example/done?id={CHECKOUT_SESSION_ID}", "cancel_url": "https://school.example/back", **more}


def plan(amount: int = 1000, interval: str = "month", **more: Any) -> dict[str, Any]:
    price = {"currency": "eur", "unit_amount": amount, "product_data": {"name": "All courses"}, "recurring": {"interval": interval}}
    return {"mode": "subscription", "line_items": [{"price_data": price, "quantity": 1}], "success_url": "https://school.example/done", **more}


def told(twin: StripeTwin) -> list[str]:
    return [each["type"] for each in twin.store.all("event")]


async def test_a_paid_session_has_a_charge_whose_net_the_platform_holds(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(
        sale(metadata={"order": "o1"}, client_reference_id="o1", payment_intent_data={"transfer_group": "o1", "metadata": {"order": "o1"}})
    )
    assert (made.status, made.payment_status, made.amount_total, made.payment_intent) == ("open", "unpaid", 5000, None)
    assert twin.checkout.pay(made.id, email="ada@home.example") == "paid"
    paid = await v1.checkout.sessions.retrieve_async(made.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]})
    charge = paid.payment_intent.latest_charge
    assert (paid.status, paid.payment_status, paid.url, paid.customer_details.email) == ("complete", "paid", None, "ada@home.example")
    assert (charge.transfer_group, charge.metadata["order"], charge.balance_transaction.fee, charge.balance_transaction.net) == ("o1", "o1", 175, 4825)
    assert [line.description for line in paid.line_items.data] == ["Course"]
    assert twin.holdings() == {"platform": {"eur": 4825}}
    assert told(twin) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


async def test_a_declined_card_leaves_the_session_open_and_nobody_richer(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(sale())
    assert twin.checkout.pay(made.id, "pm_card_chargeDeclinedInsufficientFunds") == "insufficient_funds"
    assert (await v1.checkout.sessions.retrieve_async(made.id)).status == "open"
    assert twin.holdings() == {"platform": {}}
    assert twin.checkout.pay(made.id) == "paid"
    assert len(twin.store.all("payment_intent")) == 1


async def test_a_bank_that_asks_is_answered_before_anything_is_paid(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(sale())
    assert twin.checkout.pay(made.id, "pm_card_threeDSecure2Required") == "action"
    assert twin.holdings() == {"platform": {}}
    twin.checkout.authenticate(made.id, well=False)
    assert (await v1.checkout.sessions.retrieve_async(made.id)).status == "open"
    twin.checkout.pay(made.id, "pm_card_threeDSecure2Required")
    twin.checkout.authenticate(made.id)
    assert (await v1.checkout.sessions.retrieve_async(made.id)).payment_status == "paid"
    assert twin.holdings() == {"platform": {"eur": 4825}}


async def test_a_session_expires_when_it_is_told_to_or_its_time_is_over(twin: StripeTwin, v1: Any) -> None:
    told_to, in_time, paid = [await v1.checkout.sessions.create_async(sale(expires_at=twin.now() + 3600)) for _ in range(3)]
    twin.checkout.pay(paid.id)
    assert (await v1.checkout.sessions.expire_async(told_to.id)).status == "expired"
    twin.advance(3601)
    assert (await v1.checkout.sessions.retrieve_async(in_time.id)).status == "expired"
    with pytest.raises(library.InvalidRequestError, match="has a status of complete"):
        await v1.checkout.sessions.expire_async(paid.id)
    assert told(twin).count("checkout.session.expired") == 2


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"expires_at": 1}, "expires_at"),
        ({"success_url": "school.example"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"colour": "red"}, "colour"),
        ({"ui_mode": "embedded"}, "ui_mode"),
        ({"subscription_data": {"description": "x"}}, "subscription_data"),
        ({"customer": "cus_none"}, "customer"),
        (sale(10), None),
        (sale(5001, "kwd"), "line_items[0][price_data][unit_amount]"),
        (sale(currency="xxx"), "line_items[0][price_data][currency]"),
    ],
)
async def test_what_stripe_would_refuse_is_refused(twin: StripeTwin, v1: Any, wrong: dict[str, Any], param: str | None) -> None:
    with pytest.raises(library.InvalidRequestError) as refusal:
        await v1.checkout.sessions.create_async({**sale(), **wrong})
    assert refusal.value.param == param
    assert twin.store.all("checkout.session") == []


async def test_a_plan_renews_by_itself_with_an_invoice_an_hour_later(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(plan(subscription_data={"metadata": {"order": "o1"}}))
    assert twin.checkout.pay(made.id) == "paid"
    session = await v1.checkout.sessions.retrieve_async(made.id)
    before = await v1.subscriptions.retrieve_async(session.subscription)
    twin.advance(days=31)
    twin.advance(3601)
    after = await v1.subscriptions.retrieve_async(session.subscription)
    assert (before.status, after.status, after.metadata["order"]) == ("active", "active", "o1")
    assert after["items"].data[0].current_period_start == before["items"].data[0].current_period_end
    invoices = (await v1.invoices.list_async({"subscription": after.id, "expand": ["data.payments"]})).data
    assert [(each.status, each.billing_reason, each.amount_paid, each.parent.subscription_details.subscription) for each in invoices] == [
        ("paid", "subscription_cycle", 1000, after.id),
        ("paid", "subscription_create", 1000, after.id),
    ]
    assert twin.holdings() == {"platform": {"eur": 2 * (1000 - 59)}}


async def test_a_plan_that_cannot_be_paid_is_tried_again_and_ends(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(plan())
    twin.checkout.pay(made.id)
    session = await v1.checkout.sessions.retrieve_async(made.id)
    twin.customers.use_card(session.customer, "pm_card_chargeDeclined")
    twin.advance(days=32)
    assert (await v1.subscriptions.retrieve_async(session.subscription)).status == "past_due"
    twin.advance(days=20)
    assert (await v1.subscriptions.retrieve_async(session.subscription)).status == "canceled"
    assert told(twin).count("invoice.payment_failed") == 4
    assert told(twin)[-1] == "customer.subscription.deleted"
    assert twin.holdings() == {"platform": {"eur": 941}}


async def test_a_trial_costs_nothing_until_it_ends(twin: StripeTwin, v1: Any) -> None:
    made = await v1.checkout.sessions.create_async(plan(subscription_data={"trial_period_days": 7}))
    twin.checkout.pay(made.id)
    session = await v1.checkout.sessions.retrieve_async(made.id)
    trial = await v1.subscriptions.retrieve_async(session.subscription)
    assert (session.payment_status, trial.status, trial.trial_end - trial.trial_start) == ("no_payment_required", "trialing", 7 * DAY)
    twin.advance(days=8)
    assert (await v1.subscriptions.retrieve_async(session.subscription)).status == "active"
    assert "customer.subscription.trial_will_end" in told(twin)
    assert twin.holdings() == {"platform": {"eur": 941}}

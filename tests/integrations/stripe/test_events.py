"""Events on their way: signed as Stripe signs, in order or not; and what reads them takes nothing else."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_graph.domain.payouts.ports import EventObject, EventRefused, OwnProvider
from lms_graph.integrations.stripe import StripePayments
from lms_graph.integrations.twins.stripe import TEST_KEY, StripeTwin
from lms_graph.integrations.twins.stripe.events import signature
from lms_graph.kit.ids import new_id
from tests.integrations.stripe.conftest import Ear
from tests.integrations.stripe.test_checkout import plan, sale

pytestmark = pytest.mark.anyio
SECRET, OLD = "whsec_new", "whsec_old"
PAYMENTS = StripePayments(secret_key=TEST_KEY, webhook_secrets=[SECRET, OLD], url="http://127.0.0.1:9")


def event(**more: Any) -> dict[str, Any]:
    about = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"order": "o1", "odd": 1}}
    return {"id": "evt_1", "object": "event", "type": "charge.succeeded", "created": 1_790_000_000, "livemode": False, "data": {"object": about}, **more}


def body_of(said: Any) -> bytes:
    return json.dumps(said).encode()


def signed(body: bytes, *secrets: str, at: int | None = None) -> str:
    return signature(body, secrets or (SECRET,), at)


# Delivery


async def test_events_are_told_in_their_order_and_can_be_read(twin: StripeTwin, v1: Any, ear: Ear) -> None:
    twin.listen(ear.url, SECRET)
    made = await v1.checkout.sessions.create_async(sale(metadata={"order": "o1"}))
    twin.checkout.pay(made.id)
    await twin.events.quiet()
    read = [PAYMENTS.read_event(*each) for each in ear.heard]
    assert [each.type for each in read] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    intent = (await v1.checkout.sessions.retrieve_async(made.id)).payment_intent
    assert [(each.about, each.object_id) for each in read] == [(EventObject.PAYMENT, intent)] * 3 + [(EventObject.CHECKOUT, made.id)]
    assert (read[-1].metadata, intent in read[-1].parents) == ({"order": "o1"}, True)


async def test_events_of_a_plan_name_it_and_carry_its_words(twin: StripeTwin, v1: Any, ear: Ear) -> None:
    twin.listen(ear.url, SECRET, enabled="invoice.paid customer.subscription.updated invoice_payment.paid")
    made = await v1.checkout.sessions.create_async(plan(subscription_data={"metadata": {"order": "o1"}}))
    twin.checkout.pay(made.id)
    await twin.events.quiet()
    session = await v1.checkout.sessions.retrieve_async(made.id)
    paid, invoice, subscription = [PAYMENTS.read_event(*each) for each in ear.heard]
    assert (paid.about, paid.object_id) == (EventObject.INVOICE, session.invoice)
    assert (invoice.about, invoice.object_id, invoice.parents, invoice.metadata) == (EventObject.INVOICE, session.invoice, [session.subscription], {"order": "o1"})
    assert (subscription.about, subscription.object_id, subscription.metadata) == (EventObject.SUBSCRIPTION, session.subscription, {"order": "o1"})


async def test_an_account_has_events_of_its_own_for_those_who_want_them(twin: StripeTwin, v1: Any, ear: Ear) -> None:
    twin.listen(ear.url, SECRET, connect=True)
    account = await v1.accounts.create_async({"country": "DE", "type": "express", "capabilities": {"transfers": {"requested": True}}})
    await v1.payment_intents.create_async({"amount": 500, "currency": "eur"})
    twin.connect.onboard(account.id)
    await twin.events.quiet()
    (read,) = [PAYMENTS.read_event(*each) for each in ear.heard]
    assert (read.type, read.about, read.object_id, read.account) == ("account.updated", EventObject.ACCOUNT, account.id, account.id)


async def test_an_event_that_is_not_taken_is_told_again(twin: StripeTwin, v1: Any, ear: Ear) -> None:
    ear.answers = [500, 503]
    twin.listen(ear.url, SECRET)
    await v1.payment_intents.create_async({"amount": 500, "currency": "eur"})
    await twin.events.quiet()
    assert len({PAYMENTS.read_event(*each).id for each in ear.heard}) == 1
    assert [each.status for each in twin.events.attempts] == [500, 503, 200]


async def test_held_events_come_in_any_order_doubled_ones_twice_and_lost_ones_never(twin: StripeTwin, v1: Any, ear: Ear) -> None:
    twin.listen(ear.url, SECRET)
    twin.events.hold()
    twin.events.doubled = True
    twin.events.lost = lambda event: event["type"] == "charge.succeeded"
    made = await v1.checkout.sessions.create_async(sale())
    twin.checkout.pay(made.id)
    await twin.events.quiet()
    assert ear.heard == []
    twin.events.release(order="reversed")
    await twin.events.quiet()
    types = [PAYMENTS.read_event(*each).type for each in ear.heard]
    assert types == [each for each in ("checkout.session.completed", "payment_intent.succeeded", "payment_intent.created") for _ in range(2)]


async def test_what_was_missed_can_be_asked_for(twin: StripeTwin, v1: Any) -> None:
    for _ in range(12):
        await v1.payment_intents.create_async({"amount": 500, "currency": "eur"})
    newest = await v1.events.list_async({"limit": 5, "type": "payment_intent.created"})
    rest = [each.id async for each in (await v1.events.list_async({"starting_after": newest.data[-1].id})).auto_paging_iter()]
    assert (len(newest.data), newest.has_more, len(rest)) == (5, True, 7)
    assert [each["id"] for each in reversed(twin.store.all("event"))] == [each.id for each in newest.data] + rest
    assert (await v1.events.retrieve_async(rest[0])).data.object.amount == 500


# Reading


def test_an_event_is_read_for_what_it_names() -> None:
    body = body_of(event())
    read = PAYMENTS.read_event(body, signed(body))
    assert (read.id, read.type, read.about, read.object_id, read.account) == ("evt_1", "charge.succeeded", EventObject.PAYMENT, "pi_1", None)
    assert (read.parents, read.metadata, int(read.happened_at.timestamp())) == (["ch_1"], {"order": "o1"}, 1_790_000_000)


@pytest.mark.parametrize("secrets", [(SECRET,), (OLD,), (OLD, SECRET), ("whsec_another", SECRET)])
def test_either_secret_is_good_while_one_is_rolled(secrets: tuple[str, ...]) -> None:
    body = body_of(event())
    assert PAYMENTS.read_event(body, signed(body, *secrets)).id == "evt_1"


@pytest.mark.parametrize(("late", "good"), [(0, True), (299, True), (-299, True), (331, False), (-331, False), (10**9, False)])
def test_a_signature_is_good_for_five_minutes_in_the_past_and_the_future(late: int, good: bool) -> None:
    body = body_of(event())
    header = signed(body, at=int(time.time()) - late)
    if good:
        assert PAYMENTS.read_event(body, header).id == "evt_1"
    else:
        with pytest.raises(EventRefused, match="signed"):
            PAYMENTS.read_event(body, header)


BODY = body_of(event())
NOW = int(time.time())
GOOD = signed(BODY, at=NOW).split(",")[1]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        ",,,",
        "t=,v1=",
        f"t={NOW}",
        GOOD,
        f"t={NOW},{GOOD.replace('v1=', 'v0=')}",
        f"t={NOW},{GOOD.replace('v1=', 'V1=')}",
        f"t={NOW},{GOOD.upper().replace('V1', 'v1')}",
        f"t={NOW},{GOOD[:-1]}",
        f"t={NOW},{GOOD}0",
        f"t={NOW}, {GOOD}",
        f"t={NOW},v1=\u00e9\u00ff",
        f"t={NOW},v1=\u6f22\u5b57",
        f"t=\u0661\u0662,{GOOD}",
        f"t={NOW}.0,{GOOD}",
        f"t=+{NOW},{GOOD}",
        f"t=-{NOW},{GOOD}",
        f"t=0x{NOW:x},{GOOD}",
        f"t={'9' * 4000},{GOOD}",
        f"t={NOW},t={NOW},{GOOD}",
        f"t={NOW - 1},{GOOD}",
        f"t={NOW},{GOOD}" + "," * 5000,
        signed(BODY, "whsec_other"),
        signed(BODY + b" "),
        signed(b""),
    ],
    ids=lambda header: "header",  # they hold the time, which each process of a run has for itself
)
def test_no_other_header_is_a_signature(header: str | None) -> None:
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(BODY, header)


def test_a_body_that_was_written_anew_is_another_body() -> None:
    pretty = json.dumps(event(), indent=2).encode()
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(BODY, signed(pretty))
    assert PAYMENTS.read_event(pretty, signed(pretty)).id == "evt_1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b"true",
        b"{",
        b"\xff\xfe",
        b'{"object": "event", "id": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"9" * 5000,
        body_of(event(object="charge")),
        body_of(event(id=None)),
        body_of(event(id={"a": 1})),
        body_of(event(id="e" * 256)),
        body_of(event(id="evt_\x00")),
        body_of(event(type=["x"])),
        body_of(event(data=None)),
        body_of(event(data={"object": "ch_1"})),
        body_of(event(data=[])),
        body_of(event(account=5)),
        body_of(event(created="yesterday")),
        body_of(event(created=10**30)),
        body_of(event(created=-1)),
        body_of(event(created=True)),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(body, signed(body))


@pytest.mark.parametrize(
    ("about", "word", "object_id"),
    [
        ({"object": "charge", "id": "ch_1"}, EventObject.PAYMENT, "ch_1"),
        ({"object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": "pi_1"}, EventObject.REFUND, "re_1"),
        ({"object": "dispute", "id": "du_1"}, EventObject.DISPUTE, "du_1"),
        ({"object": "payout", "id": "po_1"}, EventObject.PAYOUT, "po_1"),
        ({"object": "transfer", "id": "tr_1"}, EventObject.TRANSFER, "tr_1"),
        ({"object": "novelty", "id": "nov_1"}, EventObject.OTHER, "nov_1"),
        ({"object": {"a": 1}, "id": ["x"]}, EventObject.OTHER, None),
        ({"object": "invoice", "id": 5, "parent": {"subscription_details": "x"}, "metadata": []}, EventObject.INVOICE, None),
        ({}, EventObject.OTHER, None),
    ],
)
def test_objects_are_told_in_our_words_and_what_is_unknown_is_kept(about: dict[str, Any], word: EventObject, object_id: str | None) -> None:
    body = body_of(event(data={"object": about}))
    read = PAYMENTS.read_event(body, signed(body))
    assert (read.about, read.object_id) == (word, object_id)


@pytest.mark.parametrize(
    ("about", "word", "object_id"),
    [
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_ours"}, EventObject.OTHER, None),
        ({"object": "checkout.session", "id": "cs_ours"}, EventObject.OTHER, None),
        ({"object": "account", "id": "acct_1"}, EventObject.ACCOUNT, "acct_1"),
        ({"object": "payout", "id": "po_1"}, EventObject.PAYOUT, "po_1"),
    ],
)
def test_what_a_connected_account_sells_is_none_of_ours(about: dict[str, Any], word: EventObject, object_id: str | None) -> None:
    body = body_of(event(account="acct_1", data={"object": about}))
    read = PAYMENTS.read_event(body, signed(body))
    assert (read.about, read.object_id, read.account) == (word, object_id, "acct_1")


def test_an_event_of_the_other_mode_is_about_nothing(caplog: pytest.LogCaptureFixture) -> None:
    body = body_of(event(livemode=True))
    read = PAYMENTS.read_event(body, signed(body))
    assert (read.about, read.object_id, read.parents) == (EventObject.OTHER, None, [])
    assert "stripe.event_of_other_mode" in caplog.text


def test_a_schools_own_endpoint_has_its_own_secrets_and_mode() -> None:
    own = OwnProvider(tenant_id=new_id(), secret_key="sk_live_school", webhook_secrets=["whsec_school"])
    body = body_of(event(livemode=True))
    assert PAYMENTS.read_event(body, signed(body, "whsec_school"), own).about is EventObject.PAYMENT
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(body, signed(body), own)
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(body, signed(body, "whsec_school"))


def test_without_a_secret_nothing_is_believed() -> None:
    none = StripePayments(secret_key=TEST_KEY, webhook_secrets=(), url="")
    with pytest.raises(EventRefused):
        none.read_event(BODY, signed(BODY, ""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["id", "object", "type", "data", "created", "livemode", "account", "request"])


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(NAMES, JSON, max_size=3), st.dictionaries(st.sampled_from(["id", "object", "metadata", "parent", "charge", "payment_intent", "subscription"]), JSON, max_size=4)
)
def test_whatever_is_signed_is_read_or_refused(changes: dict[str, Any], about: dict[str, Any]) -> None:
    body = body_of(event(data={"object": about}) | changes)
    try:
        read = PAYMENTS.read_event(body, signed(body))
    except EventRefused:
        return
    assert isinstance(read.id, str)
    assert all(isinstance(value, str) for value in [*read.parents, *read.metadata, *read.metadata.values()])


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.binary(max_size=200))
def test_whatever_comes_unsigned_is_refused(header: str, body: bytes) -> None:
    with pytest.raises(EventRefused):
        PAYMENTS.read_event(body, header)

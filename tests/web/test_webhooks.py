"""Events of the payment provider: signed or refused, kept once, and never an effect for an object that is not ours."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.commerce.rules import provider_events as rules
from lms_graph.integrations.twins.stripe import WEBHOOK_SECRET, StripeTwin
from lms_graph.integrations.twins.stripe.events import signature
from tests.factories.checkouts import GONE, OPEN, PAID, begin, rows_of, session_of, shop, state
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def provider(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=house.url, timeout=30) as client:
        yield client


async def send(provider: httpx.AsyncClient, event: dict[str, Any], *, path: str = "/webhooks/stripe", secrets: tuple[str, ...] = (WEBHOOK_SECRET,), at: int | None = None) -> int:
    body = json.dumps(event).encode()
    return (await provider.post(path, content=body, headers={"Stripe-Signature": signature(body, secrets, at)})).status_code


def public(event: dict[str, Any], **differs: Any) -> dict[str, Any]:
    """An event as the twin sends it."""
    return {name: value for name, value in event.items() if not name.startswith("_")} | differs


async def paid(stripe: StripeTwin, school: School, student: Client) -> list[dict[str, Any]]:
    """The events of a checkout that was paid, which nobody has heard of yet."""
    stripe.events.endpoints.clear()
    checkout = await begin(student, (await shop(school)).offer)
    stripe.checkout.pay(await session_of(school.system, checkout))
    return [public(event) for event in stripe.store.all("event")]


class TestKeeping:
    async def test_twenty_deliveries_of_each_event_at_once_are_kept_once_and_settle_once(
        self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
    ) -> None:
        events = await paid(stripe, school, student)

        statuses = await asyncio.gather(*(send(provider, event) for event in events for _ in range(20)))
        await settle()

        assert set(statuses) == {200}
        kept = await rows_of(school.system, "provider_events")
        assert sorted(row["provider_event_id"] for row in kept) == sorted(event["id"] for event in events)
        assert {row["outcome"] for row in kept} == {"worked"} and all(row["worked_at"] for row in kept)
        assert await state(school.system) == PAID

    @pytest.mark.parametrize("order", ["reversed", "shuffled"])
    async def test_any_order_and_doubles_end_the_same(self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle, order: str) -> None:
        events = await paid(stripe, school, student)

        for event in reversed(events) if order == "reversed" else [*events[2:], *events[:2], *events]:
            assert await send(provider, event) == 200
            await settle()

        assert await state(school.system) == PAID

    async def test_the_same_object_under_another_event_id_has_no_second_effect(
        self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
    ) -> None:
        events = await paid(stripe, school, student)

        for event in events:
            await send(provider, event)
            await send(provider, event | {"id": f"evt_{uuid4().hex}"})
        await settle()

        assert await state(school.system) == PAID
        assert len(await rows_of(school.system, "provider_events")) == 2 * len(events)

    async def test_an_event_is_believed_for_nothing_but_that_something_happened(
        self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
    ) -> None:
        stripe.events.endpoints.clear()
        checkout = await begin(student, (await shop(school)).offer)
        session = public(stripe.store.kinds["checkout.session"][await session_of(school.system, checkout)])
        lie = {"id": "evt_lie", "object": "event", "type": "checkout.session.completed", "created": int(time.time()), "livemode": False}

        assert await send(provider, lie | {"data": {"object": session | {"status": "complete", "payment_status": "paid"}}}) == 200
        await settle()

        assert await state(school.system) == OPEN

    async def test_what_nobody_knows_is_kept_and_changes_nothing(self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle) -> None:
        (event, *_) = await paid(stripe, school, student)
        strange = event | {"id": "evt_strange", "type": "moon.rose", "data": {"object": {"id": "moon_1", "object": "moon", "metadata": {"tenant": str(school.id)}}}}

        assert await send(provider, strange) == 200
        await settle()

        (kept,) = await rows_of(school.system, "provider_events")
        assert (kept["type"], kept["outcome"]) == ("moon.rose", "kept: nothing follows from it")
        assert await state(school.system) == OPEN

    async def test_nothing_about_cards_and_addresses_is_kept(self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient) -> None:
        for event in await paid(stripe, school, student):
            await send(provider, event)

        kept = json.dumps([row["payload"] for row in await rows_of(school.system, "provider_events")])
        assert "succeeded" in kept
        assert not any(word in kept for word in ("last4", '"4242"', "exp_year", "fingerprint", "postal_code"))
        assert "@" not in kept, "nor about the buyer's address: the order has it, and forgets it with its buyer"

    def test_nothing_about_who_is_paid_is_kept(self) -> None:
        account = {"id": "acct_1", "email": "ida@home.example", "individual": {"dob": {"year": 1990}}, "external_accounts": {"data": [{"bank_name": "Bank", "routing": "1"}]}}
        event = {"type": "account.updated", "data": {"object": account | {"payouts_enabled": True}}}

        assert rules.kept(event) == {"type": "account.updated", "data": {"object": {"id": "acct_1", "payouts_enabled": True}}}


class TestForeign:
    async def test_an_object_of_another_school_is_kept_there(
        self, stripe: StripeTwin, school: School, other_school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
    ) -> None:
        events = await paid(stripe, school, student)

        for event in events:
            event["data"]["object"]["metadata"] = {"tenant": str(other_school.id), "order": str(uuid4())}
            await send(provider, event)
        await settle()

        assert await state(other_school.system) == OPEN | {"orders": [], "checkouts": []}
        assert await rows_of(other_school.system, "entitlements") == []

    @pytest.mark.parametrize("differs", [{"account": "acct_foreign"}, {"livemode": True}])
    async def test_of_a_connected_account_or_the_other_mode_it_has_no_effect(
        self, stripe: StripeTwin, school: School, platform: School, student: Client, provider: httpx.AsyncClient, settle: Settle, differs: dict[str, Any]
    ) -> None:
        for event in await paid(stripe, school, student):
            assert await send(provider, event | differs) == 200
        await settle()

        assert await state(school.system) == OPEN

    async def test_a_path_of_a_school_without_keys_of_its_own_takes_nothing(
        self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
    ) -> None:
        (event, *_) = await paid(stripe, school, student)

        assert await send(provider, event, path=f"/webhooks/stripe/{school.slug}") == 400
        assert await send(provider, event, path="/webhooks/stripe/nobody-here") == 400
        assert await rows_of(school.system, "provider_events") == []


class TestRefusing:
    async def test_what_the_provider_did_not_sign_is_refused_without_a_word(self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient) -> None:
        (event, *_) = await paid(stripe, school, student)
        body = json.dumps(event).encode()
        now = int(time.time())

        answers = [
            await provider.post("/webhooks/stripe", content=content, headers=headers)
            for content, headers in (
                (body, {}),
                (body, {"Stripe-Signature": "nonsense"}),
                (body, {"Stripe-Signature": signature(body, ["whsec_other"])}),
                (body, {"Stripe-Signature": signature(body, [WEBHOOK_SECRET], now - 331)}),
                (body, {"Stripe-Signature": signature(body, [WEBHOOK_SECRET], now + 331)}),
                (json.dumps(event, indent=1).encode(), {"Stripe-Signature": signature(body, [WEBHOOK_SECRET])}),
            )
        ]

        assert {(answer.status_code, answer.content) for answer in answers} == {(400, b"")}
        assert await rows_of(school.system, "provider_events") == []

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'"x"', b"1", b"null", b"", b"\xff", b"[" * 10_000])
    async def test_signed_junk_is_refused(self, stripe: StripeTwin, provider: httpx.AsyncClient, body: bytes) -> None:
        answer = await provider.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": signature(body, [WEBHOOK_SECRET])})

        assert answer.status_code == 400

    async def test_a_body_that_is_too_large_is_not_read_on(self, stripe: StripeTwin, provider: httpx.AsyncClient) -> None:
        body = b" " * 600_000

        assert (await provider.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": signature(body, [WEBHOOK_SECRET])})).status_code == 413

    async def test_two_secrets_hold_while_one_is_changed(self, stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient) -> None:
        (event, *_) = await paid(stripe, school, student)

        assert await send(provider, event, secrets=("whsec_old", WEBHOOK_SECRET)) == 200


async def test_an_event_that_comes_after_the_checkout_was_canceled_changes_nothing(
    stripe: StripeTwin, school: School, student: Client, provider: httpx.AsyncClient, settle: Settle
) -> None:
    checkout = await begin(student, (await shop(school)).offer)
    await student.data("CancelCheckout", input={"id": checkout["id"]})

    await stripe.events.quiet()
    await settle()

    assert await state(school.system) == GONE

"""What is bought for others: gifts and seats, from the checkout to who takes them, and back when the money goes back."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.models.commerce import OfferSubject
from tests.factories.accounts import account, address, verify_address
from tests.factories.checkouts import Shop, asked, begin, rows_of, shop
from tests.factories.mails import Inbox, part
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import fetch

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


async def paid(stripe: StripeTwin, settle: Settle, buyer: Client, offer: str, **line: Any) -> dict[str, Any]:
    """A checkout of one line, paid at the provider's page, and everything that follows."""
    checkout = await begin(buyer, lines=[{"offerId": offer, **line}])
    async with httpx.AsyncClient() as browser:
        await browser.post(checkout["paymentUrl"], data={"choice": "pay"})
    await stripe.events.quiet()
    await settle()
    return checkout


async def pool_of(buyer: Client) -> dict[str, Any]:
    (pool,) = (await buyer.data("MySeatPools"))["seatPools"]["nodes"]
    found: dict[str, Any] = await buyer.data("SeatPool", id=pool["id"])
    return found


async def grants(school: School) -> list[tuple[Any, ...]]:
    """Who holds what, and whether it is open."""
    rows = await fetch(school, "SELECT account_id, kind, revoked_at IS NULL AS open FROM entitlements WHERE tenant_id = $1 ORDER BY created_at, id")
    return [tuple(row.values()) for row in rows]


async def access(client: Client, course_id: str) -> str:
    page = await client.data("query ($id: ID!) { course(id: $id) { access { __typename } } }", id=course_id)
    return str(page["access"]["__typename"])


async def give_back(stripe: StripeTwin, settle: Settle, admin: Client, order_id: str) -> None:
    payload = await admin.data("Refund", input={"orderId": order_id, "reason": "Not wanted.", "idempotencyKey": uuid4().hex})
    assert payload["errors"] == [], payload["errors"]
    await settle()
    await stripe.events.quiet()
    await settle()


@pytest.fixture
async def seats(school: School) -> Shop:
    return await shop(school, subject=OfferSubject.SEATS, max_quantity=10)


class TestAGift:
    async def test_is_paid_by_the_giver_and_opens_for_who_brings_the_code(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle, inbox: Inbox) -> None:
        sold, giver, email = await shop(school), await sign_in(name="Gil Giver"), address()

        await paid(stripe, settle, giver, sold.offer, giftEmail=email, giftMessage="Enjoy it!")

        assert await grants(school) == []
        assert await access(giver, sold.course.public_id) != "AccessGranted"
        (mail,) = inbox.of(email)
        assert "> Enjoy it!" in part(mail)
        code = part(mail).partition("/redeem?token=")[2].split()[0]
        assert await giver.codes("RedeemCode", input={"code": code}) == ["CONFLICT"]
        receiver = await sign_in()
        (run,) = [(await receiver.data("RedeemCode", input={"code": code}))["enrollment"]]
        assert run["course"]["id"] == sold.course.public_id
        assert (await access(giver, sold.course.public_id), await access(receiver, sold.course.public_id)) == ("NotEnrolled", "AccessGranted")
        assert await grants(school) == [(receiver.account_id, "GIFT", True)]

    async def test_to_a_proved_address_opens_at_once_and_closes_with_the_refund(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle) -> None:
        sold, giver, admin = await shop(school), await sign_in(), await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        email = address()
        learner = await account(school.system, email=email)
        await verify_address(school.system, learner)
        receiver = await sign_in(learner)

        checkout = await paid(stripe, settle, giver, sold.offer, giftEmail=email)
        before = await access(receiver, sold.course.public_id)
        await give_back(stripe, settle, admin, checkout["order"]["id"])

        assert (before, await access(receiver, sold.course.public_id)) == ("AccessGranted", "EntitlementExpired")
        assert await grants(school) == [(learner, "GIFT", False)]
        assert (await pool_of(giver))["closedAt"] is not None

    async def test_to_oneself_waits_for_another(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle) -> None:
        sold, email = await shop(school), address()
        id = await account(school.system, email=email)
        await verify_address(school.system, id)
        giver = await sign_in(id)

        await paid(stripe, settle, giver, sold.offer, giftEmail=email)

        assert await grants(school) == []
        pool = await pool_of(giver)
        assert (pool["kind"], pool["available"]) == ("GIFT", 1)
        assert await giver.codes("RedeemCode", input={"code": pool["code"]}) == ["CONFLICT"]

    async def test_of_seats_is_refused(self, stripe: StripeTwin, school: School, student: Client, seats: Shop) -> None:
        payload = await student.data("StartCheckout", input=asked(lines=[{"offerId": seats.offer, "giftEmail": address()}]))

        assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID", ["lines", "0", "giftEmail"])]
        assert await rows_of(school.system, "orders") == []


class TestSeats:
    async def test_are_assigned_redeemed_and_taken_back(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle, inbox: Inbox, seats: Shop) -> None:
        buyer, first, second, email = await sign_in(), await sign_in(), await sign_in(), address()

        checkout = await paid(stripe, settle, buyer, seats.offer, quantity=2)

        assert checkout["total"]["amount"] == "40.00"
        pool = await pool_of(buyer)
        assert (pool["kind"], pool["seats"], pool["available"]) == ("SEATS", 2, 2)
        assert await grants(school) == [], "who buys seats is not enrolled"
        await buyer.data("AssignSeat", input={"poolId": pool["id"], "email": email})
        await settle()
        (mail,) = inbox.of(email)
        code = part(mail).partition("/redeem?token=")[2].split()[0]
        assert (await first.data("RedeemCode", input={"code": code}))["errors"] == []
        assert (await second.data("RedeemCode", input={"code": pool["code"]}))["errors"] == []
        assert await (await sign_in()).codes("RedeemCode", input={"code": pool["code"]}) == ["LIMIT_REACHED"]
        (taken,) = [seat for seat in (await pool_of(buyer))["assignments"]["nodes"] if seat["email"] == email]
        assert (await buyer.data("ReclaimSeat", input={"seatId": taken["id"]}))["pool"]["available"] == 1
        assert await access(first, seats.course.public_id) == "EntitlementExpired"
        third = await sign_in()
        assert (await third.data("RedeemCode", input={"code": pool["code"]}))["errors"] == []
        assert await access(third, seats.course.public_id) == "AccessGranted"

    async def test_are_all_closed_when_the_money_goes_back(self, stripe: StripeTwin, school: School, sign_in: SignIn, settle: Settle, seats: Shop) -> None:
        buyer, learner, late, admin = await sign_in(), await sign_in(), await sign_in(), await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        checkout = await paid(stripe, settle, buyer, seats.offer, quantity=3)
        pool = await pool_of(buyer)
        await learner.data("RedeemCode", input={"code": pool["code"]})
        await buyer.data("AssignSeat", input={"poolId": pool["id"], "email": address()})

        await give_back(stripe, settle, admin, checkout["order"]["id"])

        closed = await pool_of(buyer)
        assert closed["closedAt"] is not None
        assert sorted(seat["status"] for seat in closed["assignments"]["nodes"]) == ["REVOKED", "REVOKED"]
        assert await access(learner, seats.course.public_id) == "EntitlementExpired"
        assert await late.codes("RedeemCode", input={"code": pool["code"]}) == ["CONFLICT"]
        assert await buyer.codes("AssignSeat", input={"poolId": pool["id"], "email": address()}) == ["CONFLICT"]
        left = await fetch(school, "SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 GROUP BY account HAVING sum(amount) <> 0")
        assert sum(row["left"] for row in left) == 0 and {row["account"] for row in left} <= {"PROVIDER", "PAYEE"}

    async def test_of_a_guest_wait_until_they_are_claimed(
        self, stripe: StripeTwin, school: School, visitor: Client, sign_in: SignIn, settle: Settle, inbox: Inbox, seats: Shop
    ) -> None:
        email = address()
        checkout = await begin(visitor, lines=[{"offerId": seats.offer, "quantity": 2}], email=email)
        async with httpx.AsyncClient() as browser:
            await browser.post(checkout["paymentUrl"], data={"choice": "pay"})
        await stripe.events.quiet()
        await settle()
        assert await rows_of(school.system, "seat_pools") == []
        (mail,) = [mail for mail in inbox.of(email) if "/account/claim?token=" in part(mail)]
        token = part(mail).partition("/account/claim?token=")[2].split()[0]
        buyer = await sign_in()

        assert (await buyer.data("ClaimPurchase", input={"token": token, "idempotencyKey": uuid4().hex}))["errors"] == []

        assert ((await pool_of(buyer))["available"], await grants(school)) == (2, [])

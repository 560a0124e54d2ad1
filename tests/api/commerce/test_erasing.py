"""Erasing who bought: nothing in sales names them any more, and the books are as they were."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from tests.factories import offers, seats
from tests.factories.accounts import account, address
from tests.factories.checkouts import Shop, begin, rows_of, session_of, shop
from tests.factories.courses import course, text
from tests.factories.plans import Shop as PlanShop
from tests.factories.plans import bought as plan_bought
from tests.factories.plans import offer as plan_offer
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]
TABLES = ("orders", "order_lines", "checkouts", "refunds", "payments", "coupon_holds", "seat_pools", "seat_assignments", "subscriptions", "provider_events", "facts")


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"))


def member(client: Client) -> str:
    assert client.account_id
    return public_id("mbr", client.account_id)


def erasing(**who: Any) -> dict[str, Any]:
    return {"idempotencyKey": uuid4().hex} | who


async def tables_with(school: School, *words: str) -> set[str]:
    """Where any of these words stand."""
    found = set()
    for table in TABLES:
        async with database.reading(school.system):
            rows = await database.fetch(f"SELECT row_to_json(t)::text AS said FROM {table} t WHERE tenant_id = $1", school.id)
        found |= {table for row in rows for word in words if word.lower() in row["said"].lower()}
    return found


async def books(school: School) -> list[Any]:
    """What the law demands: amounts, documents, the ledger."""
    sums = "number, status, currency, country, subtotal_amount, discount_amount, tax_amount, total_amount, refunded_amount, paid_at"
    return [
        await fetch(school, f"SELECT {sums} FROM orders WHERE tenant_id = $1 ORDER BY id"),
        await fetch(school, "SELECT title, total_amount, tax_amount, terms FROM order_lines WHERE tenant_id = $1 ORDER BY id"),
        await fetch(school, "SELECT number, kind, total_amount, tax_amount, snapshot, pdf_file_id FROM invoices WHERE tenant_id = $1 ORDER BY id"),
        await fetch(school, "SELECT * FROM ledger_entries WHERE tenant_id = $1 ORDER BY id"),
        await fetch(school, "SELECT status, amount, provider_payment_id FROM payments WHERE tenant_id = $1 ORDER BY id"),
        await fetch(school, "SELECT id, revoked_at FROM entitlements WHERE tenant_id = $1 ORDER BY id"),
    ]


async def sold(school: School, client: Client, stripe: StripeTwin, settle: Settle, made: Shop, **differs: Any) -> dict[str, Any]:
    checkout = await begin(client, made.offer, **differs)
    stripe.checkout.pay(await session_of(school.system, checkout))
    await stripe.events.quiet()
    await settle()
    return checkout


class TestGuest:
    async def test_is_erased_by_address_and_the_books_stay(self, stripe: StripeTwin, school: School, admin: Client, visitor: Client, settle: Settle) -> None:
        made, email, friend = await shop(school), address(), address()
        _, code = await offers.coupon(school.system)
        gift = {"lines": [{"offerId": made.offer, "giftEmail": friend, "giftMessage": "Dear Zacharias, enjoy!"}]}
        checkout = await sold(school, visitor, stripe, settle, made, email=email, name="Wilhelmina Quist", postalCode="WQ-77", country="DE", couponCode=code, **gift)
        before = await books(school)
        assert await tables_with(school, email, "Wilhelmina", "WQ-77", friend, "Zacharias") >= {"orders", "order_lines", "coupon_holds"}

        assert await admin.data("EraseBuyer", input=erasing(email=email.upper())) == {"erased": True, "errors": []}

        assert await tables_with(school, email, "Wilhelmina", "WQ-77", friend, "Zacharias") == set()
        assert await books(school) == before
        (invoice,) = await rows_of(school.system, "invoices")
        assert invoice["snapshot"] and "Wilhelmina Quist" in str(invoice["snapshot"])
        order = await admin.data("query ($id: ID!) { order(id: $id) { name email lines { giftEmail giftMessage } } }", id=checkout["order"]["id"])
        assert order == {"name": "", "email": None, "lines": [{"giftEmail": None, "giftMessage": ""}]}
        assert ("BuyerErased", checkout["order"]["id"], admin.account_id) in await audit_of(school)

    async def test_is_not_mailed_any_more_and_a_credit_note_says_whom_it_is_for(self, stripe: StripeTwin, school: School, admin: Client, visitor: Client, settle: Settle) -> None:
        made, email = await shop(school), address()
        checkout = await sold(school, visitor, stripe, settle, made, email=email, name="Wilhelmina Quist")
        await admin.data("EraseBuyer", input=erasing(email=email))
        mails = len(await rows_of(school.system, "mails"))

        await admin.data("Refund", input={"orderId": checkout["order"]["id"], "reason": "Back.", "idempotencyKey": "k"})
        await settle()

        buyers = [database.from_json(row["snapshot"])["buyer"] for row in await rows_of(school.system, "invoices")]
        assert [(buyer["name"], buyer["email"]) for buyer in buyers] == [("Wilhelmina Quist", email)] * 2
        assert len(await rows_of(school.system, "mails")) == mails

    async def test_who_was_given_something_is_erased_too(self, school: School, admin: Client) -> None:
        made, friend, other = await course(school.system, text()), address(), address()
        buyer = await account(school.system)
        for email in (friend, other):
            await seats.bought(school.system, buyer, made.course_id, 1, gift_email=email, gift_message="Yours")

        assert (await admin.data("EraseBuyer", input=erasing(email=friend)))["erased"]

        assert await tables_with(school, friend) == set()
        assert await tables_with(school, other) == {"seat_assignments"}
        assert [row["status"] for row in await rows_of(school.system, "seat_assignments")] == ["ASSIGNED"] * 2
        assert len(await facts_of(school, ["SeatAddressErased"])) == 1


class TestMember:
    async def test_is_erased_once_however_often_and_keeps_what_was_bought(self, stripe: StripeTwin, school: School, admin: Client, student: Client, settle: Settle) -> None:
        await sold(school, student, stripe, settle, await shop(school), name="Wilhelmina Quist")
        before, same = await books(school), erasing(memberId=member(student))

        answers = [await admin.data("EraseBuyer", input=same), *await asyncio.gather(*(admin.data("EraseBuyer", input=each) for each in (same, erasing(memberId=member(student)))))]

        assert answers == [{"erased": True, "errors": []}] * 3
        assert await tables_with(school, "Wilhelmina") == set()
        assert [(row["email"], row["name"], row["account_id"]) for row in await rows_of(school.system, "orders")] == [("", "", student.account_id)]
        assert await books(school) == before
        assert len(await facts_of(school, ["BuyerErased"])) == 1

    async def test_is_not_erased_while_something_is_under_way(self, stripe: StripeTwin, school: School, admin: Client, student: Client) -> None:
        await begin(student, (await shop(school)).offer, name="Wilhelmina Quist")

        told = await admin.data("EraseBuyer", input=erasing(memberId=member(student)))

        assert told["erased"] is None
        assert [(error["code"], "a checkout is open" in error["message"]) for error in told["errors"]] == [("CONFLICT", True)]
        assert "orders" in await tables_with(school, "Wilhelmina")
        assert await facts_of(school, ["BuyerErased"]) == []

    async def test_with_a_plan_waits_for_its_end(self, shop: PlanShop, school: School, admin: Client, student: Client) -> None:
        plan = await plan_bought(shop, await plan_offer(shop), student.account_id)

        told = await admin.data("EraseBuyer", input=erasing(memberId=member(student)))

        assert [(error["code"], "a plan goes on" in error["message"]) for error in told["errors"]] == [("CONFLICT", True)]
        assert (await shop.one("SELECT email FROM orders WHERE tenant_id = $1 AND id = $2", plan.order_id))["email"] != ""


class TestRights:
    async def test_takes_the_permission_in_this_school(
        self, stripe: StripeTwin, school: School, other_school: School, admin: Client, student: Client, visitor: Client, sign_in: SignIn, settle: Settle
    ) -> None:
        email = address()
        await sold(school, visitor, stripe, settle, await shop(school), email=email)
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))
        support = await sign_in(roles=("STUDENT", "SUPPORT"))

        assert await visitor.codes("EraseBuyer", input=erasing(email=email)) == ["UNAUTHENTICATED"]
        for client in (student, support):
            assert await client.codes("EraseBuyer", input=erasing(email=email)) == ["FORBIDDEN"]
        assert (await stranger.data("EraseBuyer", input=erasing(email=email)))["erased"], "nobody there has bought anything under it"
        assert await stranger.codes("EraseBuyer", input=erasing(memberId=member(student))) == ["NOT_FOUND"]
        assert "orders" in await tables_with(school, email)

    async def test_says_who_and_once_for_each_key(self, admin: Client, student: Client) -> None:
        for who in ({}, {"email": "nobody"}, {"email": "ada@example.com", "memberId": member(student)}):
            assert await admin.codes("EraseBuyer", input=erasing(**who)) == ["INVALID"]
        assert await admin.codes("EraseBuyer", input=erasing(memberId=public_id("mbr", uuid4()))) == ["NOT_FOUND"]
        assert await admin.codes("EraseBuyer", input=erasing(email="ada@example.com", idempotencyKey="same")) == []
        assert await admin.codes("EraseBuyer", input=erasing(email="bob@example.com", idempotencyKey="same")) == ["IDEMPOTENCY_CONFLICT"]

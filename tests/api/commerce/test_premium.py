"""Premium instructorship, sold by the school to who teaches there."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.domain.commerce.operations import refunds
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.ids import public_id
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject
from tests.factories import offers
from tests.factories.accounts import account
from tests.factories.checkouts import asked, begin, rows_of, session_of, shop, uuid_of
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import fetch, person

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]
WANTED = {"kind": "ONE_TIME", "subject": "INSTRUCTOR_PREMIUM", "accessDays": 30, "prices": [{"price": {"amount": "15.00", "currency": "EUR"}}], "idempotencyKey": "k"}


@pytest.fixture
async def teacher(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "INSTRUCTOR"))


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def sold(school: School) -> str:
    """An offer of thirty days for 20 EUR."""
    await shop(school)
    return public_id("off", await offers.offer(school.system, None, subject=OfferSubject.INSTRUCTOR_PREMIUM, access_days=30))


class TestOffer:
    @pytest.mark.parametrize(
        ("differs", "paths"),
        [
            ({}, []),
            ({"kind": "RECURRING", "interval": "YEAR", "accessDays": None, "trialDays": 7}, []),
            ({"accessDays": None}, [["accessDays"]]),
            ({"kind": "INSTALLMENTS", "interval": "MONTH", "installments": 3}, [["kind"]]),
            ({"subjectId": public_id("crs", uuid4())}, [["subjectId"]]),
            ({"maxQuantity": 5}, [["maxQuantity"]]),
        ],
    )
    async def test_is_of_no_thing_once_for_a_time_or_recurring(self, admin: Client, differs: dict[str, Any], paths: list[list[str]]) -> None:
        saved = await admin.data("SaveOffer", input=WANTED | differs)

        assert [error["path"] for error in saved["errors"]] == paths
        if not paths:
            assert (saved["offer"]["title"], saved["offer"]["items"]) == ("Premium instructor", [])


class TestBuying:
    async def test_makes_who_teaches_premium_and_opens_nothing_and_the_money_is_the_schools(
        self, stripe: StripeTwin, school: School, teacher: Client, sold: str, settle: Settle
    ) -> None:
        checkout = await begin(teacher, sold)
        assert (await teacher.data("Earnings"))["payee"] is None

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        (order,) = await rows_of(school.system, "orders")
        payee = (await teacher.data("Earnings"))["payee"]
        assert datetime.fromisoformat(payee["premiumUntil"]) == order["paid_at"] + timedelta(days=30)
        assert await rows_of(school.system, "entitlements") == []
        shares = await fetch(
            school, "SELECT party, payee_id IS NULL OR payee_id = (SELECT id FROM payees WHERE tenant_id = $1 AND kind = 'TENANT') AS is_ours FROM line_shares WHERE tenant_id = $1"
        )
        assert {(row["party"], row["is_ours"]) for row in shares} <= {("SCHOOL", True), ("PLATFORM", True), ("FEE_TAX", True)} and shares

    async def test_is_over_when_the_money_went_back(self, stripe: StripeTwin, school: School, teacher: Client, sold: str, settle: Settle) -> None:
        checkout = await begin(teacher, sold)
        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        admin = person(school, await account(school.system), "TENANT_ADMIN")
        order_id = uuid_of(checkout["order"]["id"])
        await refunds.refund_order(caller=admin, order_id=order_id, amount=None, lines=None, reason="Back.", access_change=None, idempotency_key="k")
        await settle()

        assert (await teacher.data("Earnings"))["payee"]["premiumUntil"] is None

    async def test_is_for_who_teaches_in_this_school(
        self, stripe: StripeTwin, school: School, other_school: School, student: Client, visitor: Client, sign_in: SignIn, sold: str
    ) -> None:
        stranger = await sign_in(at=other_school, roles=("STUDENT", "INSTRUCTOR"))

        assert await student.codes("StartCheckout", input=asked(sold)) == ["OFFER_NOT_SOLD"]
        assert await visitor.codes("StartCheckout", input=asked(sold, email="ida@home.example")) == ["OFFER_NOT_SOLD"]
        await shop(other_school)
        assert await stranger.codes("StartCheckout", input=asked(sold)) == ["NOT_FOUND"]
        assert await rows_of(school.system, "orders") == [] == await rows_of(other_school.system, "orders")

    async def test_is_no_gift(self, stripe: StripeTwin, school: School, teacher: Client, sold: str) -> None:
        assert await teacher.codes("StartCheckout", input=asked(lines=[{"offerId": sold, "giftEmail": "friend@home.example"}])) == ["INVALID"]
        assert await rows_of(school.system, "orders") == []

    async def test_each_month_begins_a_plan(self, stripe: StripeTwin, school: School, teacher: Client, settle: Settle) -> None:
        await shop(school)
        monthly = await offers.offer(school.system, None, subject=OfferSubject.INSTRUCTOR_PREMIUM, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH)
        checkout = await begin(teacher, public_id("off", monthly))

        stripe.checkout.pay(await session_of(school.system, checkout))
        await stripe.events.quiet()
        await settle()

        (plan,) = await rows_of(school.system, "subscriptions")
        assert (plan["status"], plan["account_id"]) == ("ACTIVE", teacher.account_id)
        payee = (await teacher.data("Earnings"))["payee"]
        assert datetime.fromisoformat(payee["premiumUntil"]) == plan["paid_until"] + timedelta(days=2)
        assert await rows_of(school.system, "entitlements") == []

"""A new user's whole way from the shop to the run: signed up, led to the provider's page, paid there over HTTP, told live, and enrolled."""

from collections.abc import Awaitable, Callable

import httpx2 as httpx
import pytest

from lms_graph.integrations.twins.stripe import StripeTwin
from tests.factories.accounts import PASSWORD, address
from tests.factories.checkouts import PAID, begin, shop, state
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.journeys.live import socket

pytestmark = pytest.mark.anyio


async def test_a_new_user_buys_a_course_and_is_told_live(
    stripe: StripeTwin, house: House, school: School, visitor: Client, clients: list[Client], settle: Callable[[], Awaitable[list[str]]]
) -> None:
    made = await shop(school)
    session = (await visitor.data("SignUp", input={"email": address(), "name": "Nia New", "password": PASSWORD}))["session"]
    buyer = Client(house, school.slug, session["accessToken"])
    clients.append(buyer)
    (way,) = await buyer.data("Offers", courseId=made.course.public_id)
    checkout = await begin(buyer, way["offer"]["id"], expectedTotal=way["total"])

    async with socket(buyer, "WatchCheckout", id=checkout["id"]) as live:
        assert (await live.next())["status"] == "OPEN"
        async with httpx.AsyncClient() as browser:
            page = await browser.get(checkout["paymentUrl"])
            assert page.status_code == 200 and "A Course" in page.text
            back = await browser.post(checkout["paymentUrl"], data={"choice": "pay"})
        assert back.status_code in (302, 303) and back.headers["location"].startswith("https://shop.example/thanks?session=cs_")
        await stripe.events.quiet()
        await settle()
        told = await live.next()

    assert (told["status"], told["paymentUrl"]) == ("COMPLETED", None)
    assert await state(school.system) == PAID
    assert (await buyer.data("OrderParts", id=checkout["order"]["id"]))["lines"][0]["entitlement"] is not None


async def test_a_guest_is_told_live_with_the_token_alone(stripe: StripeTwin, school: School, visitor: Client, student: Client, settle: Callable[[], Awaitable[list[str]]]) -> None:
    checkout = await begin(visitor, (await shop(school)).offer, email="guest@home.example")

    async with socket(visitor, "WatchCheckout", id=checkout["id"], token=checkout["token"]) as live:
        assert (await live.next())["order"]["id"] == checkout["order"]["id"]
        async with httpx.AsyncClient() as browser:
            await browser.post(checkout["paymentUrl"], data={"choice": "pay"})
        await stripe.events.quiet()
        await settle()
        assert (await live.next())["status"] == "COMPLETED"
    with pytest.raises(AssertionError):  # the stream ends with NOT_FOUND
        async with socket(student, "WatchCheckout", id=checkout["id"]) as live:
            await live.next()

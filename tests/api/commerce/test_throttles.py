"""Limits on buying and on guessing codes of coupons, with the figures that a deployment has."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.limits.bounds import Bounds
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.factories import offers, seats
from tests.factories.accounts import signed_in
from tests.factories.checkouts import asked, rows_of, shop
from tests.factories.courses import course, text
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio


@pytest.fixture
async def strict(house: House) -> AsyncIterator[House]:
    """The same house with the limits of a deployment, which do not fill meanwhile."""
    adapters = replace(house.adapters, throttle=MemoryThrottle(clock=lambda: 1_000.0))
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema, Bounds())), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint)])) as url:
        yield House(url, adapters)


@pytest.fixture
def guest(strict: House, school: School, clients: list[Client]) -> Client:
    clients.append(client := Client(strict, school.slug))
    return client


@pytest.fixture
async def member(strict: House, school: School, clients: list[Client]) -> Client:
    session = await signed_in(school.system)
    clients.append(client := Client(strict, school.slug, session.access_token, session.account_id))
    return client


async def test_a_stranger_mails_nobody_with_what_costs_nothing(school: School, guest: Client, member: Client) -> None:
    """Each purchase of a visitor sends a mail to an address that nobody has proved."""
    made = await shop(school)
    _, code = await offers.coupon(school.system, percent_off=Decimal(100))
    victim = {"email": "victim@example.com", "couponCode": code}

    answers = [await guest.codes("StartCheckout", input=asked(made.offer, **victim)) for _ in range(8)]

    assert answers == [[]] * 5 + [["RATE_LIMITED"]] * 3
    assert len(await rows_of(school.system, "orders")) == 5
    assert await guest.codes("StartCheckout", input=asked(made.offer, **victim | {"email": "other@example.com"})) == []
    assert [await member.codes("StartCheckout", input=asked(made.offer, couponCode=code)) for _ in range(6)] == [[]] * 6, "whose address is known is not counted here"


async def test_codes_of_coupons_are_not_guessed_at_the_till(school: School, member: Client) -> None:
    made = await shop(school)
    await offers.coupon(school.system)

    guesses = [await member.codes("StartCheckout", input=asked(made.offer, couponCode=f"GUESS{number}")) for number in range(22)]

    assert guesses == [["COUPON_REJECTED"]] * 20 + [["RATE_LIMITED"]] * 2
    assert await rows_of(school.system, "orders") == []


async def test_nor_many_in_one_document(school: School, guest: Client) -> None:
    """Unknown codes are counted each, and known ones are not."""
    made = await shop(school)
    _, code = await offers.coupon(school.system)

    async def refused(*tried: str) -> int:
        fields = " ".join(f'g{number}: offersFor(courseId: $id, couponCode: "{each}") {{ couponProblem {{ code }} }}' for number, each in enumerate(tried))
        body = await guest.send(f"query ($id: ID!) {{ {fields} }}", id=made.course.public_id)
        told = [error["extensions"]["code"] for error in body.get("errors") or ()]
        assert set(told) <= {"RATE_LIMITED"} and "g0" in body["data"]
        return len(told)

    assert [await refused(*[code] * 4) for _ in range(16)] == [0] * 16
    assert [await refused(*(f"GUESS{batch}X{number}" for number in range(4))) for batch in range(17)] == [0] * 15 + [4, 4]


async def test_an_address_is_not_mailed_without_end_by_seats_that_are_given_and_taken_back(school: School, member: Client) -> None:
    assert member.account_id
    made = await course(school.system, text())
    pool, other = [await seats.bought(school.system, member.account_id, made.course_id) for _ in range(2)]
    give = {"poolId": pool.id, "email": "victim@example.com"}

    for times in (5, 1, 1, 1):
        assert [await member.codes("AssignSeat", input=give) for _ in range(times)] == [[]] * times, "again it changes nothing, and is not counted"
        waiting = (await member.data("SeatPool", id=pool.id))["assignments"]["nodes"]
        (seat,) = [each["id"] for each in waiting if each["status"] == "ASSIGNED"]
        assert await member.codes("ReclaimSeat", input={"seatId": seat}) == []
    body = await member.send("AssignSeat", input=give | {"email": "VICTIM@example.com"})

    assert [error["extensions"] for error in body["errors"]] == [{"code": "RATE_LIMITED", "retryAfter": 3600}]
    assert (await member.data("SeatPool", id=pool.id))["available"] == 3
    assert len(await rows_of(school.system, "seat_assignments")) == 4
    assert await member.codes("AssignSeat", input=give | {"email": "friend@example.com"}) == []
    assert await member.codes("AssignSeat", input=give | {"poolId": other.id}) == []

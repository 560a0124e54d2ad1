"""CORS and the Origin of WebSockets: pages that a school listed may use its API, and no others."""

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2 as httpx
import pytest
import websockets

from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.models.tenancy import DomainStatus
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.serving import Serve
from tests.fixtures.sockets import greeted

pytestmark = pytest.mark.anyio

ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,x-tenant"}
QUERY = {"query": "{ storefront { slug } }"}


def an_origin() -> str:
    """One that no other test lists."""
    return f"https://{uuid4().hex[:12]}.example"


async def lists(school: School, *origins: str) -> None:
    await operations.update_tenant(caller=school.system, changes={"allowed_origins": list(origins)})


async def preflight(url: str, origin: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.options(f"{url}/graphql", headers={"Origin": origin} | ASKED | headers)


async def post(url: str, origin: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{url}/graphql", json=QUERY, headers={"Origin": origin} | headers)


def granted(answer: httpx.Response) -> str | None:
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]
    value: str | None = answer.headers.get("access-control-allow-origin")
    return value


class TestPreflight:
    async def test_is_granted_to_what_a_school_lists(self, house: House, school: School) -> None:
        origin = an_origin()
        await lists(school, origin)

        answer = await preflight(house.url, origin)

        assert (answer.status_code, answer.content) == (204, b"")
        assert granted(answer) == origin
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, OPTIONS"
        assert {"authorization", "content-type", "x-tenant", "accept"} <= set(answer.headers["access-control-allow-headers"].split(", "))
        assert answer.headers["access-control-max-age"] == "7200"

    async def test_is_refused_to_what_the_school_does_not_list(self, house: House, school: School) -> None:
        host = await domain(school.id)
        await lists(school, "https://school.example")

        for origin in (an_origin(), "http://school.example", "https://school.example.evil.example", "null", "http://localhost:3000"):
            answer = await preflight(house.url, origin, Host=host)

            assert answer.status_code == 403
            assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            assert granted(answer) is None

    async def test_at_a_schools_own_host_is_granted_to_what_that_school_lists(self, house: House, school: School, other_school: School) -> None:
        its, others, host = an_origin(), an_origin(), await domain(school.id)
        await lists(school, its)
        await lists(other_school, others)

        assert granted(await preflight(house.url, its, Host=host)) == its
        assert granted(await preflight(house.url, others, Host=host)) is None

    async def test_is_granted_to_pages_of_a_verified_domain(self, house: House, school: School) -> None:
        host, verified, pending = await domain(school.id), await domain(school.id), await domain(school.id, DomainStatus.PENDING)

        for at in ({}, {"Host": host}):
            assert granted(await preflight(house.url, f"https://{verified}", **at)) == f"https://{verified}"
        assert granted(await preflight(house.url, f"https://{pending}", Host=host)) is None
        assert granted(await preflight(house.url, f"http://{verified}", Host=host)) is None

    async def test_is_granted_to_any_where_a_school_says_any(self, house: House, school: School) -> None:
        host, origin = await domain(school.id), an_origin()
        await lists(school, "*")

        assert granted(await preflight(house.url, origin, Host=host)) == origin
        assert granted(await preflight(house.url, origin)) == origin

    async def test_without_cors_says_what_can_be_sent(self, house: House) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.options(f"{house.url}/graphql")

        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


class TestRequest:
    async def test_may_be_read_by_pages_that_its_school_lists(self, house: House, school: School) -> None:
        origin = an_origin()
        await lists(school, "https://school.example", origin)

        answer = await post(house.url, origin, **{"X-Tenant": school.slug})

        assert answer.json()["data"]["storefront"]["slug"] == school.slug
        assert granted(answer) == origin
        assert answer.headers["access-control-expose-headers"] == "Retry-After"

    async def test_may_not_be_read_by_pages_that_only_another_school_lists(self, house: House, school: School, other_school: School) -> None:
        origin = an_origin()
        await lists(other_school, origin)

        assert granted(await preflight(house.url, origin)) == origin
        assert granted(await post(house.url, origin, **{"X-Tenant": school.slug})) is None

    async def test_may_be_read_by_pages_of_the_schools_domains_and_of_the_server(self, house: House, school: School, other_school: School) -> None:
        host, foreign = await domain(school.id), await domain(other_school.id)

        assert granted(await post(house.url, f"https://{host}", **{"X-Tenant": school.slug})) == f"https://{host}"
        assert granted(await post(house.url, f"https://{foreign}", **{"X-Tenant": school.slug})) is None
        assert granted(await post(house.url, house.url, **{"X-Tenant": school.slug})) == house.url

    async def test_says_any_where_its_school_does(self, house: House, school: School) -> None:
        await lists(school, "*")

        assert granted(await post(house.url, an_origin(), **{"X-Tenant": school.slug})) == "*"

    async def test_follows_the_token_where_nothing_else_names_the_school(self, house: House, student: Client, school: School) -> None:
        origin = an_origin()
        await lists(school, origin)

        assert granted(await post(house.url, origin, Authorization=f"Bearer {student.token}")) == origin

    async def test_that_was_refused_may_be_read_too(self, house: House, school: School) -> None:
        """Else a page could not tell that its token has ended."""
        origin, host = an_origin(), await domain(school.id)
        await lists(school, origin)

        for at in ({"X-Tenant": school.slug}, {"Host": host}):
            answer = await post(house.url, origin, Authorization="Bearer ended", **at)
            assert answer.status_code == 401
            assert granted(answer) == origin
        assert granted(await post(house.url, an_origin(), Authorization="Bearer ended", Host=host)) is None

    async def test_without_an_origin_is_told_none(self, visitor: Client) -> None:
        answer = await visitor.http.post("/graphql", json=QUERY)

        assert answer.status_code == 200
        assert granted(answer) is None


async def connect(url: str, origin: str | None, *, tenant: str | None = None, host: str | None = None) -> Any:
    """How a socket fares: the status of a refused handshake, else `connection_ack` or its close code."""
    at = urlsplit(url)
    try:
        async with greeted(f"http://{host or at.netloc}", tenant, host=at.hostname, port=at.port, origin=origin):
            return "connection_ack"
    except websockets.InvalidStatus as refused:
        return refused.response.status_code
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


class TestSocket:
    async def test_is_open_to_pages_that_its_school_lists_and_to_no_others(self, house: House, school: School, other_school: School) -> None:
        origin, host = an_origin(), await domain(school.id)
        await lists(school, origin)

        assert await connect(house.url, origin, tenant=school.slug) == "connection_ack"
        assert await connect(house.url, origin, host=host) == "connection_ack"
        assert await connect(house.url, an_origin(), host=host) == 403
        assert await connect(house.url, origin, tenant=other_school.slug) == 4403

    async def test_is_open_to_pages_of_the_server_and_to_what_is_no_browser(self, house: House, school: School) -> None:
        assert await connect(house.url, house.url, tenant=school.slug) == "connection_ack"
        assert await connect(house.url, None, tenant=school.slug) == "connection_ack"


class TestDevelopment:
    async def test_takes_pages_of_this_machine(self, serve: Serve, school: School) -> None:
        developing = await serve(LMS_DEVELOPMENT="true")
        origin, host = "http://localhost:3000", await domain(school.id)

        assert granted(await preflight(developing.url, origin)) == origin
        assert granted(await post(developing.url, origin, **{"X-Tenant": school.slug})) == origin
        assert await connect(developing.url, origin, tenant=school.slug) == "connection_ack"
        assert granted(await preflight(developing.url, an_origin(), Host=host)) is None

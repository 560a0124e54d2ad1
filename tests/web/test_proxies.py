"""What a proxy says of its client is believed of the named ones only."""

from typing import Any

import httpx2 as httpx
import pytest

from tests.factories.accounts import PASSWORD, account, address
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.client import DOCUMENTS
from tests.fixtures.serving import Serve, Serving

pytestmark = pytest.mark.anyio

CLIENT, SPOOFED = "203.0.113.9", "198.51.100.1"


@pytest.fixture(scope="module")
async def behind_a_proxy(serve: Serve) -> Serving:
    return await serve(LMS_TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.1")


@pytest.fixture(scope="module")
async def in_front(serve: Serve) -> Serving:
    return await serve(FORWARDED_ALLOW_IPS="*")  # uvicorn's own setting is not looked at


async def send(url: str, document: str, variables: dict[str, Any] | None = None, **headers: str) -> Any:
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(f"{url}/graphql", json={"query": DOCUMENTS.get(document, document), "variables": variables}, headers=headers)
    return answer.json().get("data")


async def address_of_session(serving: Serving, school: School, **headers: str) -> str:
    """What the session list shows of a sign-in with these headers."""
    email = address()
    await account(school.system, email=email, password=PASSWORD)
    at = {"X-Tenant": school.slug}
    signed_in = await send(serving.url, "SignIn", {"input": {"email": email, "password": PASSWORD}}, **at, **headers)
    token = signed_in["signIn"]["session"]["accessToken"]
    (session,) = (await send(serving.url, "{ viewer { sessions { ipAddress } } }", **at, Authorization=f"Bearer {token}"))["viewer"]["sessions"]
    return str(session["ipAddress"])


STOREFRONT = "{ storefront { slug logoUrl } }"


class TestANamedProxy:
    async def test_tells_the_clients_address(self, behind_a_proxy: Serving, school: School) -> None:
        assert await address_of_session(behind_a_proxy, school, **{"X-Forwarded-For": CLIENT}) == CLIENT

    async def test_is_not_fooled_by_what_the_client_sent_itself(self, behind_a_proxy: Serving, school: School) -> None:
        assert await address_of_session(behind_a_proxy, school, **{"X-Forwarded-For": f"{SPOOFED}, {CLIENT}, 10.1.2.3"}) == CLIENT

    @pytest.mark.parametrize("junk", ["", "unknown", "x" * 300, "::1%" + "x" * 100, "203.0.113.9, somebody"])
    async def test_that_tells_no_address_is_taken_for_the_client(self, behind_a_proxy: Serving, school: School, junk: str) -> None:
        assert await address_of_session(behind_a_proxy, school, **{"X-Forwarded-For": junk}) == "127.0.0.1"

    async def test_tells_the_host(self, behind_a_proxy: Serving, school: School) -> None:
        host = await domain(school.id)

        assert (await send(behind_a_proxy.url, STOREFRONT, **{"X-Forwarded-Host": host}))["storefront"]["slug"] == school.slug
        assert (await send(behind_a_proxy.url, STOREFRONT, **{"X-Forwarded-Host": f"evil.example, {host}"}))["storefront"]["slug"] == school.slug

    async def test_tells_the_scheme(self, behind_a_proxy: Serving) -> None:
        async with httpx.AsyncClient() as client:
            plain = await client.get(f"{behind_a_proxy.url}/healthz")
            secure = await client.get(f"{behind_a_proxy.url}/healthz", headers={"X-Forwarded-Proto": "https"})

        assert secure.headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in plain.headers


class TestAnybodyElse:
    async def test_changes_no_address(self, in_front: Serving, school: School) -> None:
        assert await address_of_session(in_front, school, **{"X-Forwarded-For": SPOOFED}) == "127.0.0.1"

    async def test_changes_no_host(self, in_front: Serving, school: School) -> None:
        assert await send(in_front.url, STOREFRONT, **{"X-Forwarded-Host": await domain(school.id)}) is None

    async def test_changes_no_scheme(self, in_front: Serving) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{in_front.url}/healthz", headers={"X-Forwarded-Proto": "https"})

        assert "strict-transport-security" not in answer.headers

"""The house as it is in development, where twins of this machine may be asked; and the twins."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from lms_graph.integrations.http import GuardedHttp
from lms_graph.integrations.openid import OpenIdClient
from lms_graph.integrations.social import GoogleAndGithub
from lms_graph.integrations.twins.github import GithubTwin
from lms_graph.integrations.twins.openid import OpenIdTwin
from lms_graph.limits.bounds import Bounds
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.fixtures.callers import SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House, served


@dataclass(frozen=True)
class Parties:
    """Google and GitHub, as far as we see them."""

    google: OpenIdTwin
    github: GithubTwin
    url: str


@pytest.fixture(scope="module")
async def parties(anyio_backend: str) -> AsyncIterator[Parties]:
    google, github = OpenIdTwin(""), GithubTwin()
    async with served(Starlette(routes=[Mount("/google", google.app()), Mount("/github", github.app())])) as url:
        google.url = google.issuer = f"{url}/google"
        yield Parties(google, github, url)


class Clock:
    """The clock of what is kept in this process; moved by the tests."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def house(house: House, parties: Parties, clock: Clock) -> AsyncIterator[House]:
    http = GuardedHttp(development=True)
    openid = OpenIdClient(http, clock=clock)
    social = GoogleAndGithub(http, openid, google_url=f"{parties.url}/google", github_url=f"{parties.url}/github", github_api_url=f"{parties.url}/github/api")
    adapters = replace(house.adapters, http=http, openid=openid, social=social)
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema, Bounds())), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)])) as url:
        yield House(url, adapters)


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def twins() -> AsyncIterator[Callable[[], Awaitable[OpenIdTwin]]]:
    """`await twins()` gives a provider that listens."""
    async with AsyncExitStack() as stack:

        async def start() -> OpenIdTwin:
            twin = OpenIdTwin("")
            twin.url = twin.issuer = await stack.enter_async_context(served(twin.app()))
            return twin

        yield start


@pytest.fixture
async def provider(twins: Callable[[], Awaitable[OpenIdTwin]], admin: Client) -> OpenIdTwin:
    """The school's own provider: set with the usual algorithms and one audience."""
    twin = await twins()
    await set_provider(admin, twin)
    return twin


async def set_provider(admin: Client, twin: OpenIdTwin, **more: Any) -> dict[str, Any]:
    answer = await admin.data("SetIdentityProvider", input={"issuer": twin.url, "audience": ["school"], "jwksUrl": f"{twin.url}/jwks", **more})
    assert answer["errors"] == []
    found: dict[str, Any] = answer["identityProvider"]
    return found


def claims(twin: OpenIdTwin, **more: Any) -> dict[str, Any]:
    """What a good token says; `None` leaves a claim out."""
    now = int(time.time())
    said = {"iss": twin.url, "aud": "school", "sub": "u1", "iat": now, "exp": now + 300, "email": "ada@people.example", "email_verified": True, "name": "Ada Outside", **more}
    return {name: value for name, value in said.items() if value is not None}


async def as_bearer(house: House, slug: str, token: str, query: str = "{ viewer { email name roles emailVerified } }") -> httpx.Response:
    """A request with any token at all."""
    async with httpx.AsyncClient(base_url=house.url, timeout=30) as http:
        return await http.post("/graphql", json={"query": query}, headers={"X-Tenant": slug, "Authorization": f"Bearer {token}"})


async def at_once(house: House, slug: str, tokens: Sequence[str]) -> list[httpx.Response]:
    """Requests that are under way together: one client, for to make one takes longer than a request."""
    async with httpx.AsyncClient(base_url=house.url, timeout=30, headers={"X-Tenant": slug}) as http:
        await asyncio.gather(*(http.post("/graphql", json={"query": "{ __typename }"}) for _ in tokens))  # the connections are made
        return await asyncio.gather(*(http.post("/graphql", json={"query": "{ viewer { email } }"}, headers={"Authorization": f"Bearer {token}"}) for token in tokens))


async def come_back(authorization_url: str, person: int | str) -> dict[str, str]:
    """What a browser does: opens the page, chooses who it is, and is sent back. Gives what the redirect carries."""
    async with httpx.AsyncClient(timeout=30) as browser:
        page = await browser.get(authorization_url)
        assert page.status_code == 200, page.text
        asked = dict(parse_qsl(urlsplit(authorization_url).query))
        sent = await browser.post(authorization_url.partition("?")[0], data={**asked, "person": str(person)})
        assert sent.status_code == 303, sent.text
        assert sent.headers["location"].startswith(asked["redirect_uri"])
        return dict(parse_qsl(urlsplit(sent.headers["location"]).query))

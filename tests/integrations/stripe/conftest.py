"""Stripe's twin by itself, and the real library that speaks with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe as library
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lms_graph.integrations.twins.stripe import TEST_KEY, StripeTwin
from tests.fixtures.house import served


@pytest.fixture
async def twin() -> AsyncIterator[StripeTwin]:
    twin = StripeTwin()
    async with served(twin.app()) as url:
        twin.url = url
        yield twin
        await twin.events.stop()


@dataclass
class Client:
    """The library with one key. It keeps connections, so it is closed."""

    http: library.AIOHTTPClient

    def v1(self, twin: StripeTwin, key: str = TEST_KEY, **more: Any) -> Any:
        return library.StripeClient(key, base_addresses={"api": twin.url}, http_client=self.http, max_network_retries=0, **more).v1


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    http = library.AIOHTTPClient(timeout=5)
    yield Client(http)
    await http.close_async()


@pytest.fixture
async def v1(twin: StripeTwin, client: Client) -> Any:
    """The library's way to the twin, with no retries of its own."""
    return client.v1(twin)


class Ear:
    """A webhook endpoint: what it heard, as bodies and headers; `answers` are given in turn, then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[tuple[bytes, str]] = []
        self.answers: list[int] = []

    async def hear(self, request: Request) -> Response:
        self.heard.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    async with served(Starlette(routes=[Route("/", ear.hear, methods=["POST"])])) as url:
        ear.url = f"{url}/"
        yield ear

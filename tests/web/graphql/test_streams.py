"""Server-sent events: the same rights and limits as over HTTP, a sign of life, an end with the session."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lms_graph.jobs.relay import Relay
from lms_graph.kit.budget import MemoryBudget, Rate
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.factories.courses import course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio

EVENTS = "text/event-stream"


@asynccontextmanager
async def streaming(client: Client, query: str, method: str = "POST", **variables: Any) -> AsyncIterator[httpx.Response]:
    body = {"query": DOCUMENTS.get(query, query), "variables": variables}
    how: dict[str, Any] = {"json": body} if method == "POST" else {"params": body | {"variables": json.dumps(variables)}}
    async with client.http.stream(method, "/graphql", headers={"Accept": EVENTS}, timeout=30, **how) as answer:
        yield answer


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """Each event's name and data; comments as `:`."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            yield ":", None
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield name, json.loads(data) if data else None


@pytest.fixture
async def run(student: Client, school: School) -> str:
    """A run of the student's, by its id."""
    made = await course(school.system, text())
    begun: str = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    return begun


class TestMessages:
    @pytest.mark.parametrize("method", ["POST", "GET"])
    async def test_a_subscription_goes_on(self, student: Client, run: str, method: str) -> None:
        async with streaming(student, "MyProgress", method, enrollmentId=run) as answer:
            assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "text/event-stream; charset=utf-8", "no-store")
            name, payload = await anext(events(answer))

        assert (name, payload["data"]["enrollmentProgress"]["enrollment"]["progressPercent"]) == ("next", 0)

    async def test_a_query_is_one_message(self, student: Client) -> None:
        async with streaming(student, "{ viewer { name } }") as answer:
            heard = [event async for event in events(answer)]

        assert [(name, payload and payload["data"]) for name, payload in heard] == [("next", {"viewer": {"name": "Ada Example"}}), ("complete", None)]

    async def test_what_is_not_there_for_you_is_told_and_completed(self, sign_in: SignIn, run: str) -> None:
        async with streaming(await sign_in(), "MyProgress", enrollmentId=run) as answer:
            heard = [event async for event in events(answer)]

        assert [name for name, _ in heard] == ["next", "complete"]
        assert [error["extensions"]["code"] for error in heard[0][1]["errors"]] == ["NOT_FOUND"]

    async def test_a_sign_of_life_comes_within_twenty_seconds(self, student: Client, run: str) -> None:
        async with streaming(student, "MyProgress", enrollmentId=run) as answer, asyncio.timeout(20):
            assert [await anext(stream) for stream in [events(answer)] for _ in range(2)][1] == (":", None)


class TestRefusals:
    @pytest.mark.parametrize(("query", "status"), [("{", 400), ("{ nothing }", 400), ("", 400), ("mutation { signOut(input: {}) { ok } }", 405)])
    async def test_what_is_not_run_is_no_stream(self, visitor: Client, query: str, status: int) -> None:
        async with streaming(visitor, query, "GET") as answer:
            body = json.loads(await answer.aread())

        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/graphql-response+json; charset=utf-8")
        assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]

    async def test_a_bad_token_is_refused_before_the_stream(self, visitor: Client, run: str) -> None:
        visitor.http.headers["Authorization"] = "Bearer nonsense"
        async with streaming(visitor, "MyProgress", enrollmentId=run) as answer:
            await answer.aread()

        assert answer.status_code == 401


async def test_ends_with_the_session(student: Client, run: str) -> None:
    async with streaming(student, "MyProgress", enrollmentId=run) as answer:
        heard = events(answer)
        await anext(heard)
        await student.data("SignOut", input={})

        async with asyncio.timeout(5):
            name, payload = await anext(heard)
            assert (name, [error["extensions"]["code"] for error in payload["errors"]]) == ("next", ["UNAUTHENTICATED"])
            assert await anext(heard) == ("complete", None)
            assert [event async for event in heard] == []


async def test_each_message_is_paid_for(student: Client, school: School, house: House) -> None:
    made = await course(school.system, text("a"), text("b"))
    begun = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    adapters = replace(house.adapters, budget=MemoryBudget(Rate(60, 1)))
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema)), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint)])) as url:
        poor = Client(House(url, adapters), student.tenant, student.token)
        async with streaming(poor, "subscription ($id: ID!) { enrollmentProgress(enrollmentId: $id) { enrollment { requirements { met } } } }", id=begun) as answer:
            heard = events(answer)
            first = (await anext(heard))[1]["extensions"]["cost"]
            relay = Relay(live=house.adapters.live, answers=house.adapters.answers, send=lambda message: None, resend_after=60, sweep_every=1)
            for key in ("a", "b"):
                await student.data("CompleteLecture", input={"enrollmentId": begun, "lectureId": made.lecture(key)})
                await relay.drain()
            told = [payload async for _, payload in heard]
        await poor.http.aclose()

    assert first["requested"] > 20
    assert [error["extensions"]["code"] for error in told[-2]["errors"]] == ["RATE_LIMITED"]
    assert told[-1] is None

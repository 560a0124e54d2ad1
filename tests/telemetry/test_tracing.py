"""Spans as a collector gets them."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lms_graph.embedded.processes import free_port
from tests.fixtures.processes import until
from tests.telemetry.conftest import Watched

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("watched")]

SERVER, CONSUMER = 2, 5
PARENT, TRACE = "b7ad6b7169203331", "0af7651916cd43dd8448eb211c80319c"


@asynccontextmanager
async def another_api(watched: Watched, **settings: str) -> AsyncIterator[None]:
    """A second API of the town, to which everything is sent meanwhile. It is told to stop, and does."""
    town = watched.town
    before = (town.environment, town.port)
    town.environment, town.port = town.environment | settings | {"LMS_METRICS_PORT": ""}, free_port()
    try:
        api = await town.start_api()
        yield
        api.send(signal.SIGTERM)
        await until(lambda: _ended(api), seconds=30)
    finally:
        town.environment, town.port = before


async def test_an_operation_is_a_span(watched: Watched) -> None:
    await watched.send("query Spanned { viewer { id } }")

    span = await watched.span(**{"graphql.operation.name": "Spanned"})
    line = await watched.line("serve", operation="Spanned")
    assert (span.service, span.name, span.kind, span.parent_id, span.failed) == ("lms-graph-serve", "query", SERVER, "", False)
    assert span.trace_id == line["trace_id"]
    assert span.attributes["graphql.document.hash"].startswith(line["document"])
    assert span.attributes["lms.tenant.id"] == line["tenant_id"]


async def test_nobody_but_a_named_proxy_says_whose_child_it_is(watched: Watched) -> None:
    await watched.send("query Foundling { viewer { id } }", headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"})

    span = await watched.span(**{"graphql.operation.name": "Foundling"})
    assert span.trace_id != TRACE
    assert span.parent_id == ""


async def test_behind_a_named_proxy_it_is_a_child_of_the_proxys_trace(watched: Watched) -> None:
    async with another_api(watched, LMS_TRUSTED_PROXIES="127.0.0.1"):
        await watched.send("query Child { viewer { id } }", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        broken = await watched.send("query Orphan { viewer { id } }", headers={"traceparent": "00-zz-1-;drop"})

    span = await watched.span(**{"graphql.operation.name": "Child"})
    assert (span.trace_id, span.parent_id) == (TRACE, PARENT)
    assert broken.json()["data"] == {"viewer": None}
    assert (await watched.span(**{"graphql.operation.name": "Orphan"})).parent_id == ""


async def test_a_surprise_fails_the_span_and_its_trace_id_is_told(watched: Watched) -> None:
    answer = await watched.send(
        "mutation Surprise($input: SignUpInput!) { signUp(input: $input) { errors { code } } }",
        input={"email": "unlucky.span@school.example", "name": "Ada", "password": "candle-window-4"},
    )

    span = await watched.span(**{"graphql.operation.name": "Surprise"})
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "traceId": span.trace_id}
    assert span.failed
    assert span.attributes["lms.error.codes"] == ["INTERNAL"]


async def test_a_refusal_is_no_failure_of_the_span(watched: Watched) -> None:
    await watched.send("query Refused { nothing }", name="Refused")

    span = await watched.span(**{"graphql.operation.name": "Refused"})
    assert not span.failed
    assert span.attributes["error.type"] == "BAD_USER_INPUT"


async def test_a_job_is_a_span(watched: Watched) -> None:
    learner = await watched.town.learner()
    await watched.town.quiet()

    row = await watched.town.delivery(learner, "catalog.count_enrollment")
    assert row
    span = await watched.span(**{"messaging.message.id": str(row["id"])})
    assert (span.service, span.name, span.kind, span.failed) == ("lms-graph-worker", "catalog.count_enrollment", CONSUMER, False)


async def test_a_collector_that_is_away_hurts_nobody(watched: Watched) -> None:
    """Nor does a Sentry that is away; both are given up when the process ends."""
    async with another_api(watched, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", SENTRY_DSN="http://public@127.0.0.1:9/1"):
        answer = await watched.send(
            "mutation Away($input: SignUpInput!) { signUp(input: $input) { errors { code } } }",
            input={"email": "unlucky.away@school.example", "name": "Ada", "password": "candle-window-4"},
        )

    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


async def _ended(process: object) -> bool:
    return process.exit_code is not None  # type: ignore[attr-defined]

"""Numbers as a scrape gets them."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.fixtures.processes import until
from tests.journeys.live import socket_at
from tests.telemetry.conftest import Watched

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("watched")]


async def test_operations_are_counted_by_type_and_outcome(watched: Watched) -> None:
    before = await watched.metrics()

    await watched.send("query Counted { viewer { id } }")
    await watched.send("query AnyName { nothing }")

    after = await watched.metrics()
    ok, refused = 'lms_operations_total{outcome="ok",type="query"}', 'lms_operations_total{outcome="refused",type="unknown"}'
    code = 'lms_operation_errors_total{code="BAD_USER_INPUT"}'
    assert after[ok] == before.get(ok, 0) + 1
    assert after[refused] == before.get(refused, 0) + 1
    assert after[code] == before.get(code, 0) + 1
    assert after['lms_operation_seconds_count{type="query"}'] == before.get('lms_operation_seconds_count{type="query"}', 0) + 1
    assert after['lms_operation_seconds_bucket{le="+Inf",type="query"}'] == after['lms_operation_seconds_count{type="query"}']


async def test_no_label_holds_what_a_client_chose_or_a_tenant(watched: Watched) -> None:
    await watched.send("query OfMyOwnChoice { viewer { id } }")

    shown = " ".join(await watched.metrics())
    line = await watched.line("serve", operation="OfMyOwnChoice")
    assert "OfMyOwnChoice" not in shown
    assert line["tenant_id"] not in shown


async def test_sockets_and_subscriptions_are_open_while_they_are(watched: Watched) -> None:
    learner = await watched.town.learner()

    async def open_now() -> tuple[float, float]:
        shown = await watched.metrics()
        return shown["lms_sockets_open"], shown["lms_subscriptions_open"]

    async def none() -> bool:
        return await open_now() == (0, 0)

    await until(none)
    async with socket_at(watched.town.url, watched.town.seed["tenant"], learner.token, "MyProgress", enrollmentId=learner.run) as live:
        await live.next()
        assert await open_now() == (1, 1)
    await until(none)


async def test_the_pool_is_shown(watched: Watched) -> None:
    await watched.send("{ viewer { id } }")

    shown = await watched.metrics()
    assert shown['lms_database_connections{role="app",state="idle"}'] + shown['lms_database_connections{role="app",state="used"}'] >= 1


async def test_jobs_are_counted_and_deliveries_read_at_each_scrape(watched: Watched) -> None:
    await watched.town.learner()
    await watched.town.quiet()

    async def counted() -> bool:
        return bool((await watched.metrics("worker")).get('lms_jobs_total{job="catalog.count_enrollment",outcome="done"}'))

    await until(counted)
    shown = await watched.metrics("worker")
    assert shown['lms_job_seconds_count{job="catalog.count_enrollment"}'] == shown['lms_jobs_total{job="catalog.count_enrollment",outcome="done"}']
    assert shown['lms_deliveries{state="waiting"}'] == 0
    await watched.town.database.execute("UPDATE deliveries SET state = 'BURIED' WHERE id = (SELECT id FROM deliveries LIMIT 1)")
    assert (await watched.metrics("worker"))['lms_deliveries{state="buried"}'] == 1


async def test_the_public_port_shows_none(watched: Watched) -> None:
    assert (await watched.town.http.get(f"{watched.town.url}/metrics")).status_code == 404


async def test_a_port_that_is_taken_is_told(watched: Watched) -> None:
    command = [sys.executable, "-m", "lms_graph.cli", "worker"]
    done = await asyncio.to_thread(subprocess.run, command, env=os.environ | watched.town.environment, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode != 0
    assert "LMS_METRICS_PORT" in done.stderr

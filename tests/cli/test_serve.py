"""`lms-graph serve` when it is told to stop: what was begun is finished, and nothing new is taken."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2 as httpx
import pytest
import websockets

from tests.fixtures.callers import School
from tests.fixtures.processes import until
from tests.fixtures.serving import Serve, Serving
from tests.fixtures.sockets import greeted

pytestmark = pytest.mark.anyio

QUERY = {"query": "{ storefront { slug } }"}


@asynccontextmanager
async def held_up(environment: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """Whoever asks which school is meant waits."""
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE domains IN ACCESS EXCLUSIVE MODE")
            yield owner
    finally:
        await owner.close()


async def ended(serving: Serving) -> None:
    async def gone() -> bool:
        return serving.process.exit_code is not None

    await until(gone, seconds=25)


async def refuses_connections(serving: Serving) -> None:
    async def refused() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                await client.get(f"{serving.url}/healthz")
            except httpx.ConnectError:
                return True
        return False

    await until(refused)


class TestStopping:
    async def test_finishes_what_was_begun_and_takes_nothing_new(self, serve: Serve, school: School, environment: dict[str, str]) -> None:
        serving = await serve()
        async with httpx.AsyncClient(timeout=30) as client:
            async with held_up(environment) as owner:
                sent = asyncio.create_task(client.post(f"{serving.url}/graphql", json=QUERY, headers={"X-Tenant": school.slug}))

                async def waiting() -> bool:
                    return bool(await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'domains'::regclass"))

                await until(waiting)
                serving.process.send(signal.SIGTERM)
                await refuses_connections(serving)
                assert serving.process.exit_code is None
            answer = await sent

        assert answer.status_code == 200
        assert answer.json()["data"]["storefront"]["slug"] == school.slug
        await ended(serving)

    async def test_closes_sockets_with_a_code(self, serve: Serve, school: School) -> None:
        serving = await serve()
        async with greeted(serving.url, school.slug) as socket:
            serving.process.send(signal.SIGTERM)

            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 20)

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        await ended(serving)

    async def test_says_that_it_is_not_ready_and_goes_on_while_it_drains(self, serve: Serve, school: School) -> None:
        serving = await serve(LMS_DRAIN_SECONDS="600")
        serving.process.send(signal.SIGTERM)
        async with httpx.AsyncClient(base_url=serving.url, timeout=30) as client:

            async def not_ready() -> bool:
                return (await client.get("/readyz")).status_code == 503

            await until(not_ready)
            told = (await client.get("/readyz")).json()
            answer = await client.post("/graphql", json=QUERY, headers={"X-Tenant": school.slug})

        assert told == {"status": "stopping"}
        assert answer.json()["data"]["storefront"]["slug"] == school.slug
        assert serving.process.exit_code is None
        serving.process.send(signal.SIGINT)  # who cannot wait
        await ended(serving)

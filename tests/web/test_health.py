"""The probes of a real process, before a database that stops answering."""

import asyncio
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from lms_graph.embedded.processes import free_port
from lms_graph.models import database
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.processes import until
from tests.fixtures.serving import Serve

pytestmark = pytest.mark.anyio


class Way:
    """The way to a server, which can be stopped up: what is sent stays on the way."""

    def __init__(self, host: str, port: int) -> None:
        self.port = free_port()
        self.open = asyncio.Event()
        self.open.set()
        self._to = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while some := await source.read(65536):
                await self.open.wait()
                target.write(some)
                await target.drain()
        except OSError:
            return
        finally:
            target.close()


async def test_both_are_well_where_all_is_well(visitor: Client) -> None:
    assert (await visitor.http.get("/healthz")).json() == {"status": "ok"}
    assert (await visitor.http.get("/readyz")).json() == {"status": "ready"}


async def test_who_is_busy_is_ready(house: House, visitor: Client) -> None:
    pools = [await database._pool(role) for role in ("app", "system")]
    held = [(pool, await pool.acquire()) for pool in pools for _ in range(pool.get_max_size())]
    try:
        answer = await visitor.http.get("/readyz")
    finally:
        for pool, connection in held:
            await pool.release(connection)

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_silent_database_is_named_without_its_address_and_readiness_comes_back(environment: dict[str, str], serve: Serve) -> None:
    server = urlsplit(environment["DATABASE_URL"])
    assert server.hostname
    assert server.port
    way = Way(server.hostname, server.port)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", way.port)
    detour = server._replace(netloc=f"{server.netloc.rpartition('@')[0]}@127.0.0.1:{way.port}").geturl()
    async with listening, httpx.AsyncClient(base_url=(await serve(DATABASE_URL=detour)).url, timeout=30) as client:
        way.open.clear()
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(5)))
        assert [(answer.status_code, answer.json()) for answer in answers] == [(503, {"status": "unavailable", "part": "database"})] * 5
        assert (await client.get("/healthz")).status_code == 200

        way.open.set()

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(ready, seconds=60)

"""Live clients of the API: graphql-transport-ws and server-sent events, as any client speaks them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.sockets import greeted, say

PATIENCE = 4.5  # less than the live bus's own heartbeat: what comes in time was told, not found by chance


class Socket:
    """A WebSocket with one subscription."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def next(self, *, within: float = PATIENCE) -> dict[str, Any]:
        """The next event: the value of its one root field."""
        async with asyncio.timeout(within):
            while True:
                message = json.loads(await self._connection.recv())
                if message["type"] == "ping":
                    await self._connection.send(json.dumps({"type": "pong"}))
                    continue
                assert message["type"] == "next", message
                assert not message["payload"].get("errors"), message["payload"]["errors"]
                ((_, value),) = message["payload"]["data"].items()
                event: dict[str, Any] = value
                return event

    async def silent(self, *, seconds: float = 0.3) -> bool:
        try:
            await self.next(within=seconds)
        except TimeoutError:
            return True
        return False

    def drop(self) -> None:
        """As a network does: without a word."""
        self._connection.transport.abort()


@asynccontextmanager
async def socket(client: Client, document: str, /, **variables: Any) -> AsyncIterator[Socket]:
    async with socket_at(client.house.url, client.tenant, client.token, document, **variables) as opened:
        yield opened


@asynccontextmanager
async def socket_at(url: str, tenant: str, token: str | None, document: str, /, **variables: Any) -> AsyncIterator[Socket]:
    async with greeted(url, tenant, token) as connection:
        await say(connection, id="1", type="subscribe", payload={"query": DOCUMENTS[document], "variables": variables})
        yield Socket(connection)


class Stream:
    """Server-sent events of one subscription."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self, *, within: float = PATIENCE) -> dict[str, Any]:
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line.startswith("data:") and (body := line[5:].strip()):
                    payload = json.loads(body)
                    assert not payload.get("errors"), payload["errors"]
                    ((_, value),) = payload["data"].items()
                    event: dict[str, Any] = value
                    return event
        raise AssertionError("the stream ended")


@asynccontextmanager
async def stream(client: Client, document: str, **variables: Any) -> AsyncIterator[Stream]:
    body = {"query": DOCUMENTS[document], "variables": variables}
    async with client.http.stream("POST", "/graphql", json=body, headers={"Accept": "text/event-stream"}, timeout=None) as answer:
        assert answer.status_code == 200
        yield Stream(answer.aiter_lines())

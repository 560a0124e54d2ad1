"""Live fan-out: a learner's run, watched over many sockets, and how long after a change each socket has its frame."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import orjson
import websockets

from bench.figures import quantile
from bench.house import House
from bench.school import HOST, sign_in
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.client import DOCUMENTS

PATIENCE = 30.0
PAUSE = 1.0  # between events: the next comes when the last has long arrived
A_LEARNER = 900  # sockets at most; a caller may have a thousand on a process
AT_ONCE = 25  # sockets that are opened at a time

Say = Callable[[str], None]


class Subscriber:
    """One socket with one subscription. Notes when each frame came."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.frames: list[float] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._connection:
            now = time.perf_counter()
            told = orjson.loads(message)
            if told["type"] == "ping":
                await self._connection.send('{"type":"pong"}')
            elif told["type"] == "next" and not told["payload"].get("errors"):
                self.frames.append(now)
            else:
                raise RuntimeError(f"instead of an event: {message[:500]}")


async def measure(house: House, *, subscribers: int, events: int, say: Say) -> dict[str, Any]:
    """The product with its relay, then a bare broadcast, each before the same client."""
    say("Making a course and a learner …")
    caller = Caller.system(house.school.tenant_id)
    made = await course(caller, *(text(f"lecture-{number}") for number in range(events + 1)))
    tokens = [await sign_in(caller, await account(caller, name="Lea Learner")) for _ in range(-(-subscribers // A_LEARNER))]
    say("Starting the servers …")
    ours, limit = house.serve(), house.comparator("broadcast")
    house.start("worker", sys.executable, "-m", "lms_graph.cli", "worker")
    found: dict[str, Any] = {"subscribers": subscribers, "events": events}
    async with httpx.AsyncClient(timeout=PATIENCE) as client:

        async def publish(number: int) -> None:
            (await client.post(f"http://127.0.0.1:{limit}/publish")).raise_for_status()

        async with subscribed(limit, subscribers, [(token, "") for token in tokens], say) as sockets:
            found["limit"] = await _events(sockets, publish, events, say)

        runs = [(token, await _enroll(client, ours, token, made)) for token in tokens]

        async def complete(number: int) -> None:
            lecture = made.lecture(f"lecture-{number}")
            await asyncio.gather(*(_mutate(client, ours, token, "CompleteLecture", {"enrollmentId": run, "lectureId": lecture}) for token, run in runs))

        async with subscribed(ours, subscribers, runs, say) as sockets:
            found["ours"] = await _events(sockets, complete, events, say)
    return found


@asynccontextmanager
async def subscribed(port: int, count: int, runs: list[tuple[str, str]], say: Say) -> AsyncIterator[list[Subscriber]]:
    """That many sockets, each of which has had its first message."""
    opening = asyncio.Semaphore(AT_ONCE)

    async def open_one(stack: AsyncExitStack, token: str, run: str) -> Subscriber:
        async with opening:
            address = f"ws://{HOST}:{port}/graphql"
            connection = await stack.enter_async_context(
                websockets.connect(address, host="127.0.0.1", port=port, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], compression=None, open_timeout=PATIENCE)
            )
            await connection.send(orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}", "tenant": "bench"}}).decode())
            answer = orjson.loads(await connection.recv())
            if answer["type"] != "connection_ack":
                raise RuntimeError(f"no acknowledgment: {answer}")
            payload = {"query": DOCUMENTS["MyProgress"], "variables": {"enrollmentId": run}}
            await connection.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
            return Subscriber(connection)

    say(f"Opening {count} sockets …")
    async with AsyncExitStack() as stack:
        sockets = await asyncio.gather(*(open_one(stack, *runs[number % len(runs)]) for number in range(count)))
        await _all_have(sockets, 1)
        yield sockets


async def _events(sockets: list[Subscriber], publish: Callable[[int], Awaitable[None]], events: int, say: Say) -> dict[str, Any]:
    milliseconds, spreading, last, answered, undelivered = [], [], [], [], 0
    for number in range(events + 1):
        await asyncio.sleep(PAUSE)
        before = [len(socket.frames) for socket in sockets]
        began = time.perf_counter()
        await publish(number)
        done = time.perf_counter() - began
        arrived = await _all_have(sockets, *(count + 1 for count in before))
        if number == 0:
            continue  # warm-up
        delays = [(socket.frames[count] - began) * 1000 for socket, count in zip(sockets, before, strict=True) if len(socket.frames) > count]
        undelivered += len(sockets) - len(delays)
        milliseconds += delays
        spreading += [delay - min(delays) for delay in delays]
        last.append(max(delays, default=0.0))
        answered.append(done * 1000)
        say(f"event {number} of {events}: {arrived} of {len(sockets)} in {last[-1]:,.0f} ms")
    return {
        "delivered": len(milliseconds),
        "undelivered": undelivered,
        "p50": quantile(milliseconds, 0.5),
        "p99": quantile(milliseconds, 0.99),
        "spread_p50": quantile(spreading, 0.5),
        "spread_p99": quantile(spreading, 0.99),
        "last_p50": quantile(last, 0.5),
        "last_most": max(last),
        "answered_p50": quantile(answered, 0.5),
    }


async def _all_have(sockets: list[Subscriber], *wanted: int) -> int:
    """Wait until each has as many frames; gives how many have when patience ends."""
    wanted = wanted if len(wanted) == len(sockets) else wanted * len(sockets)
    until = time.monotonic() + PATIENCE
    while True:
        for socket in sockets:
            if socket.reading.done():
                socket.reading.result()
                raise RuntimeError("a socket was closed")
        have = sum(len(socket.frames) >= count for socket, count in zip(sockets, wanted, strict=True))
        if have == len(sockets) or time.monotonic() > until:
            return have
        await asyncio.sleep(0.05)


async def _enroll(client: httpx.AsyncClient, port: int, token: str, made: MadeCourse) -> str:
    told = await _mutate(client, port, token, "Enroll", {"courseId": public_id("crs", made.course_id), "idempotencyKey": uuid4().hex})
    run: str = told["enrollment"]["id"]
    return run


async def _mutate(client: httpx.AsyncClient, port: int, token: str, document: str, asked: dict[str, Any]) -> dict[str, Any]:
    headers = {"Host": HOST, "Authorization": f"Bearer {token}"}
    answer = await client.post(f"http://127.0.0.1:{port}/graphql", json={"query": DOCUMENTS[document], "variables": {"input": asked}}, headers=headers)
    told = answer.json()
    if told.get("errors"):
        raise RuntimeError(f"{document}: {told['errors']}")
    (payload,) = told["data"].values()
    if payload["errors"]:
        raise RuntimeError(f"{document}: {payload['errors']}")
    value: dict[str, Any] = payload
    return value

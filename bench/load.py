"""Load from a process of its own, so that it takes no time from what it measures: keep-alive connections that each send the next request when the last one is answered.

`Load` starts it and tells it what to do, a line of JSON each way.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

PROGRAM = (sys.executable, "-m", "bench.load")


@dataclass(frozen=True)
class Round:
    """What one round of load came to."""

    per_second: float
    milliseconds: list[float]


@dataclass(frozen=True)
class Target:
    """Where requests go, and what they are: each connection goes through the bodies in turn, each with its token if there are tokens."""

    port: int
    bodies: Sequence[bytes]
    headers: Mapping[str, str]
    path: str = "/graphql"
    tokens: Sequence[str] = ()

    def headers_of(self, number: int) -> dict[str, str]:
        return {**self.headers, "Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.tokens[number]}"} if self.tokens else {})

    def requests(self) -> list[bytes]:
        heads = ["".join(f"{name}: {value}\r\n" for name, value in self.headers_of(number).items()) for number in range(len(self.bodies))]
        return [f"POST {self.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for head, body in zip(heads, self.bodies, strict=True)]


class Load:
    """The loading process. Use as a context; its targets are named once, then asked for in any order."""

    def __init__(self, *, connections: int = 16) -> None:
        self._connections = connections
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> "Load":
        self._process = await asyncio.create_subprocess_exec(*PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26)
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()

    async def add(self, name: str, target: Target) -> None:
        await self._ask({"name": name, "port": target.port, "requests": [request.decode() for request in target.requests()]})

    async def run(self, name: str, *, seconds: float) -> Round:
        """One round. Raises RuntimeError when an answer was not a 200 with data."""
        told = await self._ask({"name": name, "seconds": seconds, "connections": self._connections})
        if "error" in told:
            raise RuntimeError(f"{name}: {told['error']}")
        return Round(**told)

    async def _ask(self, words: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(orjson.dumps(words) + b"\n")
        await self._process.stdin.drain()
        return json.loads(await self._process.stdout.readline())


class _Connection(asyncio.Protocol):
    def __init__(self, requests: list[bytes], place: int, until: float, milliseconds: list[float], over: asyncio.Future[str | None]) -> None:
        self._requests = requests
        self._place = place
        self._until = until
        self._milliseconds = milliseconds
        self._over = over
        self._buffer = bytearray()
        self._wanted = 0  # of the answer that comes in; 0 while its head is not there

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._place = (self._place + 1) % len(self._requests)
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._place])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._wanted:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
            if not length:
                self._end("an answer without a length: " + head.decode(errors="replace"))
                return
            self._wanted = end + 4 + int(length)
        if len(self._buffer) < self._wanted:
            return
        now = time.perf_counter()
        if not self._buffer.startswith(b"HTTP/1.1 200") or b'"errors"' in self._buffer:
            self._end(self._buffer[:2000].decode(errors="replace"))
            return
        self._milliseconds.append((now - self._sent) * 1000)
        self._buffer.clear()
        self._wanted = 0
        if now < self._until:
            self._send()
        else:
            self._end(None)

    def _end(self, error: str | None) -> None:
        self._transport.close()
        if not self._over.done():
            self._over.set_result(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the connection was closed")


async def _round(port: int, requests: list[bytes], first: int, seconds: float, connections: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    milliseconds: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> str | None:
        over: asyncio.Future[str | None] = loop.create_future()
        place = first + number * len(requests) // connections
        await loop.create_connection(lambda: _Connection(requests, place, began + seconds, milliseconds, over), "127.0.0.1", port)
        return await over

    for error in await asyncio.gather(*(one(number) for number in range(connections))):
        if error:
            return {"error": error}
    return {"per_second": len(milliseconds) / (time.perf_counter() - began), "milliseconds": milliseconds}


async def _main() -> None:
    targets: dict[str, tuple[int, list[bytes]]] = {}
    firsts: dict[str, int] = {}  # a round goes on where the one before has ended
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        words = orjson.loads(line)
        if "requests" in words:
            targets[words["name"]] = (words["port"], [request.encode() for request in words["requests"]])
            firsts[words["name"]] = 0
            print("{}", flush=True)
        else:
            port, requests = targets[words["name"]]
            told = await _round(port, requests, firsts[words["name"]], words["seconds"], words["connections"])
            firsts[words["name"]] += len(told.get("milliseconds", ())) // words["connections"]
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())

"""Where a request spends its time: the application called without a socket, one request after another, with a clock at its seams.

Reads a list of `{"headers", "body"}`, which are sent in turn, from standard input and prints mean milliseconds as JSON. With `--profile`, prints Python's own profile instead.
"""

import cProfile
import itertools
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

import asyncpg
import orjson
from graphql import ExecutionResult

from lms_graph.asgi import application
from lms_graph.execution import CompiledExecutor
from lms_graph.limits.documents import Documents
from lms_graph.web.graphql.operations import Operations

WARM_UP, REQUESTS = 60, 300
SEAMS = ("whole", "waiting for PostgreSQL", "admitting", "preparing", "executing", "waiting while executing", "serializing")

spent: defaultdict[str, float] = defaultdict(float)


def _watch_execution() -> None:
    """From the validated document to the answer."""
    build, execute = CompiledExecutor.build, CompiledExecutor.execute_operation

    def built(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return build(*arguments, **options)
        finally:
            spent["executing"] += time.perf_counter() - began

    async def finished(made: Any, began: float, waited: float) -> ExecutionResult:
        result: ExecutionResult = await made if isawaitable(made) else made
        spent["executing"] += time.perf_counter() - began
        spent["waiting while executing"] += spent["waiting for PostgreSQL"] - waited
        return result

    def executed(executor: CompiledExecutor, *arguments: Any) -> Any:
        began, waited = time.perf_counter(), spent["waiting for PostgreSQL"]
        return finished(execute(executor, *arguments), began, waited)

    CompiledExecutor.build, CompiledExecutor.execute_operation = built, executed  # type: ignore[method-assign,assignment]


def _watch_admission() -> None:
    """`admitting` is all of it; `preparing`, within it, the document: found again, as those of the contract are, or parsed and validated."""
    prepare, admit = Documents.prepare, Operations.admit

    def prepared(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return prepare(*arguments, **options)
        finally:
            spent["preparing"] += time.perf_counter() - began

    async def admitted(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return await admit(*arguments, **options)
        finally:
            spent["admitting"] += time.perf_counter() - began

    Documents.prepare, Operations.admit = prepared, admitted  # type: ignore[method-assign]


def _watch_statements() -> None:
    """Count the time in which at least one statement is under way."""
    under_way, since = 0, 0.0

    def watched(method: Any) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            nonlocal under_way, since
            if under_way == 0:
                since = time.perf_counter()
            under_way += 1
            try:
                return await method(*arguments, **options)
            finally:
                under_way -= 1
                if under_way == 0:
                    spent["waiting for PostgreSQL"] += time.perf_counter() - since

        return call

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        setattr(asyncpg.Connection, name, watched(getattr(asyncpg.Connection, name)))


async def send(app: Any, headers: Mapping[str, str], body: bytes) -> bytes:
    raw = [(name.lower().encode(), value.encode()) for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
    }
    scope |= {"query_string": b"", "root_path": "", "headers": raw, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}}
    told = bytearray()
    status = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        told.extend(message.get("body", b""))

    await app(scope, receive, send)
    if status != 200 or b'"errors"' in told:
        raise RuntimeError(f"{status} {told[:1000].decode()}")
    return bytes(told)


async def _main() -> None:
    asked = orjson.loads(sys.stdin.buffer.read())
    requests = itertools.cycle([(each["headers"], each["body"].encode()) for each in asked])
    app = application()
    profiling = "--profile" in sys.argv
    if not profiling:
        _watch_statements()
        _watch_admission()
        _watch_execution()
    async with app.router.lifespan_context(app):
        for _ in range(WARM_UP):
            answer = await send(app, *next(requests))
        spent.clear()
        profile = cProfile.Profile()
        if profiling:
            profile.enable()
        began = time.perf_counter()
        for _ in range(REQUESTS):
            await send(app, *next(requests))
        spent["whole"] = time.perf_counter() - began
        profile.disable()
    if profiling:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35).sort_stats("cumtime").print_stats(45)
        return
    decoded = orjson.loads(answer)
    began = time.perf_counter()
    for _ in range(REQUESTS):
        orjson.dumps(decoded)
    spent["serializing"] = time.perf_counter() - began
    print(orjson.dumps({what: spent[what] * 1000 / REQUESTS for what in SEAMS}).decode())


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())

"""The plans of the statements that one request makes: the application called without a socket, and each statement explained where it runs, as its role, in its transaction, under the row policies.

Reads `{"headers", "body"}` from standard input and prints, as JSON, how many statements were explained and which of their plans read a table of learners from end to end, or all of the school's
rows in it.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import orjson

from bench.inside import send
from lms_graph.asgi import application

# They grow with learners. A partition goes by its table's name.
GROWING = ("enrollments", "lecture_progress", "entitlements", "accounts", "account_roles", "facts", "aggregates", "progress_devices", "progress_events")
_COMPARED = re.compile(r"(\w+) (?:[<>=]+|IS) ")
_EXPLAINED = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)

_seen: dict[str, list[dict[str, str]]] = {}  # by statement, what its plans scan


def _watch_statements() -> None:
    explaining = False

    def watched(method: Any) -> Any:
        async def call(connection: Any, sql: str, *arguments: Any, **options: Any) -> Any:
            nonlocal explaining
            if not explaining and sql not in _seen and _EXPLAINED.match(sql):
                explaining = True
                try:
                    _seen[sql] = [scan for plan in await _plans(connection, sql, arguments) for scan in _scans(plan)]
                finally:
                    explaining = False
            return await method(connection, sql, *arguments, **options)

        return call

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        setattr(asyncpg.Connection, name, watched(getattr(asyncpg.Connection, name)))


async def _plans(connection: Any, sql: str, arguments: Any) -> list[Any]:
    """With the values in it, and without, as PostgreSQL keeps it after some calls."""
    told = [await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)]
    if arguments:
        await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE planned AS {sql}")
        told.append(await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned({', '.join(['NULL'] * len(arguments))})"))
        await connection.execute("DEALLOCATE planned; RESET plan_cache_mode")
    return [orjson.loads(plan)[0]["Plan"] for plan in told]


def _scans(node: Any) -> Iterator[dict[str, str]]:
    """Where a growing table is read from end to end, or all that the school has in it: by an index, but by no other column than the tenant."""
    table = node.get("Relation Name") or node.get("Index Name", "")
    if node["Node Type"].endswith("Scan") and table.startswith(GROWING) and node["Node Type"] != "Bitmap Heap Scan":
        condition = node.get("Index Cond", "")
        if set(_COMPARED.findall(condition)) <= {"tenant_id"}:
            yield {"node": f"{node['Node Type']} on {table}", "condition": condition or node.get("Filter", "")}
    for inner in node.get("Plans", ()):
        yield from _scans(inner)


async def _main() -> None:
    asked = orjson.loads(sys.stdin.buffer.read())
    app = application()
    async with app.router.lifespan_context(app):
        _watch_statements()
        await send(app, asked["headers"], asked["body"].encode())
    scans = {(sql, *scan.values()): {"statement": " ".join(sql.split()), **scan} for sql, found in _seen.items() for scan in found}
    print(orjson.dumps({"statements": len(_seen), "scans": list(scans.values())}).decode())


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())

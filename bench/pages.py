"""`CoursePage` and `Catalog`: the product between its limit and its peers, on the same database in the same minutes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx
import orjson

from bench.figures import quantile, ratios, spread
from bench.house import ROOT, House
from bench.load import Load, Target
from lms_graph.integrations.node import install
from tests.fixtures.client import documents

POSTGRAPHILE = Path(__file__).parent / "postgraphile"
OPERATIONS = ("CoursePage", "Catalog")
DOCUMENTS = documents(Path(__file__).parent)
SLUGS = 200  # pages asked for in turn, so that none is asked twice in a moment

Say = Callable[[str], None]


async def measure(house: House, *, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Rounds of load on each in turn, and where a request of the product spends its time."""
    ports = await compare(house, say=say) | {"postgraphile": postgraphile(house, say)}
    await require_same_outline(house, ports["postgraphile"], ports["ours"])

    found: dict[str, Any] = {"connections": 16, "rounds": rounds, "seconds": seconds, "courses": len(house.school.slugs), "operations": {}}
    async with Load() as load:
        for operation in OPERATIONS:
            per_second: dict[str, list[float]] = {name: [] for name in ports}
            milliseconds: dict[str, list[float]] = {name: [] for name in ports}
            for name, port in ports.items():
                await load.add(name, Target(port, bodies(house, operation, native=name == "postgraphile"), house.headers))
                await load.run(name, seconds=max(1, seconds))  # warm-up
            for number in range(rounds):
                for name in ports:
                    came = await load.run(name, seconds=seconds)
                    per_second[name].append(came.per_second)
                    milliseconds[name] += came.milliseconds
                say(f"{operation}, round {number + 1} of {rounds}: " + ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in per_second.items()))
            say(f"{operation}: where the time goes …")
            found["operations"][operation] = {
                name: {
                    "per_second": spread(per_second[name]),
                    "p50": quantile(milliseconds[name], 0.5),
                    "p99": quantile(milliseconds[name], 0.99),
                    "to_limit": ratios(per_second[name], per_second["limit"]),
                    "to_postgraphile": ratios(per_second[name], per_second["postgraphile"]),
                    "in_postgresql": await _in_postgresql(house, load, name, seconds),
                }
                for name in ports
            }
            found["operations"][operation]["inside"] = inside(house, bodies(house, operation)[0])
    return found


async def compare(house: House, *, say: Say) -> dict[str, int]:
    """Start those that must answer alike, and see that they do; gives their ports. Raises AssertionError."""
    say("Starting the servers …")
    ports = {"limit": house.comparator("limit"), "stock": house.comparator("stock"), "ours": house.serve()}
    say("Comparing their answers …")
    await require_equal_answers(house, ports)
    return ports


def bodies(house: House, operation: str, *, native: bool = False) -> list[bytes]:
    """What clients post: the documents of `tests/operations`, or PostGraphile's own."""
    school = house.school
    variables: list[dict[str, Any]] = [{"slug": slug} for slug in school.slugs[:SLUGS]] if operation == "CoursePage" else [{}]
    if native:
        text = (POSTGRAPHILE / "operations.graphql").read_text()
        always = {"tenant": str(school.tenant_id)} | ({"account": str(school.account_id)} if operation == "CoursePage" else {})
        return [orjson.dumps({"query": text, "operationName": operation, "variables": always | each}) for each in variables]
    return [orjson.dumps({"query": DOCUMENTS[operation], "operationName": operation, "variables": each}) for each in variables]


async def require_equal_answers(house: House, ports: dict[str, int]) -> None:
    """The same `data` from each, for pages here and there and for one that is missing. Raises AssertionError."""
    async with httpx.AsyncClient(timeout=60) as client:
        missing = orjson.dumps({"query": DOCUMENTS["CoursePage"], "operationName": "CoursePage", "variables": {"slug": "none"}})
        for body in [*bodies(house, "CoursePage")[::40], missing, *bodies(house, "Catalog")]:
            answers = {name: await _data(client, port, body, house) for name, port in ports.items()}
            first, *others = answers
            assert answers[first], f"{first} gives no data"
            for other in others:
                assert answers[first] == answers[other], f"{first} and {other} answer differently: {_difference(answers[first], answers[other])}"


async def require_same_outline(house: House, native: int, ours: int) -> None:
    """PostGraphile speaks in other names: its page has the same lectures in the same order, and its list the same courses."""
    async with httpx.AsyncClient(timeout=60) as client:
        for operation, ours_at, native_at in (
            (
                "CoursePage",
                ("course", "sections", "lectures"),
                ("courseByTenantIdAndSlug", "courseVersionByTenantIdAndPublishedVersionId", "versionSectionsByTenantIdAndVersionId", "lectures"),
            ),
            ("Catalog", ("courses", "edges", "node"), ("allCourses", "edges", "node")),
        ):
            told = [await _data(client, port, bodies(house, operation, native=port == native)[0], house) for port in (ours, native)]
            titles = [_titles(data, path) for data, path in zip(told, (ours_at, native_at), strict=True)]
            assert titles[0] == titles[1] != [], f"PostGraphile's {operation} shows something else: {titles}"


async def _data(client: httpx.AsyncClient, port: int, body: bytes, house: House) -> Any:
    answer = await client.post(f"http://127.0.0.1:{port}/graphql", content=body, headers=house.headers | {"Content-Type": "application/json"})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:1000]}"
    told = answer.json()
    assert not told.get("errors"), told["errors"]
    return told["data"]


def _titles(data: Any, path: tuple[str, ...]) -> list[str]:
    """The titles at the end of a path through objects and lists."""
    reached = [data]
    for name in path:
        reached = [inner for value in reached for inner in _list(value[name])]
    return [value["title"] for value in reached]


def _list(value: Any) -> list[Any]:
    if isinstance(value, dict) and "nodes" in value and "edges" not in value:
        value = value["nodes"]
    return value if isinstance(value, list) else [value]


def _difference(this: Any, that: Any, path: str = "data") -> str:
    """Where two answers part."""
    if isinstance(this, dict) and isinstance(that, dict) and this.keys() == that.keys():
        return next((_difference(this[key], that[key], f"{path}.{key}") for key in this if this[key] != that[key]), path)
    if isinstance(this, list) and isinstance(that, list) and len(this) == len(that):
        return next((_difference(one, other, f"{path}[{number}]") for number, (one, other) in enumerate(zip(this, that, strict=True)) if one != other), path)
    return f"{path}: {str(this)[:200]} and {str(that)[:200]}"


def postgraphile(house: House, say: Say) -> int:
    """PostGraphile on Node from the wheel, its packages fetched as its lock file says; gives its port."""
    node = install(POSTGRAPHILE, say)
    return house.listening("postgraphile", node, POSTGRAPHILE / "server.mjs", environment={"GRAPHILE_ENV": "production", "NODE_ENV": "production"})


async def _in_postgresql(house: House, load: Load, name: str, seconds: float) -> dict[str, float]:
    """Milliseconds that PostgreSQL itself works on one request under load, planning left out, and how many statements it is asked."""
    connection = await asyncpg.connect(house.superuser_url)
    try:
        await connection.execute("SELECT pg_stat_statements_reset()")
        came = await load.run(name, seconds=seconds)
        row = await connection.fetchrow(
            "SELECT sum(s.total_exec_time) AS milliseconds, sum(s.calls) AS statements FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname IN ('lms_app', 'lms_system')"
        )
    finally:
        await connection.close()
    requests = len(came.milliseconds)
    return {"milliseconds": row["milliseconds"] / requests, "statements": float(row["statements"]) / requests}


def inside(house: House, body: bytes) -> dict[str, float]:
    """Milliseconds of a request by what they are spent on, in a process that calls the application without a socket (`bench.inside`)."""
    asked = orjson.dumps({"headers": house.headers, "body": body.decode()})
    done = subprocess.run([sys.executable, "-m", "bench.inside"], input=asked, env=house.environment, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"bench.inside failed:\n{done.stderr.decode()[-3000:]}")
    told: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])  # before it, what the product logs
    return told

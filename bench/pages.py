"""`CoursePage`, `Catalog` and `Learn`: the product between its limit and its peers, on the same database in the same minutes."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import orjson

from bench import answers, learners, operations
from bench.house import ROOT, House
from bench.load import Load, Target
from bench.operations import POSTGRAPHILE, Operation
from bench.rounds import in_turn
from lms_graph.integrations.node import install

LEARNERS = 200

Say = Callable[[str], None]


async def measure(house: House, *, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Rounds of load on each in turn, and where a request of the product spends its time."""
    asked = await _asked(house)
    ports = await compare(house, say=say) | {"postgraphile": postgraphile(house, say)}
    await answers.require_alike(ports["postgraphile"], ports["ours"], list(asked.values()))

    found: dict[str, Any] = {"connections": 16, "rounds": rounds, "seconds": seconds, "courses": len(house.school.slugs), "learners": house.school.learners, "operations": {}}
    async with Load() as load:
        for title, operation in asked.items():
            targets = {name: operation.target(port, native=name == "postgraphile") for name, port in ports.items()}
            came = await in_turn(load, title, targets, rounds=rounds, seconds=seconds, say=say)
            say(f"{title}: where the time goes …")
            found["operations"][title] = {
                name: each.row(limit=came["limit"], postgraphile=came["postgraphile"]) | {"in_postgresql": await _in_postgresql(house, load, name, seconds)}
                for name, each in came.items()
            }
            found["operations"][title]["inside"] = inside(house, targets["ours"])
    return found


async def compare(house: House, *, say: Say) -> dict[str, int]:
    """Start those that must answer alike, and see that they do, for what is missing and for another's run too; gives their ports. Raises AssertionError."""
    say("Starting the servers …")
    ports = {"limit": house.comparator("limit"), "stock": house.comparator("stock"), "ours": house.serve()}
    say("Comparing their answers …")
    asked = await _asked(house)
    *_, own = asked.values()
    anothers = replace(own, variables=own.variables[:1], tokens=[house.school.token])
    await answers.require_equal(ports, [*asked.values(), operations.course_page(house, ["none"]), anothers])
    return ports


async def _asked(house: House) -> dict[str, Operation]:
    """By what the report calls them. The outlines of a tenth of the courses fit into the product's memory, those of all do not."""
    slugs = house.school.slugs
    tenth = slugs[::10]
    some = await learners.signed_in(house.environment["DATABASE_OWNER_URL"], house.school.tenant_id, LEARNERS)
    return {
        f"CoursePage, the pages of {len(tenth):,} courses in turn": operations.course_page(house, tenth),
        f"CoursePage, the pages of all {len(slugs):,} courses in turn": operations.course_page(house, slugs),
        "Catalog": operations.catalog(house),
        f"Learn, the runs of {LEARNERS} learners in turn": operations.learn(house, some),
    }


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


def inside(house: House, target: Target) -> dict[str, float]:
    """Milliseconds of a request by what they are spent on, in a process that calls the application without a socket (`bench.inside`)."""
    asked = orjson.dumps([{"headers": target.headers_of(number), "body": body.decode()} for number, body in enumerate(target.bodies)])
    done = subprocess.run([sys.executable, "-m", "bench.inside"], input=asked, env=house.environment, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"bench.inside failed:\n{done.stderr.decode()[-3000:]}")
    told: dict[str, float] = orjson.loads(done.stdout.splitlines()[-1])  # before it, what the product logs
    return told

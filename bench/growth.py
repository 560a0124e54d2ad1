"""A school grows from a hundred learners to a hundred thousand: how long the same operations take on the way, and how PostgreSQL plans their statements at the end."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import orjson

from bench import learners, operations, progress
from bench.figures import quantile
from bench.house import ROOT, House
from bench.learners import POPULAR, Learner
from bench.load import Load, Target
from bench.school import HOST, sign_in
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from tests.factories.accounts import account
from tests.fixtures.client import DOCUMENTS

LEARNERS = 200

Say = Callable[[str], None]


async def measure(house: House, *, steps: Sequence[int], seconds: float, say: Say) -> dict[str, Any]:
    """One request after another at each step; the school is left with the learners of the last."""
    say("Starting the server …")
    port = house.serve()
    caller = Caller.system(house.school.tenant_id)
    admin = await sign_in(caller, await account(caller, name="Ada Administrator", roles=("STUDENT", "TENANT_ADMIN")))
    found: dict[str, Any] = {"steps": list(steps), "seconds": seconds, "courses": len(house.school.slugs), "operations": {}}
    async with Load(connections=1) as load:
        for step in steps:
            say(f"{step:,} learners …")
            await house.grow(step)
            some = await learners.signed_in(house.environment["DATABASE_OWNER_URL"], house.school.tenant_id, min(step, LEARNERS))
            for title, target in (asked := await _asked(house, port, some, admin)).items():
                await load.add(title, target)
                await load.run(title, seconds=seconds)  # warm-up
                came = await load.run(title, seconds=seconds)
                row = found["operations"].setdefault(title, {"p50": []})
                row["p50"].append(quantile(came.milliseconds, 0.5))
                say(f"{step:,} learners, {title}: {row['p50'][-1]:.2f} ms")
    say("Explaining their statements …")
    for title, target in asked.items():
        found["operations"][title] |= _plans(house, target)
    return found


async def _asked(house: House, port: int, some: Sequence[Learner], admin: str) -> dict[str, Target]:
    owner = await asyncpg.connect(house.environment["DATABASE_OWNER_URL"])
    try:
        course = await owner.fetchval("SELECT id FROM courses WHERE tenant_id = $1 AND slug = $2", house.school.tenant_id, POPULAR)
    finally:
        await owner.close()
    roster = orjson.dumps({"query": DOCUMENTS["Roster"], "variables": {"courseId": public_id("crs", course)}})
    watched = [(learner.token, learner.run, learner.video_id, learner.video_seconds) for learner in some]
    return {
        "CoursePage, by a learner": operations.own_course(some).target(port),
        "Learn": operations.learn(house, some).target(port),
        "RecordProgress, selecting results": progress.heartbeats(port, watched, beats=12),
        "Roster, the first page, by an administrator": Target(port, [roster], {"Host": HOST}, tokens=[admin]),
        "Catalog": operations.catalog(house).target(port),
    }


def _plans(house: House, target: Target) -> dict[str, Any]:
    """From a process that has kept nothing yet, and calls the application without a socket (`bench.plans`)."""
    asked = orjson.dumps({"headers": target.headers_of(0), "body": target.bodies[0].decode()})
    done = subprocess.run([sys.executable, "-m", "bench.plans"], input=asked, env=house.environment, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"bench.plans failed:\n{done.stderr.decode()[-3000:]}")
    told: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])  # before it, what the product logs
    return told

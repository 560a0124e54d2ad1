"""What a process of the product takes: the time until it answers, and memory, at rest and after many requests."""

import asyncio
import http.client
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench import learners, operations, typename
from bench.figures import spread
from bench.house import House
from bench.load import Load, Target
from bench.school import HOST
from lms_graph.embedded import processes
from lms_graph.embedded.processes import Child

SERVE = (sys.executable, "-m", "lms_graph.cli", "serve", "--port")
WORK = (sys.executable, "-m", "lms_graph.cli", "worker")
LEARNERS = 200

Say = Callable[[str], None]


async def measure(house: House, *, starts: int, requests: Sequence[int], rest: float, say: Say) -> dict[str, Any]:
    """`starts` starts, then memory after `rest` seconds and after each count of requests, of all kinds in turn."""
    found: dict[str, Any] = {"starts": starts, "rest": rest, "memory": {}}
    page = operations.course_page(house, house.school.slugs[:1])
    seconds: dict[str, list[float]] = {"typename": [], "page": []}
    for number in range(starts):
        port, began = processes.free_port(), time.monotonic()
        child = house.start("serve", *SERVE, str(port))
        for name, target in (("typename", Target(port, [typename.BODY], {"Host": HOST}, tokens=page.tokens)), ("page", page.target(port))):
            _until_answered(child, target)
            seconds[name].append(time.monotonic() - began)
        child.stop()
        say(f"start {number + 1} of {starts}: {seconds['typename'][-1]:.2f} s, {seconds['page'][-1]:.2f} s")
    found |= {f"seconds_to_{name}": spread(values) for name, values in seconds.items()}

    port = house.serve()
    await asyncio.sleep(rest)
    found["memory"]["serve, idle"] = _memory(house, "serve")
    async with Load() as load:
        await load.add("mixed", await _mixed(house, port))
        done = 0
        for count in requests:
            while done < count:
                done += len((await load.run("mixed", seconds=1)).milliseconds)
                say(f"{done:,} of {count:,} requests …")
            found["memory"][f"serve, after {count:,} requests"] = _memory(house, "serve")
    house.start("worker", *WORK)
    say("Starting a worker …")
    await asyncio.sleep(10 + rest)
    found["memory"]["worker, idle"] = _memory(house, "worker")
    return found


async def _mixed(house: House, port: int) -> Target:
    some = await learners.signed_in(house.environment["DATABASE_OWNER_URL"], house.school.tenant_id, LEARNERS)
    own, runs, catalog = (asked.target(port) for asked in (operations.own_course(some), operations.learn(house, some), operations.catalog(house)))
    bodies = [body for page, run in zip(own.bodies, runs.bodies, strict=True) for body in (page, run, catalog.bodies[0], typename.BODY)]
    return Target(port, bodies, {"Host": HOST}, tokens=[learner.token for learner in some for _ in range(4)])


def _until_answered(child: Child, target: Target) -> None:
    """Ask until the answer is good. Raises RuntimeError when the process has ended."""
    while child.exit_code is None:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=5)
        try:
            connection.request("POST", target.path, target.bodies[0], target.headers_of(0))
            answer = connection.getresponse()
            if answer.status == 200 and "errors" not in orjson.loads(answer.read()):
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
        finally:
            connection.close()
    raise RuntimeError(child.tail())


def _memory(house: House, name: str) -> dict[str, float]:
    """Megabytes of a process and those that it has started: resident, and with what is shared counted in parts."""
    pid, *_ = (house.folder.path / "run" / f"{name}.pid").read_text().split()
    sums = {"rss": 0.0, "pss": 0.0}
    for each in _family(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            what, _, amount = line.partition(":")
            if what.lower() in sums:
                sums[what.lower()] += int(amount.split()[0]) / 1000
    return sums


def _family(pid: str) -> Iterator[str]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from _family(child)

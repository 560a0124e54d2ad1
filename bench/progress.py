"""`progressRecord`: heartbeats of many learners, each answered after its commit; the product beside one upsert behind bare Starlette, at 16 and at 64 callers."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from bench.figures import quantile, ratios, spread
from bench.house import House
from bench.load import Load, Target
from bench.school import HOST, sign_in
from lms_graph.domain.learning.operations import enrollments
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, video

LEARNERS = 128
LECTURES = 40
SECONDS = 600  # of each lecture
BEAT = 15
BEATS = 120  # more than a round can send
CALLERS = (16, 64)
DOCUMENT = "mutation RecordProgress($input: ProgressRecordInput!) { progressRecord(input: $input) { results { clientEventId status reason } nextHeartbeatSeconds } }"

Say = Callable[[str], None]


async def measure(house: House, *, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Rounds of each in turn. Every round of theirs watches the next lecture, on a new device: nothing is sent twice."""
    say(f"Making a course and {LEARNERS} learners …")
    made, learners = await _school(house)
    say("Starting the servers …")
    ports = {"limit": house.comparator("upsert"), "ours": house.serve()}
    found: dict[str, Any] = {"learners": LEARNERS, "lectures": LECTURES, "rounds": rounds, "seconds": seconds, "callers": {}}
    played = 0
    for callers in CALLERS:
        per_second: dict[str, list[float]] = {name: [] for name in ports}
        milliseconds: dict[str, list[float]] = {name: [] for name in ports}
        async with Load(connections=callers) as load:
            for number in range(rounds + 1):
                for name, port in ports.items():
                    await load.add(name, heartbeats(port, [(token, run, made.lecture(f"lecture-{played % LECTURES}"), SECONDS) for token, run in learners]))
                    played += 1
                    came = await load.run(name, seconds=seconds)
                    if number:  # the first is the warm-up
                        per_second[name].append(came.per_second)
                        milliseconds[name] += came.milliseconds
                say(f"{callers} callers, round {number} of {rounds}: " + ", ".join(f"{name} {values[-1]:,.0f}/s" for name, values in per_second.items() if values))
        found["callers"][str(callers)] = {
            name: {
                "per_second": spread(values),
                "p50": quantile(milliseconds[name], 0.5),
                "p99": quantile(milliseconds[name], 0.99),
                "to_limit": ratios(values, per_second["limit"]),
            }
            for name, values in per_second.items()
        }
    return found


async def _school(house: House) -> tuple[MadeCourse, list[tuple[str, str]]]:
    caller = Caller.system(house.school.tenant_id)
    made = await course(caller, *[await video(caller, f"lecture-{number}", seconds=SECONDS) for number in range(LECTURES)])
    learners = []
    for number in range(LEARNERS):
        id = await account(caller, name=f"Learner {number}")
        run = await enrollments.enroll_course(
            caller=Caller(tenant_id=caller.tenant_id, account_id=id, now=datetime.now(UTC)), course_id=made.course_id, idempotency_key=uuid4().hex
        )
        learners.append((await sign_in(caller, id), public_id("enr", run)))
    return made, learners


def heartbeats(port: int, watched: Iterable[tuple[str, str, str, int]], *, beats: int = BEATS) -> Target:
    """Of each learner, by token and run, one lecture of so many seconds, and more than once: their beats in order, for a connection goes from learner to learner."""
    device, moment, asked = uuid4().hex, datetime.now(UTC).isoformat(), []
    for token, run, lecture, seconds in watched:
        for number in range(beats):
            start = number * BEAT % seconds
            event = {"clientEventId": number + 1, "lectureId": lecture, "kind": "WATCHED", "fromSeconds": start, "toSeconds": min(start + BEAT, seconds), "occurredAt": moment}
            asked.append((orjson.dumps({"query": DOCUMENT, "variables": {"input": {"enrollmentId": run, "deviceId": device, "events": [event]}}}), token))
    return Target(port, [body for body, _ in asked], {"Host": HOST}, tokens=[token for _, token in asked])

"""`progressRecord`: heartbeats of many learners, each answered after its commit; the product beside one upsert behind bare Starlette, at 16 and at 64 callers."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Learner:
    token: str
    run: str


@dataclass(frozen=True)
class Heartbeats(Target):
    """Each request is its learner's."""

    tokens: tuple[str, ...] = ()

    def requests(self) -> list[bytes]:
        texts = [request.partition(b"\r\n") for request in super().requests()]
        return [line + b"\r\nAuthorization: Bearer " + token.encode() + b"\r\n" + rest for (line, _, rest), token in zip(texts, self.tokens, strict=True)]


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
                    await load.add(name, _heartbeats(port, made, learners, played % LECTURES))
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


async def _school(house: House) -> tuple[MadeCourse, list[Learner]]:
    caller = Caller.system(house.school.tenant_id)
    made = await course(caller, *[await video(caller, f"lecture-{number}", seconds=SECONDS) for number in range(LECTURES)])
    learners = []
    for number in range(LEARNERS):
        id = await account(caller, name=f"Learner {number}")
        run = await enrollments.enroll_course(
            caller=Caller(tenant_id=caller.tenant_id, account_id=id, now=datetime.now(UTC)), course_id=made.course_id, idempotency_key=uuid4().hex
        )
        learners.append(Learner(await sign_in(caller, id), public_id("enr", run)))
    return made, learners


def _heartbeats(port: int, made: MadeCourse, learners: list[Learner], lecture: int) -> Heartbeats:
    """A lecture, and more than once: each learner's beats in order, for a connection goes from learner to learner."""
    device, moment, asked = uuid4().hex, datetime.now(UTC).isoformat(), []
    lecture_id = made.lecture(f"lecture-{lecture}")
    for learner in learners:
        for number in range(BEATS):
            start = number * BEAT % SECONDS
            event = {"clientEventId": number + 1, "lectureId": lecture_id, "kind": "WATCHED", "fromSeconds": start, "toSeconds": start + BEAT, "occurredAt": moment}
            variables = {"input": {"enrollmentId": learner.run, "deviceId": device, "events": [event]}}
            asked.append((orjson.dumps({"query": DOCUMENT, "variables": variables}), learner.token))
    return Heartbeats(port, [body for body, _ in asked], {"Host": HOST}, tokens=tuple(token for _, token in asked))

"""The limit of progress: bare Starlette that joins a watched range to what a run has seen by one upsert, answered after its commit. It asks who it is and whose run it is, and knows no other rule."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.door import Door, opened
from lms_graph.domain.learning.rules.events_in import HEARTBEAT_SECONDS
from lms_graph.kit.ids import new_id, parse_id

_UPSERT = """
    INSERT INTO lecture_progress AS p (tenant_id, id, enrollment_id, lecture_id, ranges, covered_ms, watch_time_ms, last_position_ms, last_event_at)
    SELECT e.tenant_id, $4, e.id, $5, int4multirange(int4range($6, $7)), $7::int - $6::int, $7::int - $6::int, $7, now() FROM enrollments e WHERE e.tenant_id = $1 AND e.id = $3 AND e.account_id = $2
    ON CONFLICT (tenant_id, enrollment_id, lecture_id) DO UPDATE SET
        ranges = p.ranges + excluded.ranges,
        covered_ms = (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(p.ranges + excluded.ranges) AS r),
        watch_time_ms = p.watch_time_ms + excluded.watch_time_ms, last_position_ms = excluded.last_position_ms, last_event_at = excluded.last_event_at
    RETURNING true
"""


class Upsert:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def answer(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())["variables"]["input"]
        (event,) = asked["events"]
        asker = await self._door.identify(request.headers)
        (_, run), (_, lecture) = parse_id(asked["enrollmentId"]) or ("", None), parse_id(event["lectureId"]) or ("", None)
        start, end = round(event["fromSeconds"] * 1000), round(event["toSeconds"] * 1000)
        async with self._door.writing(asker) as writes:
            if not await writes.fetch(_UPSERT, asker.tenant_id, asker.account_id, run, new_id(), lecture, start, end):
                raise PermissionError("another's run")
        results = [{"clientEventId": event["clientEventId"], "status": "ACCEPTED", "reason": None}]
        return Response(orjson.dumps({"data": {"progressRecord": {"results": results, "nextHeartbeatSeconds": HEARTBEAT_SECONDS}}}), media_type="application/json")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with opened(os.environ) as door:
        app.router.routes.append(Route("/graphql", Upsert(door).answer, methods=["POST"]))
        yield


app = Starlette(lifespan=_lifespan)

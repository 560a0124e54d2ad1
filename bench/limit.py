"""The limit: one SQL statement that builds the whole answer, behind bare Starlette. It knows three operations by name, and no GraphQL."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.door import Door, opened
from lms_graph.kit.ids import parse_id
from lms_graph.kit.secrets import SecretKeys

SQL = Path(__file__).parent / "sql"
_COURSE_PAGE = (SQL / "course_page.sql").read_text()
_CATALOG = (SQL / "catalog.sql").read_text()
_LEARN = (SQL / "learn.sql").read_text()


class Limit:
    """The endpoint. `pads` are those of HMAC with the key of the product's cursors."""

    def __init__(self, door: Door, pads: tuple[bytes, bytes]) -> None:
        self._door = door
        self._pads = pads

    async def answer(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        variables = asked.get("variables") or {}
        asker = await self._door.identify(request.headers)
        async with self._door.reading(asker) as reads:
            if asked["operationName"] == "CoursePage":
                (row,) = await reads.fetch(_COURSE_PAGE, asker.tenant_id, asker.account_id, variables["slug"], asker.base_url)
                if row["runs"] or asker.account_id is None:
                    raise NotImplementedError("the statement is for somebody signed in who has no run of the course")
            elif asked["operationName"] == "Catalog" and variables.keys() <= {"first"}:
                (row,) = await reads.fetch(_CATALOG, asker.tenant_id, asker.base_url, variables.get("first", 24), *self._pads)
            elif asked["operationName"] == "Learn":
                _, run = parse_id(variables["id"]) or ("", None)
                rows = await reads.fetch(_LEARN, asker.tenant_id, asker.account_id, run, datetime.now(UTC))
                row = rows[0] if rows else {"is_open": True, "data": '{"enrollment":null}'}
                if not row["is_open"]:
                    raise NotImplementedError("the statement is for a run that is open")
            else:
                raise NotImplementedError("another operation")
        return Response(b'{"data":' + row["data"].encode() + b"}", media_type="application/json")


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """What HMAC-SHA-256 puts before the message and before the inner digest (RFC 2104)."""
    padded = key.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    pads = hmac_pads(SecretKeys.parse(os.environ["LMS_SECRET_KEYS"]).derived("cursors")[0])
    async with opened(os.environ) as door:
        app.router.routes.append(Route("/graphql", Limit(door, pads).answer, methods=["POST"]))
        yield


app = Starlette(lifespan=_lifespan)

"""Probes: is the process up, and can it serve."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

READY_SECONDS = 2.0


async def healthz(request: Request) -> JSONResponse:
    """200 while the process answers at all. Asks nobody."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> JSONResponse:
    """200 while the database answers, within two seconds, as both roles; else 503 with the part that does not. 503 too while the process stops.

    Redis is not asked: without it live messages are late, and everything else is served. Were it asked, all processes would be turned away at once.
    """
    state: Any = request.app.state
    if state.stopping:
        return JSONResponse({"status": "stopping"}, status_code=503)
    asking: asyncio.Task[None] | None = getattr(state, "asking", None)
    if asking is None or asking.done():  # one at a time: where the database hangs, probes must not pile up behind it
        asking = state.asking = asyncio.create_task(state.reachable())
    await asyncio.wait({asking}, timeout=READY_SECONDS)
    if not asking.done() or asking.cancelled() or asking.exception():
        return JSONResponse({"status": "unavailable", "part": "database"}, status_code=503)
    return JSONResponse({"status": "ready"})

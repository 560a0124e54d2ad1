"""Probes: is the process up, and can it serve."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from lms_graph.outbox import store


async def healthz(request: Request) -> JSONResponse:
    """200 while the process answers at all."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> JSONResponse:
    """200 once the database answers; 503 with the part that does not, and while the process stops."""
    if request.app.state.stopping:
        return JSONResponse({"status": "stopping"}, status_code=503)
    try:
        await store.unfinished()
    except Exception:  # noqa: BLE001  # whatever it is, the answer is the same: not ready
        return JSONResponse({"status": "unavailable", "part": "database"}, status_code=503)
    return JSONResponse({"status": "ready"})

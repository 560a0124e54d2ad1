"""The HTTP server as we run it: uvicorn, and how it stops."""

import asyncio
import gc
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

from lms_graph.web.connections import HttpConnection, SocketConnection
from lms_graph.web.graphql.sockets import MAX_MESSAGE_BYTES

STOP_SECONDS = 20  # for requests under way; the worker's is 25
# Requests leave next to nothing that only a collection finds, but many under way at once look to Python's own threshold (700) as if they did: full collections then come several times a second,
# each stops the loop for a tenth of a second or more, and a third of the throughput goes (docs/decisions/0031).
GC_THRESHOLD = (50_000, 20, 100)


def configured(app: Starlette, **options: Any) -> uvicorn.Config:
    """Proxies are believed by our own middleware, which is told which; left to itself, uvicorn believes every program on this machine."""
    # Our own lines tell of requests: uvicorn would write one of each, for a handler that drops it.
    ours = {"log_config": None, "access_log": False, "proxy_headers": False, "server_header": False, "ws_max_size": MAX_MESSAGE_BYTES, "timeout_graceful_shutdown": STOP_SECONDS}
    connections = {"http": HttpConnection, "ws": SocketConnection, "ws_per_message_deflate": False}
    return uvicorn.Config(app, **(ours | connections | options))


class Server(uvicorn.Server):
    """On SIGTERM `/readyz` says 503, for `drain_seconds` everything else goes on; then nothing new is taken, event streams end, sockets close with 1012, requests are let finish.

    A SIGINT while it stops ends it at once. The application's state has `stopping` and `end_streams` for it.
    """

    def __init__(self, app: Starlette, *, drain_seconds: float, **options: Any) -> None:
        super().__init__(configured(app, **options))
        self._state = app.state
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.set_threshold(*GC_THRESHOLD)
        gc.enable()
        gc.freeze()  # what is loaded now stays: each full collection would look through it, and stop the loop for a tenth of a second

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.stopping = True
        until = asyncio.get_running_loop().time() + self._drain_seconds
        while asyncio.get_running_loop().time() < until and not self.force_exit:  # noqa: ASYNC110  # uvicorn's signal handler sets it
            await asyncio.sleep(0.1)
        self._state.end_streams()  # they would never end by themselves, and uvicorn waits for what it has begun
        await super().shutdown(sockets)

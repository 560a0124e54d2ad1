"""One line per HTTP request and per socket, where no operation has told of it; and an id that ties all lines of a request together.

A line names the route and never the path: a path may hold a code, and a query anything.
"""

import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

from lms_graph.telemetry import bound, metrics
from lms_graph.telemetry.tracing import new_trace_id

log = structlog.get_logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class _Request:
    told = False


_current: ContextVar[_Request | None] = ContextVar("request", default=None)


def told() -> None:
    """The present request has its line."""
    if request := _current.get():
        request.told = True


class Requests:
    """ASGI middleware. Routes in `quiet` are told at debug level: probes come every few seconds."""

    def __init__(self, app: Application, *, quiet: Collection[str] = ()) -> None:
        self._app = app
        self._quiet = quiet

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request = _Request()
        _current.set(request)
        # Not undone at the end: what the server says of this request after us belongs to it too. A pipelined request begins in the context of the one before.
        bound.begin(request_id=new_trace_id())
        ended: dict[str, Any] = {}

        async def noting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                ended["status"] = message["status"]
            elif message["type"] == "websocket.close":
                ended["close_code"] = message.get("code", 1000)
            await send(message)

        async def noting_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                ended.setdefault("close_code", message.get("code", 1005))
            return message

        is_socket = scope["type"] == "websocket"
        if is_socket and metrics.current:
            metrics.current.socket(1)
        try:
            await self._app(scope, noting_receive if is_socket else receive, noting_send)
        finally:
            if is_socket and metrics.current:
                metrics.current.socket(-1)
            if is_socket or not request.told:
                route = getattr(scope.get("route"), "path", None)
                tell = log.debug if route in self._quiet else log.info
                method = {} if is_socket else {"method": scope["method"]}
                tell("socket" if is_socket else "request", **method, route=route, **ended, ms=round((time.perf_counter() - began) * 1000, 2))

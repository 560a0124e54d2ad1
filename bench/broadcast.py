"""The limit of live fan-out: bare Starlette that sends one ready frame to every socket. Speaks as much of graphql-transport-ws as a subscriber needs."""

import asyncio

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

# As large as the product's frame.
_STATE = {"sequence": 1, "enrollment": {"id": "enr_" + "0" * 26, "progressPercent": 50, "status": "ACTIVE", "completedAt": None}}
_FRAME = orjson.dumps(
    {"id": "1", "type": "next", "payload": {"data": {"enrollmentProgress": {**_STATE, "lecture": {"id": "lec_" + "0" * 26}, "lectureCompleted": True, "certificate": None}}}}
).decode()

_sockets: set[WebSocket] = set()


async def _subscribe(socket: WebSocket) -> None:
    await socket.accept("graphql-transport-ws")
    try:
        await socket.receive_json()
        await socket.send_json({"type": "connection_ack"})
        await socket.receive_json()
        await socket.send_text(_FRAME)
        _sockets.add(socket)
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        _sockets.discard(socket)


async def _publish(request: Request) -> Response:
    await asyncio.gather(*(socket.send_text(_FRAME) for socket in _sockets))
    return Response(status_code=204)


app = Starlette(routes=[WebSocketRoute("/graphql", _subscribe), Route("/publish", _publish, methods=["POST"])])

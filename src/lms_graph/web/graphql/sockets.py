"""graphql-transport-ws, as https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md says, with each of its close codes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from lms_graph.kit.text import is_storable
from lms_graph.web.graphql.answers import encode
from lms_graph.web.graphql.callers import Visit
from lms_graph.web.graphql.operations import Operations
from lms_graph.web.graphql.refusals import Refused, internal, refused
from lms_graph.web.graphql.requests import Asked, from_object, parse_json
from lms_graph.web.graphql.sessions import Sessions

SUBPROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAX_MESSAGE_BYTES = 1_048_576  # held by the server, which closes with 1009
MAX_OPERATIONS = 100
SEND_SECONDS = 30.0  # who does not read for so long is given up
CLOSE_SECONDS = 5.0
MAX_ID_CHARACTERS = 255


class Close(Exception):
    """The socket is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")  # a control frame holds 125 bytes


class Socket:
    """One connection: who opened it, and the operations that run on it."""

    def __init__(self, socket: WebSocket, operations: Operations, sessions: Sessions, identify: Callable[[Mapping[str, Any]], Awaitable[Visit]]) -> None:
        self._socket = socket
        self._operations = operations
        self._sessions = sessions
        self._identify = identify
        self._greeted = False
        self._visit: asyncio.Future[Visit] = asyncio.get_running_loop().create_future()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._deaf = asyncio.Event()

    async def serve(self) -> None:
        """Until either side closes. Raises nothing that a client could cause."""
        if SUBPROTOCOL not in self._socket.scope.get("subprotocols", ()):
            await self._socket.accept()
            await self._socket.close(4406, "Subprotocol not acceptable")
            return
        await self._socket.accept(subprotocol=SUBPROTOCOL)
        listening = {asyncio.create_task(self._listen()), asyncio.create_task(self._guard())}
        close: Close | None = None
        try:
            done, _ = await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except Close as ours:
            close = ours
        except Exception:  # noqa: BLE001  # told and logged under a trace id
            close = Close(4500, str(internal("socket.failed")))
        finally:
            await _cancel(*listening, *self._running.values())  # before anything is sent: whoever does not read must not go on meanwhile
        if close:
            with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):  # the other side was quicker, or does not read
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._socket.close(close.code, close.reason)

    async def _guard(self) -> None:
        """Ends the connection of who does not say who it is, and of whom the right has ended. Raises Close."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                visit = await asyncio.shield(self._visit)
        except TimeoutError:
            raise Close(4408, "Connection initialisation timeout") from None
        try:
            self._sessions.require_room(visit)
        except Refused as refusal:
            raise Close(1013, f"{refusal.code}: {refusal}") from None
        with self._sessions.watched(visit) as ended:
            waiting = {asyncio.create_task(ended.wait()), asyncio.create_task(self._deaf.wait())}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(*waiting)
        if self._deaf.is_set():
            raise Close(1013, "Nothing was read for half a minute")
        raise Close(4403, "UNAUTHENTICATED: the access token, its session or the API key has ended")

    async def _listen(self) -> None:
        while (message := await self._socket.receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            if text is None:
                raise Close(4400, "Messages are text")
            try:
                said = parse_json(text.encode(errors="surrogatepass"), "The message")
            except Refused as refusal:
                raise Close(4400, str(refusal)) from None
            if not isinstance(said, dict):
                raise Close(4400, "A message is a JSON object")
            await self._hear(said)

    async def _hear(self, said: dict[str, Any]) -> None:
        payload = said.get("payload")
        match said.get("type"):
            case "connection_init":
                await self._greet(payload)
            case "ping":
                _require_object_or_nothing(payload)
                try:
                    await self._say({"type": "pong"} | ({} if payload is None else {"payload": payload}))
                except TypeError:  # numbers of more than 64 bits, half of a surrogate pair, or nested too deeply
                    raise Close(4400, "This `payload` cannot be sent back") from None
            case "pong":
                _require_object_or_nothing(payload)
            case "subscribe":
                await self._subscribe(_operation_id(said), payload)
            case "complete":
                if task := self._running.pop(_operation_id(said), None):
                    task.cancel()
            case _:
                raise Close(4400, "The message's `type` is none of connection_init, ping, pong, subscribe, complete")

    async def _greet(self, payload: object) -> None:
        if self._greeted:
            raise Close(4429, "Too many initialisation requests")
        self._greeted = True
        _require_object_or_nothing(payload)
        try:
            self._visit.set_result(await self._identify(payload if isinstance(payload, dict) else {}))
        except Refused as refusal:
            raise Close(4403, f"{refusal.code}: {refusal}") from None
        await self._say({"type": "connection_ack"})

    async def _subscribe(self, id: str, payload: object) -> None:
        if not self._visit.done():
            raise Close(4401, "Unauthorized: `connection_init` comes first")
        if not isinstance(payload, dict):
            raise Close(4400, "`subscribe` needs a `payload`")
        if id in self._running:
            raise Close(4409, f"Subscriber for {id} already exists")
        try:
            asked = from_object(payload)
        except Refused as refusal:
            raise Close(4400, str(refusal)) from None
        if len(self._running) >= MAX_OPERATIONS:
            many = refused(429, "RATE_LIMITED", f"At most {MAX_OPERATIONS} operations run on a socket at once: complete one first.", retryAfter=1)
            await self._say({"id": id, "type": "error", "payload": many.errors})
            return
        self._running[id] = asyncio.create_task(self._run(id, asked))

    async def _run(self, id: str, asked: Asked) -> None:
        try:
            last = await self._results(id, asked)
        except Refused as refusal:
            last = {"id": id, "type": "error", "payload": refusal.errors}
        except Exception:  # noqa: BLE001  # told and logged under a trace id
            last = {"id": id, "type": "error", "payload": internal("socket.operation_failed").errors}
        if self._running.get(id) is asyncio.current_task():  # before the last word, for its id may then be used again
            del self._running[id]
        await self._say(last)

    async def _results(self, id: str, asked: Asked) -> dict[str, Any]:
        """Sends what an operation gives, but for the last message."""
        admitted = await self._operations.admit(asked, self._visit.result(), transport="websocket", headers=self._socket.headers)
        if admitted.is_subscription:
            written = encode(id).decode()
            payload = await admitted.listen(lambda message: self._socket.send_text(message.frame(written)), deaf=self._deaf)
        else:
            payload = await admitted.result_at_any_rate()
            if "data" in payload:
                await self._say({"id": id, "type": "next", "payload": payload})
                payload = None
        return {"id": id, "type": "complete"} if payload is None else {"id": id, "type": "error", "payload": payload["errors"]}

    async def _say(self, message: dict[str, Any]) -> None:
        text = encode(message).decode()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            self._deaf.set()
        except (RuntimeError, WebSocketDisconnect):
            pass  # closed meanwhile: nobody listens


def _operation_id(said: dict[str, Any]) -> str:
    id = said.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID_CHARACTERS or not is_storable(id):
        raise Close(4400, f"`id` is a string of 1 to {MAX_ID_CHARACTERS} characters")
    return id


def _require_object_or_nothing(payload: object) -> None:
    if payload is not None and not isinstance(payload, dict):
        raise Close(4400, "`payload` is an object, or left out")


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

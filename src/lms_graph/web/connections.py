"""Connections of the server, before there is a request: uvicorn's protocols, with bounds on what a stranger may send, hold open, or leave unread.

uvicorn leaves these to a proxy. We may stand without one, and a proxy that is wrong about a request (RFC 9112, section 11.2) is dangerous to tenants.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response
from websockets.server import ServerProtocol

MAX_LINE_BYTES = 8_000  # of the target, or of one header; also what the library of sockets reads
MAX_HEADERS = 100  # trailers included
MAX_HEAD_BYTES = 64_000
HEAD_SECONDS = 10.0
UNREAD_SECONDS = 30.0  # without a byte taken off our hands
LINGER_SECONDS = 1.0  # for who still sends does not hear
MAX_FRAGMENTS = 1_000

# Where two readers would take one each, and see another school or another person.
SINGULAR = (b"host", b"authorization", b"x-api-key", b"x-tenant", b"content-type", b"origin")


class _Refused(Exception):
    """A head that is not taken. Raised inside the parser, which goes no further."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _told(message: str) -> bytes:
    return orjson.dumps({"errors": [{"message": message, "extensions": {"code": "BAD_USER_INPUT"}}]})


class _Read:
    """Ends a connection whose other side takes nothing more off us. What it would have read is held in memory, and what wrote it waits."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self._look_later(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._stop_looking()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)  # type: ignore[misc]

    def _look_later(self, held: int) -> None:
        self._unread = self.loop.call_later(UNREAD_SECONDS, self._look, held)

    def _look(self, held: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now < held:
            self._look_later(now)
        else:
            self.transport.abort()

    def _stop_looking(self) -> None:
        if self._unread:
            self._unread.cancel()
            self._unread = None


class HttpConnection(_Read, HttpToolsProtocol):
    """A client's connection. What is no HTTP, or too much of it, is told in JSON; then the connection ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._late: asyncio.TimerHandle | None = None
        self._pending = 0  # bytes since the head began, or since the last piece of the body: also of chunks' extensions and of trailers
        self._head = 0
        self._refusal: _Refused | None = None
        self._begun = False
        self._ended = False  # nothing more is read
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._answered:  # uvicorn tells the last of several requests only
            self._answered.disconnected = True
            self._answered.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()  # blank lines before a request begin none
        self._pending += len(data)
        super().data_received(data)
        if self._pending > MAX_HEAD_BYTES and not self._ended:
            self._refuse(_Refused(431, f"The headers of a request have at most {MAX_HEAD_BYTES:,} bytes."))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._pending = self._head = 0
        self._begun = True
        self._await_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_LINE_BYTES:
            self._stop(414, f"An address has at most {MAX_LINE_BYTES:,} bytes. Send long documents by POST.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head += (length := len(name) + len(value))
        if length > MAX_LINE_BYTES or self._head > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._stop(431, f"A request has at most {MAX_HEADERS} headers, of {MAX_LINE_BYTES:,} bytes each and {MAX_HEAD_BYTES:,} together.")

    def on_headers_complete(self) -> None:
        self._head_came()
        self._begun = False
        self._check_head()
        super().on_headers_complete()
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False  # the parser reads nothing after it

    def _check_head(self) -> None:
        """Raises _Refused."""
        version, names = self.parser.get_http_version(), [name for name, _ in self.headers]
        if version not in ("1.0", "1.1"):
            self._stop(400, "This server speaks HTTP/1.1.")
        for name in SINGULAR:
            if names.count(name) > 1:
                self._stop(400, f"The header `{name.decode().title()}` is there {names.count(name)} times.")
        if b"host" not in names and version == "1.1":
            self._stop(400, "The header `Host` is missing.")
        if b"://" in self.url and self.url.partition(b"://")[2].partition(b"/")[0].lower() != dict(self.headers).get(b"host", b"").lower() and not self.url.startswith(b"/"):
            self._stop(400, "The address and the header `Host` name two hosts.")
        if self.parser.should_upgrade():
            if any(name in names for name in (b"content-length", b"transfer-encoding")) and dict(self.headers).get(b"content-length") != b"0":
                self._stop(400, "A request with a body is not upgraded: send it without `Upgrade`.")
            if self._should_upgrade() and version != "1.1":
                self._stop(400, "WebSockets need HTTP/1.1.")

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def handle_websocket_upgrade(self) -> None:
        self._ended = True
        self._head_came()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or _Refused(400, "This is not HTTP/1.1."))

    def _stop(self, status: int, message: str) -> None:
        """Raises _Refused, which the parser turns into an error of its own."""
        self._refusal = _Refused(status, message)
        raise self._refusal

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._is_late)

    def _head_came(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None

    def _is_late(self) -> None:
        if self._begun:
            self._refuse(_Refused(408, f"The request did not arrive within {HEAD_SECONDS:.0f} seconds."))
        else:
            self.transport.close()

    def _refuse(self, refused: _Refused) -> None:
        self._ended = True
        self._head_came()
        if (cycle := self.cycle) is not None and not cycle.response_complete:
            if cycle.response_started or not cycle.more_body:  # an answer to what came before is under way: it is the last
                cycle.keep_alive = False
                return
            cycle.disconnected = True
            cycle.message_event.set()
        body = _told(str(refused))
        head = b"content-type: application/json\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[refused.status] + head + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._late = self.loop.call_later(LINGER_SECONDS, self.transport.close)


class _Handshake(ServerProtocol):
    def reject(self, status: HTTPStatus | int, text: str) -> Response:
        response = super().reject(status, text)
        if status == HTTPStatus.FORBIDDEN:  # by the application: there is nothing at this path
            return response
        response.body = _told(text.strip())
        del response.headers["Content-Length"], response.headers["Content-Type"]
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Type"] = "application/json"
        return response


class SocketConnection(_Read, WebSocketsSansIOProtocol):
    """A client's WebSocket. Messages are not compressed: ours are small, and a compressed one takes a stranger less to send than us to hold."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = _Handshake(max_size=self.config.ws_max_size, logger=self.logger)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # who does not read what we send needs no further pongs

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(1009, "A message has too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:  # uvicorn logs it as a failure of ours
            self._fail(1007, "Text is UTF-8")
        else:
            super().send_receive_event_to_app()

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.send_close(code, reason)
            self.handle_parser_exception()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(self.close_timeout, self.transport.abort)  # closing waits until all is sent, and nobody reads

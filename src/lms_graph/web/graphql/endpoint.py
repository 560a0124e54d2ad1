"""`/graphql`: which protocol a request speaks, and the answers to what is not run."""

import asyncio
from collections.abc import Mapping
from typing import Any

from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from lms_graph.domain.tenancy.rules.origins import is_origin_allowed
from lms_graph.web import explorer
from lms_graph.web.graphql import answers
from lms_graph.web.graphql.callers import Visit, identify
from lms_graph.web.graphql.key_uses import KeyUses
from lms_graph.web.graphql.known import Known
from lms_graph.web.graphql.operations import Operations
from lms_graph.web.graphql.refusals import Refused, internal, refused
from lms_graph.web.graphql.requests import Gone, read_get, read_post
from lms_graph.web.graphql.sessions import Sessions
from lms_graph.web.graphql.sockets import Socket
from lms_graph.web.graphql.streams import EventStream


def _first_of_each(headers: Headers) -> dict[str, str]:
    """Headers that are looked up again and again, the first of each name."""
    found: dict[str, str] = {}
    for name, value in headers.raw:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


class Endpoint:
    """GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/), as server-sent events and over WebSockets."""

    def __init__(self, operations: Operations, *, default_tenant: str | None, base_url: str, development: bool = False, known: Known | None = None) -> None:
        """`base_url` is told where a request has no Host."""
        self._known = known or Known()
        self._operations = operations
        self._base_url = base_url
        self._default_tenant = default_tenant
        self._development = development
        self._sessions = Sessions()
        self._key_uses = KeyUses()
        self._stopping = asyncio.Event()

    def end_streams(self) -> None:
        """The process stops: event streams end without `complete`, so that their clients come again, to another. Sockets are closed by the server."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        headers = _first_of_each(request.headers)
        accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
        media_type = answers.accepted(accept, answers.JSON, answers.GRAPHQL)
        told_in = media_type or answers.GRAPHQL
        response: ASGIApp
        try:
            response = await self._respond(request, headers, accept, media_type)
        except Gone:
            return
        except Refused as refusal:
            response = answers.refusal(refusal, told_in)
        except Exception:  # noqa: BLE001  # the database is away while we ask who this is, say
            response = answers.refusal(internal("graphql.no_answer"), told_in)
        await response(scope, receive, send)

    async def _respond(self, request: Request, headers: Mapping[str, str], accept: str, media_type: str | None) -> ASGIApp:
        visit: Visit | None = None
        if request.method in ("GET", "HEAD") and answers.accepted(accept, answers.JSON, answers.GRAPHQL, answers.HTML) == answers.HTML:
            visit = await self._identify(request, headers)
            if visit.api.explorer:
                return await explorer.page(development=self._development)
        streams = answers.accepted(accept, answers.EVENTS) if accept else None
        if media_type is None and streams is None:
            raise refused(406, "BAD_USER_INPUT", f"Accept one of {answers.GRAPHQL}, {answers.JSON} or {answers.EVENTS}.")
        if request.method == "POST":
            asked = await read_post(request, headers)
        elif request.method in ("GET", "HEAD"):
            asked = read_get(request)
        else:
            raise refused(405, "BAD_USER_INPUT", "Send GraphQL by POST, or queries by GET.", headers={"Allow": "GET, HEAD, POST, OPTIONS"})

        visit = visit or await self._identify(request, headers)
        caller = visit

        def allow(type: OperationType) -> None:
            if type is OperationType.MUTATION and request.method != "POST":
                raise refused(405, "BAD_USER_INPUT", "GET takes queries only: send mutations by POST.", headers={"Allow": "POST"})
            if type is OperationType.SUBSCRIPTION and streams is None:
                raise refused(406, "BAD_USER_INPUT", "A subscription needs `Accept: text/event-stream`, or a WebSocket with the subprotocol graphql-transport-ws.")
            if type is OperationType.SUBSCRIPTION:
                self._sessions.require_room(caller)

        admitted = await self._operations.admit(asked, visit, transport="http", headers=headers, allow=allow)
        if admitted.is_subscription or media_type is None:
            admitted.seen.transport = "sse"
            return EventStream(admitted, self._sessions.watched(visit), self._stopping)
        payload = await admitted.result()
        if request.method == "POST":
            return answers.answer(payload, media_type)
        seconds = admitted.question.holding.seconds if admitted.question and "errors" not in payload else 0
        return answers.held(payload, media_type, seconds, request.headers) if seconds else answers.private(payload, media_type)

    async def _socket(self, socket: WebSocket) -> None:
        async def identify(said: Mapping[str, Any]) -> Visit:
            """`connection_init { authorization tenant apiKey }`, all optional. A header on the socket itself is not looked at: browsers cannot send one."""
            headers = {name: value for name, value in socket.headers.items() if name not in ("authorization", "x-api-key")}
            for name, value in (("authorization", said.get("authorization")), ("x-tenant", said.get("tenant")), ("x-api-key", said.get("apiKey"))):
                if value is not None and not isinstance(value, str):
                    raise refused(400, "BAD_USER_INPUT", "`authorization`, `tenant` and `apiKey` are strings.")
                if value is not None:
                    headers[name] = value
            visit, origin = await self._identify(socket, headers), socket.headers.get("origin")
            if origin is not None and not is_origin_allowed(origin, visit.api.origins, host=socket.headers.get("host"), development=self._development):
                raise refused(403, "FORBIDDEN", "Pages of this origin may not use this school's API.")
            return visit

        await Socket(socket, self._operations, self._sessions, identify).serve()

    async def _identify(self, request: HTTPConnection, headers: Mapping[str, str]) -> Visit:
        scheme = "https" if request.scope.get("scheme") in ("https", "wss") else "http"
        host = headers.get("host")
        base_url = f"{scheme}://{host}" if host else self._base_url
        address = request.client.host if request.client else None
        visit = await identify(
            headers,
            known=self._known,
            openid=self._operations.adapters.openid,
            throttle=self._operations.adapters.throttle,
            address=address,
            default_tenant=self._default_tenant,
            development=self._development,
            base_url=base_url,
        )
        request.state.api = visit.api  # `Cors` asks it which origins may read the answer
        self._key_uses.note(visit)
        return visit

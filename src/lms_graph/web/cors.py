"""Which pages in browsers may use the API: CORS for requests, the same rule for WebSockets (docs/decisions/0013)."""

from collections.abc import Iterable
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from lms_graph.domain.tenancy.queries import identification
from lms_graph.domain.tenancy.rules.origins import ANY_ORIGIN, is_origin_allowed
from lms_graph.web.graphql.callers import host_name
from lms_graph.web.graphql.refusals import refused

log = structlog.get_logger(__name__)

METHODS = "GET, HEAD, POST, OPTIONS"
PREFLIGHT = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "accept, apollo-require-preflight, authorization, content-type, last-event-id, traceparent, tracestate, x-api-key, x-tenant",
    "Access-Control-Max-Age": "7200",  # two hours: no browser keeps it for longer
}
EXPOSED = "Retry-After"


class Cors:
    """Guards one path.

    The endpoint behind it sets `scope["state"]["api"]` to the `ApiSettings` of the request's tenant as soon as it knows it: then the answer is for that tenant's origins only. What is
    answered before (a preflight, a handshake, a bad request) tells nothing of any tenant, and is for the origins of the tenant that the host names, else of any.

    Credentials are never allowed: tokens come in a header, which a page must have been given.
    """

    def __init__(self, app: ASGIApp, *, path: str, development: bool) -> None:
        self._app = app
        self._path = path
        self._development = development

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] != self._path:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._handshake(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await (await self._options(Headers(scope=scope)))(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _handshake(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if "origin" not in headers or await self._knows(headers):  # only browsers send it
            await self._app(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(_refusal())

    async def _options(self, headers: Headers) -> Response:
        if "origin" not in headers or "access-control-request-method" not in headers:
            return Response(status_code=204, headers={"Allow": METHODS})
        granted = await self._knows(headers)
        response = Response(status_code=204, headers=PREFLIGHT | {"Access-Control-Allow-Origin": headers["origin"]}) if granted else _refusal()
        response.headers["Vary"] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        return response

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})

        async def adding_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = message["headers"] = _varying(message.get("headers", ()))
                if "origin" in headers and (allowed := await self._allowed(headers, state)):
                    answer = MutableHeaders(raw=raw)
                    answer["Access-Control-Allow-Origin"] = allowed
                    answer["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        await self._app(scope, receive, adding_headers)

    async def _allowed(self, headers: Headers, state: dict[str, Any]) -> str | None:
        """What the answer says in `Access-Control-Allow-Origin`."""
        origin = headers["origin"]
        api = state.get("api")
        if api is None:
            return origin if await self._knows(headers) else None
        if ANY_ORIGIN in api.origins:
            return ANY_ORIGIN
        return origin if is_origin_allowed(origin, api.origins, host=headers.get("host"), development=self._development) else None

    async def _knows(self, headers: Headers) -> bool:
        """Before a tenant is known."""
        origin, host = headers["origin"], headers.get("host")
        if is_origin_allowed(origin, (), host=host, development=self._development):
            return True
        try:
            return await identification.is_origin_known(origin=origin, host=host_name(host))
        except Exception:  # the database is away: nobody is let in, and the answer under way goes out without the header
            log.warning("cors.not_looked_up", exc_info=True)
            return False


def _varying(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    told = list(headers)
    for number, (name, value) in enumerate(told):
        if name == b"vary":
            told[number] = (name, value + b", Origin")
            return told
    return [*told, (b"vary", b"Origin")]


def _refusal() -> JSONResponse:
    return JSONResponse(refused(403, "FORBIDDEN", "Pages of this origin may not use the API. The school lists its origins with `tenantUpdate`.").body, status_code=403)

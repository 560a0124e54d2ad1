"""The GraphQL endpoint: who asks, from host, header and token; then Strawberry, over HTTP, graphql-transport-ws and SSE."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET

from lms_graph.adapters import Adapters
from lms_graph.context import Context
from lms_graph.dataloaders import Loaders
from lms_graph.domain.tenancy import queries as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import token_hash

log = structlog.get_logger(__name__)


_SLUG = re.compile(r"[a-z0-9-]{1,63}")


class Refused(Exception):
    """A request that cannot be given a caller. Carries the coded answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"message": message, "extensions": {"code": code}}]}


async def identify(headers: Mapping[str, str], *, address: str | None, default_tenant: str | None) -> Caller:
    """The caller of a request. Raises Refused when no tenant is named, a token is no good, or token and host disagree."""
    now = datetime.now(UTC)
    token = _bearer(headers.get("authorization"))
    host = host_name(headers.get("host"))
    slug = headers.get("x-tenant")
    if slug is not None and not _SLUG.fullmatch(slug):
        raise Refused(404, "NOT_FOUND", "No school answers to this `X-Tenant`.")
    found = await tenancy.identify(host=host, slug=slug, token_hash=token_hash(token) if token else None, now=now)
    if token and found.account_id is None:
        raise Refused(401, "UNAUTHENTICATED", "The access token is unknown, expired or its session has ended. Refresh the session or sign in again.")
    tenant_id = found.tenant_id or (found.session_tenant_id if slug is None else None)
    if tenant_id is None and slug is None and default_tenant:
        tenant_id = (await tenancy.identify(host=None, slug=default_tenant, token_hash=None, now=now)).tenant_id
    if tenant_id is None:
        raise Refused(404, "NOT_FOUND", "No school answers here. Ask under its own domain or send its slug as `X-Tenant`.")
    if found.session_tenant_id is not None and found.session_tenant_id != tenant_id:
        raise Refused(401, "UNAUTHENTICATED", "The access token belongs to another school.")
    return Caller(
        tenant_id=tenant_id,
        account_id=found.account_id,
        session_id=found.session_id,
        roles=found.roles,
        locale=found.locale or "en",
        address=address,
        user_agent=(headers.get("user-agent") or "")[:400] or None,
        now=now,
    )


def host_name(host: str | None) -> str | None:
    """The name in a Host header, without its port; None where it makes no sense."""
    try:
        return urlsplit(f"//{host or ''}").hostname
    except ValueError:
        return None


def _bearer(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise Refused(401, "UNAUTHENTICATED", "Send the token as `Authorization: Bearer <accessToken>`.")
    return token.strip()


class _TextFrames(ASGIWebSocketAdapter):
    async def send_json(self, message: Mapping[str, object]) -> None:
        await self.ws.send_text(_encode(message).decode())


def _encode(data: object) -> bytes:
    return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)


class Endpoint(GraphQL[Context, None]):
    """`/graphql`. A browser's own fetch, a socket and an event stream are told apart by method and headers."""

    websocket_adapter_class = _TextFrames

    def __init__(self, schema: BaseSchema, adapters: Adapters, *, default_tenant: str | None) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, "graphql-sse"),
            connection_init_wait_timeout=timedelta(seconds=10),
        )
        self.adapters = adapters
        self.default_tenant = default_tenant
        self._streams: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def end_streams(self) -> None:
        """The process stops: event streams end without `complete`, so that their clients come again, to another. Sockets are closed by the server."""
        self._stopping = True
        for task in self._streams:
            task.cancel()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task

        async def noting_streams(message: Any) -> None:
            if message["type"] == "http.response.start" and any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"]):
                self._streams.add(task)
            await send(message)

        try:
            await super().__call__(scope, receive, noting_streams)
        except asyncio.CancelledError:
            if not self._stopping or task not in self._streams:
                raise
            task.uncancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Refused as refused:
            await Response(_encode(refused.body), refused.status, media_type="application/json")(scope, receive, send)
        except Exception:
            # Before anything could be answered: the database is away while we ask who this is, say.
            if scope["type"] != "http":
                raise
            trace_id = uuid4().hex
            log.exception("graphql.no_answer", trace_id=trace_id)
            message = f"Something went wrong on our side. Support can find it by its trace id: {trace_id}"
            body = {"errors": [{"message": message, "extensions": {"code": "INTERNAL", "traceId": trace_id}}]}
            with contextlib.suppress(RuntimeError):  # the answer had begun
                await Response(_encode(body), 500, media_type="application/json")(scope, receive, send)
        finally:
            self._streams.discard(task)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        if isinstance(request, WebSocket):
            # A socket says who it is in `connection_init`; until then it is nobody (see on_ws_connect).
            caller = Caller(tenant_id=uuid4(), now=datetime.now(UTC))
        else:
            caller = await self._identify(request, request.headers)
        return Context(caller=caller, adapters=self.adapters, make_loaders=Loaders, base_url=self._base_url(request), trace_id=uuid4().hex, request=request)

    async def on_ws_connect(self, context: Context) -> dict[str, object] | Any:
        """`connection_init { authorization tenant }`, both optional. Anybody who cannot be given a caller is refused with 4403."""
        socket = context.request
        assert isinstance(socket, WebSocket)
        said = context.connection_params or {}
        if not isinstance(said, dict):
            raise ConnectionRejectionError({"code": "BAD_USER_INPUT"})
        headers = dict(Headers(scope=socket.scope))
        headers.pop("authorization", None)
        for name, value in (("authorization", said.get("authorization")), ("x-tenant", said.get("tenant"))):
            if isinstance(value, str):
                headers[name] = value
        try:
            context.caller = await self._identify(socket, headers)
        except Refused as refused:
            raise ConnectionRejectionError(refused.body["errors"][0]["extensions"]) from None
        return UNSET

    async def _identify(self, request: Request | WebSocket, headers: Mapping[str, str]) -> Caller:
        return await identify(headers, address=request.client.host if request.client else None, default_tenant=self.default_tenant)

    def _base_url(self, request: Request | WebSocket) -> str:
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return f"{scheme}://{request.headers.get('host', '')}" if request.headers.get("host") else self.adapters.base_url

    def encode_json(self, data: object) -> bytes:
        return _encode(data)

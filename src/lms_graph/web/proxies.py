"""Proxies before us: what they say of the client is believed of those that are named, and of nobody else."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_TRACE = (b"traceparent", b"tracestate")


class TrustedProxies:
    """`X-Forwarded-For`, `-Proto` and `-Host` of the named proxies take the place of the connection's own address, scheme and host.

    Their `traceparent` is handed on, and nobody else's: whoever names the trace decides whether it is kept, and what it is mixed with.

    Of a list of addresses the last that is no named proxy's counts, of a list of hosts the last: what stands before it may have been sent by the client.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str]) -> None:
        self._app = app
        self._forwarded: Any = ProxyHeadersMiddleware(self._with_an_address, list(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if peer is None or peer[0] not in self._forwarded.trusted_hosts:
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _TRACE]
            await self._app(scope, receive, send)
            return
        if told := [value for name, value in scope["headers"] if name == b"x-forwarded-host"]:
            host = told[-1].rpartition(b",")[2].strip()
            scope["headers"] = [*((name, value) for name, value in scope["headers"] if name != b"host"), (b"host", host)]
        scope["proxy"] = peer
        await self._forwarded(scope, receive, send)

    async def _with_an_address(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A proxy may hand on what the client made up: what is no address is not taken for one."""
        proxy, (host, _) = scope.pop("proxy"), scope["client"]
        if not _is_address(host):
            scope["client"] = proxy
        await self._app(scope, receive, send)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # a zone is a name on the proxy's own machine

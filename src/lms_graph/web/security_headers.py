"""Headers that keep a browser from doing with our answers what they are not for. A route that needs another sets its own."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Of what is loaded without CORS: an image, a script. Storefronts on other origins show our files, which say `cross-origin` themselves.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A year. Not for subdomains: a tenant's domain is ours, what else it runs below it is not.
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_RAW = [(name.lower().encode(), value.encode()) for name, value in DEFAULTS.items()]
_RAW_OVER_TLS = [*_RAW, *((name.lower().encode(), value.encode()) for name, value in OVER_TLS.items())]


class SecurityHeaders:
    """Adds to every answer what is not set in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        defaults = _RAW_OVER_TLS if scope.get("scheme") in ("https", "wss") else _RAW

        async def adding_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = message.get("headers", ())
                set_already = {name.lower() for name, _ in headers}
                message["headers"] = [*headers, *(each for each in defaults if each[0] not in set_already)]
            await send(message)

        await self._app(scope, receive, adding_headers)


async def failed(request: Request, error: Exception) -> PlainTextResponse:
    """The answer of a route that failed in a way nobody thought of, made outside of all middlewares. The server logs the error."""
    return PlainTextResponse("Something went wrong on our side. Try again.", status_code=500, headers=DEFAULTS)

"""The explorer: the page a browser gets at `/graphql`, and the files it loads. What is on it is made from `explorer/` (see `docs/explorer.md`)."""

import json
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from lms_graph.web.pages import page as render

# Built into the checkout by `lms-graph explorer build`, and part of the wheel.
BUNDLE = Path(__file__).parent / "explorer_bundle"
DEMO = Path(__file__).parents[1] / "demo" / "tenant.yaml"

# Everything comes from here, and no script stands in the page. The editor, Monaco, writes style elements and attributes as it goes.
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
PLACE = '<script type="application/json" id="settings"></script>'


async def page(*, development: bool) -> Response:
    """The explorer. It asks the API which school it is at. In development it offers the demo school's sign-ins."""
    try:
        html = (BUNDLE / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        nonce = secrets.token_urlsafe(16)
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"
        return HTMLResponse(render("pages/explorer.html.j2", nonce=nonce), status_code=503, headers=_headers(policy) | {"Retry-After": "3"})
    settings = {"demo": _demo() if development else None}
    said = json.dumps(settings).replace("<", "\\u003c")  # no text in it can end the element
    return HTMLResponse(html.replace(PLACE, PLACE.replace("></", f">{said}</")), headers=_headers(POLICY))


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-cache",
        "Vary": "Accept",  # the same address is the API for everybody who asks for JSON
    }


@lru_cache
def _demo() -> dict[str, Any]:
    demo = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    return {"tenant": demo["slug"], "signIns": [{name: account[name] for name in ("email", "password", "name", "roles")} for account in demo["accounts"]]}


class _Assets(StaticFiles):
    """Files whose names change with their content. Who takes gzip gets what was compressed when they were built."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = None
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            try:
                response = await super().get_response(f"{path}.gz", scope)
                response.headers["Content-Encoding"] = "gzip"
            except HTTPException:  # too small to be worth it, or not there at all
                response = None
        response = response or await super().get_response(path, scope)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


assets = Mount("/graphql/assets", _Assets(directory=BUNDLE / "assets", check_dir=False))

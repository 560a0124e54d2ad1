"""`/dev/mail`: what the mailbox of development holds. There is no such route outside development: these mails carry links that open accounts.

Nobody but this machine's browser is shown them: a page elsewhere whose name is turned to this address asks under its own name, and gets nothing.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from lms_graph.web.graphql.callers import host_name
from lms_graph.web.pages import page

LOCAL = {"localhost", "127.0.0.1", "::1"}

_NAME = re.compile(r"[0-9]{1,20}-[0-9a-f]{1,16}")
_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Opened:
    """A mail of the box, read."""

    name: str
    at: datetime
    message: EmailMessage

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    def part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        return str(body.get_content()) if body is not None else ""

    @property
    def links(self) -> list[str]:
        """What can be followed, each once; the place to turn such mails off last."""
        return list(dict.fromkeys(_LINK.findall(self.part("plain"))))


def routes(folder: Path, *, base_url: str) -> list[Route]:
    """The list, one mail, and its HTML by itself, for a folder of `.eml` files. Only for development."""
    hosts = LOCAL | {urlsplit(base_url).hostname or ""}

    def require_local(request: Request) -> None:
        if host_name(request.headers.get("host")) not in hosts:
            raise HTTPException(404)

    def opened(request: Request) -> Opened:
        require_local(request)
        name = request.path_params["name"]
        path = folder / f"{name}.eml"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise HTTPException(404, "There is no such mail any more.")
        return _read(path)

    async def everything(request: Request) -> Response:
        require_local(request)
        paths = _paths(folder)
        return _shown("pages/dev_mail.html.j2", mails=[_read(path) for path in paths[:100]], more=max(0, len(paths) - 100), mail=None)

    async def one(request: Request) -> Response:
        return _shown("pages/dev_mail.html.j2", mails=[], more=0, mail=opened(request))

    async def html(request: Request) -> Response:
        """In a frame of the page above: no script runs, no form is sent, nothing is loaded but pictures."""
        headers = {
            "Content-Security-Policy": "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
            "X-Frame-Options": "SAMEORIGIN",
        }
        return HTMLResponse(opened(request).part("html"), headers=headers)

    async def source(request: Request) -> Response:
        return PlainTextResponse(opened(request).message.as_string(policy=policy.default.clone(utf8=True)))

    return [Route("/dev/mail", everything), Route("/dev/mail/{name}", one), Route("/dev/mail/{name}/html", html), Route("/dev/mail/{name}/source", source)]


def _paths(folder: Path) -> list[Path]:
    """Newest first."""
    return sorted((path for path in folder.glob("*.eml") if _NAME.fullmatch(path.stem)), reverse=True)


def _read(path: Path) -> Opened:
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
    return Opened(path.stem, datetime.fromtimestamp(int(path.stem.partition("-")[0]) / 1000, UTC), message)


def _shown(template: str, **variables: object) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    headers = {"Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
    return HTMLResponse(page(template, nonce=nonce, **variables), headers=headers)

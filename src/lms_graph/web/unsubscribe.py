"""The page behind the link with which mails of one kind are turned off, and on again.

Looking at it changes nothing: mail programs and scanners follow links. A POST does: the button's, or that of a mail program (RFC 8058), which sends neither cookie nor sign-in. Whoever has the
mail may do it.
"""

import secrets
from functools import lru_cache
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from lms_graph.domain.notifications.operations import preferences
from lms_graph.kit.errors import NotFound
from lms_graph.web.graphql.callers import host_name
from lms_graph.web.pages import DEFAULT_COLOR, TEMPLATES
from lms_graph.web.pages import page as render

MAX_TOKEN = 400


async def page(request: Request) -> Response:
    """`GET` shows what is chosen; `POST` turns the mails off, with `?on` on again. 404 for a link that is none of ours, or of another school than the host's."""
    token = request.path_params["token"]
    change = None if request.method != "POST" else "on" in request.query_params
    try:
        if len(token) > MAX_TOKEN:
            raise NotFound("This link is none of ours.")
        host = host_name(request.headers.get("host"))
        choice = await preferences.choice(token=token, host=host, post=request.app.state.adapters.post, change_to=change)
    except NotFound:
        return _answer(404, words=_words("en"), lang="en", choice=None)
    lang = next((language for locale in choice.locales if (language := locale.replace("_", "-").partition("-")[0].lower()) in _all_words()), "en")
    return _answer(200, words=_words(lang), lang=lang, choice=choice, turn=f"/unsubscribe/{token}{'?on' if choice.is_off else ''}")


def _answer(status: int, **variables: Any) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(render("pages/unsubscribe.html.j2", nonce=nonce, color=DEFAULT_COLOR, **variables), status_code=status, headers=headers)


def _words(language: str) -> dict[str, Any]:
    return _all_words()[language]


@lru_cache
def _all_words() -> dict[str, dict[str, Any]]:
    words: dict[str, dict[str, Any]] = yaml.safe_load((TEMPLATES / "pages" / "unsubscribe.yaml").read_text(encoding="utf-8"))
    return words

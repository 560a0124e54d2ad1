"""The people whom the twins know, the page on which one is chosen, and codes that are used once."""

import base64
import hashlib
import hmac
import html
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

CODE_SECONDS = 60.0


async def form_of(request: Request) -> dict[str, str]:
    """What a form sent, each name once."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the party. `id` is a number, for GitHub's are."""

    id: int
    name: str
    email: str | None
    email_verified: bool = True


PEOPLE = (
    Person(1001, "Amina Vos", "amina@people.example"),
    Person(1002, "Jonas Okafor", "jonas@people.example"),
    Person(1003, "Sam Unproven", "sam@people.example", email_verified=False),
)


@dataclass(frozen=True)
class Granted:
    """What a code, or the access token for it, stands for."""

    person: Person
    asked: dict[str, str]
    until: float


@dataclass
class Desk:
    """Where people agree. `clients` are apps with their secrets and redirects; without any, whoever asks is taken for one (development)."""

    title: str
    people: tuple[Person, ...] = PEOPLE
    clients: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    codes: dict[str, Granted] = field(default_factory=dict)
    tokens: dict[str, Granted] = field(default_factory=dict)

    def page(self, asked: QueryParams) -> Response:
        """Who is it? A form with a button for each person; what was asked goes with it."""
        if (wrong := self._wrong(dict(asked))) is not None:
            return wrong
        hidden = "".join(f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in asked.items())
        buttons = "".join(
            f'<p><button name="person" value="{person.id}">{html.escape(person.name)} &lt;{html.escape(person.email or "no address")}&gt;{"" if person.email_verified else ", not verified"}'
            "</button></p>"
            for person in self.people
        )
        return HTMLResponse(
            f'<!doctype html><meta charset="utf-8"><title>{html.escape(self.title)}</title><h1>{html.escape(self.title)}</h1>'
            f'<p>A twin for development. Who are you?</p><form method="post">{hidden}{buttons}<p><button name="person" value="none">Cancel</button></p></form>'
        )

    def choose(self, form: dict[str, str]) -> Response:
        """Back to the app with a code, or with `access_denied`."""
        asked = {name: value for name, value in form.items() if name != "person"}
        if (wrong := self._wrong(asked)) is not None:
            return wrong
        person = next((each for each in self.people if str(each.id) == form.get("person")), None)
        answer = {"state": asked["state"]} if "state" in asked else {}
        if person is None:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = Granted(person, asked, time.monotonic() + CODE_SECONDS)
        return RedirectResponse(f"{asked['redirect_uri']}{'&' if '?' in asked['redirect_uri'] else '?'}{urlencode(answer)}", 303)

    def redeem(self, form: dict[str, str]) -> Granted | None:
        """What a code stands for, once: for the app that asked, with its secret, the same redirect and the verifier of its challenge."""
        granted = self.codes.pop(form.get("code", ""), None)
        if granted is None or granted.until < time.monotonic():
            return None
        id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if id != granted.asked["client_id"] or (self.clients and not hmac.compare_digest(self.clients[id][0].encode(), secret.encode())):
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if form.get("redirect_uri") != granted.asked["redirect_uri"] or challenge != granted.asked["code_challenge"]:
            return None
        return granted

    def token(self, granted: Granted) -> str:
        token = secrets.token_urlsafe(24)
        self.tokens[token] = granted
        return token

    def holder(self, authorization: str | None) -> Granted | None:
        return self.tokens.get((authorization or "").removeprefix("Bearer ").removeprefix("token "))

    def _wrong(self, asked: dict[str, str]) -> Response | None:
        """Told on the page, never by redirect: the redirect is what may be wrong."""
        client = self.clients.get(asked.get("client_id", ""))
        if self.clients and (client is None or asked.get("redirect_uri") not in client[1]):
            return HTMLResponse("<h1>Unknown app, or a redirect that it does not list</h1>", 400)
        if not asked.get("client_id") or not asked.get("redirect_uri"):
            return HTMLResponse("<h1>client_id and redirect_uri are missing</h1>", 400)
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            return HTMLResponse("<h1>PKCE with S256 is missing</h1>", 400)
        return None

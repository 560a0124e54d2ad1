"""Sign-in with Google (OpenID Connect) and GitHub (OAuth 2), by authorization code with PKCE."""

import hmac
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from lms_graph.domain.identity.ports import CodeGrant, CodeRefused, Discovery, ExternalPerson, OpenIdProviders, SocialApp, SocialKind
from lms_graph.domain.identity.rules import tokens
from lms_graph.kit.outbound import NotAnswered, OutboundHttp

DISCOVERY_SECONDS = 3_600.0
JSON = {"Accept": "application/json"}
FORM = {**JSON, "Content-Type": "application/x-www-form-urlencoded"}


class GoogleAndGithub:
    """Fulfills SocialSignIn. The addresses are the real parties', or their twins'."""

    def __init__(self, http: OutboundHttp, openid: OpenIdProviders, *, google_url: str, github_url: str, github_api_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._openid = openid
        self._google_url = google_url.rstrip("/")
        self._github_url = github_url.rstrip("/")
        self._github_api_url = github_api_url.rstrip("/")
        self._clock = clock
        self._google: tuple[float, Discovery] | None = None

    async def authorization_url(self, kind: SocialKind, *, client_id: str, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        asked = {"client_id": client_id, "redirect_uri": redirect_uri, "response_type": "code", "state": state, "code_challenge": challenge, "code_challenge_method": "S256"}
        if kind is SocialKind.GITHUB:
            return f"{self._github_url}/login/oauth/authorize?{urlencode(asked | {'scope': 'read:user user:email'})}"
        google = await self._google_says()
        return f"{google.authorization_url}?{urlencode(asked | {'scope': 'openid email profile', 'nonce': nonce})}"

    async def person(self, app: SocialApp, grant: CodeGrant, *, now: datetime) -> ExternalPerson:
        if app.kind is SocialKind.GITHUB:
            return await self._from_github(app, grant)
        return await self._from_google(app, grant, now)

    async def _from_google(self, app: SocialApp, grant: CodeGrant, now: datetime) -> ExternalPerson:
        google = await self._google_says()
        given = await self._exchange(str(google.token_url), app, grant, grant_type="authorization_code")
        id_token = given.get("id_token")
        if not isinstance(id_token, str):
            raise CodeRefused("Google gave no ID token.")
        spellings = (google.issuer, google.issuer.partition("://")[2])  # Google writes either
        expected = tokens.Expected(issuers=spellings, audience=[app.client_id], authorized_parties=[app.client_id], algorithms=["RS256"])
        try:
            unverified = tokens.read(id_token, algorithms=expected.algorithms)
            verified = tokens.verify(unverified, await self._openid.keys(google.jwks_url, unverified.kid), expected, now=now)
        except tokens.TokenRefused as refusal:
            raise CodeRefused(f"Google's ID token does not hold. {refusal}") from None
        nonce = verified.claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(errors="replace"), grant.nonce.encode()):
            raise CodeRefused("Google's ID token belongs to another sign-in.")
        return verified.person

    async def _from_github(self, app: SocialApp, grant: CodeGrant) -> ExternalPerson:
        given = await self._exchange(f"{self._github_url}/login/oauth/access_token", app, grant)
        token = given.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise CodeRefused("GitHub did not take the code.")  # it says so with status 200 and `error`
        headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
        user = await self._json("GET", f"{self._github_api_url}/user", headers)
        emails = await self._json("GET", f"{self._github_api_url}/user/emails", headers)
        id = user.get("id") if isinstance(user, dict) else None
        if not isinstance(id, int) or isinstance(id, bool) or not isinstance(emails, list):
            raise NotAnswered("GitHub said something that is not understood.")
        primary = next((each for each in emails if isinstance(each, dict) and each.get("primary") is True and each.get("verified") is True), {})
        email, name = primary.get("email"), user.get("name") or user.get("login")
        return ExternalPerson(
            issuer=self._github_url,
            subject=str(id),  # never the login: it can be given up, and taken by another
            email=email if isinstance(email, str) else None,
            is_email_verified=isinstance(email, str),
            name=name if isinstance(name, str) else None,
        )

    async def _exchange(self, url: str, app: SocialApp, grant: CodeGrant, **more: str) -> dict[str, Any]:
        form = {"client_id": app.client_id, "client_secret": app.client_secret, "code": grant.code, "redirect_uri": grant.redirect_uri, "code_verifier": grant.verifier, **more}
        given = await self._json("POST", url, FORM, urlencode(form).encode())
        if not isinstance(given, dict):
            raise NotAnswered("The provider said something that is not understood.")
        return given

    async def _json(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Any:
        answer = await self._http.send(method, url, headers=headers, body=body)
        if 400 <= answer.status < 500 and answer.status != 429:
            raise CodeRefused("The provider did not take the code, or the app's id and secret.")
        if answer.status != 200:
            raise NotAnswered(f"The provider answered with status {answer.status}.")
        try:
            return orjson.loads(answer.body)
        except ValueError:
            raise NotAnswered("The provider's answer is not JSON.") from None

    async def _google_says(self) -> Discovery:
        if self._google is None or self._clock() - self._google[0] > DISCOVERY_SECONDS:
            said = await self._openid.discovery(self._google_url)
            if not said.authorization_url or not said.token_url:
                raise NotAnswered("Google's discovery document is not understood.")
            self._google = (self._clock(), said)
        return self._google[1]

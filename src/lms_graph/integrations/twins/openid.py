"""An OpenID provider: discovery, keys that rotate, the page where people agree, tokens, userinfo. It stands for Google too."""

import base64
import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lms_graph.integrations.twins.people import Desk, Granted, form_of

ID_TOKEN_SECONDS = 3600


class SigningKey:
    """A key pair of the provider, RSA or P-256."""

    def __init__(self, algorithm: str = "RS256") -> None:
        self.kid = secrets.token_hex(8)
        self.algorithm = algorithm
        self.private: Any = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)

    def jwk(self) -> dict[str, Any]:
        algorithm: Any = jwt.algorithms.ECAlgorithm if self.algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
        return {**algorithm.to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "use": "sig", "alg": self.algorithm}


class OpenIdTwin:
    """One provider with its state. `url` is its issuer, known once it listens."""

    def __init__(self, url: str, *, title: str = "OpenID twin", issuer: str | None = None) -> None:
        self.url = url
        self.issuer = issuer or url
        """What its ID tokens say; Google writes its own with and without the scheme."""
        self.desk = Desk(title)
        self.keys = [SigningKey()]
        """The last one signs; all are published."""
        self.more_keys: list[Any] = []
        """What it publishes beside: keys for other ends, or what is no key."""
        self.asked: list[str] = []
        """The paths of all requests."""
        self.is_down = False

    def rotate(self, *, keep: bool = True, algorithm: str = "RS256") -> SigningKey:
        """Sign with a new key from now on; without `keep` the others are taken back."""
        self.keys = [*(self.keys if keep else ()), SigningKey(algorithm)]
        return self.keys[-1]

    def sign(self, claims: dict[str, Any], *, headers: dict[str, Any] | None = None, key: SigningKey | None = None) -> str:
        key = key or self.keys[-1]
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, **(headers or {})})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize, methods=["GET", "POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
            ]
        )

    def _seen(self, request: Request) -> Response | None:
        self.asked.append(request.url.path.removeprefix(request.scope.get("root_path", "")))
        return Response(status_code=503) if self.is_down else None

    async def _discovery(self, request: Request) -> Response:
        return self._seen(request) or JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self.keys}),
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _jwks(self, request: Request) -> Response:
        return self._seen(request) or JSONResponse({"keys": [*self.more_keys, *(key.jwk() for key in self.keys)]})

    async def _authorize(self, request: Request) -> Response:
        return self._seen(request) or (self.desk.choose(await form_of(request)) if request.method == "POST" else self.desk.page(request.query_params))

    async def _token(self, request: Request) -> Response:
        if (away := self._seen(request)) is not None:
            return away
        form = await form_of(request)
        if basic := request.headers.get("authorization", "").removeprefix("Basic "):
            form["client_id"], _, form["client_secret"] = base64.b64decode(basic).decode().partition(":")
        granted = self.desk.redeem(form) if form.get("grant_type") == "authorization_code" else None
        if granted is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": self.desk.token(granted), "token_type": "Bearer", "expires_in": ID_TOKEN_SECONDS, "id_token": self.sign(self._claims(granted))})

    async def _userinfo(self, request: Request) -> Response:
        granted = self.desk.holder(request.headers.get("authorization"))
        return JSONResponse(_about(granted)) if granted else Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})

    def _claims(self, granted: Granted) -> dict[str, Any]:
        now = int(time.time())
        nonce = {"nonce": granted.asked["nonce"]} if "nonce" in granted.asked else {}
        return {"iss": self.issuer, "aud": granted.asked["client_id"], "azp": granted.asked["client_id"], "iat": now, "exp": now + ID_TOKEN_SECONDS, **nonce, **_about(granted)}


def _about(granted: Granted) -> dict[str, Any]:
    person = granted.person
    return {"sub": str(person.id), "name": person.name} | ({"email": person.email, "email_verified": person.email_verified} if person.email else {})

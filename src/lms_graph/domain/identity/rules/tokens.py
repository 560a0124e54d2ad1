"""Tokens that others have signed (JWT, RFC 7519 and 8725): which keys are fit, what a token must be like, and what it says.

The algorithm is one of those that the tenant has pinned, the key one of those that its provider publishes. Nothing in a token's header leads to a key but `kid`, which is compared and nothing else.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lms_graph.domain.identity.ports import ExternalPerson, VerifyingKey
from lms_graph.kit.text import is_storable


class Algorithm(StrEnum):
    """What a provider may sign with. None with a shared secret: who verifies could sign."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"
    EDDSA = "EdDSA"


ALGORITHMS = tuple(algorithm.value for algorithm in Algorithm)
USUAL = (Algorithm.RS256, Algorithm.ES256)
MAX_TOKEN = 8_192  # bytes
MAX_KID = 512
MAX_SUBJECT = 255
MAX_KEYS = 100
MIN_RSA_BITS, MAX_RSA_BITS = 2_048, 8_192
LEEWAY_SECONDS = 30
_TYPES = {"jwt", "application/jwt", "at+jwt", "application/at+jwt"}
_NOT_FOR_ACCESS = {"refresh", "offline", "logout"}  # what Keycloak calls tokens for other ends, in a claim
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1"}
_PART = re.compile(r"[A-Za-z0-9_-]+")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class TokenRefused(Exception):
    """The token is not to be believed. The message says why, and holds nothing of the token."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a token must say to be taken. `issuers` are spellings of one, the first is kept."""

    issuers: Sequence[str]
    audience: Collection[str]
    algorithms: Collection[str]
    authorized_parties: Collection[str] = ()
    email_claim: str = "email"
    email_verified_claim: str = "email_verified"
    name_claim: str = "name"


@dataclass(frozen=True)
class Unverified:
    """A token that is well-formed. Nobody has looked at its signature yet."""

    token: str = field(repr=False)
    algorithm: str
    kid: str | None


@dataclass(frozen=True)
class Verified:
    """Who a token is about, until when it holds, and all that it claims."""

    person: ExternalPerson
    expires_at: datetime
    claims: Mapping[str, Any] = field(repr=False)


def verifying_keys(document: object) -> list[VerifyingKey]:
    """The keys of a JWK Set (RFC 7517) that are fit to verify: public, for signatures, of an algorithm of ours, strong. Others are passed over."""
    found = document.get("keys") if isinstance(document, dict) else None
    keys = [_verifying_key(each) for each in found[:MAX_KEYS] if isinstance(each, dict)] if isinstance(found, list) else []
    return [key for key in keys if key is not None]


def _verifying_key(jwk: dict[str, Any]) -> VerifyingKey | None:
    kid, use, operations = jwk.get("kid"), jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    if not (kid is None or isinstance(kid, str)) or use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    algorithms = [algorithm for algorithm in ALGORITHMS if jwk.get("alg", algorithm) == algorithm and _TYPE_OF_KEY[algorithm[:2]] == jwk.get("kty")]
    public = {name: value for name, value in jwk.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    for algorithm in algorithms:
        try:
            key = jwt.PyJWK(public, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
            continue  # a curve of another algorithm, or no key at all
        fitting = frozenset(each for each in algorithms if _fits(each, key))
        if fitting:
            return VerifyingKey(kid, fitting, key)
    return None


_TYPE_OF_KEY = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def _fits(algorithm: str, key: object) -> bool:
    match algorithm[:2]:
        case "RS" | "PS":
            return isinstance(key, RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and key.public_numbers().e >= 3
        case "ES":
            return isinstance(key, EllipticCurvePublicKey) and key.curve.name == _CURVES[algorithm]
        case _:
            return isinstance(key, Ed25519PublicKey)


def read(token: str, *, algorithms: Collection[str]) -> Unverified:
    """Look at a token's form and header. Raises TokenRefused."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise TokenRefused(f"It is longer than {MAX_TOKEN:,} bytes, or not in ASCII.")
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise TokenRefused("It is not a signed JWT of three parts.")
    header = _object(parts[0])
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in ALGORITHMS:
        raise TokenRefused("It is not signed with an algorithm that this school takes.")
    if meant := sorted({"crit", "b64", "cty", "enc", "zip"} & set(header)):
        raise TokenRefused(f"Its header has `{meant[0]}`, which is not taken.")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenRefused("Its `typ` is that of another kind of token.")
    if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= MAX_KID)):
        raise TokenRefused("Its `kid` is none.")
    return Unverified(token, algorithm, kid)


def verify(unverified: Unverified, keys: Sequence[VerifyingKey], expected: Expected, *, now: datetime) -> Verified:
    """Believe a token, or not. Without `kid` the provider must have one fitting key alone. Raises TokenRefused."""
    named = [key for key in keys if unverified.algorithm in key.algorithms and unverified.kid in (None, key.kid)]
    if not named:
        raise TokenRefused("It is signed with a key that its provider does not publish.")
    if unverified.kid is None and len(named) > 1:
        raise TokenRefused("It has no `kid`, and its provider has several keys.")
    if not any(_is_signed(unverified, key) for key in named):
        raise TokenRefused("Its signature does not hold.")
    claims = _object(unverified.token.split(".")[1])
    _require_parties(claims, expected)
    expires_at = _require_times(claims, now)
    return Verified(_person(claims, expected), expires_at, claims)


def _is_signed(unverified: Unverified, key: VerifyingKey) -> bool:
    try:
        jwt.PyJWS().decode_complete(unverified.token, key.key, algorithms=[unverified.algorithm])  # type: ignore[arg-type]  # a key of `cryptography`
    except jwt.PyJWTError:
        return False
    return True


def _require_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    """By whom (`iss`), for whom (`aud`), and to whom (`azp`) it was given. Without an audience the authorized party takes its place (Clerk gives none)."""
    if claims.get("iss") not in expected.issuers:
        raise TokenRefused("Its issuer is not this school's provider: `iss` must be the same, letter by letter.")
    said, azp = claims.get("aud"), claims.get("azp")
    audience = [said] if isinstance(said, str) else said if isinstance(said, list) else [] if said is None else [None]
    if not all(isinstance(each, str) for each in audience) or ((audience or expected.audience) and not set(audience) & set(expected.audience)):
        raise TokenRefused("It is meant for somebody else: `aud` names none that this school takes.")
    if expected.authorized_parties and (azp is not None or len(audience) != 1) and azp not in expected.authorized_parties:
        raise TokenRefused("It was given to somebody else: `azp` is none that this school takes.")
    if not expected.audience and not expected.authorized_parties:
        raise TokenRefused("This school takes no audience.")
    if isinstance(claims.get("typ"), str) and claims["typ"].lower() in _NOT_FOR_ACCESS:
        raise TokenRefused("It is a token for another end: send an access or ID token.")


def _require_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    moment = now.timestamp()
    times: dict[str, Any] = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    for name, value in times.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST:
            raise TokenRefused(f"Its `{name}` is no moment.")
    if not {"exp", "iat"} <= set(times):
        raise TokenRefused("It must have `exp` and `iat`.")
    if times["exp"] <= moment - LEEWAY_SECONDS:
        raise TokenRefused("It has expired. Get a new one from the provider.")
    if max(times["iat"], times.get("nbf", 0)) > moment + LEEWAY_SECONDS:
        raise TokenRefused("It is not good yet: the clocks differ.")
    return datetime.fromtimestamp(times["exp"], UTC)


def _person(claims: Mapping[str, Any], expected: Expected) -> ExternalPerson:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not is_storable(subject):
        raise TokenRefused(f"It must say whom it is about: `sub`, up to {MAX_SUBJECT} characters.")
    email, name = claims.get(expected.email_claim), claims.get(expected.name_claim)
    return ExternalPerson(
        issuer=expected.issuers[0],
        subject=subject,
        email=email if isinstance(email, str) else None,
        is_email_verified=_is_true(claims.get(expected.email_verified_claim)),
        name=name if isinstance(name, str) else None,
    )


def _is_true(value: object) -> bool:
    return value is True or value == "true"  # some providers write it as a word


def _object(part: str) -> dict[str, Any]:
    """The JSON object of a part. A name twice is refused: two who read it could each take another."""
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefused("It is not a JWT: a part of it is no JSON object.") from None
    if not isinstance(value, dict):
        raise TokenRefused("It is not a JWT: a part of it is no JSON object.")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")

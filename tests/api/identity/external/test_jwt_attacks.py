"""Tokens that must not be taken, each sent as a bearer token and to `providerSignIn`. None makes an account."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms_graph.integrations.twins.openid import OpenIdTwin, SigningKey
from lms_graph.models import database
from tests.api.identity.external.conftest import as_bearer, claims, set_provider
from tests.factories.accounts import signed_in
from tests.factories.tenants import tenant
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Target:
    """A school whose provider signs with RS256 and ES256, and has weak and strange keys among its own; another school's provider; and a key that was taken back."""

    school: School
    visitor: Client
    twin: OpenIdTwin
    other: OpenIdTwin
    ec: SigningKey
    weak: SigningKey
    strange: dict[str, Any]
    gone: SigningKey

    @property
    def rsa(self) -> SigningKey:
        return self.twin.keys[-1]

    def good(self, **more: Any) -> dict[str, Any]:
        return claims(self.twin, **more)

    def signed(self, *, headers: dict[str, Any] | None = None, key: SigningKey | None = None, **more: Any) -> str:
        return self.twin.sign(self.good(**more), headers=headers, key=key or self.rsa)


@pytest.fixture(scope="module")
async def target(house: House, anyio_backend: str) -> AsyncIterator[Target]:
    school, other_school = School(*await tenant()), School(*await tenant())
    async with AsyncExitStack() as stack:
        twins = []
        for of in (school, other_school):
            twin = OpenIdTwin("")
            twin.url = twin.issuer = await stack.enter_async_context(served(twin.app()))
            twins.append(twin)
            gone = twin.keys[0]
            twin.keys = [SigningKey("ES256"), SigningKey("RS256")]
            weak = SigningKey("RS256")
            weak.private = rsa.generate_private_key(65537, 1024)
            twin.keys = [weak, *twin.keys]
            published = _strange_keys(twin)
            session = await signed_in(of.system, roles=("TENANT_ADMIN",))
            admin = Client(house, of.slug, session.access_token)
            stack.push_async_callback(admin.http.aclose)
            await set_provider(admin, twin)
            if of is school:
                first = (gone, weak, published)
        visitor = Client(house, school.slug)
        stack.push_async_callback(visitor.http.aclose)
        gone, weak, published = first
        target = Target(school, visitor, twins[0], twins[1], twins[0].keys[1], weak, published, gone)
        good = [target.signed(), target.signed(key=target.ec)]
        for token in good:  # else nothing here would show anything
            assert (await as_bearer(house, school.slug, token)).status_code == 200
        yield target


def _strange_keys(twin: OpenIdTwin) -> dict[str, Any]:
    """Keys that a provider publishes for other ends, under the ids by which tokens are tried: a secret, one to encrypt with, another curve, another algorithm."""
    pair = rsa.generate_private_key(65537, 2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    p384 = ec.generate_private_key(ec.SECP384R1())
    ed = Ed25519PrivateKey.generate()
    documents = [
        {"kty": "oct", "kid": "secret", "k": b64(b"s" * 32), "alg": "HS256"},
        {**public, "kid": "encrypts", "use": "enc"},
        {**public, "kid": "signs-only", "key_ops": ["sign"]},
        {**public, "kid": "ps256", "alg": "PS256"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(p384.public_key(), as_dict=True), "kid": "p384"},
        {**jwt.algorithms.OKPAlgorithm.to_jwk(ed.public_key(), as_dict=True), "kid": "ed"},
    ]
    twin.more_keys = [*documents, {}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "no key"]
    return {"rsa": pair, "p384": p384, "ed": ed}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: Any) -> str:
    return b64(value.encode() if isinstance(value, str) else json.dumps(value).encode())


def raw(header: Any, payload: Any, sign: Callable[[bytes], bytes] = lambda text: b"x") -> str:
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{b64(sign(text.encode()))}"


def by(key: SigningKey) -> Callable[[bytes], bytes]:
    """RS256, past everything that a library would mend."""
    return lambda text: key.private.sign(text, padding.PKCS1v15(), hashes.SHA256())


def mac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, "sha256")


def head(target: Target, **more: Any) -> dict[str, Any]:
    return {"alg": "RS256", "typ": "JWT", "kid": target.rsa.kid} | more


def pem(target: Target) -> bytes:
    return target.rsa.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def der(target: Target) -> bytes:
    return target.rsa.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
Attack = Callable[[Target], str]
ATTACKS: dict[str, Attack] = {}


def attack(name: str, make: Attack) -> None:
    assert name not in ATTACKS
    ATTACKS[name] = make


def signed(name: str, **more: Any) -> None:
    """Rightly signed, with other claims."""
    attack(name, lambda t: t.signed(**more))


def header(name: str, **more: Any) -> None:
    """Rightly signed over another header."""
    attack(name, lambda t: raw(head(t, **more), t.good(), by(t.rsa)))


# No signature.
for spelling in ("none", "None", "NONE", "nOnE", ""):
    attack(f"alg {spelling!r}, empty signature", lambda t, s=spelling: f"{part(head(t, alg=s))}.{part(t.good())}.")
    attack(f"alg {spelling!r}, some signature", lambda t, s=spelling: raw(head(t, alg=s), t.good()))
attack("alg is missing", lambda t: raw({"typ": "JWT", "kid": t.rsa.kid}, t.good(), by(t.rsa)))
attack("alg is null", lambda t: raw(head(t, alg=None), t.good(), by(t.rsa)))
attack("alg is a list", lambda t: raw(head(t, alg=["RS256"]), t.good(), by(t.rsa)))
attack("alg in lower case", lambda t: raw(head(t, alg="rs256"), t.good(), by(t.rsa)))
attack("signature stripped", lambda t: t.signed().rpartition(".")[0] + ".")
attack("signature and dot stripped", lambda t: t.signed().rpartition(".")[0])
attack("signature truncated", lambda t: t.signed()[:-20])
attack("signature of another token", lambda t: f"{t.signed(sub='admin').rpartition('.')[0]}.{t.signed().rpartition('.')[2]}")
attack("signature of zeros", lambda t: raw(head(t), t.good(), lambda text: b"\0" * 256))
attack("ECDSA signature of zeros", lambda t: raw(head(t, alg="ES256", kid=t.ec.kid), t.good(), lambda text: b"\0" * 64))
attack("payload changed", lambda t: (lambda a: f"{a[0]}.{part(t.good(sub='admin'))}.{a[2]}")(t.signed().split(".")))

# The public key as a secret.
for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
    attack(f"{algorithm} with the PEM", lambda t, a=algorithm, d=digest: raw(head(t, alg=a), t.good(), lambda text: hmac.digest(pem(t), text, d)))
attack("HS256 with the PEM without its last line break", lambda t: raw(head(t, alg="HS256"), t.good(), mac(pem(t).strip())))
attack("HS256 with the DER", lambda t: raw(head(t, alg="HS256"), t.good(), mac(der(t))))
attack("HS256 with the JWK", lambda t: raw(head(t, alg="HS256"), t.good(), mac(json.dumps(t.rsa.jwk()).encode())))
attack("HS256 with the modulus", lambda t: raw(head(t, alg="HS256"), t.good(), mac(t.rsa.jwk()["n"].encode())))
attack("HS256 with an empty secret", lambda t: raw(head(t, alg="HS256"), t.good(), mac(b"")))
attack("HS256 with a secret that the provider publishes", lambda t: raw(head(t, alg="HS256", kid="secret"), t.good(), mac(b"s" * 32)))

# Keys of the attacker's choice.
MINE = SigningKey("RS256")
attack("signed by nobody known", lambda t: raw(head(t), t.good(), by(MINE)))
attack("jwk in the header", lambda t: raw(head(t, jwk=MINE.jwk()), t.good(), by(MINE)))
attack("jwk in the header, with its kid", lambda t: raw(head(t, jwk=MINE.jwk(), kid=MINE.kid), t.good(), by(MINE)))
attack("jku", lambda t: raw(head(t, jku=f"{t.other.url}/jwks", kid=t.other.keys[-1].kid), t.good(), by(t.other.keys[-1])))
attack("x5u", lambda t: raw(head(t, x5u="https://evil.example/cert.pem"), t.good(), by(MINE)))
attack("x5c", lambda t: raw(head(t, x5c=[base64.b64encode(der(t)).decode()]), t.good(), by(MINE)))
for name, kid in {
    "a path": "../../../../dev/null",
    "an absolute path": "/proc/self/environ",
    "SQL": "x' UNION SELECT 'key'--",
    "a command": "x|whoami",
    "a NUL": "x\0y",
    "an address": "https://evil.example/jwks",
    "half a surrogate": "\ud800",
    "huge": "k" * 4_000,
    "empty": "",
    "a number": 0,
    "a list": [1],
    "null by name": "null",
    "true": True,
}.items():
    attack(f"kid is {name}", lambda t, kid=kid: raw(head(t, kid=kid), t.good(), by(MINE)))
    attack(f"kid is {name}, with an empty secret", lambda t, kid=kid: raw(head(t, alg="HS256", kid=kid), t.good(), mac(b"")))
attack("no kid, though there are several keys", lambda t: raw({"alg": "ES256", "typ": "JWT"}, t.good(), lambda text: b"\0" * 64))
attack("a key of another school's provider", lambda t: t.other.sign(t.good()))
attack("another school's provider altogether", lambda t: t.other.sign(claims(t.other)))
attack("another school's token under our issuer", lambda t: t.other.sign(t.good(), headers={"kid": t.rsa.kid}))
attack("a key that was taken back", lambda t: t.signed(key=t.gone))
attack("a weak RSA key", lambda t: t.signed(key=t.weak))
attack("the kid of the EC key with RS256", lambda t: raw(head(t, kid=t.ec.kid), t.good(), by(t.rsa)))
attack("the kid of the RSA key with ES256", lambda t: t.signed(key=t.ec, headers={"kid": t.rsa.kid}))
attack("a P-384 key with ES256", lambda t: raw(head(t, alg="ES256", kid="p384"), t.good(), lambda text: t.strange["p384"].sign(text, ec.ECDSA(hashes.SHA256()))))

# Algorithms that the school has not pinned, of keys that its provider does publish.
attack("ES384", lambda t: jwt.encode(t.good(), t.strange["p384"], algorithm="ES384", headers={"kid": "p384"}))
attack("EdDSA", lambda t: jwt.encode(t.good(), t.strange["ed"], algorithm="EdDSA", headers={"kid": "ed"}))
attack("PS256", lambda t: jwt.encode(t.good(), t.strange["rsa"], algorithm="PS256", headers={"kid": "ps256"}))
attack("RS256 with a key for PS256", lambda t: jwt.encode(t.good(), t.strange["rsa"], algorithm="RS256", headers={"kid": "ps256"}))
attack("RS256 with a key to encrypt", lambda t: jwt.encode(t.good(), t.strange["rsa"], algorithm="RS256", headers={"kid": "encrypts"}))
attack("RS256 with a key that may not verify", lambda t: jwt.encode(t.good(), t.strange["rsa"], algorithm="RS256", headers={"kid": "signs-only"}))
attack("RS384 with the right key", lambda t: jwt.encode(t.good(), t.rsa.private, algorithm="RS384", headers={"kid": t.rsa.kid}))
attack("RS512 with the right key", lambda t: jwt.encode(t.good(), t.rsa.private, algorithm="RS512", headers={"kid": t.rsa.kid}))

# Times. Claims are made when the test runs.
attack("expired", lambda t: t.signed(exp=int(time.time()) - 31))
attack("expired long ago", lambda t: t.signed(exp=1))
attack("exp is missing", lambda t: t.signed(exp=None))
attack("exp is null", lambda t: raw(head(t), t.good() | {"exp": None}, by(t.rsa)))
attack("exp is a word", lambda t: raw(head(t), t.good() | {"exp": "9999999999"}, by(t.rsa)))
attack("exp is true", lambda t: raw(head(t), t.good() | {"exp": True}, by(t.rsa)))
attack("exp is infinite", lambda t: raw(head(t), json.dumps(t.good() | {"exp": float("inf")}), by(t.rsa)))
attack("exp is NaN", lambda t: raw(head(t), json.dumps(t.good() | {"exp": float("nan")}), by(t.rsa)))
attack("exp is beyond all dates", lambda t: raw(head(t), t.good() | {"exp": 10**18}, by(t.rsa)))
attack("exp is beyond all floats", lambda t: raw(head(t), json.dumps(t.good()).replace('"exp": ', '"exp": 1e999, "x": '), by(t.rsa)))
attack("exp is negative", lambda t: raw(head(t), t.good() | {"exp": -1}, by(t.rsa)))
attack("exp is a list", lambda t: raw(head(t), t.good() | {"exp": [int(time.time()) + 60]}, by(t.rsa)))
attack("nbf in the future", lambda t: t.signed(nbf=int(time.time()) + 120))
attack("nbf is a word", lambda t: raw(head(t), t.good() | {"nbf": "0"}, by(t.rsa)))
attack("iat in the future", lambda t: t.signed(iat=int(time.time()) + 120))
attack("iat is missing", lambda t: t.signed(iat=None))

# By whom, for whom, about whom.
signed("aud is missing", aud=None)
signed("aud is another's", aud="other")
signed("aud is empty", aud="")
signed("aud is a list of others", aud=["other", "third"])
signed("aud is an empty list", aud=[])
signed("aud in other case", aud="School")
signed("aud begins like ours", aud="school.evil.example")
attack("aud is an object", lambda t: raw(head(t), t.good() | {"aud": {"school": True}}, by(t.rsa)))
attack("aud is a list in a list", lambda t: raw(head(t), t.good() | {"aud": [["school"]]}, by(t.rsa)))
attack("aud is a list with a number", lambda t: raw(head(t), t.good() | {"aud": ["school", 1]}, by(t.rsa)))
attack("aud is a number", lambda t: raw(head(t), t.good() | {"aud": 1}, by(t.rsa)))
signed("iss is missing", iss=None)
signed("iss is another's", iss="https://evil.example")
attack("iss with a slash at its end", lambda t: t.signed(iss=f"{t.twin.url}/"))
attack("iss in other case", lambda t: t.signed(iss=t.twin.url.upper()))
attack("iss is a list with ours", lambda t: raw(head(t), t.good() | {"iss": [t.twin.url]}, by(t.rsa)))
attack("iss with a host of its own", lambda t: t.signed(iss=f"{t.twin.url}.evil.example"))
attack("iss with a login", lambda t: t.signed(iss=t.twin.url.replace("://", "://evil@")))
signed("sub is missing", sub=None)
signed("sub is empty", sub="")
signed("sub is too long", sub="s" * 256)
attack("sub is a number", lambda t: raw(head(t), t.good() | {"sub": 1}, by(t.rsa)))
attack("sub has a NUL", lambda t: t.signed(sub="a\0b"))
attack("sub has half a surrogate", lambda t: raw(head(t), t.good() | {"sub": "a\ud800"}, by(t.rsa)))
signed("a refresh token", typ="Refresh")
signed("a logout token", typ="Logout")

# Forms.
header("typ of a logout token", typ="logout+jwt")
header("typ of a verifiable credential", typ="vc+jwt")
header("typ is a number", typ=1)
header("crit", crit=["exp"])
header("crit is empty", crit=[])
header("crit names what nobody knows", crit=["http://example.com/ext"], **{"http://example.com/ext": True})
header("b64 is false", b64=False)
header("b64 is false, and critical", b64=False, crit=["b64"])
header("a token in a token", cty="JWT")
header("compressed", zip="DEF")
attack("b64 is false, the payload in clear", lambda t: (lambda text: f"{text}.{b64(by(t.rsa)(text.encode()))}")(f"{part(head(t, b64=False, crit=['b64']))}.{json.dumps(t.good())}"))
attack("detached payload", lambda t: (lambda a: f"{a[0]}..{a[2]}")(t.signed().split(".")))
attack("encrypted (JWE)", lambda t: ".".join([part({"alg": "RSA-OAEP", "enc": "A256GCM"}), b64(b"k" * 256), b64(b"i" * 12), b64(b"c" * 200), b64(b"t" * 16)]))
attack("encrypted, by its header alone", lambda t: raw(head(t, enc="A256GCM"), t.good(), by(t.rsa)))
attack("four parts", lambda t: t.signed() + ".x")
attack("a part more in front", lambda t: "x." + t.signed())
attack("only dots", lambda t: "..")
attack("oversized by a claim", lambda t: t.signed(padding="p" * 8_000))
attack("header nested deeply", lambda t: raw('{"alg":"RS256","x":' + "[" * 2_500 + "]" * 2_500 + "}", t.good(), by(t.rsa)))
attack("payload nested deeply", lambda t: raw(head(t), json.dumps(t.good())[:-1] + ',"x":' + "[" * 2_000 + "]" * 2_000 + ',"exp":1}', by(t.rsa)))
attack("header is a list", lambda t: raw([head(t)], t.good(), by(t.rsa)))
attack("payload is a list", lambda t: raw(head(t), [t.good()], by(t.rsa)))
attack("payload is a word", lambda t: raw(head(t), '"school"', by(t.rsa)))
attack("payload is no JSON", lambda t: raw(head(t), "sub=u1", by(t.rsa)))
attack("header is no UTF-8", lambda t: f"{b64(b'{' + bytes([255, 254]) + b'}')}.{part(t.good())}.x")
attack("alg twice", lambda t: raw(json.dumps(head(t))[:-1] + ', "alg": "none"}', t.good(), by(t.rsa)))
attack("sub twice", lambda t: raw(head(t), json.dumps(t.good())[:-1] + ', "sub": "admin"}', by(t.rsa)))
attack("iss twice", lambda t: raw(head(t), '{"iss": "https://evil.example", ' + json.dumps(t.good())[1:], by(t.rsa)))
attack("email twice", lambda t: raw(head(t), json.dumps(t.good())[:-1] + ', "email": "root@people.example"}', by(t.rsa)))
attack("with padding", lambda t: t.signed().replace(".", "=.", 1))
attack("in the other alphabet of base64", lambda t: t.signed().replace("-", "+").replace("_", "/") if set("-_") & set(t.signed()) else t.signed() + "+")
attack("a space inside", lambda t: (lambda a: f"{a[0]}. {a[1]}.{a[2]}")(t.signed().split(".")))
attack("bits that say nothing in the last letter", lambda t: (lambda token: token[:-1] + LETTERS[LETTERS.index(token[-1]) ^ 1])(t.signed()))


async def number_of_accounts(target: Target) -> int:
    async with database.reading(target.school.system):
        return int(await database.fetch_value("SELECT count(*) FROM accounts WHERE tenant_id = $1", target.school.id))


@pytest.mark.parametrize("name", ATTACKS)
async def test_is_refused(name: str, target: Target, house: House) -> None:
    token = ATTACKS[name](target)
    before = await number_of_accounts(target)

    if len(token) < 7_900 and token.isascii() and token.isprintable() and "\r" not in token:
        answer = await as_bearer(house, target.school.slug, token)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED"), answer.text
        assert "data" not in answer.json()
    assert await target.visitor.codes("ProviderSignIn", input={"token": token}) == ["TOKEN_INVALID"]
    assert await number_of_accounts(target) == before


@pytest.mark.parametrize("token", ["ünïcode.token.x", "a.b.\u212a", "\ud800.a.b", "a.b.c\0", "a" * 9_000 + ".b.c", ""])
async def test_no_token_at_all_is_refused(token: str, target: Target) -> None:
    before = await number_of_accounts(target)

    assert await target.visitor.codes("ProviderSignIn", input={"token": token}) in (["TOKEN_INVALID"], ["INVALID"], ["BAD_USER_INPUT"])
    assert await number_of_accounts(target) == before


async def test_there_are_as_many_as_were_promised() -> None:
    assert len(ATTACKS) >= 86


@pytest.mark.parametrize(
    "more", [{"exp": 20}, {"nbf": -10}, {"iat": 20}, {"nbf": 20}, {"exp": -20}], ids=["ends soon", "began", "a clock that is fast", "a start that is near", "a clock that is slow"]
)
async def test_half_a_minute_is_forgiven(more: dict[str, int], target: Target, house: House) -> None:
    times = {name: int(time.time()) + seconds for name, seconds in more.items()}

    assert (await as_bearer(house, target.school.slug, target.signed(**times))).status_code == 200


async def test_a_refusal_says_why_and_tells_nothing_of_the_token(target: Target) -> None:
    answer = await target.visitor.data("ProviderSignIn", input={"token": target.signed(aud="some-other-app", email="secret@people.example")})

    (error,) = answer["errors"]
    assert error["message"] == "The provider's token was not taken. It is meant for somebody else: `aud` names none that this school takes."
    assert error["path"] == ["token"]

"""Requests of any shape: bytes, JSON, mutated documents, headers, addresses."""

import json
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fixtures.client import DOCUMENTS
from tests.fuzz.target import BY_HAND, INSIDES, SECONDS, WHO, Target, checked

pytestmark = pytest.mark.xdist_group("fuzz-requests")

EXAMPLES = settings(
    max_examples=max(10, int(SECONDS * 3)), derandomize=not BY_HAND, database=None, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck)
)

WORDS = st.sampled_from(["query", "operationName", "variables", "extensions", "persistedQuery", "id", "input", "__proto__", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(WORDS | st.text(st.characters(), max_size=10), inner, max_size=5),
    max_leaves=20,
)
TOKENS = st.sampled_from(
    '{ } ( ) [ ] : ! $ @ = | & ... " """ # , query mutation subscription fragment on true false null __typename __schema __type @skip(if: @include(if: '
    "viewer storefront courses(first: node(id: nodes(ids: nodes edges id name title cursor Course Query $a $input 1 -1 1e9 \\u0000 \\uD800 \ufeff \u00e9 \x00 \n F ...F".split(" ")
)
DOCUMENT = st.lists(TOKENS | st.text(max_size=5), max_size=60).map(" ".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good request with some bytes taken out, doubled or exchanged."""
    name = draw(st.sampled_from(sorted(DOCUMENTS)))
    body = bytearray(json.dumps({"query": DOCUMENTS[name], "operationName": name, "variables": {"id": "x", "slug": "x", "first": 5, "input": {}}}).encode())
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body) - 1))
        length = draw(st.integers(0, 20))
        body[at : at + length] = draw(
            st.binary(max_size=4) | st.just(bytes(body[at : at + length] * 2)) | st.sampled_from([b"{", b"}", b'"', b"\\", b"\\ud800", b"\0", b"...", b"#"])
        )
    return bytes(body)


BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("query", "operationName", "variables", "extensions"), JSON)).map(lambda value: json.dumps(value).encode()),
    st.builds(lambda query, variables: json.dumps({"query": query, "variables": variables}).encode(), DOCUMENT, JSON),
    mutated(),
)

# What may stand in a header as bytes; the wire of it is in test_wire.py.
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60).map(str.strip) | st.sampled_from(
    ["", "null", "*", "*/*", "a" * 8000, "é" * 100]
)
KNOWN = {
    "Accept": [
        "application/json",
        "application/graphql-response+json",
        "text/event-stream",
        "*/*;q=",
        "a/b;q=2, */*;q=-1",
        ",,;;==",
        "application/json;q=" + "1" * 500,
        "*/*, " * 200,
    ],
    "Content-Type": [
        "application/json",
        "application/json;charset=",
        "application/json; charset=utf-16",
        "application/JSON;;;",
        "text/plain",
        "multipart/form-data",
        ";",
        "application/json,application/json",
    ],
    "Content-Encoding": ["gzip", "identity", "br, gzip", ""],
    "Authorization": ["Bearer", "Bearer ", "Bearer x", "bearer\tx", "Basic eDp5", "Bearer " + "x" * 5000, "Bearer \xff", "Bearer a b"],
    "X-Tenant": ["", "no-such-school", "UPPER", "../x", "a" * 64, "-", "'"],
    "Origin": ["null", "https://evil.example", "http://", "https://[", "http://localhost:99999", "https://a.example:x", "file://", "https://\xe9"],
    "Host": ["evil.example", "[", "[::1", "a:99999", "a:b", "@", "a" * 3000, "\xe9", "127.0.0.1:1, b", "x_y.z"],
    "X-Forwarded-For": ["1.2.3.4", "unknown", "1.2.3.4, " * 100, "::1%eth0", "[::1]:80"],
    "X-Forwarded-Proto": ["https", "javascript", "wss,http"],
    "X-Forwarded-Host": ["evil.example", "a, b"],
    "Access-Control-Request-Method": ["POST", ""],
    "traceparent": ["00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff-x", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"],
    "User-Agent": ["x" * 5000, "\xff"],
    "Last-Event-ID": ["1", "\xff"],
    "Expect": ["100-continue", "200-ok"],
}
HEADERS = st.lists(st.sampled_from(sorted(KNOWN)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(KNOWN[name]) | VALUES)), max_size=6)
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "QUERY", "TRACE"])


def raw(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers]


@pytest.mark.parametrize("who", WHO)
def test_bodies(target: Target, who: str) -> None:
    headers = target.headers(who)
    before = target.rows()

    @EXAMPLES
    @given(BODIES)
    def attack(body: bytes) -> None:
        target.post(body, headers)

    attack()
    if who == "visitor":
        assert target.rows() == before


def test_headers(target: Target) -> None:
    good = json.dumps({"query": "{ storefront { slug domains { host } } viewer { id } }"}).encode()
    before = target.rows()

    @EXAMPLES
    @given(METHODS, HEADERS, st.just(good) | BODIES)
    def attack(method: str, headers: list[tuple[str, str]], body: bytes) -> None:
        names = {name for name, _ in headers}
        usual = {"Host": "127.0.0.1", "Content-Type": "application/json", "X-Tenant": target.school.school.slug}
        answer = target.by_hand(method, "/graphql", raw(headers + [each for each in usual.items() if each[0] not in names]), body)
        checked(answer.status, answer.headers.get("content-type", ""), answer.body)

    attack()
    assert target.rows() == before


def test_addresses(target: Target) -> None:
    headers = target.headers("visitor")
    before = target.rows()
    parameters = st.lists(st.tuples(WORDS, st.one_of(DOCUMENT, JSON.map(json.dumps), st.just("{ storefront { slug } }"))), max_size=5)
    queries = (
        parameters.map(lambda pairs: urlencode(pairs, errors="surrogatepass"))
        | st.binary(max_size=60).map(quote_from_bytes)
        | st.binary(max_size=20).map(lambda each: "query=" + quote_from_bytes(each))
    )

    @EXAMPLES
    @given(st.sampled_from(["GET", "HEAD", "POST"]), queries)
    def attack(method: str, query: str) -> None:
        target.send(method, f"{target.url}?{query}", headers=headers)

    attack()
    assert target.rows() == before


@pytest.mark.parametrize("path", ["/verify/", "/keys/", "/issuers/", "/files/", "/", "/graphql/", "/healthz"])
def test_other_paths(target: Target, path: str) -> None:
    """Pages are for people: text, but never a failure."""
    ids: list[Any] = [*target.school.ids.values(), *target.school.words["code"], "a" * 5000, "..", "%2e%2e%2f", "%00", "%ff%fe", "%u0041", "\u0660" * 26, "a/b", "?", "*"]

    @EXAMPLES
    @given(
        st.sampled_from(ids)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda text: quote_from_bytes(text.encode()))
        | st.binary(max_size=30).map(quote_from_bytes),
        HEADERS,
    )
    def attack(last: str, headers: list[tuple[str, str]]) -> None:
        answer = target.by_hand("GET", path + last, [(b"Host", b"127.0.0.1"), *raw([header for header in headers if header[0] not in ("Host", "Expect")])])
        text = answer.body.decode()
        assert answer.status < 500, text
        assert not INSIDES.search(text), text

    attack()

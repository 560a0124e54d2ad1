"""HTTP that no client's library sends: told off in JSON, or the connection ends; and nobody else notices."""

import json
import re
import time
from collections.abc import Callable

import pytest

from tests.fuzz.target import CODES, Target, checked
from tests.fuzz.wire import Answer, Wire, request

pytestmark = pytest.mark.xdist_group("fuzz-wire")

JSON = b"Content-Type: application/json"
HOST = b"Host: 127.0.0.1"
QUERY = b'{"query": "{ __typename }"}'
UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Protocol: graphql-transport-ws")
KEY, VERSION = b"Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==", b"Sec-WebSocket-Version: 13"


def usual(target: Target) -> tuple[bytes, ...]:
    return HOST, JSON, b"X-Tenant: " + target.school.school.slug.encode()


def chunked(target: Target, *pieces: bytes) -> bytes:
    return b"\r\n".join([b"POST /graphql HTTP/1.1", *usual(target), b"Transfer-Encoding: chunked", b"", b"".join(pieces)])


def handshake(*headers: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1", target: bytes = b"/graphql") -> bytes:
    return b"\r\n".join([b" ".join([method, target, version]), HOST, *UPGRADE, *headers, b"", b""])


# What is sent, and the status of the answer.
REFUSED: dict[str, tuple[Callable[[Target], bytes], int]] = {
    "a length and chunks": (lambda t: request(*usual(t), b"Transfer-Encoding: chunked"), 400),
    "two lengths": (lambda t: request(*usual(t), b"Content-Length: 3"), 400),
    "a length below 0": (lambda t: request(*usual(t), b"Content-Length: -1"), 400),
    "a length of 30 digits": (lambda t: request(*usual(t), b"Content-Length: " + b"9" * 30), 400),
    "a coding that nobody knows": (lambda t: chunked(t).replace(b"chunked", b"xchunked"), 400),
    "chunks of no length": (lambda t: chunked(t, b"zz\r\n"), 400),
    "chunks that end too late": (lambda t: chunked(t, b"1\r\nabc\r\n"), 400),
    "a header of a megabyte": (lambda t: request(*usual(t), b"X-A: " + b"a" * 1_000_000), 431),
    "a header that does not end": (lambda t: b"POST /graphql HTTP/1.1\r\nX-A: " + b"a" * 1_000_000, 431),
    "ten thousand headers": (lambda t: request(*usual(t), *[b"X-%d: a" % number for number in range(10_000)]), 431),
    "trailers of a megabyte": (lambda t: chunked(t, b"1b\r\n", QUERY, b"\r\n0\r\n", *[b"X-%d: %s\r\n" % (number, b"a" * 7000) for number in range(150)]), 431),
    "an address of a megabyte": (lambda t: request(*usual(t), target=b"/graphql?query=" + b"a" * 1_000_000), 414),
    "an address that is no ASCII": (lambda t: request(*usual(t), target=b"/graphql\xff"), 400),
    "no host": (lambda t: request(*usual(t)[1:]), 400),
    "two hosts": (lambda t: request(*usual(t), b"Host: evil.example"), 400),
    "two schools": (lambda t: request(*usual(t), b"X-Tenant: other"), 400),
    "two tokens": (lambda t: request(*usual(t), b"Authorization: Bearer a", b"Authorization: Bearer b"), 400),
    "two media types": (lambda t: request(*usual(t), b"Content-Type: text/plain"), 400),
    "another host in the address": (lambda t: request(*usual(t), target=b"http://evil.example/graphql"), 400),
    "a tunnel": (lambda t: request(*usual(t), method=b"CONNECT", target=b"evil.example:443"), 400),
    "a method in small letters": (lambda t: request(*usual(t), method=b"post"), 400),
    "HTTP/0.9": (lambda t: b"GET /graphql\r\n\r\n", 400),
    "HTTP/2.0": (lambda t: request(*usual(t), version=b"HTTP/2.0"), 400),
    "HTTP/9.9": (lambda t: request(*usual(t), version=b"HTTP/9.9"), 400),
    "the beginning of HTTP/2": (lambda t: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (lambda t: bytes.fromhex("160301020001") + b"x" * 200, 400),
    "an upgrade to HTTP/2, with a body": (lambda t: request(*usual(t), b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), 400),
    "lines that end with LF": (lambda t: request(*usual(t)).replace(b"\r\n", b"\n"), 400),
    "a folded header": (lambda t: request(*usual(t), b"X-A: a\r\n b"), 400),
    "a space before the colon": (lambda t: request(*usual(t), b"X-A : a"), 400),
    "a NUL in a header": (lambda t: request(*usual(t), b"X-A: a\0b"), 400),
    "a header without a name": (lambda t: request(*usual(t), b": a"), 400),
    "a control character in a header": (lambda t: request(*usual(t), b"Origin: https://a\x0b.example"), 400),
    "a socket of another version": (lambda t: handshake(KEY, b"Sec-WebSocket-Version: 12"), 400),
    "a socket without a key": (lambda t: handshake(VERSION), 400),
    "a socket with a short key": (lambda t: handshake(VERSION, b"Sec-WebSocket-Key: x"), 400),
    "a socket with a key that is no ASCII": (lambda t: handshake(VERSION, b"Sec-WebSocket-Key: \xff\xfe"), 400),
    "a socket with two keys": (lambda t: handshake(VERSION, KEY, KEY), 400),
    "a socket with subprotocols that make no sense": (lambda t: handshake(VERSION, KEY, b"Sec-WebSocket-Protocol: ,(;"), 400),
    "a socket by POST": (lambda t: handshake(VERSION, KEY, method=b"POST"), 405),
    "a socket over HTTP/1.0": (lambda t: handshake(VERSION, KEY, version=b"HTTP/1.0"), 400),
    "a socket at another host's address": (lambda t: handshake(VERSION, KEY, target=b"http://evil.example/graphql"), 400),
    "a socket with two hundred headers": (lambda t: handshake(VERSION, KEY, *[b"X-%d: a" % number for number in range(200)]), 431),
    "a socket with a long header": (lambda t: handshake(VERSION, KEY, b"X-A: " + b"a" * 10_000), 431),
    "a socket with a body": (lambda t: handshake(VERSION, KEY, b"Content-Length: 5") + b"hello", 400),
}
TAKEN: dict[str, Callable[[Target], bytes]] = {
    "HTTP/1.0": lambda t: request(*usual(t), version=b"HTTP/1.0"),
    "the whole address": lambda t: request(*usual(t), target=b"http://127.0.0.1/graphql"),
    "blank lines first": lambda t: b"\r\n\r\n" + request(*usual(t)),
    "chunks of a byte each": lambda t: chunked(t, *[b"1\r\n%c\r\n" % byte for byte in QUERY], b"0\r\n\r\n"),
    "chunks with much beside them": lambda t: chunked(t, *[b"1;%s\r\n%c\r\n" % (b"a" * 10_000, byte) for byte in QUERY], b"0\r\n\r\n"),
    "an expectation": lambda t: request(*usual(t), b"Expect: 200-ok"),
    "a hundred headers": lambda t: request(*usual(t), *[b"X-%d: a" % number for number in range(96)]),
    "a host that makes no sense": lambda t: request(b"Host: [::1", *usual(t)[1:]),
    "an upgrade to something": lambda t: b"\r\n".join([b"GET /graphql?query={__typename} HTTP/1.1", *usual(t), b"Connection: Upgrade", b"Upgrade: h2c", b"", b""]),
}


def answered(target: Target, *pieces: bytes, method: str = "POST") -> Answer:
    target.requests += 1
    with Wire(target.address) as wire:
        wire.send(*pieces)
        answer = wire.answer(method)
    assert answer
    checked(answer.status, answer.headers["content-type"], answer.body)
    return answer


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(target: Target, name: str) -> None:
    make, status = REFUSED[name]

    answer = answered(target, make(target))

    assert answer.status == status
    assert {error["extensions"]["code"] for error in json.loads(answer.body)["errors"]} < CODES


@pytest.mark.parametrize("name", TAKEN)
def test_is_taken(target: Target, name: str) -> None:
    assert json.loads(answered(target, TAKEN[name](target)).body)["data"] == {"__typename": "Query"}


class TestPipelining:
    def test_answers_come_in_the_order_of_the_requests(self, target: Target) -> None:
        queries = [b'{"query": "{ a%d: __typename }"}' % number for number in range(20)]
        with Wire(target.address) as wire:
            wire.send(b"".join(request(*usual(target), body=query) for query in queries) + request(*usual(target), b"Connection: close"))
            answers = wire.everything()

        assert re.findall(rb'"a(\d+)":"Query"', answers) == [b"%d" % number for number in range(20)]

    def test_what_comes_after_a_request_does_not_take_its_answer(self, target: Target) -> None:
        with Wire(target.address) as wire:
            wire.send(request(*usual(target)) + b"nonsense\r\n\r\n")
            answer = wire.answer()

            assert answer and answer.status == 200
            assert wire.is_closed()


def test_who_sends_or_reads_too_slowly_is_left(target: Target) -> None:
    """A head has 10 seconds; who reads nothing, half a minute. All at once, for it takes its time."""
    big = json.dumps({"query": "{ " + " ".join(f"a{number}: storefront {{ id slug name domains {{ host }} }}" for number in range(19)) + " }"}).encode()
    nothing, blank, cut, dripping = (Wire(target.address) for _ in range(4))
    deaf = Wire(target.address, receive_buffer=4096, timeout=2)
    deaf.send(request(*usual(target), body=big) * 5000)
    assert target.knows(deaf)

    blank.send(b"\r\n")
    cut.send(b"POST /graphql HTTP/1.1\r\nHost: a\r\n")
    dripping.send(b"P", b"O", b"S", b"T", b" ", every=1)

    assert [answer.status if answer else None for answer in (cut.answer(), dripping.answer())] == [408, 408]
    assert nothing.is_closed()
    assert blank.is_closed()
    for _ in range(90):
        if target.knows(deaf):
            time.sleep(1)
    assert not target.knows(deaf)
    for wire in (nothing, blank, cut, dripping, deaf):
        wire.socket.close()

"""WebSockets: messages in any order, frames of any bytes, and clients that only take."""

import base64
import json
import os
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect

from tests.fixtures.client import DOCUMENTS
from tests.fuzz.target import BY_HAND, CODES, INSIDES, SECONDS, WHO, Target, errors
from tests.fuzz.test_requests import DOCUMENT, JSON
from tests.fuzz.wire import Wire

pytestmark = pytest.mark.xdist_group("fuzz-sockets")

CLOSES = {1000, 1002, 1003, 1005, 1007, 1009, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429}
EXAMPLES = settings(
    max_examples=max(10, int(SECONDS * 3)), derandomize=not BY_HAND, database=None, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck)
)

IDS = st.sampled_from(["1", "2", "", "x" * 256, "\ud800"]) | st.none() | st.integers()
PAYLOADS = st.fixed_dictionaries({"query": DOCUMENT | st.sampled_from(sorted(DOCUMENTS.values())) | JSON}, optional={"variables": JSON, "operationName": JSON, "extensions": JSON})
MESSAGES = st.one_of(
    st.fixed_dictionaries({"type": st.just("subscribe"), "id": st.sampled_from(["1", "2", "3"]), "payload": PAYLOADS}),
    st.fixed_dictionaries({"type": st.sampled_from(["subscribe", "complete"]), "id": IDS}, optional={"payload": PAYLOADS | JSON}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["ping", "pong", "connection_init", "connection_ack", "next", "error", "start", "", None])}, optional={"payload": JSON, "id": IDS}
    ),
    JSON,
).map(json.dumps)
SENT = st.lists(MESSAGES | st.text(max_size=20) | st.binary(max_size=20), max_size=8)


def opened(target: Target) -> ClientConnection:
    return connect(target.url.replace("http", "ws"), subprotocols=["graphql-transport-ws"], ping_interval=None, max_size=None)  # type: ignore[list-item]


def heard(text: str | bytes) -> dict[str, Any]:
    """A message of the server, if it is what every message must be."""
    assert isinstance(text, str)
    assert len(text) <= 200_000
    message: dict[str, Any] = json.loads(text)
    assert message["type"] in {"connection_ack", "pong", "next", "error", "complete"}
    for error in message["payload"] if message["type"] == "error" else errors(message.get("payload")):
        assert error["extensions"]["code"] in CODES, error
        assert not INSIDES.search(error["message"]), error
    return message


@pytest.mark.parametrize("who", WHO)
def test_messages_in_any_order(target: Target, who: str) -> None:
    hello = {"type": "connection_init", "payload": {"tenant": target.school.school.slug} | ({} if who == "visitor" else {"authorization": f"Bearer {target.token(who)}"})}

    @EXAMPLES
    @given(st.booleans(), SENT)
    def attack(polite: bool, sent: list[str | bytes]) -> None:
        target.requests += len(sent) + 1
        with opened(target) as socket:
            try:
                for message in [*([json.dumps(hello)] if polite else []), *sent, '{"type": "ping", "payload": {"last": 1}}']:
                    socket.send(message)
                while heard(socket.recv(timeout=20)) != {"type": "pong", "payload": {"last": 1}}:
                    pass
            except ConnectionClosed:
                pass
        assert socket.close_code in CLOSES, (socket.close_code, socket.close_reason)

    attack()


def handshake(wire: Wire, *headers: bytes) -> None:
    lines = [
        b"GET /graphql HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: graphql-transport-ws",
    ]
    wire.send(b"\r\n".join([*lines, b"Sec-WebSocket-Key: " + base64.b64encode(b"x" * 16), *headers, b"", b""]))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += wire.socket.recv(1)
    assert b" 101 " in head
    assert b"extensions" not in head.lower(), "nothing is compressed"


def frame(opcode: int, data: bytes, *, fin: bool = True, reserved: int = 0) -> bytes:
    """Masked with zeros, which leaves the data as it is."""
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big") if len(data) < 65536 else b"\xff" + len(data).to_bytes(8, "big")
    return bytes([fin << 7 | reserved << 4 | opcode]) + length + bytes(4) + data


def close_code(wire: Wire) -> int:
    """Of the close frame that comes first."""
    first = wire.socket.recv(2)
    assert first[0] == 0x88, first
    return int.from_bytes(wire.socket.recv(2), "big")


def test_frames_of_any_bytes(target: Target) -> None:
    frames = st.builds(frame, st.sampled_from([*Opcode, 3, 11, 15]), st.binary(max_size=130), fin=st.booleans(), reserved=st.sampled_from([0, 0, 0, 1, 4, 7]))

    @EXAMPLES
    @given(st.lists(frames | st.binary(max_size=20), max_size=6))
    def attack(sent: list[bytes]) -> None:
        target.requests += len(sent) + 1
        with Wire(target.address) as wire:
            handshake(wire)
            wire.send(*sent)
            try:
                wire.socket.shutdown(1)
            except OSError:
                return
            assert wire.is_closed()

    attack()


class TestFrames:
    """What a client's library does not send."""

    def test_text_that_is_not_utf_8_is_closed_with_1007(self, target: Target) -> None:
        with Wire(target.address) as wire:
            handshake(wire)
            wire.send(frame(Opcode.TEXT, b"\xff\xfe"))

            assert close_code(wire) == 1007

    def test_a_compressed_message_is_closed_with_1002(self, target: Target) -> None:
        bomb = zlib.compress(b" " * 10_000_000)
        with Wire(target.address) as wire:
            handshake(wire, b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
            wire.send(frame(Opcode.TEXT, bomb, reserved=4))

            assert close_code(wire) == 1002

    def test_more_than_a_mebibyte_is_closed_with_1009(self, target: Target) -> None:
        with Wire(target.address) as wire:
            handshake(wire)
            wire.send(*[frame(Opcode.TEXT, b" " * 100_000, fin=False), *[frame(Opcode.CONT, b" " * 100_000, fin=False)] * 10])

            assert close_code(wire) == 1009

    def test_fragments_without_end_are_closed_with_1009(self, target: Target) -> None:
        with Wire(target.address) as wire:
            handshake(wire)
            wire.send(frame(Opcode.TEXT, b"", fin=False), frame(Opcode.CONT, b"", fin=False) * 2000)

            assert close_code(wire) == 1009

    def test_pings_whose_answers_nobody_reads_are_not_kept(self, target: Target) -> None:
        """20 MB of pings. Without a bound the pongs to them would wait in memory."""
        with Wire(target.address, receive_buffer=4096) as wire:
            handshake(wire)
            before = target.memory()
            wire.send(*[frame(Opcode.PING, os.urandom(125)) * 1600] * 100)

            assert target.memory() - before < 10_000_000


def test_a_client_that_never_reads_fills_no_memory(target: Target) -> None:
    """A hundred queries at a time, answered with a whole catalog each, a thousand times."""
    query = json.dumps({"query": "{ storefront { id slug name domains { host } } courses { nodes { id title slug sections { title lectures { title } } } } }"})
    with Wire(target.address, receive_buffer=4096) as wire:
        handshake(wire)
        wire.socket.settimeout(2)
        wire.send(frame(Opcode.TEXT, json.dumps({"type": "connection_init", "payload": {"tenant": target.school.school.slug}}).encode()))
        wire.socket.recv(100)
        before = target.memory()
        wire.send(*(frame(Opcode.TEXT, f'{{"type": "subscribe", "id": "{number}", "payload": {query}}}'.encode()) for number in range(5000)))

        assert target.memory() - before < 30_000_000


def test_what_is_sent_beside_a_subscription_is_not_kept(target: Target) -> None:
    """Ninety megabytes in a hundred subscriptions."""
    query, junk = "subscription ($id: ID!) { enrollmentProgress(enrollmentId: $id, after: 1000) { sequence } }", "x" * 900_000
    before = target.memory()
    with opened(target) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"tenant": target.school.school.slug, "authorization": f"Bearer {target.token('student')}"}}))
        assert heard(socket.recv())["type"] == "connection_ack"
        for number in range(100):
            variables = {"id": target.school.ids["Enrollment"], "junk": junk}
            socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": {"query": query, "variables": variables}}))
            assert [error["extensions"]["code"] for error in heard(socket.recv(timeout=20))["payload"]] == ["COST_EXCEEDED"]

        assert target.memory() - before < 30_000_000


def test_a_hundred_sockets_that_say_nothing_are_closed(target: Target) -> None:
    wires = [Wire(target.address) for _ in range(100)]
    for wire in wires:
        handshake(wire)

    target.still_stands()
    assert {close_code(wire) for wire in wires} == {4408}
    for wire in wires:
        wire.socket.close()

"""HTTP by hand: whatever bytes, in whatever pieces, and the answer to them."""

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, address: tuple[str, int], *, receive_buffer: int | None = None, timeout: float = 20) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes, every: float = 0) -> None:
        """As far as the other side takes it."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except OSError:
                return
            time.sleep(every)

    def answer(self, method: str = "POST") -> Answer | None:
        """The next answer; None when the connection ends without one."""
        response = HTTPResponse(self.socket, method=method)
        try:
            response.begin()
            body = response.read()
        except (ConnectionError, ValueError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            return None
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def everything(self) -> bytes:
        """What comes until the other side ends it."""
        return b"".join(iter(lambda: self.socket.recv(65536), b""))

    def is_closed(self) -> bool:
        """Whether the other side ends it, within the time-out."""
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


def request(
    *headers: bytes, method: bytes = b"POST", target: bytes = b"/graphql", version: bytes = b"HTTP/1.1", body: bytes = b'{"query": "{ __typename }"}', usual: Iterable[bytes] = ()
) -> bytes:
    """A request: first line, headers as they are given, then the body with its length."""
    return b"\r\n".join([b" ".join([method, target, version]), *usual, *headers, b"Content-Length: %d" % len(body), b"", body])

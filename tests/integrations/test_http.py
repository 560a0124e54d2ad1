"""Addresses that somebody else gave: where they must not lead, and how the others are asked."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore2 as httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lms_graph.integrations import http
from lms_graph.integrations.http import GuardedHttp, is_public
from lms_graph.kit.outbound import AddressRefused, NotAnswered

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"


class Canary:
    """A server of this machine's own: whoever reaches it has come where nobody may."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.names: list[str | None] = []
        self.tls = tls
        self.port = 0
        self.silent = False

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = b""
        try:
            while b"\r\n\r\n" not in heard and (more := await reader.read(65_536)):
                heard += more
            self.heard.append(heard)
            if not self.silent:
                writer.write(self.answer)
                await writer.drain()
            else:
                await reader.read()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(canary: Canary) -> AsyncIterator[Canary]:
    """On all addresses of this machine, IPv4 and IPv6."""
    server = await asyncio.start_server(canary.hear, None, 0, ssl=canary.tls, family=socket.AF_INET)
    canary.port = server.sockets[0].getsockname()[1]
    try:
        yield canary
    finally:
        server.close()


class Anywhere(httpcore.AsyncNetworkBackend):
    """Notes where a connection was to go, and makes it to the canary instead."""

    def __init__(self, canary: Canary) -> None:
        self.canary = canary
        self.dialed: list[tuple[str, int]] = []
        self.deaf: set[str] = set()

    async def connect_tcp(self, host: str, port: int, timeout: Any = None, local_address: Any = None, socket_options: Any = None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
        self.dialed.append((host, port))
        if host in self.deaf:
            raise httpcore.ConnectError("nobody there")
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self.canary.port, timeout=timeout)


def names(*answers: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver that gives these answers, one after another."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0)

    return resolve


# Addresses in URLs. `{port}` is the canary's.
HOSTILE = """
https://127.0.0.1/ https://127.0.0.1:{port}/ http://127.0.0.1:{port}/ https://127.1/ https://127.0.1/ https://2130706433/ https://0x7f000001/ https://0x7f.0.0.1/
https://017700000001/ https://0177.0.0.1/ https://127.0.0.1./ https://0/ https://0.0.0.0/ https://localhost/ https://localhost:{port}/ http://localhost:{port}/ https://localhost./
https://[::1]/ https://[::1]:{port}/ https://[::]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[0:0:0:0:0:ffff:127.0.0.1]/ https://[::127.0.0.1]/
https://[64:ff9b::7f00:1]/ https://[64:ff9b::169.254.169.254]/ https://[64:ff9b:1::7f00:1]/ https://[2002:7f00:1::]/ https://[2002:a9fe:a9fe::1]/ https://[2001:0:7f00:1::]/
https://[fe80::1]/ https://[fe80::1%25lo]/ https://[fc00::1]/ https://[fd00:ec2::254]/ https://[ff02::1]/ https://[fec0::1]/ https://[2001:db8::1]/ https://[100::1]/
https://10.0.0.1/ https://10.255.255.255/ https://172.16.0.1/ https://172.31.255.255/ https://192.168.0.1/ https://192.168.1.1:{port}/ https://169.254.169.254/latest/meta-data/
https://169.254.170.2/ https://100.100.100.200/ https://100.64.0.1/ https://168.63.129.16/ https://192.0.0.192/ https://192.0.2.1/ https://198.18.0.1/ https://198.51.100.1/
https://203.0.113.1/ https://224.0.0.1/ https://239.255.255.250/ https://240.0.0.1/ https://255.255.255.255/ https://192.88.99.1/
http://93.184.215.14/ https://93.184.215.14:8443/ https://93.184.215.14:22/ https://93.184.215.14:0/ https://93.184.215.14:65536/ https://93.184.215.14:{port}/
https://public.example@127.0.0.1/ https://127.0.0.1@public.example/ https://user:pass@127.0.0.1:{port}/ https://127.0.0.1#@public.example/ https://127.0.0.1\\@public.example/
https://public.example:443@127.0.0.1:{port}/ https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://ⓛocalhost/ https://lоcalhost/ https://%31%32%37.0.0.1/ https://127.0.0.1%00.public.example/
file:///etc/passwd gopher://127.0.0.1:{port}/_GET ftp://127.0.0.1/ dict://127.0.0.1:{port}/ ldap://127.0.0.1/ data:text/plain,x javascript:alert(1) jar:https://127.0.0.1!/ //127.0.0.1/ /etc/passwd
https:127.0.0.1 https:/127.0.0.1/ https:///127.0.0.1/ https://// https:// https://?x https://.example/ https://-x.example/ https://a..example/ HTTPS://LOCALHOST/ unix:///run/docker.sock
http+unix://%2Frun%2Fdocker.sock/ https://[::1 https://::1/ https://[127.0.0.1]/ https://[::ffff:0x7f.0.0.1]/ https://[fe80::1%lo]/
""".split()
HOSTILE += [
    "https://public.example/a b",
    "https://public.example/\r\nHost: x",
    "https://public.example\t/",
    " https://public.example/",
    "https://public.example/\0",
    "https://public.example/" + "x" * 2_100,
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_never_asked(url: str) -> None:
    async with listening(Canary()) as canary:
        backend = Anywhere(canary)
        guard = GuardedHttp(development=False, backend=backend)

        with pytest.raises(AddressRefused):
            await guard.send("GET", url.replace("{port}", str(canary.port)))

        assert canary.heard == []
        assert backend.dialed == []


PRIVATE = "127.0.0.1 10.1.2.3 169.254.169.254 100.64.1.1 192.168.1.1 172.20.0.1 0.0.0.0 224.0.0.1 ::1 :: fe80::1 fe80::1%eth0 fd00::1 ::ffff:127.0.0.1 64:ff9b::1 2002:7f00:1:: fec0::1 168.63.129.16"


@pytest.mark.parametrize("address", PRIVATE.split())
async def test_a_name_that_leads_inside_is_never_asked(address: str) -> None:
    async with listening(Canary()) as canary:
        for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
            backend = Anywhere(canary)

            with pytest.raises(AddressRefused):
                await GuardedHttp(development=False, resolve=names(addresses), backend=backend).send("GET", "https://rebound.example/")

            assert canary.heard == []
            assert backend.dialed == []


async def test_there_are_as_many_as_were_promised() -> None:
    assert len(HOSTILE) + len(PRIVATE.split()) >= 58


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


# --- How the others are asked. ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `public.example`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "public.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("public.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


def served_by(certificate: Path, canary: Canary) -> Canary:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def seen(socket: Any, name: str | None, context: Any) -> None:
        canary.names.append(name)

    context.sni_callback = seen
    canary.tls = context
    return canary


def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=str(certificate))


class TestAsked:
    async def test_a_name_is_resolved_once_and_the_connection_made_to_that_address(self, certificate: Path) -> None:
        """DNS rebinding: asked again, the resolver would lead inside."""
        async with listening(served_by(certificate, Canary())) as canary:
            backend = Anywhere(canary)
            guard = GuardedHttp(development=False, resolve=names([PUBLIC], ["127.0.0.1"]), backend=backend, tls=trusting(certificate))

            answer = await guard.send("GET", "https://public.example/jwks?x=1", headers={"Accept": "application/json"})

            assert (answer.status, answer.body) == (200, b"{}")
            assert backend.dialed == [(PUBLIC, 443)]
            assert canary.names == ["public.example"]
            (heard,) = canary.heard
            assert heard.startswith(b"GET /jwks?x=1 HTTP/1.1\r\n")
            assert b"host: public.example\r\n" in heard.lower()

    async def test_the_next_request_is_looked_at_anew(self, certificate: Path) -> None:
        async with listening(served_by(certificate, Canary())) as canary:
            backend = Anywhere(canary)
            guard = GuardedHttp(development=False, resolve=names([PUBLIC], ["127.0.0.1"]), backend=backend, tls=trusting(certificate))
            await guard.send("GET", "https://public.example/")

            with pytest.raises(AddressRefused):
                await guard.send("GET", "https://public.example/")

            assert backend.dialed == [(PUBLIC, 443)]

    async def test_another_address_of_the_name_is_tried(self, certificate: Path) -> None:
        async with listening(served_by(certificate, Canary())) as canary:
            backend = Anywhere(canary)
            backend.deaf = {PUBLIC}

            answer = await GuardedHttp(development=False, resolve=names([PUBLIC, "8.8.8.8"]), backend=backend, tls=trusting(certificate)).send("GET", "https://public.example/")

            assert answer.status == 200
            assert [address for address, _ in backend.dialed] == [PUBLIC, "8.8.8.8"]

    async def test_a_certificate_of_another_name_is_not_taken(self, certificate: Path) -> None:
        async with listening(served_by(certificate, Canary())) as canary:
            guard = GuardedHttp(development=False, resolve=names([PUBLIC]), backend=Anywhere(canary), tls=trusting(certificate))

            with pytest.raises(NotAnswered):
                await guard.send("GET", "https://other.example/")

            assert canary.heard == []

    async def test_a_certificate_that_nobody_vouches_for_is_not_taken(self, certificate: Path) -> None:
        async with listening(served_by(certificate, Canary())) as canary:
            with pytest.raises(NotAnswered):
                await GuardedHttp(development=False, resolve=names([PUBLIC]), backend=Anywhere(canary)).send("GET", "https://public.example/")

            assert canary.heard == []

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_is_an_answer(self, status: int) -> None:
        async with listening(Canary()) as inner, listening(Canary()) as canary:
            canary.answer = f"HTTP/1.1 {status} Elsewhere\r\nLocation: http://127.0.0.1:{inner.port}/\r\nContent-Length: 0\r\n\r\n".encode()

            answer = await GuardedHttp(development=True).send("GET", f"http://127.0.0.1:{canary.port}/")

            assert answer.status == status
            assert inner.heard == []

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n" + b"x" * 1_000_001,
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_001,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fa00\r\n" + b"x" * 64_000 + b"\r\n" + b"fa00\r\n" + (b"x" * 64_000 + b"\r\nfa00\r\n") * 20,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            b"no HTTP at all\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
            b"",
        ],
        ids=["too large", "too large without a length", "too large in chunks", "compressed", "cut short", "no HTTP", "endless header", "nothing"],
    )
    async def test_what_is_no_answer_is_none(self, answer: bytes) -> None:
        async with listening(Canary(answer)) as canary:
            with pytest.raises(NotAnswered):
                await GuardedHttp(development=True).send("GET", f"http://127.0.0.1:{canary.port}/")

    async def test_who_is_silent_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "READ_SECONDS", 0.2)
        async with listening(Canary()) as canary:
            canary.silent = True

            with pytest.raises(NotAnswered):
                await asyncio.wait_for(GuardedHttp(development=True).send("GET", f"http://127.0.0.1:{canary.port}/"), 5)

    async def test_a_body_is_sent_and_no_cookie_login_or_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with listening(Canary()) as proxy, listening(Canary(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as canary:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
            guard = GuardedHttp(development=True)

            for _ in range(2):
                await guard.send("POST", f"http://127.0.0.1:{canary.port}/token", headers={"Content-Type": "application/x-www-form-urlencoded"}, body=b"code=1")

            assert proxy.heard == []
            assert len(canary.heard) == 2
            assert all(b"\r\n\r\ncode=1" in heard or heard.endswith(b"\r\n\r\n") for heard in canary.heard)
            assert not any(b"cookie" in heard.lower() or b"authorization" in heard.lower() for heard in canary.heard)

    async def test_in_development_this_machine_is_asked_and_its_network_is_not(self) -> None:
        async with listening(Canary()) as canary:
            guard = GuardedHttp(development=True, backend=Anywhere(canary))

            assert (await guard.send("GET", f"http://localhost:{canary.port}/")).status == 200
            for inside in ("http://192.168.1.1/", "https://10.0.0.1/", "http://169.254.169.254/", "http://8.8.8.8/", "http://[::ffff:10.0.0.1]/"):
                with pytest.raises(NotAnswered):
                    await guard.send("GET", inside)

            assert len(canary.heard) == 1

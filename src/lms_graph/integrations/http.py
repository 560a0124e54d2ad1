"""Requests to addresses that somebody else gave, kept away from our own network (SSRF).

A name is resolved once, each of its addresses must be public, and the connection is made to one of these very addresses, so that a name which leads elsewhere a moment later leads nowhere.
Nothing of the environment is used: no proxies, no cookies, no logins. Redirects are answers.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import cache
from typing import Any

import httpcore2 as httpcore
import httpx2 as httpx

from lms_graph.kit.outbound import AddressRefused, Answer, NotAnswered

CONNECT_SECONDS = 2.0  # the look-up of the name included
READ_SECONDS = 5.0
WHOLE_SECONDS = 10.0
MAX_BYTES = 1_000_000
MAX_URL = 2_048
MAX_TRIED = 3  # addresses of one name

_HOST = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_URL = re.compile(rf"(https?)://((?=[^/?:]{{1,253}}(?:[/?:]|$)){_HOST}(?:\.{_HOST})*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?(/[!-~]*|\?[!-~]*)?", re.IGNORECASE)
# `inet_aton` takes 0x7f.1, 017700000001 and 2130706433 for addresses, and so may a resolver: no name on the Internet ends so.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)

# What `ipaddress` calls global and is not for us: relays, benchmarks and translations that lead to other addresses, and the host agent of a large cloud.
_CLOSED = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 "
        "192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20"
    ).split()
]
_OPEN_V6 = ipaddress.ip_network("2000::/3")  # all that is unicast and global; mapped, translated, local and multicast addresses lie outside

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet's, and stands for no other."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id is not None or ip not in _OPEN_V6):
        return False
    return ip.is_global and not any(ip in network for network in _CLOSED if network.version == ip.version)


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as the machine's resolver gives them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were looked at, whatever the name leads to by now."""

    def __init__(self, addresses: Sequence[str], backend: httpcore.AsyncNetworkBackend) -> None:
        self._addresses = addresses
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own word
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        for last, address in enumerate(self._addresses, 1):
            try:
                return await self._backend.connect_tcp(address, port, timeout=timeout, local_address=local_address, socket_options=socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == len(self._addresses):
                    raise
        raise httpcore.ConnectError("no address")

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None) -> httpcore.AsyncNetworkStream:  # noqa: ASYNC109
        raise httpcore.ConnectError("no sockets of this machine")


class GuardedHttp:
    """Fulfills OutboundHttp. In development, servers of this machine may be asked too, without TLS and on any port: twins listen there."""

    def __init__(self, *, development: bool, resolve: Resolve = resolve, backend: httpcore.AsyncNetworkBackend | None = None, tls: Callable[[], ssl.SSLContext] = _tls) -> None:
        self._development = development
        self._resolve = resolve
        self._backend = backend or httpcore.AnyIOBackend()
        self._tls = tls

    async def send(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        scheme, host, port = self._parts(url)
        sent = {"Accept-Encoding": "identity", "User-Agent": "lms-graph", "Connection": "close", **(headers or {})}
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                addresses = await self._addresses(scheme, host, port)
                return await self._ask(method, url, addresses, sent, body)
        except TimeoutError:
            raise NotAnswered(f"{host} did not answer within {WHOLE_SECONDS:.0f} seconds.") from None
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, ssl.SSLError, OSError, ValueError) as error:
            raise NotAnswered(f"{host} could not be asked ({type(error).__name__}).") from None

    def _parts(self, url: str) -> tuple[str, str, int]:
        """Scheme, host and port. Raises AddressRefused."""
        match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
        if match is None or "\\" in url or "#" in url or "@" in match[2]:
            raise AddressRefused("An address is `https://`, a host in ASCII, and perhaps a path; without login, fragment or spaces.")
        scheme, host = match[1].lower(), match[2].lower().strip("[]")
        port = int(match[3] or {"https": 443, "http": 80}[scheme])
        if port > 65_535:
            raise AddressRefused("A port is at most 65535.")
        if not self._development and (scheme, port) != ("https", 443):
            raise AddressRefused("Only `https` on its own port, 443, is asked.")
        return scheme, host, port

    async def _addresses(self, scheme: str, host: str, port: int) -> Sequence[str]:
        """Where to connect: all of the name's addresses are looked at, some are tried. Raises AddressRefused when one of them is not public."""
        if _is_address(host):
            found: Sequence[str] = [host]
        elif _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise AddressRefused(f"{host} is no name, and no IP address in its usual form.")
        else:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    found = await self._resolve(host, port)
            except (OSError, UnicodeError, TimeoutError):
                raise NotAnswered(f"There is no address for the name {host}.") from None
        if not found:
            raise NotAnswered(f"There is no address for the name {host}.")
        if self._development and all(_is_loopback(address) for address in found):
            return found[:MAX_TRIED]
        if scheme != "https" or not all(is_public(address) for address in found):
            raise AddressRefused(f"{host} does not lead to a public address by https: it is not asked.")
        return found[:MAX_TRIED]

    async def _ask(self, method: str, url: str, addresses: Sequence[str], headers: Mapping[str, str], body: bytes | None) -> Answer:
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": CONNECT_SECONDS}
        tls = self._tls() if url[:5].lower() == "https" else None
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(httpcore.AsyncConnectionPool(ssl_context=tls, retries=0, network_backend=_Pinned(addresses, self._backend)))
            response = await stack.enter_async_context(pool.stream(method, url, headers=dict(headers), content=body, extensions={"timeout": timeout}))
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if found.get("content-encoding", "identity") != "identity":
                raise NotAnswered("The answer is compressed, which was not asked for.")
            body_read = bytearray()
            async with aclosing(response.aiter_stream()) as stream:
                async for part in stream:
                    body_read += part
                    if len(body_read) > MAX_BYTES:
                        raise NotAnswered(f"The answer is larger than {MAX_BYTES:,} bytes.")
            return Answer(response.status, bytes(body_read), found)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback

"""Which pages in browsers may use a tenant's API."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lms_graph.kit.errors import Issue

MAX_ORIGINS = 50
ANY_ORIGIN = "*"

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(rf"(https://(?=[^:]{{1,253}}(?::|$)){_LABEL}(?:\.{_LABEL})*|http://localhost)(?::([1-9][0-9]{{0,4}}))?")
_LOCAL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
_OWN_PORT = re.compile(r"\A(https://[^/]*(?=:443\Z)|http://[^/]*(?=:80\Z)):\d+\Z")


@dataclass(frozen=True)
class ApiSettings:
    """What a tenant opens of its API. `origins` are those it lists and its verified domains'."""

    introspection: bool
    explorer: bool
    origins: Collection[str]


def is_origin_allowed(origin: str, origins: Collection[str], *, host: str | None, development: bool) -> bool:
    """Whether a page of this `Origin` may use the API: one of those listed, the page's own server (`host` is the request's, with its port), in development one of this machine.

    The scheme of the server's own is not compared: behind a proxy nobody here knows it for sure, and an origin of another scheme has no more than a visitor's rights.
    """
    is_own = host and origin.partition("://")[2] == host.lower()
    return bool(is_own) or origin in origins or ANY_ORIGIN in origins or (development and _LOCAL.fullmatch(origin) is not None)


def clean_origin(origin: str) -> str:
    """In lower case and without the scheme's own port, as browsers send it."""
    return _OWN_PORT.sub(r"\1", origin.strip().lower())


def issues_with_origins(origins: Sequence[str]) -> Iterator[Issue]:
    """Everything that is wrong with a list of origins, as they were sent."""
    if len(origins) > MAX_ORIGINS:
        yield Issue(f"At most {MAX_ORIGINS} origins.", ("api", "allowedOrigins"))
        return
    for index, origin in enumerate(map(clean_origin, origins)):
        path = ("api", "allowedOrigins", str(index))
        if origin == ANY_ORIGIN and len(origins) > 1:
            yield Issue("`*` stands for every origin, and so stands alone.", path)
        elif origin != ANY_ORIGIN and not _is_origin(origin):
            yield Issue("An origin is `https://`, a host in ASCII and perhaps `:` and a port, with nothing after it; or `http://localhost` and perhaps a port; or `*` alone.", path)


def _is_origin(origin: str) -> bool:
    match = _ORIGIN.fullmatch(origin)
    return match is not None and int(match[2] or 1) <= 65_535

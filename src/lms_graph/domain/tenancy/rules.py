"""What a tenant may say of itself, and which pages in browsers may use its API."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from lms_graph.kit.errors import Issue
from lms_graph.kit.text import MAX_EMAIL, is_email, is_one_line

MAX_NAME, MAX_ORIGINS = 200, 50
ANY_ORIGIN = "*"

_COLOR = re.compile(r"#[0-9a-f]{6}")
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


class TenantChanges(TypedDict, total=False):
    """What is to change of a tenant, by its columns' names; what is not there stays as it is."""

    name: str
    primary_color: str
    locale: str
    currency: str
    support_email: str | None
    logo_file_id: UUID | None
    is_introspection_open: bool
    is_explorer_served: bool
    allowed_origins: list[str]


def clean_changes(changes: TenantChanges) -> TenantChanges:
    """As they are kept: without spaces around; origins as browsers spell them, each once."""
    clean = changes.copy()
    if "name" in clean:
        clean["name"] = clean["name"].strip()
    if "primary_color" in clean:
        clean["primary_color"] = clean["primary_color"].strip().lower()
    if "support_email" in clean:
        clean["support_email"] = (clean["support_email"] or "").strip() or None
    if "allowed_origins" in clean:
        clean["allowed_origins"] = list(dict.fromkeys(_clean_origin(origin) for origin in clean["allowed_origins"]))
    return clean


def issues_with_changes(changes: TenantChanges) -> Iterator[Issue]:
    """Everything that is wrong with them. Takes them as they were sent, so that an issue's path says which origin."""
    clean = clean_changes(changes)
    if "name" in clean and not (0 < len(clean["name"]) <= MAX_NAME and is_one_line(clean["name"])):
        yield Issue(f"A name is one line of 1 to {MAX_NAME} characters.", ("name",))
    if "primary_color" in clean and not _COLOR.fullmatch(clean["primary_color"]):
        yield Issue("A color is written as `#rrggbb`, such as `#1f6f5c`.", ("primaryColor",))
    if (email := clean.get("support_email")) and not is_email(email):
        yield Issue(f"This is not an e-mail address such as `help@school.example`, of at most {MAX_EMAIL} characters.", ("supportEmail",))
    yield from _issues_with_origins(changes.get("allowed_origins", []))


def _issues_with_origins(origins: Sequence[str]) -> Iterator[Issue]:
    if len(origins) > MAX_ORIGINS:
        yield Issue(f"At most {MAX_ORIGINS} origins.", ("api", "allowedOrigins"))
        return
    for index, origin in enumerate(map(_clean_origin, origins)):
        path = ("api", "allowedOrigins", str(index))
        if origin == ANY_ORIGIN and len(origins) > 1:
            yield Issue("`*` stands for every origin, and so stands alone.", path)
        elif origin != ANY_ORIGIN and not _is_origin(origin):
            yield Issue("An origin is `https://`, a host in ASCII and perhaps `:` and a port, with nothing after it; or `http://localhost` and perhaps a port; or `*` alone.", path)


def _clean_origin(origin: str) -> str:
    """In lower case and without the scheme's own port, as browsers send it."""
    return _OWN_PORT.sub(r"\1", origin.strip().lower())


def _is_origin(origin: str) -> bool:
    match = _ORIGIN.fullmatch(origin)
    return match is not None and int(match[2] or 1) <= 65_535

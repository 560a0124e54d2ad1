"""What an API key looks like, what it may hold, and how long it lives.

`lms_sk_` or `lms_pk_`, 40 random letters and digits (238 bits), `_`, and six of a checksum: a scanner for secrets knows a real one from one in an example, and a key that was cut off or mistyped
is told from one that was revoked.
"""

import secrets
import string
import zlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from lms_graph.kit.errors import Issue
from lms_graph.kit.permissions import Permission
from lms_graph.kit.text import is_one_line
from lms_graph.models.identity import ApiKeyKind

MAX_NAME = 100
MAX_KEYS = 100  # living ones of a kind, of a tenant
DEFAULT_LIFE = timedelta(days=365)
MAX_LIFE = timedelta(days=731)
USE_NOTED_EVERY = timedelta(minutes=1)

PREFIXES = {ApiKeyKind.SECRET: "lms_sk_", ApiKeyKind.PUBLISHABLE: "lms_pk_"}

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 40, 6


def new_key(kind: ApiKeyKind) -> str:
    """A key in clear: the only moment at which it exists outside the client."""
    start = PREFIXES[kind] + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return f"{start}_{_checksum(start)}"


def kind_of(text: str) -> ApiKeyKind | None:
    """Which kind of key a text is meant to be, by how it begins."""
    return next((kind for kind, prefix in PREFIXES.items() if text.startswith(prefix)), None)


def is_spelled_right(key: str) -> bool:
    """Whether a key's checksum fits. Says nothing of whether it was ever given to anybody."""
    start, _, checksum = key.rpartition("_")
    return key.isascii() and kind_of(key) is not None and len(start) == len("lms_sk_") + _RANDOM and checksum == _checksum(start)


def expiry(kind: ApiKeyKind, expires_at: datetime | None, *, now: datetime) -> datetime | None:
    """When a new key ends: a secret one always does, a publishable one only when that was said."""
    return now + DEFAULT_LIFE if expires_at is None and kind is ApiKeyKind.SECRET else expires_at


def rights_of_key(scopes: Collection[str], maker: Collection[Permission]) -> frozenset[Permission]:
    """What a key may do: its scopes, as far as its maker still holds them. A scope that this version does not know gives nothing."""
    return frozenset(Permission(scope) for scope in scopes if scope in Permission.__members__) & frozenset(maker)


def issues_with_key(*, name: str, kind: ApiKeyKind, scopes: Collection[Permission], expires_at: datetime | None, now: datetime) -> Iterator[Issue]:
    """Everything that is wrong with a new key."""
    if not 0 < len(name) <= MAX_NAME or not is_one_line(name):
        yield Issue(f"A name is one line of 1 to {MAX_NAME} characters.", ("name",))
    if kind is ApiKeyKind.PUBLISHABLE and scopes:
        yield Issue("A publishable key stands in pages that everybody can read, and so holds no scope. Make a secret key for a server.", ("scopes",))
    if expires_at is not None and not now < expires_at <= now + MAX_LIFE:
        yield Issue("A key ends in the future, at most two years from now.", ("expiresAt",))


def _checksum(text: str) -> str:
    """CRC-32 in six letters and digits."""
    number, letters = zlib.crc32(text.encode()), []
    for _ in range(_CHECKSUM):
        number, value = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[value])
    return "".join(reversed(letters))

"""Ids: UUIDv7 inside, a prefix and 26 letters outside. `docs/ids.md` lists the prefixes."""

from functools import lru_cache
from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_LENGTH = 26  # 130 bits hold the 128 of a UUID
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]  # ten bits at a time: ids are half of what a page consists of


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562): sorts by time of making."""
    return _uuid7()


@lru_cache(maxsize=16_384)  # 4 MB: most pages show the same courses and people
def public_id(prefix: str, id: UUID) -> str:
    """`crs` and a UUID give `crs_06f…`: opaque, globally unique, one prefix per GraphQL type."""
    n = id.int
    return (
        f"{prefix}_{_PAIRS[n >> 120]}{_PAIRS[n >> 110 & 1023]}{_PAIRS[n >> 100 & 1023]}{_PAIRS[n >> 90 & 1023]}{_PAIRS[n >> 80 & 1023]}{_PAIRS[n >> 70 & 1023]}{_PAIRS[n >> 60 & 1023]}"
        f"{_PAIRS[n >> 50 & 1023]}{_PAIRS[n >> 40 & 1023]}{_PAIRS[n >> 30 & 1023]}{_PAIRS[n >> 20 & 1023]}{_PAIRS[n >> 10 & 1023]}{_PAIRS[n & 1023]}"
    )


def parse_id(text: str) -> tuple[str, UUID] | None:
    """The prefix and UUID of a public id; None for anything that is not the spelling of one."""
    prefix, _, letters = text.rpartition("_")
    return _parsed(prefix, letters) if 0 < len(prefix) <= _LENGTH and len(letters) == _LENGTH else None  # ours have three letters: nobody may fill the memory with longer ones


@lru_cache(maxsize=10_000)  # a player names its run and its lecture every few seconds
def _parsed(prefix: str, letters: str) -> tuple[str, UUID] | None:
    if letters[0] > "7" or any(letter not in _VALUES for letter in letters):
        return None
    number = 0
    for letter in letters:
        number = number * 32 + _VALUES[letter]
    return prefix, UUID(int=number)

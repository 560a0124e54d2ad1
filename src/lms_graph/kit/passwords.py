"""Argon2id, off the event loop. Both functions cost tens of milliseconds of a processor: never call them inside a unit of work or with a read scope in use.

At most two run at once in a process (each takes 19 MiB); the rest wait their turn, and beyond fifty nobody else is let in: both functions raise Busy then.
"""

import asyncio
import base64
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lms_graph.kit.errors import Busy

# OWASP's first choice for Argon2id. Raise them freely: the next sign-in of each account stores a hash of the new strength.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

MOST_AT_ONCE = 52  # two that run and fifty that wait: a second or two for the last
RETRY_SECONDS = 2
_at_once = 0


@dataclass(frozen=True)
class Verified:
    """Whether a password fits, and whether its hash should be made anew with the present parameters."""

    fits: bool
    is_outdated: bool = False


async def hash_password(password: str) -> str:
    """The hash to store, with salt and parameters."""
    hashed: str = await _in_turn(_hasher.hash, _plain(password))
    return hashed


async def verify_password(stored: str | None, password: str) -> Verified:
    """Whether the password fits the stored hash. Without one (no such account, no password) the same work is done for nothing."""
    verified: Verified = await _in_turn(_verify, stored or _decoy(), _plain(password))
    return verified


async def _in_turn(work: Callable[..., Any], *arguments: Any) -> Any:
    """A queue without an end would keep everybody from signing in for as long as somebody fills it."""
    global _at_once
    if _at_once >= MOST_AT_ONCE:
        raise Busy(f"Too many sign in or up at once. Ask again in {RETRY_SECONDS} s.", retry_after_seconds=RETRY_SECONDS)
    _at_once += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
    finally:
        _at_once -= 1


def _verify(stored: str, plain: bytes) -> Verified:
    try:
        _hasher.verify(stored, plain)
    except (VerificationError, InvalidHashError):
        return Verified(False)
    return Verified(True, _hasher.check_needs_rehash(stored))


def _plain(password: str) -> bytes:
    """NFKC, so that one password typed on two keyboards is one (NIST SP 800-63B). Half surrogates from JSON are bytes like others."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _decoy() -> str:
    """A hash of the present parameters that fits no password: salt and digest are random."""
    salt, digest = (base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (_hasher.salt_len, _hasher.hash_len))
    return f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}${salt}${digest}"

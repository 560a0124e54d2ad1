"""Argon2id, off the event loop. Both functions cost tens of milliseconds of a processor: never call them inside a unit of work or with a read scope in use.

At most two run at once in a process (each takes 19 MiB); the rest wait their turn.
"""

import asyncio
import base64
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's first choice for Argon2id. Raise them freely: the next sign-in of each account stores a hash of the new strength.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


@dataclass(frozen=True)
class Verified:
    """Whether a password fits, and whether its hash should be made anew with the present parameters."""

    fits: bool
    is_outdated: bool = False


async def hash_password(password: str) -> str:
    """The hash to store, with salt and parameters."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, _plain(password))


async def verify_password(stored: str | None, password: str) -> Verified:
    """Whether the password fits the stored hash. Without one (no such account, no password) the same work is done for nothing."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored or _decoy(), _plain(password))


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

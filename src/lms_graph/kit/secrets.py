"""Secrets: random tokens, hashes of them, sealing at rest, and keys derived for one purpose each.

`LMS_SECRET_KEYS` holds one or more 32-byte keys in base64: the first encrypts, all decrypt.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lms_graph.kit import ids


def new_token() -> str:
    """A random 256-bit token, URL safe. Only its hash is stored."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a random token. Fit for 256-bit secrets, never for passwords."""
    return hashlib.sha256(token.encode()).digest()


def following_token(token: str, *, salt: str) -> str:
    """The token that follows `token`: the same each time, and underivable for a holder of `token` who does not know the salt."""
    return base64.urlsafe_b64encode(hmac.digest(token.encode(), salt.encode(), "sha256")).rstrip(b"=").decode()


def new_code(length: int = 20) -> str:
    """A random code of `length` letters of base 32 (5 bits each; 20 letters are 100 bits), easy to read aloud."""
    return "".join(secrets.choice(ids.ALPHABET) for _ in range(length)).upper()


class SecretKeys:
    """The deployment's secret keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("LMS_SECRET_KEYS needs one or more keys of 32 bytes in base64, parted by commas.")
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, text: str) -> "SecretKeys":
        return cls([base64.b64decode(part) for part in text.split(",") if part.strip()])

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """A key per secret key for one purpose: sign with the first, accept all."""
        return tuple(hmac.digest(key, purpose.encode(), "sha256") for key in self._keys)

    def seal(self, plain: bytes, *, about: str) -> bytes:
        """AES-256-GCM with a fresh nonce. `about` is bound to it: what was sealed for one row opens for no other."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self._keys[0]).encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Raises ValueError when no key opens it."""
        for key in self._keys:
            try:
                return AESGCM(key).decrypt(sealed[:12], sealed[12:], about.encode())
            except InvalidTag:
                continue
        raise ValueError("sealed under a key that LMS_SECRET_KEYS no longer holds")

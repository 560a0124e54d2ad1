"""Which mails may be turned off, and the tokens with which their links do so without a sign-in.

A token names school, account and kind, and is signed: it can do this one thing, for as long as the key stands.
"""

import base64
import hmac
from collections.abc import Sequence
from uuid import UUID

from lms_graph.models.notifications import MailKind

# The rest is security, or the answer to what the person asked for.
OPTIONAL = frozenset({MailKind.SIGN_IN_ALERT, MailKind.ENROLLMENT})

_SIGNED = 32  # bytes of the signature, before what it signs


def token(keys: Sequence[bytes], *, tenant_id: UUID, account_id: UUID, kind: MailKind) -> str:
    """`keys` are those derived for `unsubscribe`: the first signs."""
    said = tenant_id.bytes + account_id.bytes + kind.encode()
    return base64.urlsafe_b64encode(_signature(keys[0], said) + said).rstrip(b"=").decode()


def read(keys: Sequence[bytes], token: str) -> tuple[UUID, UUID, MailKind] | None:
    """Tenant, account and kind of a token that one of the keys has signed; None for anything else, and for a kind that cannot be turned off (any more)."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    signature, said = raw[:_SIGNED], raw[_SIGNED:]
    if len(said) <= 32 or not any(hmac.compare_digest(signature, _signature(key, said)) for key in keys):
        return None
    kind = said[32:].decode()
    return (UUID(bytes=said[:16]), UUID(bytes=said[16:32]), MailKind(kind)) if kind in OPTIONAL else None


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")

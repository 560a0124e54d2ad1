"""The family of expected failures. Raised in the domain, so that the transaction rolls back; turned into words of the API at the edge.

DomainError
├── NotFound          the thing does not exist for this caller (also: hidden, or another tenant's)
├── NotAllowed        the caller may see it but not do this
├── SignedOut         somebody must sign in first
├── Invalid           what was sent breaks a rule; carries every issue with its path
├── Conflict          right request, wrong moment: the state has moved
│   └── IdempotencyConflict   the key belongs to another request, or that one still runs
├── LimitReached      a stated limit is used up
├── Busy              too many ask for the same costly thing at once; says when to ask again
└── Unavailable       a part of the world does not answer; trying later may work
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class DomainError(Exception):
    """An expected failure. `code` is stable and part of the API; `message` says what to do next. `data` is what a client needs beside it, as plain values of JSON."""

    code = "FAILED"

    def __init__(self, message: str, *, path: tuple[str, ...] = (), data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.data = dict(data or {})


class NotFound(DomainError):
    code = "NOT_FOUND"


class NotAllowed(DomainError):
    code = "FORBIDDEN"


class SignedOut(DomainError):
    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "Sign in first: send `Authorization: Bearer <accessToken>`.") -> None:
        super().__init__(message)


@dataclass(frozen=True)
class Issue:
    """One thing wrong with an input: where (`path`, from the input's root) and what."""

    message: str
    path: tuple[str, ...] = field(default=())
    code: str = "INVALID"


class Invalid(DomainError):
    """What was sent breaks one or more rules; every issue is told at once."""

    code = "INVALID"

    def __init__(self, *issues: Issue) -> None:
        super().__init__("; ".join(issue.message for issue in issues))
        self.issues = issues


class Conflict(DomainError):
    code = "CONFLICT"


class IdempotencyConflict(Conflict):
    """The key was used for another request, or that request is still running."""

    code = "IDEMPOTENCY_CONFLICT"


class LimitReached(DomainError):
    code = "LIMIT_REACHED"


class Busy(DomainError):
    """Too many ask for the same costly thing at once. `retry_after_seconds` is when to ask again."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DomainError):
    code = "UNAVAILABLE"

"""Facts about accounts, their sessions and instructors' pages. Never an address, a name or a token."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class AccountRegistered(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionOpened(Event, about="session_id"):
    session_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event, about="session_id"):
    """`reason`: SIGNED_OUT, TOKEN_REUSED (a used refresh token came back: it was copied) or CROWDED_OUT (the account has too many sessions)."""

    session_id: UUID
    account_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class InstructorPageSaved(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event, about="account_id", audited="mbr"):
    """Somebody may join by the link of this challenge."""

    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class PlatformAdminMade(Event, about="account_id", audited="mbr"):
    """By who runs the deployment, on its machine."""

    account_id: UUID

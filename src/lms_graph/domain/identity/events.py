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
    """`reason`: SIGNED_OUT, TOKEN_REUSED (a used refresh token came back: it was copied) CROWDED_OUT (the account has too many sessions)
    or SUSPENDED."""

    session_id: UUID
    account_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class InstructorPageSaved(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class RoleGranted(Event, about="account_id", audited="mbr"):
    account_id: UUID
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleRevoked(Event, about="account_id", audited="mbr"):
    account_id: UUID
    role: str


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event, about="account_id", audited="mbr"):
    """Somebody is to be sent the link of this challenge; again, where an earlier one is of no use."""

    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class InvitationAccepted(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class EmailVerified(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class MemberSuspended(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class MemberRestored(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class InstructorApplied(Event, about="application_id", audited="app"):
    application_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class InstructorApplicationWithdrawn(Event, about="application_id", audited="app"):
    application_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class InstructorApplicationDecided(Event, about="application_id", audited="app"):
    """`status`: APPROVED or REFUSED."""

    application_id: UUID
    account_id: UUID
    status: str

"""Facts about accounts, their sessions and instructors' pages. Never an address, a name or a token."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class AccountRegistered(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class SessionOpened(Event, about="session_id"):
    """`is_new_device`: the account was not used by this kind of client from this network within 90 days. Never at a sign-up."""

    session_id: UUID
    account_id: UUID
    is_new_device: bool


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event, about="session_id"):
    """`reason`: SIGNED_OUT, REVOKED (from another session), PASSWORD_CHANGED, TOKEN_REUSED (a used refresh token came back: it was copied) or CROWDED_OUT (the account has too
    many sessions)."""

    session_id: UUID
    account_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class InstructorPageSaved(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class LinkRequested(Event, about="request_id"):
    """Somebody has asked for a mail to an address. Whether an account has it is looked up later."""

    request_id: UUID


@dataclass(frozen=True, kw_only=True)
class EmailVerificationRequested(Event, about="challenge_id"):
    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class EmailVerified(Event, about="account_id"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class EmailChangeRequested(Event, about="challenge_id"):
    """The link goes to the challenge's address, and a notice to the account's own, which is still the old one."""

    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class PasswordResetRequested(Event, about="challenge_id"):
    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class TotpEnabled(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class TotpDisabled(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesRenewed(Event, about="account_id", audited="mbr"):
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed(Event, about="account_id", audited="mbr"):
    account_id: UUID

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
    """`reason`: SIGNED_OUT, REVOKED (from another session), PASSWORD_CHANGED, TOKEN_REUSED (a used refresh token came back: it was copied), CROWDED_OUT (the account has too many sessions),
    REPLACED (its impersonator went on to another), OPENER_ENDED (the session out of which it was opened has ended) or SUSPENDED."""

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


@dataclass(frozen=True, kw_only=True)
class ExplorerSessionOpened(Event, about="session_id", audited="ses"):
    session_id: UUID
    account_id: UUID
    is_read_only: bool
    is_masked: bool


@dataclass(frozen=True, kw_only=True)
class ImpersonationStarted(Event, about="account_id", audited="prf"):
    """`account_id` is looked at. It ends by itself after half an hour, which no fact tells."""

    session_id: UUID
    account_id: UUID
    impersonator_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ImpersonationEnded(Event, about="account_id", audited="prf"):
    """Before its time. `reason` is that of SessionEnded."""

    session_id: UUID
    account_id: UUID
    impersonator_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ApiKeyCreated(Event, about="key_id", audited="key"):
    key_id: UUID
    account_id: UUID
    kind: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ApiKeyRevoked(Event, about="key_id", audited="key"):
    key_id: UUID


@dataclass(frozen=True, kw_only=True)
class IdentityProviderSet(Event, about="provider_id", audited="idp"):
    """The tenant takes tokens of this issuer from now on, as it has set; those who came in by an earlier setting come in anew."""

    provider_id: UUID
    issuer: str
    enabled: bool


@dataclass(frozen=True, kw_only=True)
class IdentityProviderRemoved(Event, about="provider_id", audited="idp"):
    provider_id: UUID
    issuer: str


@dataclass(frozen=True, kw_only=True)
class SocialProviderSet(Event, about="provider_id", audited="sop"):
    """`kind`: GOOGLE or GITHUB."""

    provider_id: UUID
    kind: str


@dataclass(frozen=True, kw_only=True)
class SocialProviderRemoved(Event, about="provider_id", audited="sop"):
    provider_id: UUID
    kind: str


@dataclass(frozen=True, kw_only=True)
class ExternalIdentityLinked(Event, about="account_id", audited="mbr"):
    """Whoever is this subject at the issuer gets into the account from now on. `is_new_account`: it was made for them."""

    account_id: UUID
    identity_id: UUID
    issuer: str
    is_new_account: bool


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
    inviter_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class InvitationAccepted(Event, about="account_id", audited="mbr"):
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


@dataclass(frozen=True, kw_only=True)
class PlatformAdminMade(Event, about="account_id", audited="mbr"):
    """By who runs the deployment, on its machine."""

    account_id: UUID

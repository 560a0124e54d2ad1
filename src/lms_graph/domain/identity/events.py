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

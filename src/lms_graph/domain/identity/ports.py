"""What identity needs of the world: providers' documents and keys, and the ways through Google and GitHub."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lms_graph.models.identity import SocialKind as SocialKind  # adapters see no tables: for them the word stands here


@dataclass(frozen=True)
class Discovery:
    """What an OpenID provider says of itself at `/.well-known/openid-configuration`."""

    issuer: str
    jwks_url: str
    authorization_url: str | None = None
    token_url: str | None = None


@dataclass(frozen=True)
class VerifyingKey:
    """A public key that is fit to verify. `algorithms` are those it may be used with; `key` is what the verifier takes."""

    kid: str | None
    algorithms: frozenset[str]
    key: object = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ExternalPerson:
    """Somebody as a provider vouches for them. The address is None where the provider gives none."""

    issuer: str
    subject: str
    email: str | None = field(repr=False)
    is_email_verified: bool
    name: str | None = field(repr=False)


class OpenIdProviders(Protocol):
    """Documents of OpenID providers. All raise `kit.outbound.NotAnswered` with words for whoever gave the address; nothing is kept from a failure for long."""

    async def discovery(self, issuer: str) -> Discovery:
        """Asked anew each time. Raises NotAnswered too when the document speaks for another issuer."""
        ...

    async def fresh_keys(self, jwks_url: str) -> list[VerifyingKey]:
        """Asked anew, and kept for `keys`. Raises NotAnswered too when no key is fit."""
        ...

    async def keys(self, jwks_url: str, kid: str | None) -> list[VerifyingKey]:
        """The provider's keys, kept for some minutes. For a `kid` that is not among them it is asked again, at most once a minute."""
        ...


@dataclass(frozen=True, kw_only=True)
class SocialApp:
    """A tenant's app at a social provider."""

    kind: SocialKind
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CodeGrant:
    """What came back from a social provider, and what belongs to it."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str


class CodeRefused(Exception):
    """The provider did not take the code, or what it gave for it does not hold."""


class SocialSignIn(Protocol):
    async def authorization_url(self, kind: SocialKind, *, client_id: str, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Where a browser is sent. Raises NotAnswered."""
        ...

    async def person(self, app: SocialApp, grant: CodeGrant, *, now: datetime) -> ExternalPerson:
        """Who has come back. Raises CodeRefused, NotAnswered."""
        ...

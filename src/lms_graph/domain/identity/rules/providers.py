"""What a tenant may set of its providers, where a sign-in may lead back to, and whose account somebody from outside may get."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from lms_graph.domain.identity.rules.tokens import USUAL, Algorithm
from lms_graph.kit.errors import Issue
from lms_graph.kit.text import is_one_line

ATTEMPT_LIFE = timedelta(minutes=10)
MAX_ISSUER, MAX_URL, MAX_PARTY, MAX_PARTIES, MAX_CLAIM = 255, 1_000, 255, 20, 100
MAX_CLIENT_ID, MIN_SECRET, MAX_SECRET = 255, 8, 512
MAX_IDENTITIES = 10  # of an account

# Who is known by these comes through `socialProviderSet`: under the keys of a tenant's own choice anybody could be them.
RESERVED = {"https://accounts.google.com", "accounts.google.com", "https://github.com"}

_ISSUER = re.compile(r"(?:https://|http://(?:localhost|127\.0\.0\.1)(?=[:/]|$))[!-~]+")
_URL = re.compile(r"https?://[!-~]+")
_CLAIM = re.compile(r"[!-~]+")
_REDIRECT = re.compile(r"(https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:/[!-~]*)?")


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """A tenant's own OpenID provider, as it is set. Without `jwks_url` the provider is asked for it."""

    issuer: str
    audience: Sequence[str] = ()
    jwks_url: str | None = None
    algorithms: Sequence[Algorithm] = field(default=USUAL)
    authorized_parties: Sequence[str] = ()
    email_claim: str = "email"
    email_verified_claim: str = "email_verified"
    name_claim: str = "name"
    is_enabled: bool = True


def issues_with_provider(settings: ProviderSettings) -> Iterator[Issue]:
    issuer = settings.issuer
    if len(issuer) > MAX_ISSUER or not _ISSUER.fullmatch(issuer) or {"#", "?", "\\"} & set(issuer):
        yield Issue(f"An issuer is an address that begins with `https://`, of up to {MAX_ISSUER} characters in ASCII, as it stands in the tokens' `iss`.", ("issuer",))
    if issuer.rstrip("/") in RESERVED:
        yield Issue("This is Google or GitHub: set them with `socialProviderSet`.", ("issuer",))
    if settings.jwks_url is not None and (len(settings.jwks_url) > MAX_URL or not _URL.fullmatch(settings.jwks_url)):
        yield Issue(f"The keys' address begins with `https://` and has up to {MAX_URL:,} characters in ASCII.", ("jwksUrl",))
    if not settings.audience and not settings.authorized_parties:
        yield Issue("Say whom tokens must be meant for: without `audience` or `authorizedParties` a token that was given to any other app would do.", ("audience",))
    for path, parties in (("audience", settings.audience), ("authorizedParties", settings.authorized_parties)):
        if len(parties) > MAX_PARTIES or any(not 0 < len(party) <= MAX_PARTY or not is_one_line(party) for party in parties):
            yield Issue(f"At most {MAX_PARTIES}, each of 1 to {MAX_PARTY} characters.", (path,))
    if not settings.algorithms:
        yield Issue("At least one algorithm.", ("algorithms",))
    for path, claim in (("emailClaim", settings.email_claim), ("emailVerifiedClaim", settings.email_verified_claim), ("nameClaim", settings.name_claim)):
        if len(claim) > MAX_CLAIM or not _CLAIM.fullmatch(claim):
            yield Issue(f"A claim's name has 1 to {MAX_CLAIM} characters in ASCII, without spaces.", (path,))


def issues_with_app(*, client_id: str, client_secret: str) -> Iterator[Issue]:
    if not 0 < len(client_id) <= MAX_CLIENT_ID or not _CLAIM.fullmatch(client_id):
        yield Issue(f"A client id has 1 to {MAX_CLIENT_ID} characters in ASCII, without spaces.", ("clientId",))
    if not MIN_SECRET <= len(client_secret) <= MAX_SECRET or not _CLAIM.fullmatch(client_secret):
        yield Issue(f"A client secret has {MIN_SECRET} to {MAX_SECRET} characters in ASCII, without spaces.", ("clientSecret",))


def may_lead_back(redirect_uri: str, origins: Collection[str]) -> bool:
    """Whether a sign-in may end there: on a page of an origin that the tenant lists by its full name. `*` lists none."""
    match = _REDIRECT.fullmatch(redirect_uri) if len(redirect_uri) <= MAX_URL else None
    return match is not None and match[1] in origins and not {"#", "\\"} & set(redirect_uri)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The account that has the address of somebody who comes from outside for the first time."""

    is_email_verified: bool
    has_password: bool
    has_identity: bool


def may_link(holder: Holder, *, is_email_verified: bool, is_own_provider: bool) -> bool:
    """Whether it is theirs. The provider says that it has verified the address, and so have we; or the tenant's own provider says so, and nobody can be in the account yet (invited, say).

    Who has an account under an address that nobody has verified may have made it in another's name, to be in it still when its owner comes (docs/decisions/0016).
    """
    return is_email_verified and (holder.is_email_verified or (is_own_provider and not holder.has_password and not holder.has_identity))

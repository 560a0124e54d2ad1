"""Coming in from outside: by a token of the tenant's own provider, or by way of Google or GitHub.

Whose account it is follows from issuer and subject. An address counts once, at the first use, and by the rule of `rules.providers.may_link` only.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import accounts, emails, presence, sessions
from lms_graph.domain.identity.operations.providers import sealed_about
from lms_graph.domain.identity.ports import CodeGrant, CodeRefused, ExternalPerson, OpenIdProviders, SocialApp, SocialSignIn
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.queries import external as queries
from lms_graph.domain.identity.queries import providers as provider_queries
from lms_graph.domain.identity.queries import sessions as session_queries
from lms_graph.domain.identity.queries.external import ProviderVersion
from lms_graph.domain.identity.rules import accounts as account_rules
from lms_graph.domain.identity.rules import providers as rules
from lms_graph.domain.identity.rules import throttles, tokens
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, LimitReached, NotFound, Unavailable
from lms_graph.kit.outbound import NotAnswered
from lms_graph.kit.secrets import SecretKeys, new_token, token_hash
from lms_graph.kit.text import email_key, is_one_line
from lms_graph.kit.throttle import Throttle, attempt
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, ChallengeKind, SocialKind
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True)
class Ways:
    """The ports through which somebody comes in."""

    openid: OpenIdProviders
    social: SocialSignIn
    secret_keys: SecretKeys
    throttle: Throttle


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What somebody brings: a token of the tenant's provider; or what came back from Google or GitHub."""

    token: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    redirect_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entered:
    """Who came in by a token, until when it holds, and by which setting of the provider."""

    account_id: UUID
    roles: frozenset[str]
    locale: str | None
    expires_at: datetime
    provider: ProviderVersion


@dataclass(frozen=True)
class Started:
    """Where the browser goes, and the state with which it comes back."""

    authorization_url: str = field(repr=False)
    state: str = field(repr=False)


async def enter(*, caller: Caller, openid: OpenIdProviders, token: str, throttle: Throttle) -> Entered:
    """Whose request it is that carries a token of the tenant's own provider. Its first use makes the account.

    Raises ProviderTokenInvalid, Unavailable, Busy, and what `_admit` does. Records at the first use AccountRegistered, ExternalIdentityLinked.
    """
    provider, verified = await _verified(caller, openid, token)
    person = verified.person
    found = await queries.account_of_identity(tenant_id=caller.tenant_id, issuer=person.issuer, subject=person.subject)
    if found is None:
        await _limit_strangers(caller, person, throttle)
        await _admit(caller, person, is_own_provider=True)
        found = await queries.account_of_identity(tenant_id=caller.tenant_id, issuer=person.issuer, subject=person.subject)
    if found is None or found["status"] != AccountStatus.ACTIVE:
        raise errors.AccountClosed()
    return Entered(account_id=found["id"], roles=frozenset(found["roles"]), locale=found["locale"], expires_at=verified.expires_at, provider=provider)


async def start_sign_in(*, caller: Caller, ways: Ways, kind: SocialKind, redirect_uri: str, link: bool) -> Started:
    """Begin a sign-in by way of Google or GitHub; with `link`, one that adds the identity to the caller's own account.

    Raises SignedOut and NotAllowed with `link`, Invalid for a redirect that the tenant does not list, NotFound when it has no such app, Unavailable, Busy.
    """
    account_id = await _own_account(caller) if link else None
    await ways.throttle.take(throttles.from_network(throttles.PROVIDER_FROM_NETWORK, caller))
    async with database.reading(caller):
        origins = await tenancy.origins_of_tenant(caller=caller)
        app = await provider_queries.social_app_or_none(caller=caller, kind=kind.value)
    if not rules.may_lead_back(redirect_uri, origins):
        raise Invalid(Issue("A sign-in leads back to a page of an origin that the school lists with `tenantUpdate` by name, or of its verified domains.", ("redirectUri",)))
    if app is None:
        raise NotFound("The school has no such way to sign in.", path=("provider",))
    state, nonce, verifier = new_token(), new_token(), new_token()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    try:
        url = await ways.social.authorization_url(kind, client_id=app["client_id"], redirect_uri=redirect_uri, state=state, nonce=nonce, challenge=challenge)
    except NotAnswered as error:
        raise Unavailable(f"The provider does not answer. {error}") from None
    secrets = ways.secret_keys.seal(orjson.dumps({"verifier": verifier, "nonce": nonce}), about=_attempt_about(caller, state))
    async with unit_of_work(caller):
        await database.fetch(
            "DELETE FROM login_attempts WHERE tenant_id = $1 AND id IN "
            "(SELECT id FROM login_attempts WHERE tenant_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)",
            caller.tenant_id,
            caller.now,
        )
        await rows.LoginAttempt.create(
            tenant_id=caller.tenant_id,
            kind=kind,
            state_hash=token_hash(state),
            sealed=secrets,
            redirect_uri=redirect_uri,
            account_id=account_id,
            created_at=caller.now,
            expires_at=caller.now + rules.ATTEMPT_LIFE,
        )
    return Started(url, state)


async def sign_in(*, caller: Caller, ways: Ways, proof: Proof) -> sessions.Entered:
    """Let in somebody whom a provider vouches for. The first use makes the account.

    Google and GitHub are one factor: an account that has a second one is asked for it. The school's own provider is the school's way to sign in, with the factors that it asks for.
    Raises Invalid, ProviderTokenInvalid, SignInExpired, Unavailable, Busy, and what `_admit` does. Records SessionOpened, at the first use AccountRegistered, ExternalIdentityLinked.
    """
    is_own_provider = proof.token is not None
    bucket = throttles.from_network(throttles.PROVIDER_FROM_NETWORK, caller)
    async with attempt(ways.throttle, bucket, wrong=(errors.ProviderTokenInvalid, errors.SignInExpired)):
        person = await _proved(caller, ways, proof, account_id=None)
    await _limit_strangers(caller, person, ways.throttle)
    async with unit_of_work(caller):
        admitted = await _admit(caller, person, is_own_provider=is_own_provider)
        if await account_queries.active_account_for_update(caller=caller, account_id=admitted.account_id) is None:
            raise errors.AccountClosed()
        if admitted.is_new or is_own_provider:
            session = await sessions.open_session(caller=caller, account_id=admitted.account_id, at_sign_up=admitted.is_new)
            return sessions.Entered(account_id=admitted.account_id, session=session, second_factor_token=None)
        return await sessions.enter(caller=caller, account_id=admitted.account_id)


async def link(*, caller: Caller, ways: Ways, proof: Proof) -> UUID:
    """Let whoever a provider vouches for into the caller's own account from now on, and give its id. Again, it changes nothing.

    Raises SignedOut, NotAllowed, Invalid, ProviderTokenInvalid, SignInExpired, Unavailable, IdentityTaken, LimitReached. Records ExternalIdentityLinked.
    """
    account_id = await _own_account(caller)
    person = await _proved(caller, ways, proof, account_id=account_id)
    async with unit_of_work(caller):
        known = await queries.lock_identity(caller=caller, issuer=person.issuer, subject=person.subject)
        if known and known["account_id"] != account_id:
            raise errors.IdentityTaken()
        if known is None:
            await rows.Account.for_caller(caller, id=account_id).select_for_update().get()
            if await queries.number_of_identities(caller=caller, account_id=account_id) >= rules.MAX_IDENTITIES:
                raise LimitReached(f"An account has at most {rules.MAX_IDENTITIES} identities of other providers.")
            await _bind(caller, person, account_id, is_new_account=False)
    return account_id


async def _own_account(caller: Caller) -> UUID:
    """Whoever links another way in must have come in a moment ago: a token that was copied makes none that lasts."""
    account_id = policies.require_in_person(caller)
    async with database.reading(caller):
        policies.require_sign_in(await session_queries.own_kind_or_none(caller=caller))
        if not await presence.is_fresh(caller):
            raise errors.SignInTooOld()
    return account_id


async def _proved(caller: Caller, ways: Ways, proof: Proof, *, account_id: UUID | None) -> ExternalPerson:
    """Who it is. A code's sign-in must have been started for the same end: to sign in, or to link to this account."""
    if proof.token is not None and proof.code is None and proof.state is None:
        return (await _verified(caller, ways.openid, proof.token))[1].person
    if proof.token is not None or not proof.code or not proof.state or not proof.redirect_uri:
        raise Invalid(Issue("Send either `token`, or `code`, `state` and `redirectUri`."))
    attempt = await _used_attempt(caller, proof.state)
    if attempt is None or attempt["expires_at"] <= caller.now or attempt["redirect_uri"] != proof.redirect_uri or attempt["account_id"] != account_id:
        raise errors.SignInExpired()
    secrets = orjson.loads(ways.secret_keys.open(bytes(attempt["sealed"]), about=_attempt_about(caller, proof.state)))
    kind = SocialKind(attempt["kind"])
    async with database.reading(caller):
        row = await provider_queries.social_app_or_none(caller=caller, kind=kind.value)
    if row is None:
        raise errors.SignInExpired("The school has closed this way.")
    secret = ways.secret_keys.open(bytes(row["sealed_client_secret"]), about=sealed_about(caller, kind)).decode()
    grant = CodeGrant(code=proof.code, verifier=secrets["verifier"], nonce=secrets["nonce"], redirect_uri=proof.redirect_uri)
    try:
        return await ways.social.person(SocialApp(kind=kind, client_id=row["client_id"], client_secret=secret), grant, now=caller.now)
    except CodeRefused as refusal:
        raise errors.SignInExpired(str(refusal)) from None
    except NotAnswered as error:
        raise Unavailable(f"The provider does not answer. {error}") from None


async def _used_attempt(caller: Caller, state: str) -> database.Record | None:
    """Committed by itself: whatever comes after, a state is used once."""
    if not state.isascii():
        return None
    async with unit_of_work(caller):
        return await database.fetch_one(
            "DELETE FROM login_attempts WHERE tenant_id = $1 AND state_hash = $2 RETURNING kind, sealed, redirect_uri, account_id, expires_at", caller.tenant_id, token_hash(state)
        )


async def _verified(caller: Caller, openid: OpenIdProviders, token: str) -> tuple[ProviderVersion, tokens.Verified]:
    provider = await queries.provider_of_tenant(tenant_id=caller.tenant_id)
    if provider is None:
        raise errors.ProviderTokenInvalid("This school takes no tokens of an OpenID provider.")
    expected = tokens.Expected(
        issuers=[provider["issuer"]],
        audience=provider["audience"],
        algorithms=provider["algorithms"],
        authorized_parties=provider["authorized_parties"],
        email_claim=provider["email_claim"],
        email_verified_claim=provider["email_verified_claim"],
        name_claim=provider["name_claim"],
    )
    try:
        unverified = tokens.read(token, algorithms=expected.algorithms)
        keys = await openid.keys(provider["jwks_url"], unverified.kid)
        verified = tokens.verify(unverified, keys, expected, now=caller.now)
    except tokens.TokenRefused as refusal:
        raise errors.ProviderTokenInvalid(str(refusal)) from None
    except NotAnswered:
        raise Unavailable("The keys of the school's identity provider cannot be read at the moment. Try again later.") from None
    return ProviderVersion(provider["id"], provider["updated_at"]), verified


async def _limit_strangers(caller: Caller, person: ExternalPerson, throttle: Throttle) -> None:
    """Whoever comes with an address that nobody has verified may be mailed for it: as often as a school may invite. Raises Busy."""
    if not person.is_email_verified and await queries.account_of_identity(tenant_id=caller.tenant_id, issuer=person.issuer, subject=person.subject) is None:
        await throttle.take(throttles.invitation(caller))


@dataclass(frozen=True)
class _Admitted:
    account_id: UUID
    is_new: bool = False


async def _admit(caller: Caller, person: ExternalPerson, *, is_own_provider: bool) -> _Admitted:
    """The account of somebody whom a provider vouches for: the one they had, the one that has their address where that proves enough, or a new one.

    Raises AccountClosed, AccountExists, EmailMissing. Records AccountRegistered, ExternalIdentityLinked, and EmailVerificationRequested where the provider has not verified the address.
    """
    async with unit_of_work(caller):
        known = await queries.lock_identity(caller=caller, issuer=person.issuer, subject=person.subject)
        if known is not None:
            if known["status"] != AccountStatus.ACTIVE:
                raise errors.AccountClosed()
            return _Admitted(known["account_id"])
        email = account_rules.clean_email(person.email or "")
        if account_rules.issues_with_account(email=email, name="x", password=None):
            raise errors.EmailMissing()
        holder = await queries.holder_for_update(caller=caller, email_key=email_key(email))
        if holder is None:
            return _Admitted(await _register(caller, person, email), is_new=True)
        facts = rules.Holder(is_email_verified=holder["is_email_verified"], has_password=holder["has_password"], has_identity=holder["has_identity"])
        if not rules.may_link(facts, is_email_verified=person.is_email_verified, is_own_provider=is_own_provider):
            raise errors.AccountExists()
        if holder["status"] != AccountStatus.ACTIVE:
            raise errors.AccountClosed()
        await rows.Account.for_caller(caller, id=holder["id"], email_verified_at__isnull=True).update(email_verified_at=caller.now)
        await _bind(caller, person, holder["id"], is_new_account=False)
        return _Admitted(holder["id"])


async def _register(caller: Caller, person: ExternalPerson, email: str) -> UUID:
    name = account_rules.clean_name(person.name or "")[: account_rules.MAX_NAME].strip()
    name = name if name and is_one_line(name) else email.partition("@")[0]
    try:
        account_id = await accounts.register(caller=caller, email=email, name=name, password=None, is_email_verified=person.is_email_verified)
    except errors.EmailTaken:  # by one who came at the same time
        raise errors.AccountExists() from None
    await _bind(caller, person, account_id, is_new_account=True)
    if not person.is_email_verified:
        await emails.pose_verification(caller=caller, account_id=account_id, email=email)
    return account_id


async def _bind(caller: Caller, person: ExternalPerson, account_id: UUID, *, is_new_account: bool) -> None:
    async with unit_of_work(caller) as work:
        if not is_new_account:  # whoever was invited has come
            await rows.Challenge.for_caller(caller, account_id=account_id, kind=ChallengeKind.INVITATION, used_at__isnull=True).delete()
        identity = await rows.ExternalIdentity.create(tenant_id=caller.tenant_id, account_id=account_id, issuer=person.issuer, subject=person.subject, created_at=caller.now)
        work.record(events.ExternalIdentityLinked(account_id=account_id, identity_id=identity.id, issuer=person.issuer, is_new_account=is_new_account))


def _attempt_about(caller: Caller, state: str) -> str:
    return f"login {caller.tenant_id} {token_hash(state).hex()}"

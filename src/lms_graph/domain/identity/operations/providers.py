"""Setting the tenant's own OpenID provider, and its apps at Google and GitHub."""

from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.ports import OpenIdProviders
from lms_graph.domain.identity.rules import providers as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, NotFound
from lms_graph.kit.ids import new_id
from lms_graph.kit.outbound import NotAnswered
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import SocialKind
from lms_graph.outbox.unit_of_work import unit_of_work


async def set_identity_provider(*, caller: Caller, openid: OpenIdProviders, settings: rules.ProviderSettings) -> UUID:
    """Take tokens of this provider from now on, in place of any before, and give its id. Its keys are read first.

    Raises SignedOut, NotAllowed, Invalid with every issue, ProviderUnreachable. Records IdentityProviderSet.
    """
    policies.require_may_set_providers(caller)
    if issues := [*rules.issues_with_provider(settings)]:
        raise Invalid(*issues)
    jwks_url = await _readable_keys(openid, settings)
    async with unit_of_work(caller) as work:
        # The time of the change is the setting's version, and so differs from the last one's, whatever the clocks say.
        row = await database.fetch_one(
            """
            INSERT INTO identity_providers AS p (tenant_id, id, issuer, audience, jwks_url, algorithms, authorized_parties, email_claim, email_verified_claim, name_claim, is_enabled,
                                                 created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
            ON CONFLICT (tenant_id) DO UPDATE SET
                issuer = excluded.issuer, audience = excluded.audience, jwks_url = excluded.jwks_url, algorithms = excluded.algorithms,
                authorized_parties = excluded.authorized_parties, email_claim = excluded.email_claim, email_verified_claim = excluded.email_verified_claim,
                name_claim = excluded.name_claim, is_enabled = excluded.is_enabled, updated_at = greatest(excluded.updated_at, p.updated_at + interval '1 microsecond')
            RETURNING id
            """,
            caller.tenant_id,
            new_id(),
            settings.issuer,
            list(dict.fromkeys(settings.audience)),
            jwks_url,
            [algorithm.value for algorithm in dict.fromkeys(settings.algorithms)],
            list(dict.fromkeys(settings.authorized_parties)),
            settings.email_claim,
            settings.email_verified_claim,
            settings.name_claim,
            settings.is_enabled,
            caller.now,
        )
        assert row is not None
        id: UUID = row["id"]
        work.record(events.IdentityProviderSet(provider_id=id, issuer=settings.issuer, enabled=settings.is_enabled))
    return id


async def _readable_keys(openid: OpenIdProviders, settings: rules.ProviderSettings) -> str:
    """Where the keys are, once one of them was read that the tenant takes."""
    path = "issuer" if settings.jwks_url is None else "jwksUrl"
    try:
        jwks_url = settings.jwks_url or (await openid.discovery(settings.issuer)).jwks_url
        keys = await openid.fresh_keys(jwks_url)
    except NotAnswered as error:
        raise errors.ProviderUnreachable(str(error), path=(path,)) from None
    if len(jwks_url) > rules.MAX_URL:
        raise errors.ProviderUnreachable(f"The address of the keys has more than {rules.MAX_URL:,} characters.", path=(path,))
    taken = {algorithm.value for algorithm in settings.algorithms}
    if not any(key.algorithms & taken for key in keys):
        signed = ", ".join(sorted({algorithm for key in keys for algorithm in key.algorithms}))
        raise Invalid(Issue(f"None of the provider's keys is for an algorithm that you take. They are for {signed}.", ("algorithms",)))
    return jwks_url


async def remove_identity_provider(*, caller: Caller, provider_id: UUID) -> None:
    """Take its tokens no more. Who is known by it stays so, should it come back. Raises SignedOut, NotAllowed, NotFound. Records IdentityProviderRemoved."""
    policies.require_may_set_providers(caller)
    async with unit_of_work(caller) as work:
        provider = await rows.IdentityProvider.for_caller(caller, id=provider_id).select_for_update().get_or_none()
        if provider is None:
            raise NotFound("There is no such provider.", path=("id",))
        await rows.IdentityProvider.for_caller(caller, id=provider_id).delete()
        work.record(events.IdentityProviderRemoved(provider_id=provider_id, issuer=provider.issuer))


async def set_social_provider(*, caller: Caller, secret_keys: SecretKeys, kind: SocialKind, client_id: str, client_secret: str) -> UUID:
    """Let people in by the tenant's app at Google or GitHub, and give its id. Raises SignedOut, NotAllowed, Invalid with every issue. Records SocialProviderSet."""
    policies.require_may_set_providers(caller)
    if issues := [*rules.issues_with_app(client_id=client_id, client_secret=client_secret)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        row = await database.fetch_one(
            """
            INSERT INTO social_providers (tenant_id, id, kind, client_id, sealed_client_secret, secret_last_four, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
            ON CONFLICT (tenant_id, kind) DO UPDATE SET client_id = excluded.client_id, sealed_client_secret = excluded.sealed_client_secret,
                secret_last_four = excluded.secret_last_four, updated_at = excluded.updated_at
            RETURNING id
            """,
            caller.tenant_id,
            new_id(),
            kind.value,
            client_id,
            secret_keys.seal(client_secret.encode(), about=sealed_about(caller, kind)),
            client_secret[-4:],
            caller.now,
        )
        assert row is not None
        id: UUID = row["id"]
        work.record(events.SocialProviderSet(provider_id=id, kind=kind.value))
    return id


async def remove_social_provider(*, caller: Caller, provider_id: UUID) -> None:
    """Let nobody in by it any more; its secret is forgotten. Raises SignedOut, NotAllowed, NotFound. Records SocialProviderRemoved."""
    policies.require_may_set_providers(caller)
    async with unit_of_work(caller) as work:
        provider = await rows.SocialProvider.for_caller(caller, id=provider_id).select_for_update().get_or_none()
        if provider is None:
            raise NotFound("There is no such provider.", path=("id",))
        await rows.SocialProvider.for_caller(caller, id=provider_id).delete()
        work.record(events.SocialProviderRemoved(provider_id=provider_id, kind=provider.kind.value))


def sealed_about(caller: Caller, kind: SocialKind) -> str:
    """What a client secret is bound to."""
    return f"social {caller.tenant_id} {kind.value}"

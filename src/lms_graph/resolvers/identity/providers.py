"""Root fields of other parties that vouch for people: setting them, and coming in by them."""

from typing import Annotated

import strawberry

from lms_graph.context import Context, Info
from lms_graph.domain.identity.operations import external, providers
from lms_graph.domain.identity.queries import providers as queries
from lms_graph.domain.identity.rules.providers import ProviderSettings
from lms_graph.kit.permissions import Permission
from lms_graph.types.costs import usually
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity.providers import (
    ExternalIdentityLinkInput,
    ExternalIdentityLinkPayload,
    IdentityProvider,
    IdentityProviderRemoveInput,
    IdentityProviderRemovePayload,
    IdentityProviderSetInput,
    IdentityProviderSetPayload,
    ProviderSignInInput,
    ProviderSignInPayload,
    ProviderSignInStartInput,
    ProviderSignInStartPayload,
    SocialProvider,
    SocialProviderRemoveInput,
    SocialProviderRemovePayload,
    SocialProviderSetInput,
    SocialProviderSetPayload,
)
from lms_graph.types.identity.sessions import Session


def _ways(context: Context) -> external.Ways:
    return external.Ways(context.adapters.openid, context.adapters.social, context.adapters.secret_keys, context.adapters.throttle)


@strawberry.type
class ProvidersQuery:
    @query(description="The tenant's own OpenID provider; null where there is none, and for everybody but its administrators.")
    async def identity_provider(self, info: Info) -> IdentityProvider | None:
        row = await queries.identity_provider_or_none(caller=info.context.caller)
        return None if row is None else IdentityProvider.from_row(row)

    @query(description="The tenant's apps at Google and GitHub; none for everybody but its administrators.", size=usually(2))
    async def social_providers(self, info: Info) -> list[SocialProvider]:
        return [SocialProvider.from_row(row) for row in await queries.social_providers(caller=info.context.caller)]


@strawberry.type
class ProvidersMutation:
    @mutation(
        description="Set whose tokens are taken, in place of any before: those who came in by an earlier setting come in anew. The provider's keys are read at once. The tenant's administrators, not API keys. "
        "Codes: INVALID, PROVIDER_UNREACHABLE.",
        cost=200,
        requires=[Permission.TENANT_MANAGE],
    )
    async def identity_provider_set(self, info: Info, input: Annotated[IdentityProviderSetInput, strawberry.argument(description="The provider.")]) -> IdentityProviderSetPayload:
        settings = ProviderSettings(
            issuer=input.issuer,
            audience=input.audience,
            jwks_url=input.jwks_url,
            algorithms=input.algorithms,
            authorized_parties=input.authorized_parties,
            email_claim=input.email_claim,
            email_verified_claim=input.email_verified_claim,
            name_claim=input.name_claim,
            is_enabled=input.enabled,
        )
        id = await providers.set_identity_provider(caller=info.context.caller, openid=info.context.adapters.openid, settings=settings)
        return IdentityProviderSetPayload(provider_id=id)

    @mutation(
        description="Take its tokens no more, at once. Who is known by it stays so, should it come back; sessions go on. The tenant's administrators, not API keys. Codes: NOT_FOUND.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def identity_provider_remove(
        self, info: Info, input: Annotated[IdentityProviderRemoveInput, strawberry.argument(description="Which one.")]
    ) -> IdentityProviderRemovePayload:
        await providers.remove_identity_provider(caller=info.context.caller, **input.as_arguments())
        return IdentityProviderRemovePayload(ok=True)

    @mutation(
        description="Let people in by the tenant's own app at Google or GitHub, in place of the one before. The tenant's administrators, not API keys. Codes: INVALID.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def social_provider_set(self, info: Info, input: Annotated[SocialProviderSetInput, strawberry.argument(description="The app.")]) -> SocialProviderSetPayload:
        id = await providers.set_social_provider(
            caller=info.context.caller, secret_keys=info.context.adapters.secret_keys, kind=input.provider, client_id=input.client_id, client_secret=input.client_secret
        )
        return SocialProviderSetPayload(provider_id=id)

    @mutation(description="Let nobody in by it any more, and forget its secret. The tenant's administrators, not API keys. Codes: NOT_FOUND.", requires=[Permission.TENANT_MANAGE])
    async def social_provider_remove(self, info: Info, input: Annotated[SocialProviderRemoveInput, strawberry.argument(description="Which one.")]) -> SocialProviderRemovePayload:
        await providers.remove_social_provider(caller=info.context.caller, **input.as_arguments())
        return SocialProviderRemovePayload(ok=True)

    @mutation(
        description="Begin to sign in with Google or GitHub, by authorization code with PKCE. Everybody; with `link`, whoever has signed in within ten minutes, else SIGN_IN_AGAIN. Codes: INVALID, NOT_FOUND, UNAVAILABLE. "
        "RATE_LIMITED after many from one network.",
        cost=50,
    )
    async def provider_sign_in_start(self, info: Info, input: Annotated[ProviderSignInStartInput, strawberry.argument(description="Which way.")]) -> ProviderSignInStartPayload:
        started = await external.start_sign_in(caller=info.context.caller, ways=_ways(info.context), kind=input.provider, redirect_uri=input.redirect_uri, link=input.link)
        return ProviderSignInStartPayload(authorization_url=started.authorization_url, state=started.state)

    @mutation(
        description="Open a session for somebody whom a provider vouches for; at first use a student's account is made. After Google or GitHub an account with a second factor is asked for it. Everybody. "
        "Codes: INVALID, TOKEN_INVALID, SIGN_IN_EXPIRED, ACCOUNT_EXISTS, ACCOUNT_CLOSED, EMAIL_MISSING, UNAVAILABLE. RATE_LIMITED after wrong ones from one network.",
        cost=200,
    )
    async def provider_sign_in(self, info: Info, input: Annotated[ProviderSignInInput, strawberry.argument(description="What the provider gave.")]) -> ProviderSignInPayload:
        entered = await external.sign_in(caller=info.context.caller, ways=_ways(info.context), proof=external.Proof(**input.as_arguments()))
        return ProviderSignInPayload(session=entered.session and Session.from_signed_in(entered.session), second_factor_token=entered.second_factor_token)

    @mutation(
        description="Let whoever a provider vouches for into the viewer's own account from now on; at most 10 an account. Again, it changes nothing. Whoever has signed in within ten minutes, else SIGN_IN_AGAIN. "
        "Codes: INVALID, TOKEN_INVALID, SIGN_IN_EXPIRED, CONFLICT, LIMIT_REACHED, UNAVAILABLE.",
        cost=200,
    )
    async def external_identity_link(
        self, info: Info, input: Annotated[ExternalIdentityLinkInput, strawberry.argument(description="What the provider gave.")]
    ) -> ExternalIdentityLinkPayload:
        account_id = await external.link(caller=info.context.caller, ways=_ways(info.context), proof=external.Proof(**input.as_arguments()))
        return ExternalIdentityLinkPayload(account_id=account_id)

"""A tenant's providers, as its administrators see them, and which ways in there are."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_PROVIDER = "SELECT id, issuer, audience, jwks_url, algorithms, authorized_parties, email_claim, email_verified_claim, name_claim, is_enabled, created_at, updated_at FROM identity_providers "
_SOCIAL = "SELECT id, kind, client_id, secret_last_four, created_at, updated_at FROM social_providers "


async def identity_provider_or_none(*, caller: Caller) -> database.Record | None:
    """The tenant's own, for its administrators."""
    if not caller.may(Permission.TENANT_MANAGE):
        return None
    return await database.fetch_one(_PROVIDER + "WHERE tenant_id = $1", caller.tenant_id)


async def identity_providers_by_ids(*, caller: Caller, provider_ids: list[UUID]) -> list[database.Record]:
    if not caller.may(Permission.TENANT_MANAGE):
        return []
    return await database.fetch(_PROVIDER + "WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, provider_ids)


async def social_providers(*, caller: Caller) -> list[database.Record]:
    """The tenant's apps, without their secrets, for its administrators."""
    if not caller.may(Permission.TENANT_MANAGE):
        return []
    return await database.fetch(_SOCIAL + "WHERE tenant_id = $1 ORDER BY kind", caller.tenant_id)


async def social_providers_by_ids(*, caller: Caller, provider_ids: list[UUID]) -> list[database.Record]:
    if not caller.may(Permission.TENANT_MANAGE):
        return []
    return await database.fetch(_SOCIAL + "WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, provider_ids)


async def social_app_or_none(*, caller: Caller, kind: str) -> database.Record | None:
    """With its sealed secret, for signing in."""
    return await database.fetch_one("SELECT id, client_id, sealed_client_secret FROM social_providers WHERE tenant_id = $1 AND kind = $2", caller.tenant_id, kind)


async def sign_in_ways(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """For everybody: TENANT where it takes tokens of its own provider, and the social ones."""
    return await database.fetch(
        """
        SELECT tenant_id, 'TENANT' AS kind, 0 AS place FROM identity_providers WHERE tenant_id = $1 AND tenant_id = ANY($2) AND is_enabled
        UNION ALL
        SELECT tenant_id, kind, CASE kind WHEN 'GOOGLE' THEN 1 ELSE 2 END FROM social_providers WHERE tenant_id = $1 AND tenant_id = ANY($2)
        ORDER BY place
        """,
        caller.tenant_id,
        tenant_ids,
    )

"""Who is known by a provider. The first two, and the last, as the system role: they come before anybody is known."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True)
class ProviderVersion:
    """By which setting of a tenant's provider somebody came in."""

    id: UUID
    updated_at: datetime


async def provider_of_tenant(*, tenant_id: UUID) -> database.Record | None:
    """The tenant's own provider while it is enabled, with all that verifying takes."""
    rows = await database.fetch_as_system(
        "SELECT id, updated_at, issuer, audience, jwks_url, algorithms, authorized_parties, email_claim, email_verified_claim, name_claim FROM identity_providers WHERE tenant_id = $1",
        tenant_id,
    )
    return rows[0] if rows else None


async def account_of_identity(*, tenant_id: UUID, issuer: str, subject: str) -> database.Record | None:
    """`id`, `status`, `locale` and `roles` of whose account it is."""
    rows = await database.fetch_as_system(
        """
        SELECT a.id, a.status, a.locale, ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles
        FROM external_identities e JOIN accounts a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
        WHERE e.tenant_id = $1 AND e.issuer = $2 AND e.subject = $3
        """,
        tenant_id,
        issuer,
        subject,
    )
    return rows[0] if rows else None


async def lock_identity(*, caller: Caller, issuer: str, subject: str) -> database.Record | None:
    """`account_id` and `status` of whose account it is. Until the transaction ends nobody else gets an answer for this identity: of two first uses the second finds the first one's account."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{caller.tenant_id} {issuer} {subject}")
    return await database.fetch_one(
        "SELECT e.account_id, a.status FROM external_identities e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id "
        "WHERE e.tenant_id = $1 AND e.issuer = $2 AND e.subject = $3",
        caller.tenant_id,
        issuer,
        subject,
    )


async def holder_for_update(*, caller: Caller, email_key: str) -> database.Record | None:
    """The account that has an address, locked, with what tells whose it is."""
    return await database.fetch_one(
        """
        SELECT a.id, a.status, a.email_verified_at IS NOT NULL AS is_email_verified, a.password_hash IS NOT NULL AS has_password,
               EXISTS (SELECT FROM external_identities e WHERE e.tenant_id = $1 AND e.account_id = a.id) AS has_identity
        FROM accounts a WHERE a.tenant_id = $1 AND a.email_key = $2 FOR UPDATE OF a
        """,
        caller.tenant_id,
        email_key,
    )


async def number_of_identities(*, caller: Caller, account_id: UUID) -> int:
    number: int = await database.fetch_value("SELECT count(*) FROM external_identities WHERE tenant_id = $1 AND account_id = $2", caller.tenant_id, account_id)
    return number


async def roles_by_provider(*, entered: Collection[tuple[UUID, UUID, ProviderVersion]]) -> dict[tuple[UUID, UUID, ProviderVersion], frozenset[str]]:
    """Of these, each a tenant, an account and the setting by which it came in: those whose account is active and whose provider stands as it did, with the account's roles."""
    asked = list(entered)
    rows = await database.fetch_as_system(
        """
        SELECT asked.place, ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) WITH ORDINALITY AS asked (tenant_id, account_id, provider_id, updated_at, place)
        JOIN accounts a ON a.tenant_id = asked.tenant_id AND a.id = asked.account_id AND a.status = 'ACTIVE'
        JOIN identity_providers p ON p.tenant_id = asked.tenant_id AND p.id = asked.provider_id AND p.updated_at = asked.updated_at AND p.is_enabled
        """,
        [tenant_id for tenant_id, _, _ in asked],
        [account_id for _, account_id, _ in asked],
        [version.id for _, _, version in asked],
        [version.updated_at for _, _, version in asked],
    )
    return {asked[row["place"] - 1]: frozenset(row["roles"]) for row in rows}

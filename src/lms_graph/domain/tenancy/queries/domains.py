"""Host names and mail domains of tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_PROOF = "tenant_id, id, host, status, verification_token, verified_at, checked_at, missing_since, missed_checks, problem"


@dataclass(frozen=True)
class Due:
    """Something proven whose proof is to be looked up again."""

    tenant_id: UUID
    id: UUID


async def domains_of_tenants(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """The verified domains, primary first."""
    return await database.fetch(
        "SELECT tenant_id, host, is_primary FROM domains WHERE tenant_id = $1 AND tenant_id = ANY($2) AND status = 'VERIFIED' ORDER BY is_primary DESC, host",
        caller.tenant_id,
        tenant_ids,
    )


async def claimed_by_tenants(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """All domains of the caller's own tenant, primary first, for its administrators; of others, for the platform's, those that are verified."""
    rows: list[database.Record] = []
    if caller.tenant_id in tenant_ids and caller.may(Permission.TENANT_MANAGE):
        rows += await database.fetch(f"SELECT {_PROOF}, is_primary FROM domains WHERE tenant_id = $1 ORDER BY is_primary DESC, host", caller.tenant_id)
    others = [id for id in tenant_ids if id != caller.tenant_id]
    if others and caller.may(Permission.TENANTS_MANAGE):
        rows += await database.fetch_as_system(f"SELECT {_PROOF}, is_primary FROM domains WHERE tenant_id = ANY($1) ORDER BY is_primary DESC, host", others)
    return rows


async def domains_by_ids(*, caller: Caller, domain_ids: list[UUID]) -> list[database.Record]:
    """Of these the tenant's own, for its administrators; nothing for everybody else. The platform's see verified ones of any tenant."""
    if caller.may(Permission.TENANTS_MANAGE):
        seen = await database.fetch_as_system(f"SELECT {_PROOF}, is_primary FROM domains WHERE id = ANY($1) AND tenant_id <> $2", domain_ids, caller.tenant_id)
    else:
        seen = []
    if not caller.may(Permission.TENANT_MANAGE):
        return seen
    own = await database.fetch(f"SELECT {_PROOF}, is_primary FROM domains WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, domain_ids)
    return [*own, *seen]


async def mail_domain_of_tenants(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """The caller's own tenant's, for its administrators."""
    if caller.tenant_id not in tenant_ids or not caller.may(Permission.TENANT_MANAGE):
        return []
    return await database.fetch(f"SELECT {_PROOF} FROM mail_domains WHERE tenant_id = $1", caller.tenant_id)


async def domain_for_update(*, caller: Caller, domain_id: UUID) -> database.Record | None:
    return await database.fetch_one(f"SELECT {_PROOF}, is_primary FROM domains WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, domain_id)


async def domain_id_by_host(*, caller: Caller, host: str) -> UUID | None:
    """Of the caller's tenant, whatever its status."""
    id: UUID | None = await database.fetch_value("SELECT id FROM domains WHERE tenant_id = $1 AND host = $2", caller.tenant_id, host)
    return id


async def mail_domain_for_update(*, caller: Caller) -> database.Record | None:
    return await database.fetch_one(f"SELECT {_PROOF} FROM mail_domains WHERE tenant_id = $1 FOR UPDATE", caller.tenant_id)


async def count_of_domains(*, caller: Caller) -> int:
    count: int = await database.fetch_value("SELECT count(*) FROM domains WHERE tenant_id = $1", caller.tenant_id)
    return count


async def verified_hosts(*, caller: Caller) -> list[str]:
    """The caller's tenant's, longest proven first."""
    rows: list[Any] = await database.fetch("SELECT host FROM domains WHERE tenant_id = $1 AND status = 'VERIFIED' ORDER BY verified_at NULLS FIRST, id", caller.tenant_id)
    return [row["host"] for row in rows]


_DUE = "SELECT tenant_id, id FROM {table} WHERE verification_token IS NOT NULL AND coalesce(checked_at, verified_at) <= $1 ORDER BY coalesce(checked_at, verified_at) LIMIT $2"


async def domains_due(*, checked_before: datetime, limit: int) -> list[Due]:
    """Verified domains with a proof that was not looked up since, longest ago first. As the system role, which sees verified ones alone."""
    return [Due(row["tenant_id"], row["id"]) for row in await database.fetch_as_system(_DUE.format(table="domains"), checked_before, limit)]


async def mail_domains_due(*, checked_before: datetime, limit: int) -> list[Due]:
    """The same of mail domains."""
    return [Due(row["tenant_id"], row["id"]) for row in await database.fetch_as_system(_DUE.format(table="mail_domains"), checked_before, limit)]

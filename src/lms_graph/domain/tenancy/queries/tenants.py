"""Tenants, as their visitors, those who run them and the platform read them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_BRAND = "id, slug, name, logo_file_id, primary_color, locale, currency, support_email, refund_days, refund_max_progress_percent"
_TENANT = (
    f"{_BRAND}, is_introspection_open, is_explorer_served, allowed_origins, platform_fee_bps, storefront_url, from_name, mail_from, mail_from_verified_at, suspended_at, created_at"
)
_PAGE = (Term("slug", "slug", "text"), Term("id", "id", "uuid"))
_SEARCHED = "($1::text IS NULL OR strpos(lower(name), lower($1)) > 0 OR strpos(slug, lower($1)) > 0)"


@dataclass(frozen=True)
class Sender:
    """Who speaks in a tenant's mails and pages: its brand, where its links lead, and the address its mails come from; each None where nothing is set."""

    name: str
    logo_file_id: UUID | None
    primary_color: str
    support_email: str | None
    locale: str
    home_url: str | None
    from_name: str | None
    mail_from: str | None


@dataclass(frozen=True)
class SellingTerms:
    """What the platform keeps of a tenant's sales, in basis points, and for how many days money is given back."""

    platform_fee_bps: int
    refund_days: int
    refund_max_progress_percent: int
    currency: str


async def selling_terms(*, caller: Caller) -> SellingTerms:
    row: Any = await database.fetch_one("SELECT platform_fee_bps, refund_days, refund_max_progress_percent, currency FROM tenants WHERE tenant_id = $1", caller.tenant_id)
    assert row is not None, "a caller's tenant exists"
    return SellingTerms(**row)


async def storefront(*, caller: Caller) -> database.Record:
    """The caller's tenant as its storefront shows it."""
    row = await database.fetch_one(f"SELECT {_BRAND} FROM tenants WHERE tenant_id = $1", caller.tenant_id)
    assert row is not None, "a caller's tenant exists"
    return row


async def sender(*, caller: Caller) -> Sender:
    """How the caller's tenant speaks to its people. Links lead to its storefront, else to its primary host; `mail_from` is there only while its domain is proven."""
    row: Any = await database.fetch_one(
        """
        SELECT t.name, t.logo_file_id, t.primary_color, t.support_email, t.locale, t.from_name,
               coalesce(t.storefront_url, (
                   SELECT 'https://' || d.host FROM domains d WHERE d.tenant_id = t.tenant_id AND d.status = 'VERIFIED' ORDER BY d.is_primary DESC, d.host LIMIT 1
               )) AS home_url,
               CASE WHEN t.mail_from_verified_at IS NOT NULL THEN t.mail_from END AS mail_from
        FROM tenants t WHERE t.tenant_id = $1
        """,
        caller.tenant_id,
    )
    assert row is not None, "a caller's tenant exists"
    return Sender(**row)


async def tenant_or_none(*, caller: Caller) -> database.Record | None:
    """The caller's tenant with all that its administrators may read; None for everybody else."""
    found = await tenants_by_ids(caller=caller, tenant_ids=[caller.tenant_id])
    return found[0] if found else None


async def tenants_by_ids(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """For the platform's administrators any of these, as the system role; for a tenant's own the one; nothing for everybody else."""
    if caller.may(Permission.TENANTS_MANAGE):
        return await database.fetch_as_system(f"SELECT {_TENANT} FROM tenants WHERE tenant_id = ANY($1)", tenant_ids)
    if not caller.may(Permission.TENANT_MANAGE) or caller.tenant_id not in tenant_ids:
        return []
    return await database.fetch(f"SELECT {_TENANT} FROM tenants WHERE tenant_id = $1", caller.tenant_id)


async def page_of_tenants(*, caller: Caller, request: PageRequest, search: str | None, cursors: Cursors) -> Page[Any]:
    """All tenants of the deployment by slug, for the platform's administrators, as the system role. Raises SignedOut, NotAllowed, Invalid."""
    caller.require(Permission.TENANTS_MANAGE)
    search = (search or "").strip() or None
    part = keyset(cursors, request, _PAGE, of=("tenants", search or ""), offset=1)
    rows = await database.fetch_as_system(
        f"SELECT {_TENANT}, slug AS _slug, id AS _id FROM tenants WHERE {_SEARCHED} AND {part.where} ORDER BY {part.order_by} LIMIT {part.limit}", search, *part.parameters
    )
    return part.page(rows)


async def count_of_tenants(*, caller: Caller, search: str | None) -> int:
    """How many the list has."""
    caller.require(Permission.TENANTS_MANAGE)
    ((count,),) = await database.fetch_as_system(f"SELECT count(*) FROM tenants WHERE {_SEARCHED}", (search or "").strip() or None)
    return int(count)


async def lock_tenant(*, caller: Caller) -> database.Record | None:
    """The caller's tenant, its row locked: whoever changes it or its domains takes turns. What merely refers to it goes on meanwhile."""
    return await database.fetch_one(f"SELECT {_TENANT}, kind FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE", caller.tenant_id)


async def suspended_among(*, tenant_ids: Collection[UUID]) -> set[UUID]:
    """Which of these the platform has suspended. As the system role."""
    rows = await database.fetch_as_system("SELECT id FROM tenants WHERE tenant_id = ANY($1) AND suspended_at IS NOT NULL", list(tenant_ids))
    return {row["id"] for row in rows}


async def tenant_id_by_slug(*, slug: str) -> UUID | None:
    """As the system role."""
    async with database.as_system() as connection:
        id: UUID | None = await connection.fetchval("SELECT id FROM tenants WHERE slug = $1", slug)
    return id


async def platform_id_or_none() -> UUID | None:
    """The platform's own tenant. As the system role."""
    rows = await database.fetch_as_system("SELECT id FROM tenants WHERE kind = 'PLATFORM'")
    return rows[0]["id"] if rows else None


async def is_platform(*, caller: Caller) -> bool:
    """Whether the caller's tenant is the platform's own."""
    return bool(await database.fetch_value("SELECT kind = 'PLATFORM' FROM tenants WHERE tenant_id = $1", caller.tenant_id))


async def origins_of_tenant(*, caller: Caller) -> list[str]:
    """The origins that the tenant lists, and its verified domains'."""
    origins: list[str] = await database.fetch_value(
        "SELECT t.allowed_origins || ARRAY(SELECT 'https://' || d.host FROM domains d WHERE d.tenant_id = $1 AND d.status = 'VERIFIED') FROM tenants t WHERE t.tenant_id = $1",
        caller.tenant_id,
    )
    return origins

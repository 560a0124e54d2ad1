"""Tenants, as their visitors and those who run them read them."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database


async def storefront(*, caller: Caller) -> database.Record:
    """The caller's tenant as its storefront shows it."""
    row = await database.fetch_one("SELECT id, slug, name, logo_file_id, primary_color, locale, currency, support_email FROM tenants WHERE tenant_id = $1", caller.tenant_id)
    assert row is not None, "a caller's tenant exists"
    return row


async def tenant_or_none(*, caller: Caller) -> database.Record | None:
    """The caller's tenant with all that its administrators may read; None for everybody else."""
    if not caller.may(Permission.TENANT_MANAGE):
        return None
    return await database.fetch_one(
        "SELECT id, slug, name, logo_file_id, primary_color, locale, currency, support_email, is_introspection_open, is_explorer_served, allowed_origins "
        "FROM tenants WHERE tenant_id = $1",
        caller.tenant_id,
    )


async def tenant_id_by_slug(*, slug: str) -> UUID | None:
    """As the system role."""
    async with database.as_system() as connection:
        id: UUID | None = await connection.fetchval("SELECT id FROM tenants WHERE slug = $1", slug)
    return id

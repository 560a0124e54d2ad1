"""The public pages of those who teach."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.text import is_storable
from lms_graph.models import database

_INSTRUCTOR = (
    "SELECT i.id, i.slug, i.headline, i.bio_markdown, i.bio_html, a.name, a.avatar_file_id FROM instructors i "
    "JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.id AND a.status <> 'ERASED' "
)


async def instructors_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Public pages; an instructor's id is the account's."""
    return await database.fetch(_INSTRUCTOR + "WHERE i.tenant_id = $1 AND i.id = ANY($2)", caller.tenant_id, account_ids)


async def instructor_by_slug(*, caller: Caller, slug: str) -> database.Record | None:
    if not is_storable(slug):
        return None
    return await database.fetch_one(_INSTRUCTOR + "WHERE i.tenant_id = $1 AND i.slug = $2", caller.tenant_id, slug)

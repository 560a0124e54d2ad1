"""The public pages of those who teach."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.text import is_storable
from lms_graph.models import database

PAGES = "instructors p JOIN accounts a ON a.tenant_id = p.tenant_id AND a.id = p.id AND a.status <> 'ERASED'"
"""Where the public pages are found, by `p.tenant_id` and `p.id`: for statements of areas above, too."""


def columns(*, bios: bool = True, prefix: str = "") -> str:
    """Of `PAGES`. Without `bios` those are empty: they are long. `prefix` stands before `id` and `slug`, where a course in the same row has its own."""
    bio = "p.bio_markdown, p.bio_html" if bios else "'' AS bio_markdown, '' AS bio_html"
    return f"p.id AS {prefix}id, p.slug AS {prefix}slug, p.headline, {bio}, a.name, a.avatar_file_id"


async def instructors_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Public pages; an instructor's id is the account's."""
    return await database.fetch(f"SELECT {columns()} FROM {PAGES} WHERE p.tenant_id = $1 AND p.id = ANY($2)", caller.tenant_id, account_ids)


async def instructor_by_slug(*, caller: Caller, slug: str) -> database.Record | None:
    if not is_storable(slug):
        return None
    return await database.fetch_one(f"SELECT {columns()} FROM {PAGES} WHERE p.tenant_id = $1 AND p.slug = $2", caller.tenant_id, slug)

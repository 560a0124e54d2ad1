"""Learning paths, as visitors and those who manage the catalog see them."""

from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_COLUMNS = "p.id, p.slug, p.title, p.description_markdown, p.description_html, p.published_at, p.created_at, p.updated_at"
_TERMS = [Term("CREATED_AT", "p.created_at", "timestamptz", descending=True), Term("ID", "p.id", "uuid", descending=True)]


def _is_seen(caller: Caller) -> str:
    return "TRUE" if caller.may(Permission.COURSES_MANAGE) else "p.published_at IS NOT NULL"


async def path_by_slug(*, caller: Caller, slug: str) -> database.Record | None:
    """A published path, or any for those who manage all courses."""
    return await database.fetch_one(f"SELECT {_COLUMNS} FROM paths p WHERE p.tenant_id = $1 AND p.slug = $2 AND {_is_seen(caller)}", caller.tenant_id, slug)


async def visible_paths_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Published ones, or any for those who manage all courses."""
    return await database.fetch(f"SELECT {_COLUMNS} FROM paths p WHERE p.tenant_id = $1 AND p.id = ANY($2) AND {_is_seen(caller)}", caller.tenant_id, ids)


async def paths_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Paths in any state, for those who have or sell them already."""
    return await database.fetch(f"SELECT {_COLUMNS} FROM paths p WHERE p.tenant_id = $1 AND p.id = ANY($2)", caller.tenant_id, ids)


async def page_of_paths(*, caller: Caller, cursors: Cursors, request: PageRequest, is_published: bool | None) -> Page[Any]:
    """The paths that the caller sees, newest first; of those published ones, or others, alone."""
    keys = keyset(cursors, request, _TERMS, of=("paths", caller.tenant_id), offset=1)
    rows = await database.fetch(
        f'SELECT {_COLUMNS}, p.created_at AS "_CREATED_AT", p.id AS "_ID" FROM paths p WHERE p.tenant_id = $1 AND {_chosen(caller, is_published)} AND {keys.where} '
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        *keys.parameters,
    )
    return keys.page(rows)


async def count_paths(*, caller: Caller, is_published: bool | None) -> int:
    return int(await database.fetch_value(f"SELECT count(*) FROM paths p WHERE p.tenant_id = $1 AND {_chosen(caller, is_published)}", caller.tenant_id))


def _chosen(caller: Caller, is_published: bool | None) -> str:
    return _is_seen(caller) + ("" if is_published is None else f" AND p.published_at IS {'NOT ' if is_published else ''}NULL")


async def steps_of_paths(*, caller: Caller, path_ids: list[UUID]) -> list[database.Record]:
    """`path_id`, `course_id`, `position` and `is_required` of each course, in the paths' order."""
    return await database.fetch(
        "SELECT path_id, course_id, position, is_required FROM path_courses WHERE tenant_id = $1 AND path_id = ANY($2) ORDER BY path_id, position", caller.tenant_id, path_ids
    )


async def courses_of_paths(*, caller: Caller, path_ids: list[UUID]) -> dict[UUID, list[UUID]]:
    """What each path is made of now, in its order: for those who sell it. A path that is not there is left out."""
    found: dict[UUID, list[UUID]] = {}
    for row in await steps_of_paths(caller=caller, path_ids=path_ids):
        found.setdefault(row["path_id"], []).append(row["course_id"])
    return found


async def paths_with_course(*, caller: Caller, course_id: UUID) -> list[UUID]:
    """The ids of the paths in which a course is, published or not: for those who sell them."""
    return [row["path_id"] for row in await database.fetch("SELECT path_id FROM path_courses WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id)]


def is_published(path: str) -> str:
    """The condition that a path is in the catalog, for statements of areas above; `$1` is the tenant, the other is a column or parameter."""
    return f"EXISTS (SELECT FROM paths p WHERE p.tenant_id = $1 AND p.id = {path} AND p.published_at IS NOT NULL)"


async def lock_path(*, caller: Caller, path_id: UUID) -> database.Record | None:
    """A path, locked until the unit of work ends."""
    return await database.fetch_one(f"SELECT {_COLUMNS} FROM paths p WHERE p.tenant_id = $1 AND p.id = $2 FOR UPDATE", caller.tenant_id, path_id)

"""What offers sell: the courses behind each subject, and what keeps it from being sold."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import browse, paths
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.catalog import CourseStatus
from lms_graph.models.commerce import OfferSubject

Subject = tuple[OfferSubject, UUID | None]


@dataclass(frozen=True)
class Contents:
    """A subject's title and its courses in order; `problem` is why it is not sold now."""

    title: str
    course_ids: tuple[UUID, ...]
    problem: str | None = None


async def contents_of(*, caller: Caller, subjects: Collection[Subject]) -> dict[Subject, Contents]:
    """What is behind each; those that do not exist are left out."""
    bundle_ids = [id for subject, id in subjects if subject is OfferSubject.BUNDLE and id]
    bundles = {row["id"]: row for row in await bundles_by_ids(caller=caller, ids=bundle_ids)} if bundle_ids else {}
    single = [id for subject, id in subjects if subject in (OfferSubject.COURSE, OfferSubject.SEATS) and id]
    path_ids = [id for subject, id in subjects if subject is OfferSubject.PATH and id]
    ways = {row["id"]: row for row in await paths.paths_by_ids(caller=caller, ids=path_ids)} if path_ids else {}
    steps = await paths.courses_of_paths(caller=caller, path_ids=path_ids) if path_ids else {}
    course_ids = list({*single, *(id for row in bundles.values() for id in row["course_ids"]), *(id for ids in steps.values() for id in ids)})
    courses = {row["id"]: row for row in await browse.courses_by_ids(caller=caller, ids=course_ids)} if course_ids else {}
    found: dict[Subject, Contents] = {}
    for subject, id in subjects:
        if subject is OfferSubject.ALL_ACCESS:
            found[subject, id] = Contents("All courses", ())
        elif subject is OfferSubject.INSTRUCTOR_PREMIUM:
            found[subject, id] = Contents("Premium instructor", ())
        elif subject is OfferSubject.BUNDLE and id in bundles:
            problem = None if bundles[id]["is_active"] else "This bundle is not sold any more."
            found[subject, id] = Contents(bundles[id]["title"], tuple(bundles[id]["course_ids"]), problem or _unpublished(courses, bundles[id]["course_ids"]))
        elif subject is OfferSubject.PATH and id is not None and id in ways:
            problem = "This path is not published." if ways[id]["published_at"] is None else None if id in steps else "This path has no courses."
            found[subject, id] = Contents(ways[id]["title"], tuple(steps.get(id, ())), problem or _unpublished(courses, steps.get(id, [])))
        elif subject in (OfferSubject.COURSE, OfferSubject.SEATS) and id is not None and id in courses:
            found[subject, id] = Contents(courses[id]["title"], (id,), _unpublished(courses, [id]))
    return found


def _unpublished(courses: Mapping[UUID, Any], ids: Sequence[UUID]) -> str | None:
    hidden = [courses[id]["slug"] for id in ids if courses[id]["status"] != CourseStatus.PUBLISHED]
    return f"The course {hidden[0]} is not published." if hidden else None


BUNDLE = (
    "b.id, b.slug, b.title, b.description_markdown, b.description_html, b.is_active, b.created_at, "
    "ARRAY(SELECT i.course_id FROM bundle_courses i WHERE i.tenant_id = b.tenant_id AND i.bundle_id = b.id ORDER BY i.position) AS course_ids"
)


async def bundles_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    return await database.fetch(f"SELECT {BUNDLE} FROM bundles b WHERE b.tenant_id = $1 AND b.id = ANY($2)", caller.tenant_id, ids)


async def subjects_with_course(*, caller: Caller, course_id: UUID) -> list[UUID]:
    """The ids of what an offer could sell to open a course: itself, and the bundles and paths in which it is."""
    rows = await database.fetch("SELECT bundle_id FROM bundle_courses WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course_id)
    return [course_id, *(row["bundle_id"] for row in rows), *await paths.paths_with_course(caller=caller, course_id=course_id)]


_BY_AGE = [Term("created_at", "b.created_at", "timestamptz", descending=True), Term("id", "b.id", "uuid", descending=True)]


async def visible_bundles_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Those that are sold; for who manages offers any."""
    return await database.fetch(f"SELECT {BUNDLE} FROM bundles b WHERE b.tenant_id = $1 AND ($2 OR b.is_active) AND b.id = ANY($3)", caller.tenant_id, _sees_all(caller), ids)


async def bundle_by_slug(*, caller: Caller, slug: str) -> database.Record | None:
    """One that is sold; for who manages offers any."""
    return await database.fetch_one(f"SELECT {BUNDLE} FROM bundles b WHERE b.tenant_id = $1 AND ($2 OR b.is_active) AND b.slug = $3", caller.tenant_id, _sees_all(caller), slug)


async def page_of_bundles(*, caller: Caller, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """The latest first: those that are sold; for who manages offers all."""
    keys = keyset(cursors, request, _BY_AGE, of=("bundles", caller.tenant_id, _sees_all(caller)), offset=2)
    rows = await database.fetch(
        f"SELECT {BUNDLE}, b.created_at AS _created_at, b.id AS _id FROM bundles b WHERE b.tenant_id = $1 AND ($2 OR b.is_active) AND {keys.where} "
        f"ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        _sees_all(caller),
        *keys.parameters,
    )
    return keys.page(rows)


async def count_bundles(*, caller: Caller) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM bundles b WHERE b.tenant_id = $1 AND ($2 OR b.is_active)", caller.tenant_id, _sees_all(caller)))


def _sees_all(caller: Caller) -> bool:
    return caller.may(Permission.OFFERS_MANAGE)

"""What a version of a course consists of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from cachetools import LRUCache

from lms_graph.kit.caller import Caller
from lms_graph.models import database

VERSION = "v.id, v.course_id, v.number, v.published_at, v.title, v.description_markdown, v.description_html, v.outcomes, v.requirements, v.lecture_count, v.duration_seconds"
LECTURE = (
    "l.version_id, l.section_id, l.lecture_id, l.content_id, l.title, l.content_type, l.position, l.duration_seconds, l.is_preview, l.is_required, l.completion_kind, "
    "l.completion_target, l.release, v.course_id"
)


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Outline:
    """A version's sections in order, the lectures of each in order, and all of them by their ids and by their places in the course."""

    sections: list[database.Record] = field(default_factory=list)
    in_section: dict[UUID, list[database.Record]] = field(default_factory=dict)
    lectures: dict[UUID, database.Record] = field(default_factory=dict)
    at: dict[int, database.Record] = field(default_factory=dict)
    beside: dict[object, Any] = field(default_factory=dict)
    """What an edge makes of it, the same for everybody, and keeps for as long as it is kept."""


# In bytes, as estimated; what the edges make of an outline, and keep beside it, counts.
_versions: LRUCache[tuple[UUID, UUID], database.Record] = LRUCache(16_000_000, getsizeof=lambda row: 2_000 + sum(len(text) for text in row.values() if isinstance(text, str)))
_outlines: LRUCache[tuple[UUID, UUID], Outline] = LRUCache(48_000_000, getsizeof=lambda outline: 2_000 * (1 + len(outline.sections) + len(outline.lectures)))


@dataclass(frozen=True)
class VersionTitle:
    """What a certificate says of a course."""

    title: str
    instructor_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class CourseTerms:
    """On what terms a course can be begun."""

    id: UUID
    is_published: bool
    is_open: bool
    published_version_id: UUID | None


async def course_terms(*, caller: Caller, course_id: UUID) -> CourseTerms | None:
    row = await database.fetch_one("SELECT id, status, enrollment_policy, published_version_id FROM courses WHERE tenant_id = $1 AND id = $2", caller.tenant_id, course_id)
    return CourseTerms(row["id"], row["status"] == "PUBLISHED", row["enrollment_policy"] == "OPEN", row["published_version_id"]) if row else None


async def course_id_by_slug(*, caller: Caller, slug: str) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM courses WHERE tenant_id = $1 AND slug = $2", caller.tenant_id, slug)
    return id


async def source_of_version(*, caller: Caller, version_id: UUID) -> str | None:
    """The digest of the folder that a version was imported from."""
    digest: str | None = await database.fetch_value("SELECT source_sha256 FROM course_versions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, version_id)
    return digest


async def version_title(*, caller: Caller, version_id: UUID) -> VersionTitle:
    """A version's title and the course's instructors, in their order."""
    row = await database.fetch_one(
        "SELECT v.title, ARRAY(SELECT i.account_id FROM course_instructors i WHERE i.tenant_id = v.tenant_id AND i.course_id = v.course_id ORDER BY i.position) AS instructor_ids "
        "FROM course_versions v WHERE v.tenant_id = $1 AND v.id = $2",
        caller.tenant_id,
        version_id,
    )
    assert row is not None, "a run's version exists"
    return VersionTitle(row["title"], tuple(row["instructor_ids"]))


async def versions_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Versions that were published, whether or not visitors see them now. Kept in the process."""

    async def read(missing: list[UUID]) -> dict[UUID, database.Record]:
        rows = await database.fetch(f"SELECT {VERSION} FROM course_versions v WHERE v.tenant_id = $1 AND v.id = ANY($2) AND v.published_at IS NOT NULL", caller.tenant_id, missing)
        return {row["id"]: row for row in rows}

    return list((await _kept(_versions, caller, ids, read)).values())


async def outlines_of_versions(*, caller: Caller, version_ids: list[UUID]) -> dict[UUID, Outline]:
    """The outlines of versions that were published. Kept in the process."""

    async def read(missing: list[UUID]) -> dict[UUID, Outline]:
        rows = await database.fetch(
            f"SELECT {LECTURE}, s.version_id AS of_version, s.section_id AS of_section, s.title AS section_title, s.position AS section_position "
            "FROM course_versions v JOIN version_sections s ON s.tenant_id = v.tenant_id AND s.version_id = v.id "
            "LEFT JOIN version_lectures l ON l.tenant_id = s.tenant_id AND l.version_id = s.version_id AND l.section_id = s.section_id "
            "WHERE v.tenant_id = $1 AND v.id = ANY($2) AND v.published_at IS NOT NULL ORDER BY s.version_id, s.position, l.position",
            caller.tenant_id,
            missing,
        )
        found: dict[UUID, Outline] = {}
        for row in rows:
            outline = found.setdefault(row["of_version"], Outline())
            if row["of_section"] not in outline.in_section:
                outline.sections.append({"version_id": row["of_version"], "section_id": row["of_section"], "title": row["section_title"], "position": row["section_position"]})
                outline.in_section[row["of_section"]] = []
            if row["lecture_id"] is not None:
                outline.in_section[row["of_section"]].append(row)
                outline.lectures[row["lecture_id"]] = outline.at[row["position"]] = row
        return found

    return await _kept(_outlines, caller, version_ids, read)


def version_in_memory(caller: Caller, id: UUID) -> database.Record | None:
    return _versions.get((caller.tenant_id, id))


def outline_in_memory(caller: Caller, version_id: UUID) -> Outline | None:
    return _outlines.get((caller.tenant_id, version_id))


async def _kept(cache: LRUCache[tuple[UUID, UUID], T], caller: Caller, ids: list[UUID], read: Callable[[list[UUID]], Awaitable[dict[UUID, T]]]) -> dict[UUID, T]:
    """By id, from memory where it is there: a version never changes once it is published, which a trigger sees to. Whoever has its id has read the course that leads to it, as themselves."""
    found = {id: kept for id in ids if (kept := cache.get((caller.tenant_id, id))) is not None}
    if missing := [id for id in ids if id not in found]:
        new = await read(missing)
        cache.update({(caller.tenant_id, id): value for id, value in new.items() if cache.getsizeof(value) <= cache.maxsize})
        found |= new
    return found


async def published_versions_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Versions that visitors see now."""
    return await database.fetch(
        f"SELECT {VERSION} FROM course_versions v JOIN courses c ON c.tenant_id = v.tenant_id AND c.published_version_id = v.id WHERE v.tenant_id = $1 AND v.id = ANY($2) AND c.status = 'PUBLISHED'",
        caller.tenant_id,
        ids,
    )


async def sections_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Sections as the published versions have them."""
    return await database.fetch(
        "SELECT s.version_id, s.section_id, s.title, s.position FROM version_sections s JOIN courses c ON c.tenant_id = s.tenant_id AND c.published_version_id = s.version_id "
        "WHERE s.tenant_id = $1 AND s.section_id = ANY($2) AND c.status = 'PUBLISHED'",
        caller.tenant_id,
        ids,
    )


async def published_places(*, caller: Caller, lecture_ids: list[UUID]) -> list[database.Record]:
    """The course of each lecture and the version that visitors see, if it has the lecture there."""
    return await database.fetch(
        "SELECT i.id AS lecture_id, i.course_id, CASE WHEN c.status = 'PUBLISHED' THEN c.published_version_id END AS version_id "
        "FROM lectures i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id WHERE i.tenant_id = $1 AND i.id = ANY($2)",
        caller.tenant_id,
        lecture_ids,
    )


async def contents_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """What lectures show. Only learning asks, after its access check."""
    return await database.fetch(
        "SELECT id, lecture_id, content_type, markdown, html, video_id, quiz_revision_id FROM lecture_contents WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids
    )


async def videos_of_version(*, caller: Caller, version_id: UUID) -> dict[UUID, UUID]:
    """The video of each video lecture of a version."""
    rows = await database.fetch(
        "SELECT l.lecture_id, k.video_id FROM version_lectures l JOIN lecture_contents k ON k.tenant_id = l.tenant_id AND k.id = l.content_id "
        "WHERE l.tenant_id = $1 AND l.version_id = $2 AND k.video_id IS NOT NULL",
        caller.tenant_id,
        version_id,
    )
    return {row["lecture_id"]: row["video_id"] for row in rows}


async def resources_of_lectures(*, caller: Caller, places: list[tuple[UUID, UUID]]) -> list[database.Record]:
    """Downloads by (version, lecture). Only learning asks, after its access check."""
    return await database.fetch(
        "SELECT r.version_id, r.lecture_id, r.id, r.title, r.file_id FROM unnest($2::uuid[], $3::uuid[]) AS asked(version_id, lecture_id) "
        "JOIN version_resources r ON r.tenant_id = $1 AND r.version_id = asked.version_id AND r.lecture_id = asked.lecture_id ORDER BY r.lecture_id, r.position",
        caller.tenant_id,
        [version for version, _ in places],
        [lecture for _, lecture in places],
    )


async def resource_counts(*, caller: Caller, places: list[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
    """How many downloads lie beside each lecture, by (version, lecture)."""
    rows = await database.fetch(
        "SELECT r.version_id, r.lecture_id, count(*) AS number FROM unnest($2::uuid[], $3::uuid[]) AS asked(version_id, lecture_id) "
        "JOIN version_resources r ON r.tenant_id = $1 AND r.version_id = asked.version_id AND r.lecture_id = asked.lecture_id GROUP BY r.version_id, r.lecture_id",
        caller.tenant_id,
        [version for version, _ in places],
        [lecture for _, lecture in places],
    )
    return {(row["version_id"], row["lecture_id"]): row["number"] for row in rows}


async def lectures_of_resources(*, caller: Caller, ids: list[UUID]) -> dict[UUID, UUID]:
    """The lecture beside which each download lies."""
    rows = await database.fetch("SELECT id, lecture_id FROM version_resources WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids)
    return {row["id"]: row["lecture_id"] for row in rows}


async def instructor_shares(*, caller: Caller, course_ids: list[UUID]) -> dict[UUID, list[tuple[UUID, int]]]:
    """Who teaches each course, leads first, and for which part of what it earns, in basis points; 0 where none was agreed."""
    rows = await database.fetch(
        "SELECT course_id, account_id, coalesce(revenue_share_basis_points, 0) AS bps FROM course_instructors WHERE tenant_id = $1 AND course_id = ANY($2) "
        "ORDER BY course_id, role <> 'LEAD', position",
        caller.tenant_id,
        course_ids,
    )
    shares: dict[UUID, list[tuple[UUID, int]]] = {}
    for row in rows:
        shares.setdefault(row["course_id"], []).append((row["account_id"], row["bps"]))
    return shares


async def quiz_revisions_of_course(*, caller: Caller, slug: str) -> dict[str, UUID]:
    """The latest quiz revision that each quiz lecture of a course has shown, by the lecture's key."""
    rows = await database.fetch(
        "SELECT DISTINCT ON (i.key) i.key, k.quiz_revision_id FROM courses c JOIN lectures i ON i.tenant_id = c.tenant_id AND i.course_id = c.id "
        "JOIN lecture_contents k ON k.tenant_id = i.tenant_id AND k.lecture_id = i.id WHERE c.tenant_id = $1 AND c.slug = $2 AND k.quiz_revision_id IS NOT NULL ORDER BY i.key, k.created_at DESC",
        caller.tenant_id,
        slug,
    )
    return {row["key"]: row["quiz_revision_id"] for row in rows}

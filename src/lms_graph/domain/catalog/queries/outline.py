"""Versions of courses and what is in them."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True)
class VersionTitle:
    """What a version was called and who taught it."""

    title: str
    instructor_ids: tuple[UUID, ...]


async def version_title(*, caller: Caller, version_id: UUID) -> VersionTitle:
    """The version's title and its course's instructors, the lead first."""
    row = await database.fetch_one("SELECT title, course_id FROM course_versions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, version_id)
    assert row is not None, "a run's version exists"
    rows = await database.fetch(
        "SELECT account_id FROM course_instructors WHERE tenant_id = $1 AND course_id = $2 ORDER BY position, id", caller.tenant_id, row["course_id"]
    )
    return VersionTitle(row["title"], tuple(found["account_id"] for found in rows))

"""Who teaches a course, with their public pages: read by themselves, or in the statement that finds the courses."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.identity.queries import instructors
from lms_graph.kit.caller import Caller
from lms_graph.models import database

_COUNTS = (
    "LEFT JOIN LATERAL (SELECT count(*) AS courses, coalesce(sum(c.enrollment_count), 0) AS students FROM course_instructors o "
    "JOIN courses c ON c.tenant_id = o.tenant_id AND c.id = o.course_id WHERE o.tenant_id = i.tenant_id AND o.account_id = i.account_id AND c.status = 'PUBLISHED') n ON true"
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of them is asked, beside what is always told."""

    bios: bool
    counts: bool = False
    """Of the published courses of each, and of the enrollments in those. For one course: of many, the same people would be counted over and over."""

    @property
    def _of_each(self) -> str:
        """A SELECT without its conditions."""
        counts = ("n.courses, n.students", _COUNTS) if self.counts else ("NULL::bigint AS courses, NULL::bigint AS students", "")
        return (
            f"SELECT i.course_id, i.role, i.position, {instructors.columns(bios=self.bios, prefix='instructor_')}, {counts[0]} "
            f"FROM course_instructors i JOIN ({instructors.PAGES}) ON p.tenant_id = i.tenant_id AND p.id = i.account_id {counts[1]}"
        )

    def beside(self, courses: str) -> str:
        """A statement with a row for each course of the subquery `courses`, which has `id` and `place`, and each of its teachers: for `apart`. `$1` is the tenant."""
        # By the ids of the page, found before: left to itself PostgreSQL reads everybody who teaches anything, and told to look course by course it takes three times as long.
        taught = f"{self._of_each} WHERE i.tenant_id = $1 AND i.course_id = ANY(ARRAY(SELECT id FROM page_of_courses))"
        return f"WITH page_of_courses AS MATERIALIZED ({courses}) SELECT c.*, t.* FROM page_of_courses c LEFT JOIN ({taught}) t ON t.course_id = c.id ORDER BY c.place, t.position"


def apart(rows: Sequence[database.Record]) -> tuple[list[database.Record], list[database.Record]]:
    """The courses, each once, and who teaches them."""
    courses = {row["id"]: row for row in reversed(rows)}
    return list(reversed(courses.values())), [row for row in rows if row["instructor_id"] is not None]


async def teachers_of_courses(*, caller: Caller, course_ids: list[UUID], wanted: Wanted) -> list[database.Record]:
    """Who teaches each course, in its order; nobody whose account was erased."""
    return await database.fetch(f"{wanted._of_each} WHERE i.tenant_id = $1 AND i.course_id = ANY($2) ORDER BY i.course_id, i.position", caller.tenant_id, course_ids)

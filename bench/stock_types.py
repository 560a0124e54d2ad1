"""A type per node for stock Strawberry, with an async resolver per relation."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from bench.stock_loaders import Info
from lms_graph.kit.ids import parse_id, public_id


@strawberry.type
class FormattedText:
    markdown: str
    html: str


@strawberry.type
class Category:
    slug: str
    name: str


@strawberry.type
class Bio:
    html: str


@strawberry.type
class Instructor:
    row: strawberry.Private[Any]
    id: strawberry.ID
    slug: str
    name: str

    @strawberry.field
    async def avatar_url(self, info: Info) -> str | None:
        return info.context.file_url(self.row["avatar_file_id"])

    @strawberry.field
    async def bio(self) -> Bio:
        return Bio(html=self.row["bio_html"])

    @strawberry.field
    async def course_count(self, info: Info) -> int:
        counts = await info.context.loaders.counts.load(self.row["id"])
        return counts["courses"] if counts else 0

    @strawberry.field
    async def student_count(self, info: Info) -> int:
        counts = await info.context.loaders.counts.load(self.row["id"])
        return counts["students"] if counts else 0


@strawberry.type
class CourseInstructor:
    role: str
    account_id: strawberry.Private[UUID]

    @strawberry.field
    async def instructor(self, info: Info) -> Instructor:
        row = await info.context.loaders.instructor.load(self.account_id)
        return Instructor(row=row, id=strawberry.ID(public_id("ins", row["id"])), slug=row["slug"], name=row["name"])


@strawberry.type
class CourseVersion:
    id: strawberry.ID
    number: int
    published_at: datetime

    @classmethod
    def of(cls, row: Any) -> "CourseVersion":
        return cls(id=strawberry.ID(public_id("ver", row["id"])), number=row["number"], published_at=row["published_at"])


@strawberry.interface
class AccessDecision:
    allowed: bool


@strawberry.type
class AccessSource:
    kind: str
    ends_at: datetime | None


@strawberry.type
class AccessGranted(AccessDecision):
    sources: list[AccessSource]
    until: datetime | None


@strawberry.type
class SignInRequired(AccessDecision):
    pass


@strawberry.type
class NotPublished(AccessDecision):
    pass


@strawberry.type
class ScheduledFor(AccessDecision):
    at: datetime


@strawberry.type
class EntitlementExpired(AccessDecision):
    ended_at: datetime


@strawberry.type
class PaymentPastDue(AccessDecision):
    grace_until: datetime | None


@strawberry.type
class NotEnrolled(AccessDecision):
    course_id: strawberry.Private[UUID]

    @strawberry.field
    async def course(self, info: Info) -> "Course | None":
        row = await info.context.loaders.course.load(self.course_id)
        return Course.of(row) if row else None


@strawberry.type
class Requirement:
    kind: str
    met: bool
    value: int
    target: int
    lecture: "Lecture | None"
    course: "Course | None"


@strawberry.type
class PrerequisiteUnmet(AccessDecision):
    requirements: list[Requirement]


async def _decide(info: Info, course_id: UUID) -> AccessDecision:
    if info.context.asker.account_id is None:
        return SignInRequired(allowed=False)
    if await info.context.loaders.has_run.load(course_id):
        raise NotImplementedError("the bench's viewer has no run")
    return NotEnrolled(allowed=False, course_id=course_id)


@strawberry.type
class LectureProgress:
    completed: bool
    coverage_percent: int
    last_position_seconds: float


@strawberry.type
class Lecture:
    row: strawberry.Private[Any]
    run: strawberry.Private[Any]
    id: strawberry.ID
    title: str
    content_type: str
    duration_seconds: int
    is_preview: bool

    @classmethod
    def of(cls, row: Any, run: Any) -> "Lecture":
        plain = "title content_type duration_seconds is_preview".split()
        return cls(row=row, run=run, id=strawberry.ID(public_id("lec", row["lecture_id"])), **{name: row[name] for name in plain})

    @strawberry.field
    async def viewer_progress(self, info: Info) -> LectureProgress | None:
        if self.run is None:
            return None
        seen = next((seen for seen in await info.context.loaders.seen.load(self.run["id"]) if seen["lecture_id"] == self.row["lecture_id"]), None)
        if seen is None:
            return LectureProgress(completed=False, coverage_percent=0, last_position_seconds=0)
        if self.duration_seconds > 0 and self.row["completion_kind"] == "WATCHED":
            coverage = min(100, seen["covered_ms"] // (self.duration_seconds * 10))
        else:
            coverage = 100 if seen["completed_at"] else 0
        return LectureProgress(completed=seen["completed_at"] is not None, coverage_percent=coverage, last_position_seconds=seen["last_position_ms"] / 1000)

    @strawberry.field
    async def access(self, info: Info) -> AccessDecision:
        if self.run is not None:
            grants = await info.context.loaders.live_grants.load(self.run["account_id"])
            if not any(grant["subject_id"] in (None, self.run["course_id"]) for grant in grants):
                raise NotImplementedError("the bench's runs are open")
            return AccessGranted(allowed=True, sources=[], until=None)
        if self.is_preview:
            return AccessGranted(allowed=True, sources=[AccessSource(kind="PREVIEW", ends_at=None)], until=None)
        return await _decide(info, self.row["course_id"])


@strawberry.type
class Section:
    row: strawberry.Private[Any]
    run: strawberry.Private[Any]
    id: strawberry.ID
    title: str

    @strawberry.field
    async def lectures(self, info: Info) -> list[Lecture]:
        return [Lecture.of(row, self.run) for row in await info.context.loaders.lectures.load(self.row["version_id"]) if row["section_id"] == self.row["section_id"]]


async def _sections(info: Info, version_id: UUID, run: Any) -> list[Section]:
    return [Section(row=row, run=run, id=strawberry.ID(public_id("sec", row["section_id"])), title=row["title"]) for row in await info.context.loaders.sections.load(version_id)]


@strawberry.type
class Resume:
    lecture: Lecture
    position_seconds: float


@strawberry.type
class Enrollment:
    row: strawberry.Private[Any]
    id: strawberry.ID
    status: str
    run_number: int
    progress_percent: int
    enrolled_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "Enrollment":
        plain = "status run_number progress_percent enrolled_at completed_at".split()
        return cls(row=row, id=strawberry.ID(public_id("enr", row["id"])), **{name: row[name] for name in plain})

    @strawberry.field
    async def course(self, info: Info) -> "Course":
        return Course.of(await info.context.loaders.course.load(self.row["course_id"]))

    @strawberry.field
    async def version(self, info: Info) -> CourseVersion:
        return CourseVersion.of(await info.context.loaders.version.load(self.row["version_id"]))

    @strawberry.field
    async def resume(self, info: Info) -> Resume | None:
        lectures = await info.context.loaders.lectures.load(self.row["version_id"])
        found = next((row for row in lectures if row["lecture_id"] == self.row["resume_lecture_id"]), None)
        return Resume(lecture=Lecture.of(found, self.row), position_seconds=self.row["resume_position_ms"] / 1000) if found else None

    @strawberry.field
    async def sections(self, info: Info) -> list[Section]:
        return await _sections(info, self.row["version_id"], self.row)


@strawberry.type
class Course:
    row: strawberry.Private[Any]
    id: strawberry.ID
    slug: str
    title: str
    short_description: str
    tags: list[str]
    level: str
    language: str
    is_featured: bool
    enrollment_count: int
    lecture_count: int
    duration_seconds: int
    updated_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Course":
        plain = "slug title short_description tags level language is_featured enrollment_count lecture_count duration_seconds updated_at".split()
        return cls(row=row, id=strawberry.ID(public_id("crs", row["id"])), **{name: row[name] for name in plain})

    @strawberry.field
    async def thumbnail_url(self, info: Info) -> str | None:
        return info.context.file_url(self.row["cover_file_id"])

    @strawberry.field
    async def category(self, info: Info) -> Category | None:
        row = await info.context.loaders.category.load(self.row["category_id"])
        return Category(slug=row["slug"], name=row["name"]) if row else None

    @strawberry.field
    async def instructors(self, info: Info) -> list[CourseInstructor]:
        return [CourseInstructor(role=row["role"], account_id=row["account_id"]) for row in await info.context.loaders.course_instructors.load(self.row["id"])]

    @strawberry.field
    async def version(self, info: Info) -> CourseVersion | None:
        return CourseVersion.of(await info.context.loaders.version.load(self.row["published_version_id"]))

    @strawberry.field
    async def description(self, info: Info) -> FormattedText | None:
        row = await info.context.loaders.version.load(self.row["published_version_id"])
        return FormattedText(markdown=row["description_markdown"], html=row["description_html"])

    @strawberry.field
    async def outcomes(self, info: Info) -> list[str] | None:
        outcomes: list[str] = (await info.context.loaders.version.load(self.row["published_version_id"]))["outcomes"]
        return outcomes

    @strawberry.field
    async def requirements(self, info: Info) -> list[str] | None:
        requirements: list[str] = (await info.context.loaders.version.load(self.row["published_version_id"]))["requirements"]
        return requirements

    @strawberry.field
    async def sections(self, info: Info) -> list[Section]:
        return await _sections(info, self.row["published_version_id"], None)

    @strawberry.field
    async def access(self, info: Info) -> AccessDecision:
        return await _decide(info, self.row["id"])

    @strawberry.field
    async def viewer_enrollment(self, info: Info) -> Enrollment | None:
        await _decide(info, self.row["id"])
        return None


@strawberry.type
class FacetValue:
    value: str
    label: str
    count: int


@strawberry.type
class CourseFacets:
    category: list[FacetValue]
    level: list[FacetValue]
    duration: list[FacetValue]


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class CourseEdge:
    cursor: str
    node: Course


@strawberry.type
class CourseConnection:
    edges: list[CourseEdge]
    nodes: list[Course]
    page_info: PageInfo

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        (row,) = await info.context.reads.fetch("SELECT count(*) FROM courses WHERE tenant_id = $1 AND status = 'PUBLISHED'", info.context.asker.tenant_id)
        return int(row["count"])

    @strawberry.field
    async def facets(self, info: Info) -> CourseFacets:
        async def count(value: str, label: str, joined: str = "") -> list[FacetValue]:
            rows: Iterable[Any] = await info.context.reads.fetch(
                f"SELECT {value} AS value, {label} AS label, count(*) AS count FROM courses c {joined} WHERE c.tenant_id = $1 AND c.status = 'PUBLISHED' GROUP BY 1, 2 ORDER BY 3 DESC, 1",
                info.context.asker.tenant_id,
            )
            return [FacetValue(**row) for row in rows]

        length = (
            "CASE WHEN c.duration_seconds < 3600 THEN 'UNDER_1_HOUR' WHEN c.duration_seconds < 10800 THEN '1_TO_3_HOURS' "
            "WHEN c.duration_seconds < 36000 THEN '3_TO_10_HOURS' ELSE 'OVER_10_HOURS' END"
        )
        return CourseFacets(
            category=await count("g.slug", "g.name", "JOIN categories g ON g.tenant_id = c.tenant_id AND g.id = c.category_id"),
            level=await count("c.level", "c.level"),
            duration=await count(length, length),
        )


@strawberry.input
class CourseWhere:
    """Only that `Catalog` is valid: the bench sends none."""

    search: str | None = None


@strawberry.input
class CourseOrder:
    """As `CourseWhere`."""

    field: str


@strawberry.type
class Query:
    @strawberry.field
    async def course(self, info: Info, slug: str) -> Course | None:
        rows = await info.context.reads.fetch("SELECT * FROM courses WHERE tenant_id = $1 AND slug = $2 AND status = 'PUBLISHED'", info.context.asker.tenant_id, slug)
        return Course.of(rows[0]) if rows else None

    @strawberry.field
    async def enrollment(self, info: Info, id: strawberry.ID) -> Enrollment | None:
        _, run = parse_id(id) or ("", None)
        rows = await info.context.reads.fetch(
            "SELECT * FROM enrollments WHERE tenant_id = $1 AND id = $2 AND account_id = $3", info.context.asker.tenant_id, run, info.context.asker.account_id
        )
        return Enrollment.of(rows[0]) if rows else None

    @strawberry.field
    async def courses(
        self, info: Info, first: int = 20, after: str | None = None, search: str | None = None, where: CourseWhere | None = None, order_by: list[CourseOrder] | None = None
    ) -> CourseConnection:
        if after or search or where or order_by:
            raise NotImplementedError("the bench asks for the first page")
        sql = "SELECT * FROM courses WHERE tenant_id = $1 AND status = 'PUBLISHED' ORDER BY first_published_at DESC, id DESC LIMIT $2"
        rows = await info.context.reads.fetch(sql, info.context.asker.tenant_id, first + 1)
        edges = [
            CourseEdge(cursor=info.context.cursors.encode(f"courses,{info.context.asker.tenant_id},PUBLISHED_AT-,ID-", [row["first_published_at"], row["id"]]), node=Course.of(row))
            for row in rows[:first]
        ]
        return CourseConnection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=PageInfo(
                has_next_page=len(rows) > first,
                has_previous_page=False,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


CASES = [AccessGranted, SignInRequired, NotEnrolled, ScheduledFor, PrerequisiteUnmet, EntitlementExpired, PaymentPastDue, NotPublished]

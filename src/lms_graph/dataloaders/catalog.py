"""Loaders of catalog."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import NOTHING, AreaLoaders, batch, grouped, matched
from lms_graph.domain.catalog import policies
from lms_graph.domain.catalog.queries import browse, outline, paths, teams
from lms_graph.domain.catalog.queries.teachers import Wanted, teachers_of_courses
from lms_graph.kit.pages import PageRequest
from lms_graph.types.catalog.categories import Category
from lms_graph.types.catalog.courses import Course, CourseConnection, CourseInstructor, CourseVersion
from lms_graph.types.catalog.lectures import Lecture, Section
from lms_graph.types.catalog.paths import LearningPath, LearningPathCourse
from lms_graph.types.catalog.teams import CoursePermission, CourseTeamMember

Whole = tuple[UUID | None, UUID | None]


class CatalogLoaders(AreaLoaders):
    def found(self, published: Sequence[Course], taught: Sequence[Any] | None = None) -> None:
        """What a root field has read already need not be loaded: courses, and who teaches them where it has read that too."""
        for course in published:
            self.course.prime(course.uuid, course)
            self.visible_course.prime(course.uuid, course)
        if taught is not None:
            ids = [course.uuid for course in published]
            for id, teachers in zip(ids, self._taught(taught, ids), strict=True):
                self.instructors.prime(id, teachers)

    def wanted(self, *, counts: bool = False) -> Wanted | None:
        """What the document asks of those who teach; None where it asks nothing."""
        asks = self.context.asks
        return Wanted(bios=asks("bio"), counts=counts and asks("courseCount", "studentCount")) if asks("instructors") else None

    @batch
    async def course(self, ids: list[UUID]) -> list[Course | None]:
        return matched(await browse.courses_by_ids(caller=self.caller, ids=ids), "id", ids, Course.from_row)

    @batch
    async def visible_course(self, ids: list[UUID]) -> list[Course | None]:
        return matched(await browse.published_courses_by_ids(caller=self.caller, ids=ids), "id", ids, Course.from_row)

    @batch
    async def category(self, ids: list[UUID]) -> list[Category | None]:
        return matched(await browse.categories_by_ids(caller=self.caller, ids=ids), "id", ids, Category.from_row)

    @batch
    async def courses_in_category(self, ids: list[UUID]) -> list[int]:
        found = await browse.course_counts_of_categories(caller=self.caller, ids=ids)
        return [found.get(id, 0) for id in ids]

    @batch
    async def instructors(self, course_ids: list[UUID]) -> list[list[CourseInstructor]]:
        wanted = self.wanted() or Wanted(bios=True)
        return self._taught(await teachers_of_courses(caller=self.caller, course_ids=course_ids, wanted=wanted), course_ids)

    def _taught(self, rows: Sequence[Any], course_ids: list[UUID]) -> list[list[CourseInstructor]]:
        for row in rows:
            if row["courses"] is not None:
                self.course_count.prime(row["instructor_id"], row["courses"])
                self.student_count.prime(row["instructor_id"], row["students"])
        return grouped(rows, "course_id", course_ids, partial(CourseInstructor.from_row, known={}))

    @batch
    async def team(self, course_ids: list[UUID]) -> list[list[CourseTeamMember] | None]:
        """None where the caller may not see it: nobody's team is empty to those who are in it."""
        rows = await teams.team_of_courses(caller=self.caller, course_ids=course_ids)
        return [team if team or policies.may_see_team(self.caller, None) else None for team in grouped(rows, "course_id", course_ids, CourseTeamMember.from_row)]

    @batch
    async def team_member(self, ids: list[UUID]) -> list[CourseTeamMember | None]:
        return matched(await teams.team_members_by_ids(caller=self.caller, ids=ids), "id", ids, CourseTeamMember.from_row)

    @batch
    async def viewer_permissions(self, course_ids: list[UUID]) -> list[list[CoursePermission]]:
        held = await teams.roles_in_teams(caller=self.caller, course_ids=course_ids)
        return [sorted(policies.permissions_on_course(self.caller, held.get(id))) for id in course_ids]

    @batch
    async def version(self, ids: list[UUID]) -> list[CourseVersion | None]:
        return matched(await outline.versions_by_ids(caller=self.caller, ids=ids), "id", ids, CourseVersion.from_row)

    @version.recalled
    def _(self, id: UUID) -> Any:
        row = outline.version_in_memory(self.caller, id)
        return NOTHING if row is None else CourseVersion.from_row(row)

    @batch
    async def published_version(self, ids: list[UUID]) -> list[CourseVersion | None]:
        return matched(await outline.published_versions_by_ids(caller=self.caller, ids=ids), "id", ids, CourseVersion.from_row)

    @batch
    async def sections(self, wholes: list[Whole]) -> list[list[Section]]:
        found = await outline.outlines_of_versions(caller=self.caller, version_ids=list({version for version, _ in wholes if version}))
        return [_sections(found[version], run) if version in found else [] for version, run in wholes]

    @sections.recalled
    def _(self, whole: Whole) -> Any:
        version, run = whole
        kept = outline.outline_in_memory(self.caller, version) if version else None
        return NOTHING if kept is None else _sections(kept, run)

    @batch
    async def section(self, ids: list[UUID]) -> list[Section | None]:
        return matched(await outline.sections_by_ids(caller=self.caller, ids=ids), "section_id", ids, Section.from_row)

    @batch
    async def lectures(self, keys: list[tuple[UUID, UUID, UUID | None]]) -> list[list[Lecture]]:
        found = await outline.outlines_of_versions(caller=self.caller, version_ids=list({version for version, _, _ in keys}))
        return [_lectures(found[version], section, run) if version in found else [] for version, section, run in keys]

    @lectures.recalled
    def _(self, key: tuple[UUID, UUID, UUID | None]) -> Any:
        version, section, run = key
        kept = outline.outline_in_memory(self.caller, version)
        return NOTHING if kept is None else _lectures(kept, section, run)

    @batch
    async def lecture_in_version(self, keys: list[tuple[UUID, UUID, UUID | None]]) -> list[Lecture | None]:
        found = await outline.outlines_of_versions(caller=self.caller, version_ids=list({version for version, _, _ in keys}))
        return [Lecture.from_row(row, run) if version in found and (row := found[version].lectures.get(lecture)) else None for version, lecture, run in keys]

    @batch
    async def path(self, ids: list[UUID]) -> list[LearningPath | None]:
        return matched(await paths.visible_paths_by_ids(caller=self.caller, ids=ids), "id", ids, LearningPath.from_row)

    @batch
    async def courses_of_path(self, path_ids: list[UUID]) -> list[list[LearningPathCourse]]:
        return grouped(await paths.steps_of_paths(caller=self.caller, path_ids=path_ids), "path_id", path_ids, LearningPathCourse.from_row)

    @batch
    async def resource_count(self, places: list[tuple[UUID, UUID]]) -> list[int]:
        found = await outline.resource_counts(caller=self.caller, places=places)
        return [found.get(place, 0) for place in places]

    @batch
    async def neighbor(self, keys: list[tuple[UUID, int, UUID | None]]) -> list[Lecture | None]:
        found = await outline.outlines_of_versions(caller=self.caller, version_ids=list({version for version, _, _ in keys}))
        return [Lecture.from_row(row, run) if version in found and (row := found[version].at.get(position)) else None for version, position, run in keys]

    @batch
    async def courses_of_instructor(self, keys: list[tuple[UUID, PageRequest]]) -> list[CourseConnection]:
        """Pages of the same kind are read together: one statement however many instructors."""
        pages: dict[PageRequest, dict[UUID, Any]] = {}
        for request in {request for _, request in keys}:
            ids = [id for id, asked in keys if asked == request]
            pages[request] = await browse.courses_of_instructors(caller=self.caller, account_ids=ids, cursors=self.adapters.cursors, request=request)
        found = [CourseConnection.of(pages[request][id], Course.from_row, lambda id=id: self.course_count.load(id)) for id, request in keys]
        self.found([course for page in found for course in page.nodes])
        return found

    @batch
    async def counts(self, account_ids: list[UUID]) -> list[Any]:
        return matched(await browse.course_counts_of_instructors(caller=self.caller, account_ids=account_ids), "account_id", account_ids, lambda row: row)

    @batch
    async def course_count(self, account_ids: list[UUID]) -> list[int]:
        return [row["courses"] if row else 0 for row in await self.counts.load_many(account_ids)]

    @batch
    async def student_count(self, account_ids: list[UUID]) -> list[int]:
        return [row["students"] if row else 0 for row in await self.counts.load_many(account_ids)]


def _sections(of: outline.Outline, run_id: UUID | None) -> list[Section]:
    """In no run they are the same for everybody."""
    if run_id is not None:
        return [Section.from_row(row, run_id) for row in of.sections]
    if "sections" not in of.beside:
        of.beside["sections"] = [Section.from_row(row) for row in of.sections]
    kept: list[Section] = of.beside["sections"]
    return kept


def _lectures(of: outline.Outline, section_id: UUID, run_id: UUID | None) -> list[Lecture]:
    """As `_sections`."""
    rows = of.in_section.get(section_id, ())
    if run_id is not None:
        return [Lecture.from_row(row, run_id) for row in rows]
    if section_id not in of.beside:
        of.beside[section_id] = [Lecture.from_row(row) for row in rows]
    kept: list[Lecture] = of.beside[section_id]
    return kept

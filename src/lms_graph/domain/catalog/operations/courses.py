"""Writing courses: a whole version from its source, and publishing it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog import errors, events, policies, rules
from lms_graph.domain.catalog.operations import teams
from lms_graph.domain.catalog.queries import teams as team_queries
from lms_graph.domain.catalog.rules import CoursePermission
from lms_graph.kit import text
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import catalog as rows
from lms_graph.models import database
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, kw_only=True)
class ResourceSource:
    title: str
    file_id: UUID


@dataclass(frozen=True, kw_only=True)
class LectureSource:
    """A lecture: exactly one of `markdown`, `video_id` and `quiz_revision_id`. `opens_after` names lectures that must be done before."""

    key: str
    title: str
    markdown: str | None = None
    video_id: UUID | None = None
    quiz_revision_id: UUID | None = None
    duration_seconds: int = 0
    is_preview: bool = False
    is_required: bool = True
    completion: tuple[rows.CompletionKind, int | None] | None = None
    opens_after: tuple[str, ...] = ()
    resources: tuple[ResourceSource, ...] = ()

    @property
    def content_type(self) -> rows.ContentType:
        if self.video_id:
            return rows.ContentType.VIDEO
        return rows.ContentType.QUIZ if self.quiz_revision_id else rows.ContentType.TEXT


@dataclass(frozen=True, kw_only=True)
class SectionSource:
    key: str
    title: str
    lectures: tuple[LectureSource, ...]


@dataclass(frozen=True, kw_only=True)
class CourseSource:
    """A whole course as its folder says it."""

    slug: str
    title: str
    short_description: str = ""
    description: str = ""
    category_id: UUID | None = None
    tags: tuple[str, ...] = ()
    level: rows.Level = rows.Level.ALL_LEVELS
    language: str = "en"
    enrollment_policy: rows.EnrollmentPolicy = rows.EnrollmentPolicy.BY_GRANT
    is_featured: bool = False
    cover_file_id: UUID | None = None
    outcomes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    instructors: tuple[tuple[UUID, rows.InstructorRole], ...] = ()
    sections: tuple[SectionSource, ...] = field(default=())
    sha256: str | None = None


@dataclass(frozen=True)
class Published:
    """What publishing made; `is_new` is false when the source was already the published version."""

    course_id: UUID
    version_id: UUID
    is_new: bool


async def publish_course(*, caller: Caller, source: CourseSource) -> Published:
    """Write a version from its source and publish it. Sections and lectures keep their identity by key.

    The same source again changes nothing. A new course is its maker's, and those whom the source names come into its team. Raises Invalid with every issue, SignedOut;
    NotAllowed for a new course by who may not draft, and where the team's role and COURSES_SELL do not allow publishing. Records CoursePublished, CourseTeamChanged.
    """
    _require_sound(source)
    async with unit_of_work(caller) as work:
        course, is_new = await _course_for_update(caller, source.slug)
        if is_new:
            policies.require_may_draft(caller)
            await teams.found(work, caller=caller, course_id=course.id)
        team_role = await team_queries.role_in_team(caller=caller, course_id=course.id)
        policies.require_may_publish(caller, team_role)
        published = await rows.CourseVersion.for_caller(caller).get_or_none(id=course.published_version_id) if course.published_version_id else None
        await _write_settings(caller, course, source)
        if CoursePermission.MANAGE_TEAM in policies.permissions_on_course(caller, team_role):
            await teams.fill(work, caller=caller, course_id=course.id, instructors=source.instructors)
        if published and source.sha256 and published.source_sha256 == source.sha256:
            return Published(course.id, published.id, is_new=False)
        version = await _write_version(caller, course, source)
        await _publish(work, caller, course, version, source)
    return Published(course.id, version.id, is_new=True)


async def save_category(*, caller: Caller, slug: str, name: str, position: int = 0) -> UUID:
    """Make or rename a category; gives its id. Raises SignedOut, NotAllowed, CategoriesUsedUp past 500."""
    policies.require_may_manage_catalog(caller)
    async with unit_of_work(caller):
        category = await rows.Category.for_caller(caller, slug=slug).get_or_none()
        if category is None:
            if await rows.Category.for_caller(caller).count() >= rules.MAX_CATEGORIES:
                raise errors.CategoriesUsedUp()
            category = await rows.Category.create(tenant_id=caller.tenant_id, slug=slug, name=name, position=position)
        else:
            await rows.Category.for_caller(caller, id=category.id).update(name=name, position=position)
    return category.id


async def set_enrollment_policy(*, caller: Caller, course_id: UUID, policy: rows.EnrollmentPolicy) -> None:
    """For who sells the course, within their unit of work, with the course locked: open it to all who enroll, or to grants only."""
    async with unit_of_work(caller):
        await rows.Course.for_caller(caller, id=course_id).exclude(enrollment_policy=policy).update(enrollment_policy=policy, updated_at=caller.now)


async def count_enrollment(*, caller: Caller, course_id: UUID, closes: Delivery) -> None:
    """One more learner began the course. Exactly once per fact: the count commits with its delivery."""
    async with unit_of_work(caller, closes=closes):
        await database.fetch("UPDATE courses SET enrollment_count = enrollment_count + 1 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, course_id)


async def keep_rating(*, caller: Caller, course_id: UUID, hundredths: int, count: int) -> None:
    """Keep a copy of how learners rate a course, to sort by."""
    async with unit_of_work(caller):
        await rows.Course.for_caller(caller, id=course_id).update(rating_hundredths=hundredths, rating_count=count)


async def keep_price(*, caller: Caller, course_id: UUID, is_sold: bool, amount: int | None) -> None:
    """Keep a copy of whether a course is sold by itself, and of its lowest price in the school's currency, to filter and sort by."""
    async with unit_of_work(caller):
        await rows.Course.for_caller(caller, id=course_id).update(is_sold=is_sold, price_amount=amount)


def _require_sound(source: CourseSource) -> None:
    lectures = [lecture for section in source.sections for lecture in section.lectures]
    issues = rules.key_issues([section.key for section in source.sections], "section") + rules.key_issues([lecture.key for lecture in lectures], "lecture")
    issues += rules.key_issues([source.slug], "course")
    if not lectures:
        issues.append(Issue("A course needs at least one lecture before it is published."))
    if len(lectures) > rules.MAX_LECTURES:
        issues.append(Issue(f"A course has at most {rules.MAX_LECTURES} lectures."))
    if len(source.instructors) > rules.MAX_INSTRUCTORS:
        issues.append(Issue(f"A course has at most {rules.MAX_INSTRUCTORS} instructors.", ("instructors",)))
    if not 1 <= len(source.title) <= 200:
        issues.append(Issue("The title must have from 1 to 200 characters.", ("title",)))
    if len(source.short_description) > 300:
        issues.append(Issue("The short description has at most 300 characters.", ("shortDescription",)))
    earlier: set[str] = set()
    for lecture in lectures:
        if sum(value is not None for value in (lecture.markdown, lecture.video_id, lecture.quiz_revision_id)) != 1:
            issues.append(Issue(f"The lecture `{lecture.key}` needs exactly one of text, video and quiz."))
        elif lecture.completion and not rules.fits_completion(lecture.content_type, *lecture.completion):
            issues.append(Issue(f"The completion rule of `{lecture.key}` does not fit its content."))
        if missing := [key for key in lecture.opens_after if key not in earlier]:
            issues.append(Issue(f"`{lecture.key}` opens after {', '.join(missing)}, which must stand before it."))
        earlier.add(lecture.key)
    if issues:
        raise Invalid(*issues)


async def _course_for_update(caller: Caller, slug: str) -> tuple[rows.Course, bool]:
    """The course of this slug, locked, and whether it was made just now."""
    made = await database.fetch(
        "INSERT INTO courses (tenant_id, id, slug, status, enrollment_policy, is_featured, created_at, updated_at, enrollment_count, title, short_description, tags, level, language, "
        "lecture_count, duration_seconds) VALUES ($1, $2, $3, 'DRAFT', 'BY_GRANT', false, $4, $4, 0, '', '', '{}', 'ALL_LEVELS', 'en', 0, 0) ON CONFLICT DO NOTHING RETURNING id",
        caller.tenant_id,
        new_id(),
        slug,
        caller.now,
    )
    return await rows.Course.for_caller(caller, slug=slug).select_for_update().get(), bool(made)


async def _write_settings(caller: Caller, course: rows.Course, source: CourseSource) -> None:
    """What is not part of a version: it may change without a new one."""
    await rows.Course.for_caller(caller, id=course.id).update(
        enrollment_policy=source.enrollment_policy, is_featured=source.is_featured, category_id=source.category_id, updated_at=caller.now
    )
    await rows.CourseInstructor.for_caller(caller, course_id=course.id).delete()
    for position, (account_id, role) in enumerate(source.instructors):
        await rows.CourseInstructor.create(tenant_id=caller.tenant_id, course_id=course.id, account_id=account_id, role=role, position=position)


async def _write_version(caller: Caller, course: rows.Course, source: CourseSource) -> rows.CourseVersion:
    lectures = [lecture for section in source.sections for lecture in section.lectures]
    description = text.render_markdown(source.description)
    version = await rows.CourseVersion.create(
        tenant_id=caller.tenant_id,
        course_id=course.id,
        title=source.title,
        short_description=source.short_description,
        description_markdown=description.markdown,
        description_html=description.html,
        outcomes=list(source.outcomes),
        requirements=list(source.requirements),
        tags=list(source.tags),
        level=source.level,
        language=source.language,
        cover_file_id=source.cover_file_id,
        lecture_count=len(lectures),
        duration_seconds=sum(lecture.duration_seconds for lecture in lectures),
        source_sha256=source.sha256,
    )
    section_ids = await _identities(caller, rows.Section, course.id, [section.key for section in source.sections])
    lecture_ids = await _identities(caller, rows.Lecture, course.id, [lecture.key for lecture in lectures])
    here: dict[str, Any] = {"tenant_id": caller.tenant_id, "version_id": version.id}
    position = 0
    for index, section in enumerate(source.sections):
        await rows.VersionSection.create(**here, section_id=section_ids[section.key], title=section.title, position=index)
        for lecture in section.lectures:
            kind, target = lecture.completion or rules.DEFAULT_COMPLETION[lecture.content_type]
            await rows.VersionLecture.create(
                **here,
                section_id=section_ids[section.key],
                lecture_id=lecture_ids[lecture.key],
                content_id=await _content(caller, lecture_ids[lecture.key], lecture),
                title=lecture.title,
                content_type=lecture.content_type,
                position=position,
                duration_seconds=lecture.duration_seconds,
                is_preview=lecture.is_preview,
                is_required=lecture.is_required,
                completion_kind=kind,
                completion_target=target,
                release={"completed": [str(lecture_ids[key]) for key in lecture.opens_after]} if lecture.opens_after else None,
            )
            for place, resource in enumerate(lecture.resources):
                await rows.VersionResource.create(**here, lecture_id=lecture_ids[lecture.key], file_id=resource.file_id, title=resource.title, position=place)
            position += 1
    return version


async def _identities(caller: Caller, model: type[rows.Section] | type[rows.Lecture], course_id: UUID, keys: list[str]) -> dict[str, UUID]:
    known = {row.key: row.id for row in await model.for_caller(caller, course_id=course_id)}
    for key in keys:
        if key not in known:
            known[key] = (await model.create(tenant_id=caller.tenant_id, course_id=course_id, key=key)).id
    return known


async def _content(caller: Caller, lecture_id: UUID, lecture: LectureSource) -> UUID:
    """The row that shows this content: the one there is when nothing changed."""
    same = await rows.LectureContent.for_caller(
        caller,
        lecture_id=lecture_id,
        markdown=lecture.markdown,
        video_id=lecture.video_id,
        quiz_revision_id=lecture.quiz_revision_id,
        sanitizer=text.SANITIZER if lecture.markdown is not None else None,
    ).first()
    if same:
        return same.id
    rendered = text.render_markdown(lecture.markdown) if lecture.markdown is not None else None
    content = await rows.LectureContent.create(
        tenant_id=caller.tenant_id,
        lecture_id=lecture_id,
        content_type=lecture.content_type,
        markdown=rendered and rendered.markdown,
        html=rendered and rendered.html,
        sanitizer=text.SANITIZER if rendered else None,
        video_id=lecture.video_id,
        quiz_revision_id=lecture.quiz_revision_id,
    )
    return content.id


async def _publish(work: UnitOfWork, caller: Caller, course: rows.Course, version: rows.CourseVersion, source: CourseSource) -> None:
    number = 1 + int(await database.fetch_value("SELECT coalesce(max(number), 0) FROM course_versions WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, course.id))
    await rows.CourseVersion.for_caller(caller, id=version.id).update(number=number, published_at=caller.now)
    await rows.Course.for_caller(caller, id=course.id).update(
        status=rows.CourseStatus.PUBLISHED,
        published_version_id=version.id,
        first_published_at=course.first_published_at or caller.now,
        updated_at=caller.now,
        title=version.title,
        short_description=version.short_description,
        cover_file_id=version.cover_file_id,
        tags=list(source.tags),
        level=version.level,
        language=version.language,
        lecture_count=version.lecture_count,
        duration_seconds=version.duration_seconds,
    )
    work.record(events.CoursePublished(course_id=course.id, version_id=version.id, number=number))

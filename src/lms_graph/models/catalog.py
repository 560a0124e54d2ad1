"""Courses, their immutable versions, and the sections and lectures whose identity lasts across versions."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow, TextArrayField


class CourseStatus(StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    UNPUBLISHED = "UNPUBLISHED"
    ARCHIVED = "ARCHIVED"


class EnrollmentPolicy(StrEnum):
    OPEN = "OPEN"
    BY_GRANT = "BY_GRANT"


class Level(StrEnum):
    BEGINNER = "BEGINNER"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    ALL_LEVELS = "ALL_LEVELS"


class ContentType(StrEnum):
    VIDEO = "VIDEO"
    TEXT = "TEXT"
    QUIZ = "QUIZ"


class CompletionKind(StrEnum):
    OPENED = "OPENED"
    WATCHED = "WATCHED"
    PASSED = "PASSED"


class InstructorRole(StrEnum):
    LEAD = "LEAD"
    ASSISTANT = "ASSISTANT"


class CourseTeamRole(StrEnum):
    CREATOR = "CREATOR"
    EDITOR = "EDITOR"
    GRADER = "GRADER"


class Category(TenantRow):
    slug = fields.CharField(80)
    name = fields.CharField(120)
    parent_id = fields.UUIDField(null=True)
    position = fields.IntField(default=0)

    class Meta:
        table = "categories"
        unique_together = (("tenant_id", "slug"),)


class Course(TenantRow):
    """A course. The columns from `title` on are a copy of the latest published version, for lists and search."""

    slug = fields.CharField(80)
    status = fields.CharEnumField(CourseStatus, max_length=16, default=CourseStatus.DRAFT)
    enrollment_policy = fields.CharEnumField(EnrollmentPolicy, max_length=16, default=EnrollmentPolicy.BY_GRANT)
    category_id = fields.UUIDField(null=True)
    is_featured = fields.BooleanField(default=False)
    draft_version_id = fields.UUIDField(null=True)
    published_version_id = fields.UUIDField(null=True)
    first_published_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)
    enrollment_count = fields.IntField(default=0)
    rating_hundredths = fields.IntField(default=0, db_default=0)
    rating_count = fields.IntField(default=0, db_default=0)
    is_sold = fields.BooleanField(default=False, db_default=False)
    price_amount = fields.BigIntField(null=True)
    title = fields.CharField(200, default="")
    short_description = fields.CharField(300, default="")
    cover_file_id = fields.UUIDField(null=True)
    tags = TextArrayField(default=list)
    level = fields.CharEnumField(Level, max_length=16, default=Level.ALL_LEVELS)
    language = fields.CharField(35, default="en")
    lecture_count = fields.IntField(default=0)
    duration_seconds = fields.IntField(default=0)

    class Meta:
        table = "courses"
        unique_together = (("tenant_id", "slug"),)


class CourseInstructor(TenantRow):
    """Who teaches a course, and with which part."""

    course_id = fields.UUIDField()
    account_id = fields.UUIDField()
    role = fields.CharEnumField(InstructorRole, max_length=16)
    position = fields.IntField()
    revenue_share_basis_points = fields.IntField(null=True)

    class Meta:
        table = "course_instructors"
        unique_together = (("tenant_id", "course_id", "account_id"),)


class CourseTeamMember(TenantRow):
    """Who may do what with a course. Who teaches it, for everybody to see, is a `CourseInstructor`: mostly the same people, and other rights. At most one is the creator."""

    course_id = fields.UUIDField()
    account_id = fields.UUIDField()
    role = fields.CharEnumField(CourseTeamRole, max_length=16)
    added_at = fields.DatetimeField()

    class Meta:
        table = "course_team"
        unique_together = (("tenant_id", "course_id", "account_id"),)


class CourseVersion(TenantRow):
    """A version of a course. Once `published_at` is set, a trigger refuses every change to it and to the rows below it."""

    course_id = fields.UUIDField()
    number = fields.IntField(null=True)
    published_at = fields.DatetimeField(null=True)
    title = fields.CharField(200)
    short_description = fields.CharField(300)
    description_markdown = fields.TextField(default="")
    description_html = fields.TextField(default="")
    outcomes = TextArrayField(default=list)
    requirements = TextArrayField(default=list)
    tags = TextArrayField(default=list)
    level = fields.CharEnumField(Level, max_length=16)
    language = fields.CharField(35)
    cover_file_id = fields.UUIDField(null=True)
    lecture_count = fields.IntField(default=0)
    duration_seconds = fields.IntField(default=0)
    source_sha256 = fields.CharField(64, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "course_versions"


class Section(TenantRow):
    """The lasting identity of a section. `key` is its name in the course's folder."""

    course_id = fields.UUIDField()
    key = fields.CharField(80)

    class Meta:
        table = "sections"
        unique_together = (("tenant_id", "course_id", "key"),)


class Lecture(TenantRow):
    """The lasting identity of a lecture: progress, notes and attempts hang on it. `key` is its name in the course's folder."""

    course_id = fields.UUIDField()
    key = fields.CharField(80)

    class Meta:
        table = "lectures"
        unique_together = (("tenant_id", "course_id", "key"),)


class LectureContent(TenantRow):
    """What a lecture shows: never changed once written, shared by the versions that show the same."""

    lecture_id = fields.UUIDField()
    content_type = fields.CharEnumField(ContentType, max_length=16)
    markdown = fields.TextField(null=True)
    html = fields.TextField(null=True)
    sanitizer = fields.IntField(null=True)
    video_id = fields.UUIDField(null=True)
    quiz_revision_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "lecture_contents"


class VersionSection(TenantRow):
    """A section as one version has it."""

    version_id = fields.UUIDField()
    section_id = fields.UUIDField()
    title = fields.CharField(200)
    position = fields.IntField()

    class Meta:
        table = "version_sections"
        unique_together = (("tenant_id", "version_id", "section_id"), ("tenant_id", "version_id", "position"))


class VersionLecture(TenantRow):
    """A lecture as one version has it. `position` counts through the whole version."""

    version_id = fields.UUIDField()
    section_id = fields.UUIDField()
    lecture_id = fields.UUIDField()
    content_id = fields.UUIDField()
    title = fields.CharField(200)
    content_type = fields.CharEnumField(ContentType, max_length=16)
    position = fields.IntField()
    duration_seconds = fields.IntField(default=0)
    is_preview = fields.BooleanField(default=False)
    is_required = fields.BooleanField(default=True)
    completion_kind = fields.CharEnumField(CompletionKind, max_length=16)
    completion_target = fields.IntField(null=True)
    release = fields.JSONField(null=True)

    class Meta:
        table = "version_lectures"
        unique_together = (("tenant_id", "version_id", "lecture_id"), ("tenant_id", "version_id", "position"))


class VersionResource(TenantRow):
    """A file to download beside a lecture, as one version has it."""

    version_id = fields.UUIDField()
    lecture_id = fields.UUIDField()
    file_id = fields.UUIDField()
    title = fields.CharField(200)
    position = fields.IntField()

    class Meta:
        table = "version_resources"
        unique_together = (("tenant_id", "version_id", "lecture_id", "position"),)


class LearningPath(TenantRow):
    """Several courses in an order, to be learned and sold as one. In the catalog while `published_at` is set."""

    slug = fields.CharField(80)
    title = fields.CharField(200)
    description_markdown = fields.TextField(default="")
    description_html = fields.TextField(default="")
    published_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "paths"
        unique_together = (("tenant_id", "slug"),)


class PathCourse(TenantRow):
    """A course as a path has it. `position` counts from 1."""

    path_id = fields.UUIDField()
    course_id = fields.UUIDField()
    position = fields.IntField()
    is_required = fields.BooleanField(default=True)

    class Meta:
        table = "path_courses"
        unique_together = (("tenant_id", "path_id", "course_id"), ("tenant_id", "path_id", "position"))

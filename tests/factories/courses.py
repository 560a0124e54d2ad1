"""Courses: published, valid by default, and only what a test says differs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.catalog.operations import courses
from lms_graph.domain.catalog.operations.courses import CourseSource, LectureSource, SectionSource
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.operations import PutObject
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.quizzes import quiz


@dataclass(frozen=True)
class MadeCourse:
    """A published course and its lectures by key."""

    course_id: UUID
    version_id: UUID
    slug: str
    lectures: dict[str, UUID]

    @property
    def public_id(self) -> str:
        return public_id("crs", self.course_id)

    def lecture(self, key: str) -> str:
        return public_id("lec", self.lectures[key])


def text(key: str = "text", **differs: Any) -> LectureSource:
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "markdown": f"# {key}\n\nSecret words of {key}."} | differs))


async def video(caller: Caller, key: str = "video", *, seconds: int = 100, milliseconds: int | None = None, **differs: Any) -> LectureSource:
    """A video of that length, whose file nobody needs to play."""
    async with unit_of_work(caller):
        file_id = await media.record_file(
            caller=caller, file=PutObject(key=f"{caller.tenant_id}/{uuid4()}", content_type="video/mp4", size_bytes=1, sha256="0" * 64, is_public=False)
        )
        video_id = await media.record_video(
            caller=caller, file_id=file_id, duration_ms=milliseconds or seconds * 1000, chapters=[{"title": "Start", "startSeconds": 0}], captions=[]
        )
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "video_id": video_id, "duration_seconds": -(-(milliseconds or seconds * 1000) // 1000)} | differs))


async def quiz_lecture(caller: Caller, key: str = "quiz", **differs: Any) -> LectureSource:
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "quiz_revision_id": (await quiz(caller)).quiz_revision_id} | differs))


async def course(caller: Caller, *lectures: LectureSource, slug: str | None = None, **differs: Any) -> MadeCourse:
    """A published OPEN course of these lectures (by default: one to read as a preview, one to watch, one to pass)."""
    lectures = lectures or (text(is_preview=True), await video(caller), await quiz_lecture(caller))
    slug = slug or f"course-{uuid4().hex[:12]}"
    sections = differs.pop("sections", None) or (SectionSource(key="all", title="All of it", lectures=lectures),)
    values = {"slug": slug, "title": "A Course", "enrollment_policy": EnrollmentPolicy.OPEN, "sections": sections} | differs
    made = await courses.publish_course(caller=caller, source=CourseSource(**values))
    async with database.reading(caller):
        rows = await database.fetch("SELECT key, id FROM lectures WHERE tenant_id = $1 AND course_id = $2", caller.tenant_id, made.course_id)
    return MadeCourse(made.course_id, made.version_id, slug, {row["key"]: row["id"] for row in rows})

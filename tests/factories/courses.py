"""Courses: published, valid by default, and only what a test says differs."""

from typing import Any
from uuid import UUID, uuid4

from lms_graph.domain.catalog.operations.courses import CourseSource, LectureSource, Published, SectionSource, publish_course
from lms_graph.domain.media import operations as media
from lms_graph.domain.media.operations import PutObject
from lms_graph.kit.caller import Caller
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.outbox.unit_of_work import unit_of_work


async def course(caller: Caller, *lectures: LectureSource, **differs: Any) -> Published:
    """A published course that takes everybody, of one text unless lectures are given."""
    lectures = lectures or (text(),)
    values: dict[str, Any] = {
        "slug": f"c-{uuid4().hex[:12]}",
        "title": "A Course",
        "enrollment_policy": EnrollmentPolicy.OPEN,
        "sections": (SectionSource(key="all", title="All of it", lectures=lectures),),
    }
    return await publish_course(caller=caller, source=CourseSource(**(values | differs)))


def text(key: str = "text", **differs: Any) -> LectureSource:
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "markdown": f"About *{key}*."} | differs))


def quiz(revision_id: UUID, key: str = "quiz", **differs: Any) -> LectureSource:
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "quiz_revision_id": revision_id} | differs))


async def video(caller: Caller, key: str = "video", *, seconds: int = 100, **differs: Any) -> LectureSource:
    """A video's rows only: nothing lies in the object store."""
    async with unit_of_work(caller):
        file = PutObject(key=f"{caller.tenant_id}/{uuid4().hex}", content_type="video/mp4", size_bytes=1, sha256="0" * 64, is_public=False)
        video_id = await media.record_video(caller=caller, file_id=await media.record_file(caller=caller, file=file), duration_ms=seconds * 1000, chapters=[], captions=[])
    return LectureSource(**({"key": key, "title": f"Lecture {key}", "video_id": video_id, "duration_seconds": seconds} | differs))

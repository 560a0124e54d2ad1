"""Learners, and runs of a course that is one quiz."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import catalog, learning
from lms_graph.models.assessment import QuizRevision
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account


@dataclass(frozen=True)
class Learner:
    """A student, as the domain sees them at any time."""

    account_id: UUID
    tenant_id: UUID

    @property
    def caller(self) -> Caller:
        return self.at(datetime.now(UTC))

    def at(self, now: datetime) -> Caller:
        return Caller(tenant_id=self.tenant_id, account_id=self.account_id, now=now)


@dataclass(frozen=True)
class Seat:
    """A run, its grant and its quiz lecture."""

    enrollment_id: UUID
    entitlement_id: UUID
    lecture_id: UUID

    @property
    def input(self) -> dict[str, Any]:
        return {"enrollmentId": public_id("enr", self.enrollment_id), "lectureId": public_id("lec", self.lecture_id), "idempotencyKey": uuid4().hex}


async def learner(tenant_id: UUID) -> Learner:
    return Learner(await account(Caller.system(tenant_id)), tenant_id)


async def seat(learner: Learner, quiz_revision_id: UUID) -> Seat:
    """A run with a live grant on a published version whose one lecture is the quiz, done when it is passed."""
    caller = Caller.system(learner.tenant_id)
    tenant, now = {"tenant_id": learner.tenant_id}, datetime.now(UTC)
    async with unit_of_work(caller):
        quiz = await QuizRevision.for_caller(caller, id=quiz_revision_id).get()
        course = await catalog.Course.create(**tenant, slug=f"c-{uuid4().hex[:12]}", status=catalog.CourseStatus.PUBLISHED, title="A Course", first_published_at=now)
        version = await catalog.CourseVersion.create(
            **tenant, course_id=course.id, title="A Course", short_description="", level=catalog.Level.ALL_LEVELS, language="en", lecture_count=1
        )
        section = await catalog.Section.create(**tenant, course_id=course.id, key="s")
        lecture = await catalog.Lecture.create(**tenant, course_id=course.id, key="quiz")
        content = await catalog.LectureContent.create(**tenant, lecture_id=lecture.id, content_type=catalog.ContentType.QUIZ, quiz_revision_id=quiz.id)
        await catalog.VersionSection.create(**tenant, version_id=version.id, section_id=section.id, title="S", position=0)
        await catalog.VersionLecture.create(
            **tenant,
            version_id=version.id,
            section_id=section.id,
            lecture_id=lecture.id,
            content_id=content.id,
            title=quiz.title,
            content_type=catalog.ContentType.QUIZ,
            position=0,
            completion_kind=catalog.CompletionKind.PASSED,
        )
        await catalog.CourseVersion.for_caller(caller, id=version.id).update(number=1, published_at=now)
        await catalog.Course.for_caller(caller, id=course.id).update(published_version_id=version.id)
        grant = await learning.Entitlement.create(
            **tenant, account_id=learner.account_id, subject_kind=learning.SubjectKind.COURSE, subject_id=course.id, kind=learning.EntitlementKind.MANUAL, starts_at=now
        )
        run = await learning.Enrollment.create(
            **tenant, account_id=learner.account_id, course_id=course.id, version_id=version.id, run_number=1, entitlement_id=grant.id, enrolled_at=now
        )
    return Seat(run.id, grant.id, lecture.id)

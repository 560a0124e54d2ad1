"""Root fields of runs: enrolling, progress, and the live stream."""

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.learning.operations import completion, enrollments, progress
from lms_graph.domain.learning.queries import live
from lms_graph.kit.errors import DomainError
from lms_graph.kit.live import topic
from lms_graph.kit.pages import PageRequest
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query, top_level
from lms_graph.types.learning.enrollments import Enrollment, EnrollmentConnection, EnrollmentWhere
from lms_graph.types.learning.progress import (
    CourseEnrollInput,
    CourseEnrollPayload,
    EnrollmentProgressEvent,
    LectureCompleteInput,
    LectureCompletePayload,
    ProgressEventResult,
    ProgressRecordInput,
    ProgressRecordPayload,
)
from lms_graph.types.nodes import decode_or_none


@strawberry.type
class LearningQuery:
    @query(description="A run of the viewer's own, of a course in whose team they are, or of anybody for who holds ENROLLMENTS_READ; null for any other.")
    async def enrollment(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Enrollment | None:
        found: Enrollment | None = await info.context.loaders.learning.enrollment.load(uuid) if (uuid := decode_or_none(id, "enr")) else None
        return found

    @query(description="All runs of a course, latest first; null for an unknown course. The course's team, and who holds ENROLLMENTS_READ.")
    async def enrollments(
        self,
        info: Info,
        course_id: Annotated[strawberry.ID, strawberry.argument(description="The course, published or not.")],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[EnrollmentWhere | None, strawberry.argument(description="What the runs must be like.")] = None,
    ) -> EnrollmentConnection | None:
        request = PageRequest(first, after, last, before)
        id = decode_or_none(course_id, "crs")
        found: EnrollmentConnection | None = await info.context.loaders.learning.roster.load((id, request, where.statuses() if where else None)) if id else None
        return found


@strawberry.type
class LearningMutation:
    @mutation(description="Begin a course. Signed in. An OPEN course takes everybody; any other needs a grant. Codes: NOT_FOUND, GRANT_REQUIRED, IDEMPOTENCY_CONFLICT, INVALID.")
    async def course_enroll(self, info: Info, input: Annotated[CourseEnrollInput, strawberry.argument(description="Which course.")]) -> CourseEnrollPayload:
        return CourseEnrollPayload(enrollment_id=await enrollments.enroll_course(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Send what a device has played. The run's learner. Each numbered event counts once, in any order. Codes: NOT_FOUND, RUN_CLOSED, ACCESS_DENIED, INVALID.")
    async def progress_record(
        self, info: Info, input: Annotated[ProgressRecordInput, strawberry.argument(description="What was played, on which device.")]
    ) -> ProgressRecordPayload:
        recorded = await progress.record_progress(caller=info.context.caller, **input.as_arguments())
        return ProgressRecordPayload(
            results=[ProgressEventResult.from_result(result) for result in recorded.results],
            next_heartbeat_seconds=recorded.next_heartbeat_seconds,
            enrollment_id=recorded.enrollment_id,
        )

    @mutation(description="Say that a lecture to read is done. The run's learner. Doing it again changes nothing. Codes: NOT_FOUND, RUN_CLOSED, ACCESS_DENIED, CONFLICT.")
    async def lecture_complete(self, info: Info, input: Annotated[LectureCompleteInput, strawberry.argument(description="Which lecture, in which run.")]) -> LectureCompletePayload:
        return LectureCompletePayload(enrollment_id=await completion.complete_lecture(caller=info.context.caller, **input.as_arguments()))


@strawberry.type
class LearningSubscription:
    @strawberry.subscription(description="A run as it goes on, on every device. Its learner. First the present state, then each event; with `after`, first what was missed.")
    async def enrollment_progress(
        self,
        info: Info,
        enrollment_id: Annotated[strawberry.ID, strawberry.argument(description="The run.")],
        after: Annotated[int | None, strawberry.argument(description="The last `sequence` seen: what came after it is sent first.")] = None,
    ) -> AsyncGenerator[EnrollmentProgressEvent, None]:
        context = info.context
        id = decode_or_none(enrollment_id, "enr") or UUID(int=0)
        async with context.adapters.live.listen(topic(context.caller.tenant_id, id)) as wake_ups:
            last: int | None = after
            async for _ in wake_ups:
                more = True
                while more:
                    context.renew()
                    try:
                        moments = await live.moments(caller=context.caller, enrollment_id=id, after=last)
                    except DomainError as error:
                        raise top_level(error) from error
                    for moment in moments:
                        context.renew()
                        last = context.place.sequence = moment.sequence
                        yield EnrollmentProgressEvent(
                            sequence=moment.sequence,
                            lecture_completed=moment.lecture_completed,
                            access_changed=moment.access_changed,
                            enrollment_id=id,
                            lecture_key=moment.lecture_id and (moment.version_id, moment.lecture_id, id),
                            with_certificate=id if moment.about_certificate else None,
                        )
                    more = len(moments) == live.AT_ONCE  # somebody who was long away hears all of it now
                if context.reads:
                    await context.reads.release()

"""What follows in the catalog: a course counts its learners."""

from uuid import UUID

from lms_graph.domain.catalog.operations import courses
from lms_graph.jobs.runtime import Job, job


@job
async def count_enrollment(job: Job, *, course_id: UUID) -> None:
    await courses.count_enrollment(caller=job.caller, course_id=course_id, closes=job.delivery)

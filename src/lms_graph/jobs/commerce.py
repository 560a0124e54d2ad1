"""What follows in commerce: a free course stays open."""

from uuid import UUID

from lms_graph.domain.commerce.operations import offers
from lms_graph.jobs.runtime import Job, job


@job
async def keep_free_course_open(job: Job, *, course_id: UUID) -> None:
    await offers.keep_free_course_open(caller=job.caller, course_id=course_id, closes=job.delivery)

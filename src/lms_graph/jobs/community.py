"""What follows when learners speak: the catalog learns how they rate its courses."""

from uuid import UUID

from lms_graph.domain.community.operations import ratings
from lms_graph.jobs.runtime import Job, job


@job
async def share_rating(job: Job, *, course_id: UUID) -> None:
    await ratings.share_rating(caller=job.caller, course_id=course_id, closes=job.delivery)

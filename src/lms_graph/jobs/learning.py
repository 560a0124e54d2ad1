"""What follows for runs: attempts whose time is over are handed in."""

from uuid import UUID

from lms_graph.domain.learning.operations import attempts
from lms_graph.jobs.runtime import Job, job


@job
async def submit_overdue_attempt(job: Job, *, attempt_id: UUID) -> None:
    await attempts.submit_overdue_attempt(caller=job.caller, attempt_id=attempt_id, closes=job.delivery)

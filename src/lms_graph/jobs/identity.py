"""What follows for accounts: who was meant by a request for a mail."""

from uuid import UUID

from lms_graph.domain.identity.operations import emails
from lms_graph.jobs.runtime import Job, job


@job
async def answer_link_request(job: Job, *, request_id: UUID) -> None:
    await emails.answer_link_request(caller=job.caller, request_id=request_id, closes=job.delivery)

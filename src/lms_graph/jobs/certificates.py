"""What follows a finished course: its certificate, and the certificate's PDF."""

from uuid import UUID

from lms_graph.domain.certificates import operations
from lms_graph.jobs.runtime import Job, job


@job
async def issue_certificate(job: Job, *, enrollment_id: UUID) -> None:
    await operations.issue_certificate(caller=job.caller, enrollment_id=enrollment_id, closes=job.delivery, base_url=job.adapters.base_url, secret_keys=job.adapters.secret_keys)


@job
async def render_certificate(job: Job, *, certificate_id: UUID) -> None:
    await operations.render_certificate(
        caller=job.caller, certificate_id=certificate_id, closes=job.delivery, renderer=job.adapters.certificate_renderer, objects=job.adapters.objects
    )

"""What follows in commerce: a free course stays open; money goes back; banks are answered."""

from uuid import UUID

from lms_graph.domain.commerce.operations import disputes, offers, refunds
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.payouts.queries import providers
from lms_graph.jobs.runtime import Job, job


@job
async def keep_free_course_open(job: Job, *, course_id: UUID) -> None:
    await offers.keep_free_course_open(caller=job.caller, course_id=course_id, closes=job.delivery)


@job
async def send_refund(job: Job, *, refund_id: UUID) -> None:
    await refunds.send_refund(caller=job.caller, refund_id=refund_id, gateway=await _gateway(job))


@job
async def check_refund(job: Job, *, refund_id: UUID) -> None:
    await refunds.send_refund(caller=job.caller, refund_id=refund_id, gateway=await _gateway(job))


@job
async def send_evidence(job: Job, *, dispute_id: UUID) -> None:
    await disputes.send_evidence(caller=job.caller, dispute_id=dispute_id, gateway=await _gateway(job))


@job
async def check_dispute(job: Job, *, dispute_id: UUID) -> None:
    await disputes.check_dispute(caller=job.caller, dispute_id=dispute_id, gateway=await _gateway(job))


async def _gateway(job: Job) -> PaymentGateway:
    return await providers.gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)

"""What follows in commerce."""

from uuid import UUID

from lms_graph.domain.commerce.operations import seats
from lms_graph.jobs.runtime import Job, job


@job
async def take_waiting_seats(job: Job, *, account_id: UUID) -> None:
    await seats.take_waiting(caller=job.caller, account_id=account_id, closes=job.delivery)


@job
async def expire_seat_pool(job: Job, *, pool_id: UUID) -> None:
    await seats.expire_pool(caller=job.caller, pool_id=pool_id, closes=job.delivery)

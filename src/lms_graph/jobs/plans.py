"""What follows for plans: the provider is asked when a plan's time has come, what somebody asked for is finished, and the months of all-access are divided."""

from uuid import UUID

from lms_graph.domain.commerce.operations import plan_requests, plan_states, pools
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.payouts.queries import providers
from lms_graph.jobs.runtime import Job, job


async def _gateway(job: Job) -> PaymentGateway:
    return await providers.gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)


@job
async def sweep_subscription(job: Job, *, subscription_id: UUID) -> None:
    await plan_states.sweep(caller=job.caller, subscription_id=subscription_id, gateway=await _gateway(job), closes=job.delivery)


@job
async def finish_request(job: Job, *, request_id: UUID) -> None:
    await plan_requests.finish_request(caller=job.caller, request_id=request_id, gateway=await _gateway(job), closes=job.delivery)


@job
async def open_pool(job: Job, *, order_id: UUID) -> None:
    await pools.open_pool(caller=job.caller, order_id=order_id, closes=job.delivery)


@job
async def close_pool(job: Job, *, pool_id: UUID) -> None:
    await pools.close_pool(caller=job.caller, pool_id=pool_id, closes=job.delivery)

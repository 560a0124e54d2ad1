"""What follows for payees: payouts by schedule, sent and tried again, and statements."""

from uuid import UUID

from lms_graph.domain.payouts.operations import statements, transfers
from lms_graph.domain.payouts.queries import providers
from lms_graph.jobs.runtime import Job, job


@job
async def run_due(job: Job, *, payee_id: UUID, due_at: str) -> None:
    await transfers.run_due(caller=job.caller, payee_id=payee_id, due_at=due_at, closes=job.delivery)


@job
async def send_payout(job: Job, *, payout_id: UUID) -> None:
    gateway = await providers.gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await transfers.send(caller=job.caller, payout_id=payout_id, gateway=gateway, closes=job.delivery)


@job
async def make_statement(job: Job, *, statement_id: UUID) -> None:
    await statements.make_statement(caller=job.caller, statement_id=statement_id, closes=job.delivery, printer=job.adapters.statement_printer, objects=job.adapters.objects)

"""What follows sales: documents."""

from uuid import UUID

from lms_graph.domain.commerce.operations import invoices
from lms_graph.jobs.runtime import Job, job


@job
async def issue_invoice(job: Job, *, order_id: UUID) -> None:
    await invoices.issue_invoice(caller=job.caller, order_id=order_id, closes=job.delivery)


@job
async def issue_credit_note(job: Job, *, refund_id: UUID) -> None:
    await invoices.issue_credit_note(caller=job.caller, refund_id=refund_id, closes=job.delivery)


@job
async def print_invoice(job: Job, *, invoice_id: UUID) -> None:
    await invoices.print_invoice(caller=job.caller, invoice_id=invoice_id, closes=job.delivery, printer=job.adapters.invoice_printer, objects=job.adapters.objects)

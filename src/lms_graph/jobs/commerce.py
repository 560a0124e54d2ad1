"""What follows in commerce: documents of sales; a free course stays open."""

from uuid import UUID

from lms_graph.domain.commerce.operations import invoices, offers
from lms_graph.jobs.runtime import Job, job


@job
async def keep_free_course_open(job: Job, *, course_id: UUID) -> None:
    await offers.keep_free_course_open(caller=job.caller, course_id=course_id, closes=job.delivery)


@job
async def issue_invoice(job: Job, *, order_id: UUID) -> None:
    await invoices.issue_invoice(caller=job.caller, order_id=order_id, closes=job.delivery)


@job
async def issue_credit_note(job: Job, *, refund_id: UUID) -> None:
    await invoices.issue_credit_note(caller=job.caller, refund_id=refund_id, closes=job.delivery)


@job
async def print_invoice(job: Job, *, invoice_id: UUID) -> None:
    await invoices.print_invoice(caller=job.caller, invoice_id=invoice_id, closes=job.delivery, printer=job.adapters.invoice_printer, objects=job.adapters.objects)

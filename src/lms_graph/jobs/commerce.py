"""What follows in commerce: a free course stays open, seats find their people, checkouts are looked after, the provider's events are worked, money goes back, sales are documented."""

from uuid import UUID

from lms_graph.domain.commerce.operations import checkouts, disputes, inbox, invoices, offers, payments, refunds, seats
from lms_graph.domain.payouts.queries.providers import gateway_of
from lms_graph.jobs.runtime import Job, job


@job
async def keep_free_course_open(job: Job, *, course_id: UUID) -> None:
    await offers.keep_free_course_open(caller=job.caller, course_id=course_id, closes=job.delivery)


@job
async def share_price(job: Job, *, offer_id: UUID) -> None:
    await offers.share_price(caller=job.caller, offer_id=offer_id, closes=job.delivery)


@job
async def issue_invoice(job: Job, *, order_id: UUID) -> None:
    await invoices.issue_invoice(caller=job.caller, order_id=order_id, closes=job.delivery)


@job
async def issue_credit_note(job: Job, *, refund_id: UUID) -> None:
    await invoices.issue_credit_note(caller=job.caller, refund_id=refund_id, closes=job.delivery)


@job
async def print_invoice(job: Job, *, invoice_id: UUID) -> None:
    await invoices.print_invoice(caller=job.caller, invoice_id=invoice_id, closes=job.delivery, printer=job.adapters.invoice_printer, objects=job.adapters.objects)


@job
async def take_waiting_seats(job: Job, *, account_id: UUID) -> None:
    await seats.take_waiting(caller=job.caller, account_id=account_id, closes=job.delivery)


@job
async def expire_seat_pool(job: Job, *, pool_id: UUID) -> None:
    await seats.expire_pool(caller=job.caller, pool_id=pool_id, closes=job.delivery)


@job
async def work_event(job: Job, *, provider_event_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await inbox.work_event(caller=job.caller, provider_event_id=provider_event_id, gateway=gateway, closes=job.delivery)


@job
async def sweep_checkout(job: Job, *, checkout_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await checkouts.sweep_checkout(caller=job.caller, checkout_id=checkout_id, gateway=gateway, closes=job.delivery)


@job
async def return_payment(job: Job, *, payment_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await payments.return_payment(caller=job.caller, payment_id=payment_id, gateway=gateway, closes=job.delivery)


@job
async def book_tax(job: Job, *, order_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await payments.book_tax(caller=job.caller, order_id=order_id, gateway=gateway, closes=job.delivery)


@job
async def send_refund(job: Job, *, refund_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await refunds.send_refund(caller=job.caller, refund_id=refund_id, gateway=gateway)


@job
async def check_refund(job: Job, *, refund_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await refunds.send_refund(caller=job.caller, refund_id=refund_id, gateway=gateway)


@job
async def send_evidence(job: Job, *, dispute_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await disputes.send_evidence(caller=job.caller, dispute_id=dispute_id, gateway=gateway)


@job
async def check_dispute(job: Job, *, dispute_id: UUID) -> None:
    gateway = await gateway_of(caller=job.caller, payments=job.adapters.payments, secret_keys=job.adapters.secret_keys)
    await disputes.check_dispute(caller=job.caller, dispute_id=dispute_id, gateway=gateway)

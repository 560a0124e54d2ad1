"""What follows by mail."""

from uuid import UUID

from lms_graph.domain.notifications.operations import mails, sales
from lms_graph.jobs.runtime import Job, job


@job
async def mail_link(job: Job, *, challenge_id: UUID) -> None:
    await mails.mail_link(caller=job.caller, challenge_id=challenge_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_invitation(job: Job, *, challenge_id: UUID, inviter_id: UUID | None) -> None:
    await mails.mail_link(caller=job.caller, challenge_id=challenge_id, inviter_id=inviter_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_change_notice(job: Job, *, challenge_id: UUID) -> None:
    await mails.mail_change_notice(caller=job.caller, challenge_id=challenge_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_email_changed(job: Job, *, account_id: UUID) -> None:
    await mails.mail_email_changed(caller=job.caller, account_id=account_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_password_changed(job: Job, *, account_id: UUID) -> None:
    await mails.mail_password_changed(caller=job.caller, account_id=account_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_sign_in_alert(job: Job, *, session_id: UUID) -> None:
    await mails.mail_sign_in_alert(caller=job.caller, session_id=session_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_application_decision(job: Job, *, application_id: UUID) -> None:
    await mails.mail_application_decision(caller=job.caller, application_id=application_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_enrollment(job: Job, *, enrollment_id: UUID, account_id: UUID, course_id: UUID) -> None:
    await sales.mail_enrollment(caller=job.caller, enrollment_id=enrollment_id, account_id=account_id, course_id=course_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_receipt(job: Job, *, invoice_id: UUID) -> None:
    await sales.mail_receipt(caller=job.caller, invoice_id=invoice_id, closes=job.delivery, post=job.adapters.post, objects=job.adapters.objects)


@job
async def mail_payment_failed(job: Job, *, subscription_id: UUID) -> None:
    await sales.mail_payment_failed(caller=job.caller, subscription_id=subscription_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_purchase_claim(job: Job, *, order_id: UUID) -> None:
    await sales.mail_purchase_claim(caller=job.caller, order_id=order_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_payout(job: Job, *, payout_id: UUID, account_id: UUID | None) -> None:
    await sales.mail_payout(caller=job.caller, payout_id=payout_id, account_id=account_id, closes=job.delivery, post=job.adapters.post)


@job
async def mail_seat(job: Job, *, seat_id: UUID) -> None:
    await sales.mail_seat(caller=job.caller, seat_id=seat_id, closes=job.delivery, post=job.adapters.post)

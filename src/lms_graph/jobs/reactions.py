"""What follows what: the one page that says which jobs a fact sets off.

A reaction is due at once, or at the time that a field of the fact names; one with a condition is set off only where that field of the fact is true. Reactions of one fact come in any order and more than once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lms_graph.domain.assessment import events as assessment
from lms_graph.domain.catalog import events as catalog
from lms_graph.domain.certificates import events as certificates
from lms_graph.domain.commerce import events as commerce
from lms_graph.domain.community import events as community
from lms_graph.domain.identity import events as identity
from lms_graph.domain.learning import events as learning
from lms_graph.domain.payouts import events as payouts


@dataclass(frozen=True)
class Reaction:
    job: str
    due: str | None = None  # the field of the fact that holds the time (RFC 3339), where it is not at once
    when: str | None = None  # the field of the fact that must be true


REACTIONS: dict[str, tuple[Reaction, ...]] = {
    commerce.OfferSaved.name: (Reaction("commerce.share_price"),),
    commerce.RefundDecided.name: (Reaction("commerce.send_refund", when="is_approved"), Reaction("commerce.check_refund", due="sweep_at")),
    commerce.RefundAwaited.name: (Reaction("commerce.check_refund", due="sweep_at"),),
    commerce.DisputeOpened.name: (Reaction("commerce.check_dispute", due="sweep_at"),),
    commerce.DisputeAwaited.name: (Reaction("commerce.check_dispute", due="sweep_at"),),
    commerce.DisputeAnswered.name: (Reaction("commerce.send_evidence"),),
    identity.LinkRequested.name: (Reaction("identity.answer_link_request"),),
    catalog.CoursePublished.name: (Reaction("commerce.keep_free_course_open"),),
    learning.EnrollmentOpened.name: (Reaction("catalog.count_enrollment"), Reaction("notifications.mail_enrollment")),
    assessment.AttemptStarted.name: (Reaction("learning.submit_overdue_attempt", due="deadline_at"),),
    learning.CourseCompleted.name: (Reaction("certificates.issue_certificate"),),
    certificates.CertificateIssued.name: (Reaction("certificates.render_certificate"),),
    identity.EmailVerificationRequested.name: (Reaction("notifications.mail_link"),),
    identity.PasswordResetRequested.name: (Reaction("notifications.mail_link"),),
    identity.EmailChangeRequested.name: (Reaction("notifications.mail_link"), Reaction("notifications.mail_change_notice")),
    identity.PasswordChanged.name: (Reaction("notifications.mail_password_changed"),),
    identity.MemberInvited.name: (Reaction("notifications.mail_invitation"),),
    identity.SessionOpened.name: (Reaction("notifications.mail_sign_in_alert", when="is_new_device"),),
    identity.EmailVerified.name: (Reaction("commerce.take_waiting_seats"),),
    identity.EmailChanged.name: (Reaction("notifications.mail_email_changed"), Reaction("commerce.take_waiting_seats")),
    commerce.ProviderEventStored.name: (Reaction("commerce.work_event"),),
    commerce.CheckoutStarted.name: (Reaction("commerce.sweep_checkout", due="sweep_at"),),
    commerce.CheckoutLookedAt.name: (Reaction("commerce.sweep_checkout", due="sweep_at"),),
    commerce.PaymentDuplicated.name: (Reaction("commerce.return_payment"),),
    commerce.OrderPaid.name: (
        Reaction("commerce.book_tax", when="is_tax_to_book"),
        Reaction("commerce.issue_invoice"),
        Reaction("plans.open_pool"),
        Reaction("notifications.mail_purchase_claim", when="is_claimable"),
    ),
    commerce.RefundSettled.name: (Reaction("commerce.issue_credit_note"),),
    commerce.InvoiceIssued.name: (Reaction("commerce.print_invoice"),),
    commerce.InvoicePrinted.name: (Reaction("notifications.mail_receipt"),),
    commerce.SubscriptionPastDue.name: (Reaction("notifications.mail_payment_failed"),),
    commerce.SeatAssigned.name: (Reaction("notifications.mail_seat"),),
    commerce.SeatPoolOpened.name: (Reaction("commerce.expire_seat_pool", due="expires_at"),),
    community.CourseRatingChanged.name: (Reaction("community.share_rating"),),
    payouts.PayoutRunDue.name: (Reaction("payouts.run_due", due="due_at"),),
    payouts.PayoutReserved.name: (Reaction("payouts.send_payout"),),
    payouts.PayoutDelayed.name: (Reaction("payouts.send_payout", due="again_at"),),
    payouts.PayoutPaid.name: (Reaction("notifications.mail_payout"),),
    payouts.StatementRequested.name: (Reaction("payouts.make_statement"),),
    identity.InstructorApplicationDecided.name: (Reaction("notifications.mail_application_decision"),),
    commerce.SubscriptionLookDue.name: (Reaction("plans.sweep_subscription", due="sweep_at"),),
    commerce.SubscriptionRequested.name: (Reaction("plans.finish_request", due="sweep_at"),),
    commerce.AccessPoolOpened.name: (Reaction("plans.close_pool", due="closes_at"),),
}


def reactions_to(fact: str, payload: dict[str, Any]) -> list[tuple[str, datetime | None]]:
    """The jobs a fact sets off, each with its time or None for now. A reaction whose time is null, or whose condition is not true, is not set off."""
    owed = []
    for reaction in REACTIONS.get(fact, ()):
        if reaction.when is not None and payload.get(reaction.when) is not True:
            continue
        if reaction.due is None:
            owed.append((reaction.job, None))
        elif reaction.due not in payload:
            owed.append((reaction.job, None))  # a fact of another version: the job reloads the state and sees
        elif payload[reaction.due] is not None:
            owed.append((reaction.job, datetime.fromisoformat(payload[reaction.due])))
    return owed

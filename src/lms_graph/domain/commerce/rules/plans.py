"""The life of a plan: which state follows which, what its grants open in each, when the provider is asked again, and what may be asked of it. Over plain values, as data where it can be.

The provider's state is what a plan's state follows. Two things are ours: a plan in installments is COMPLETED by its last payment, and what was withdrawn here stays CANCELED.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lms_graph.domain.payouts.ports import InvoiceState, PaymentState
from lms_graph.kit.money import part
from lms_graph.models.commerce import BillingInterval, DefaultRule, OfferSubject, RequestKind, SubscriptionStatus
from lms_graph.models.learning import EntitlementState

SLACK = timedelta(days=2)
"""How long after its period a plan in order still opens what it is for: the provider bills an hour after the period, and its word may come late."""
LOOK_AFTER = timedelta(hours=2)
"""How long after a period the provider is asked, whether it has said anything or not."""
LOOK_EVERY = timedelta(days=1)
REQUEST_LOOK_AFTER = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)  # the provider counts in seconds, and a grant ends after it begins
MIN_PAUSE = timedelta(days=1)
MAX_PAUSE = timedelta(days=90)

S = SubscriptionStatus

MOVES: Mapping[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    S.INCOMPLETE: frozenset({S.TRIALING, S.ACTIVE, S.PAST_DUE, S.PAUSED, S.CANCELED, S.COMPLETED}),
    S.TRIALING: frozenset({S.ACTIVE, S.PAST_DUE, S.PAUSED, S.CANCELED, S.COMPLETED}),
    S.ACTIVE: frozenset({S.TRIALING, S.PAST_DUE, S.PAUSED, S.CANCELED, S.COMPLETED}),
    S.PAST_DUE: frozenset({S.ACTIVE, S.PAUSED, S.CANCELED, S.COMPLETED}),
    S.PAUSED: frozenset({S.TRIALING, S.ACTIVE, S.PAST_DUE, S.CANCELED, S.COMPLETED}),
    S.CANCELED: frozenset({S.COMPLETED}),  # the last payment may be told after the end
    S.COMPLETED: frozenset({S.CANCELED}),  # withdrawn, with the money back
}
"""Which state may follow which. What is not here does not happen: the plan stays as it is."""

ENDED = frozenset({S.CANCELED, S.COMPLETED})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a plan's rules ask of it."""

    status: SubscriptionStatus
    begins_at: datetime
    current_period_end: datetime | None
    paid_until: datetime | None
    cancel_at_period_end: bool = False
    ended_at: datetime | None = None
    resumes_at: datetime | None = None
    grace_until: datetime | None = None
    installments_total: int | None = None
    installments_paid: int = 0
    on_default: DefaultRule = DefaultRule.SUSPEND
    access_ends_at: datetime | None = None
    is_withdrawn: bool = False
    is_premium: bool = False

    @property
    def is_installments(self) -> bool:
        return self.installments_total is not None

    @property
    def is_paid(self) -> bool:
        """All installments came in."""
        return self.installments_total is not None and self.installments_paid >= self.installments_total


@dataclass(frozen=True)
class GrantState:
    """What a plan writes onto its grants."""

    state: EntitlementState
    grace_until: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True)
class Target:
    """What a plan would be with another offer: `amount` each payment, tax in it; `due_amount` at once, negative for credit against the next payments."""

    amount: int
    due_amount: int
    currency: str
    terms: dict[str, Any]


@dataclass(frozen=True)
class SubscriptionFilter:
    """What plans must be like; None for whatever."""

    account_id: UUID | None = None
    offer_id: UUID | None = None
    statuses: tuple[str, ...] | None = None


def plan_of(row: Mapping[str, Any], terms: Mapping[str, Any]) -> Plan:
    """A plan's row as its rules ask of it."""
    fixed = terms.get("access_ends_at")
    return Plan(
        status=SubscriptionStatus(row["status"]),
        begins_at=row["created_at"],
        current_period_end=row["current_period_end"],
        paid_until=row["paid_until"],
        cancel_at_period_end=row["cancel_at_period_end"],
        ended_at=row["ended_at"],
        resumes_at=row["resumes_at"],
        grace_until=row["grace_until"],
        installments_total=row["installments_total"],
        installments_paid=row["installments_paid"],
        on_default=DefaultRule(terms.get("on_default") or DefaultRule.SUSPEND),
        access_ends_at=datetime.fromisoformat(fixed) if fixed else None,
        is_withdrawn=row["withdrawn_at"] is not None,
        is_premium=terms.get("subject") == OfferSubject.INSTRUCTOR_PREMIUM,
    )


def status_after(plan: Plan, told: SubscriptionStatus) -> SubscriptionStatus:
    """The state of a plan of which the provider says `told`."""
    if plan.is_withdrawn:
        return S.CANCELED
    wanted = S.COMPLETED if plan.is_paid else told
    return wanted if wanted in MOVES[plan.status] else plan.status


def grace_of(plan: Plan, *, grace_days: int) -> datetime | None:
    """Until when a plan that is past due opens what it is for: counted from the end of what is paid, so that it is the same whenever it is asked; once said it stays."""
    if plan.status is not S.PAST_DUE:
        return None
    since = plan.paid_until or plan.current_period_end
    return plan.grace_until or (since + timedelta(days=grace_days) if since else None)


def grants_of(plan: Plan, now: datetime) -> GrantState:
    """What the plan's grants open at a moment. `plan` has its new state and grace."""
    fixed = plan.access_ends_at
    keeps = plan.is_installments and plan.on_default is DefaultRule.KEEP and not plan.is_withdrawn
    match plan.status:
        case S.COMPLETED:
            return GrantState(EntitlementState.ACTIVE, None, fixed)
        case S.CANCELED if keeps:
            return GrantState(EntitlementState.ACTIVE, None, fixed)
        case S.CANCELED:
            end = _first(plan.ended_at, plan.paid_until if not plan.is_installments else None, fixed) or now
            return GrantState(EntitlementState.ACTIVE, None, max(end, plan.begins_at + MOMENT))
        case S.PAST_DUE if keeps and plan.grace_until is not None and plan.grace_until <= now:
            return GrantState(EntitlementState.ACTIVE, None, fixed)
        case S.PAST_DUE:
            return GrantState(EntitlementState.PAST_DUE, plan.grace_until, fixed)
        case S.PAUSED if plan.paid_until is not None and plan.paid_until > now:
            return GrantState(EntitlementState.ACTIVE, None, _first(plan.paid_until, fixed))
        case S.PAUSED | S.INCOMPLETE:
            return GrantState(EntitlementState.PAUSED, None, fixed)
        case _:
            until = plan.paid_until
            if until is not None and not plan.cancel_at_period_end:
                until += SLACK
            return GrantState(EntitlementState.ACTIVE, None, _first(until, fixed))


def premium_until(plan: Plan, now: datetime) -> datetime:
    """Until when who holds the plan is a premium instructor, if nothing more is paid: as long as its grants would open something, had it any."""
    wanted = grants_of(plan, now)
    if wanted.state is EntitlementState.PAUSED:
        return min(plan.paid_until or now, now)
    return wanted.grace_until or wanted.ends_at or now


def suspended(wanted: GrantState) -> GrantState:
    """The same, closed for as long as the bank has not decided."""
    return GrantState(EntitlementState.PAUSED, None, wanted.ends_at)


def look_at(plan: Plan, now: datetime) -> datetime | None:
    """When the provider is asked again; None for a plan that has ended. `plan` has its new state and grace."""
    if plan.status in ENDED:
        return None
    due = [plan.current_period_end + LOOK_AFTER] if plan.current_period_end else []
    if plan.status is S.PAST_DUE:
        due = [now + LOOK_EVERY, *([plan.grace_until] if plan.grace_until else [])]
    elif plan.status is S.PAUSED:
        due += [at for at in (plan.paid_until, plan.resumes_at + LOOK_AFTER if plan.resumes_at else None) if at is not None]
    ahead = [at for at in due if at > now]
    return min(ahead) if ahead else now + LOOK_EVERY


def allowed(plan: Plan, *, is_pending: bool = False) -> tuple[RequestKind, ...]:
    """What may be asked of a plan now. A plan in installments can only be canceled, and that by the school alone."""
    if plan.status in ENDED or plan.status is S.INCOMPLETE or is_pending:
        return ()
    if plan.is_installments:
        return (RequestKind.CANCEL,)
    kinds = [RequestKind.CANCEL]
    if plan.status is S.ACTIVE and not plan.cancel_at_period_end:
        kinds.append(RequestKind.PAUSE)
    if plan.status is S.PAUSED or plan.cancel_at_period_end:
        kinds.append(RequestKind.RESUME)
    if plan.status in (S.ACTIVE, S.TRIALING) and not plan.cancel_at_period_end:
        kinds.append(RequestKind.CHANGE)
    return tuple(kinds)


def each_payment(terms: Mapping[str, Any], *, is_tax_included: bool) -> int:
    """What each payment of a plan is, tax in it."""
    amount: int = terms["recurring_amount"] or 0
    return amount if is_tax_included else amount + (terms["recurring_tax"] or 0)


def tax_in(amount: int, terms: Mapping[str, Any], *, is_tax_included: bool) -> int:
    """The tax in a payment of a plan: of the same share as in each regular one."""
    whole = each_payment(terms, is_tax_included=is_tax_included)
    return part(amount, terms["recurring_tax"] or 0, whole) if whole else 0


def settled_by(invoice: InvoiceState, payment: PaymentState | None) -> tuple[PaymentState | None, int]:
    """The payment of a paid invoice, and what came in elsewhere. A payment that came is believed before the provider's note of which one paid."""
    if payment is None or payment.status != "SUCCEEDED":
        return None, invoice.elsewhere_amount
    return payment, max(0, min(invoice.elsewhere_amount, invoice.amount_paid - payment.amount))


def later(at: datetime, interval: BillingInterval) -> datetime:
    """One period later: the same day, or the last one of a shorter month."""
    months = at.month - 1 + (12 if interval is BillingInterval.YEAR else 1)
    year, month = at.year + months // 12, months % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """The calendar month of a moment, in the moment's own zone, and where the next begins."""
    start = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, later(start, BillingInterval.MONTH)


def _first(*moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)

"""The rules of plans as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import GrantState, Plan
from lms_graph.domain.payouts.ports import InvoiceState, PaymentState
from lms_graph.models.commerce import BillingInterval, DefaultRule, RequestKind, SubscriptionStatus
from lms_graph.models.learning import EntitlementState

S, E, R = SubscriptionStatus, EntitlementState, RequestKind
BEGUN = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAID = datetime(2026, 2, 28, 12, tzinfo=UTC)
GRACE = PAID + timedelta(days=7)
PLAN = Plan(status=S.ACTIVE, begins_at=BEGUN, current_period_end=PAID, paid_until=PAID)
THIRDS = replace(PLAN, installments_total=3, installments_paid=1)

# From the state in a row to the provider's word in a column: the state that follows. What does not move is left out.
FOLLOWS = {
    S.INCOMPLETE: {S.TRIALING: S.TRIALING, S.ACTIVE: S.ACTIVE, S.PAST_DUE: S.PAST_DUE, S.PAUSED: S.PAUSED, S.CANCELED: S.CANCELED},
    S.TRIALING: {S.ACTIVE: S.ACTIVE, S.PAST_DUE: S.PAST_DUE, S.PAUSED: S.PAUSED, S.CANCELED: S.CANCELED},
    S.ACTIVE: {S.TRIALING: S.TRIALING, S.PAST_DUE: S.PAST_DUE, S.PAUSED: S.PAUSED, S.CANCELED: S.CANCELED},
    S.PAST_DUE: {S.ACTIVE: S.ACTIVE, S.PAUSED: S.PAUSED, S.CANCELED: S.CANCELED},
    S.PAUSED: {S.TRIALING: S.TRIALING, S.ACTIVE: S.ACTIVE, S.PAST_DUE: S.PAST_DUE, S.CANCELED: S.CANCELED},
    S.CANCELED: {},
    S.COMPLETED: {S.CANCELED: S.CANCELED},
}
TOLD = (S.INCOMPLETE, S.TRIALING, S.ACTIVE, S.PAST_DUE, S.PAUSED, S.CANCELED)


@pytest.mark.parametrize(("was", "told"), list(product(S, TOLD)))
def test_the_state_that_follows(was: S, told: S) -> None:
    assert rules.status_after(replace(PLAN, status=was), told) is FOLLOWS[was].get(told, was)


@pytest.mark.parametrize(("was", "told"), list(product(S, TOLD)))
def test_the_last_installment_completes_whatever_is_told(was: S, told: S) -> None:
    assert rules.status_after(replace(THIRDS, status=was, installments_paid=3), told) is S.COMPLETED


@pytest.mark.parametrize(
    ("status", "came", "elsewhere", "expected"),
    [
        ("SUCCEEDED", 3000, 0, (True, 0)),
        ("SUCCEEDED", 3000, 3000, (True, 0)),  # the provider's note of it is late
        ("SUCCEEDED", 1000, 2000, (True, 2000)),
        ("FAILED", 3000, 3000, (False, 3000)),
        ("PENDING", 3000, 3000, (False, 3000)),
    ],
)
def test_an_invoice_is_paid_by_what_came_and_else_by_hand(status: str, came: int, elsewhere: int, expected: tuple[bool, int]) -> None:
    invoice = InvoiceState(id="in_1", status="PAID", subscription_id="sub_1", amount_due=3000, amount_paid=3000, currency="EUR", reason="CYCLE", elsewhere_amount=elsewhere)
    payment, by_hand = rules.settled_by(invoice, PaymentState(id="pi_1", status=status, amount=came, currency="EUR"))
    assert (payment is not None, by_hand) == expected
    assert rules.settled_by(invoice, None) == (None, elsewhere)


@pytest.mark.parametrize(("was", "told"), list(product(S, TOLD)))
def test_what_was_withdrawn_stays_canceled(was: S, told: S) -> None:
    assert rules.status_after(replace(THIRDS, status=was, installments_paid=3, is_withdrawn=True), told) is S.CANCELED


KEEP = {"on_default": DefaultRule.KEEP}
GRANTS = [
    (PLAN, PAID, GrantState(E.ACTIVE, None, PAID + rules.SLACK)),
    (replace(PLAN, status=S.TRIALING), BEGUN, GrantState(E.ACTIVE, None, PAID + rules.SLACK)),
    (replace(PLAN, cancel_at_period_end=True), BEGUN, GrantState(E.ACTIVE, None, PAID)),
    (replace(PLAN, access_ends_at=BEGUN + timedelta(days=1)), BEGUN, GrantState(E.ACTIVE, None, BEGUN + timedelta(days=1))),
    (replace(PLAN, status=S.PAST_DUE, grace_until=GRACE), PAID, GrantState(E.PAST_DUE, GRACE, None)),
    (replace(PLAN, status=S.PAST_DUE, grace_until=GRACE), GRACE, GrantState(E.PAST_DUE, GRACE, None)),
    (replace(PLAN, status=S.PAST_DUE, grace_until=GRACE, **KEEP), GRACE, GrantState(E.PAST_DUE, GRACE, None)),
    (replace(THIRDS, status=S.PAST_DUE, grace_until=GRACE), GRACE, GrantState(E.PAST_DUE, GRACE, None)),
    (replace(THIRDS, status=S.PAST_DUE, grace_until=GRACE, **KEEP), GRACE - rules.MOMENT, GrantState(E.PAST_DUE, GRACE, None)),
    (replace(THIRDS, status=S.PAST_DUE, grace_until=GRACE, **KEEP), GRACE, GrantState(E.ACTIVE, None, None)),
    (replace(PLAN, status=S.PAUSED), PAID - rules.MOMENT, GrantState(E.ACTIVE, None, PAID)),
    (replace(PLAN, status=S.PAUSED), PAID, GrantState(E.PAUSED, None, None)),
    (replace(PLAN, status=S.CANCELED, ended_at=PAID), PAID, GrantState(E.ACTIVE, None, PAID)),
    (replace(PLAN, status=S.CANCELED, ended_at=GRACE), GRACE, GrantState(E.ACTIVE, None, PAID)),
    (replace(PLAN, status=S.CANCELED, ended_at=BEGUN), BEGUN, GrantState(E.ACTIVE, None, BEGUN + rules.MOMENT)),
    (replace(THIRDS, status=S.CANCELED, ended_at=GRACE), GRACE, GrantState(E.ACTIVE, None, GRACE)),
    (replace(THIRDS, status=S.CANCELED, ended_at=GRACE, **KEEP), GRACE, GrantState(E.ACTIVE, None, None)),
    (replace(THIRDS, status=S.CANCELED, ended_at=GRACE, is_withdrawn=True, **KEEP), GRACE, GrantState(E.ACTIVE, None, GRACE)),
    (replace(THIRDS, status=S.COMPLETED, installments_paid=3), GRACE, GrantState(E.ACTIVE, None, None)),
]


@pytest.mark.parametrize(("plan", "now", "expected"), GRANTS)
def test_what_is_open(plan: Plan, now: datetime, expected: GrantState) -> None:
    assert rules.grants_of(plan, now) == expected


ALLOWED = [
    (PLAN, (R.CANCEL, R.PAUSE, R.CHANGE)),
    (replace(PLAN, status=S.TRIALING), (R.CANCEL, R.CHANGE)),
    (replace(PLAN, cancel_at_period_end=True), (R.CANCEL, R.RESUME)),
    (replace(PLAN, status=S.PAUSED), (R.CANCEL, R.RESUME)),
    (replace(PLAN, status=S.PAST_DUE), (R.CANCEL,)),
    (replace(PLAN, status=S.INCOMPLETE), ()),
    (replace(PLAN, status=S.CANCELED), ()),
    (THIRDS, (R.CANCEL,)),
    (replace(THIRDS, status=S.COMPLETED), ()),
]


@pytest.mark.parametrize(("plan", "expected"), ALLOWED)
def test_what_may_be_asked(plan: Plan, expected: tuple[R, ...]) -> None:
    assert rules.allowed(plan) == expected
    assert rules.allowed(plan, is_pending=True) == ()


def test_the_grace_is_from_what_is_paid_and_stays_what_it_was() -> None:
    due = replace(PLAN, status=S.PAST_DUE)

    assert rules.grace_of(due, grace_days=7) == GRACE
    assert rules.grace_of(replace(due, grace_until=GRACE, current_period_end=GRACE + timedelta(days=60)), grace_days=3) == GRACE
    assert rules.grace_of(PLAN, grace_days=7) is None


LOOKS = [
    (PLAN, BEGUN, PAID + rules.LOOK_AFTER),
    (PLAN, PAID + rules.LOOK_AFTER, PAID + rules.LOOK_AFTER + rules.LOOK_EVERY),
    (replace(PLAN, status=S.PAST_DUE, grace_until=GRACE), GRACE - timedelta(hours=1), GRACE),
    (replace(PLAN, status=S.PAST_DUE, grace_until=GRACE), GRACE, GRACE + rules.LOOK_EVERY),
    (replace(PLAN, status=S.PAUSED, current_period_end=PAID + timedelta(days=28)), BEGUN, PAID),
    (replace(PLAN, status=S.PAUSED, resumes_at=PAID + timedelta(days=3), current_period_end=PAID + timedelta(days=28)), PAID, PAID + timedelta(days=3) + rules.LOOK_AFTER),
    (replace(PLAN, status=S.CANCELED), PAID, None),
]


@pytest.mark.parametrize(("plan", "now", "expected"), LOOKS)
def test_when_the_provider_is_asked_again(plan: Plan, now: datetime, expected: datetime | None) -> None:
    assert rules.look_at(plan, now) == expected


def test_a_period_later_is_the_same_day_or_the_last() -> None:
    assert rules.later(BEGUN, BillingInterval.MONTH) == PAID
    assert rules.later(datetime(2028, 2, 29, tzinfo=UTC), BillingInterval.YEAR) == datetime(2029, 2, 28, tzinfo=UTC)
    assert rules.month_of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_the_tax_in_a_part_is_the_same_share() -> None:
    on_top, inside = {"recurring_amount": 10_000, "recurring_tax": 1900}, {"recurring_amount": 11_900, "recurring_tax": 1900}

    assert rules.each_payment(on_top, is_tax_included=False) == rules.each_payment(inside, is_tax_included=True) == 11_900
    assert rules.tax_in(5950, on_top, is_tax_included=False) == rules.tax_in(5950, inside, is_tax_included=True) == 950
    assert rules.tax_in(5950, {"recurring_amount": 0, "recurring_tax": 0}, is_tax_included=True) == 0

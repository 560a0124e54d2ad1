"""Contested payments: what a school can say to the bank, and what follows from the bank's answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lms_graph.kit.errors import Issue
from lms_graph.models.commerce import DisputeStatus

MAX_TEXT = 20_000
MAX_ALL = 150_000
FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "uncategorized_text",
)
"""The evidence of Stripe that is text, by its own names."""

OPEN = (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW)
FINAL = (DisputeStatus.WON, DisputeStatus.LOST)
SWEEP = timedelta(days=1)


def issues_with_evidence(given: Mapping[str, str]) -> list[Issue]:
    """Everything that is wrong with what a school wants to say; by the names of the input's fields."""
    issues = [Issue(f"At most {MAX_TEXT:,} characters.", ("evidence", camel(name))) for name, text in given.items() if len(text) > MAX_TEXT]
    if sum(map(len, given.values())) > MAX_ALL:
        issues.append(Issue(f"All evidence together has at most {MAX_ALL:,} characters.", ("evidence",)))
    return issues


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def is_answerable(*, status: str, due_at: datetime | None, is_answered: bool, now: datetime) -> bool:
    """Whether evidence can still be sent: once, until it is due."""
    return status == DisputeStatus.NEEDS_RESPONSE and not is_answered and (due_at is None or now < due_at)


def may_follow(before: str, after: str) -> bool:
    """Whether a status can come after another, for what we hear comes in any order: a bank's last word is the last."""
    if before in FINAL:
        return False
    return before != after


def was_withdrawn(*, status: str, is_withdrawn: bool, fee_amount: int) -> bool:
    """Whether the bank had the money at some time, also where we hear of it when it is over: won, it was moved twice, and the fee stays. An inquiry moves nothing, however it ends."""
    return is_withdrawn or (status == DisputeStatus.WON and fee_amount > 0)


def activity_log(rows: Sequence[tuple[datetime, str]]) -> str:
    """What a learner did, line by line, the first first; as much of the end as fits, for that is what they had last."""
    lines = [f"{at:%Y-%m-%d %H:%M} UTC  {what}" for at, what in sorted(rows)]
    while lines and len("\n".join(lines)) > MAX_TEXT:
        lines = lines[max(1, len(lines) // 10) :]
    return "\n".join(lines)

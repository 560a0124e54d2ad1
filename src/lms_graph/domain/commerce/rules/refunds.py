"""When money goes back by the school's word, how much of each line, what then closes, and who asks for it too often. Amounts are minor units of the order's currency."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from lms_graph.kit import money

MAX_REASON = MAX_NOTE = 500
SERIAL_WINDOW = timedelta(days=180)
SERIAL_COUNT = 3
SERIAL_SHARE_FROM = 2  # one of one is half of nothing
STEP, LONGEST = timedelta(hours=1), timedelta(days=1)


class Obstacle(StrEnum):
    """Why a buyer gets nothing back by the school's policy alone."""

    NOT_PAID = "NOT_PAID"
    NOTHING_LEFT = "NOTHING_LEFT"
    DISPUTED = "DISPUTED"
    WAITING = "WAITING"
    NOT_OFFERED = "NOT_OFFERED"
    WINDOW_OVER = "WINDOW_OVER"
    CONSUMED = "CONSUMED"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The school's terms. `days` 0 is none at all."""

    days: int
    max_progress_percent: int
    is_automatic: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of an order, and what of it went back or is on its way (`taken`), tax being a part of each amount."""

    id: UUID
    total: int
    tax: int
    taken: int = 0
    taken_tax: int = 0

    @property
    def rest(self) -> int:
        return self.total - self.taken


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one line gives to a refund. `tax` is a part of `amount`. `closes` says that its access ends though something of it stays paid."""

    line_id: UUID
    amount: int
    tax: int
    closes: bool = False


class ExceedsRest(Exception):
    """More is asked for than `rest`, which is left of the lines in question."""

    def __init__(self, rest: int) -> None:
        super().__init__(rest)
        self.rest = rest


def obstacle(*, policy: Policy, is_paid: bool, paid_at: datetime | None, rest: int, consumed_percent: int, is_disputed: bool, is_waiting: bool, now: datetime) -> Obstacle | None:
    """What keeps a buyer from a refund within the policy; None where nothing does. The last moment of the window is in it."""
    if not is_paid or paid_at is None:
        return Obstacle.NOT_PAID
    if rest <= 0:
        return Obstacle.NOTHING_LEFT
    if is_disputed:
        return Obstacle.DISPUTED
    if is_waiting:
        return Obstacle.WAITING
    if policy.days == 0:
        return Obstacle.NOT_OFFERED
    if now > paid_at + timedelta(days=policy.days):
        return Obstacle.WINDOW_OVER
    if consumed_percent > policy.max_progress_percent:
        return Obstacle.CONSUMED
    return None


def consumed_percent(courses: Sequence[tuple[UUID, int]], consumed: Mapping[UUID, int], *, is_closed: bool) -> int:
    """How much of a line was used, rounded up, so that a policy of 0 percent means nothing at all.

    `courses` are the line's with their weights, `consumed` what of each was. An open line (all-access) has no list to be measured against: what was used most counts.
    """
    if not is_closed or not courses:
        return max(consumed.values(), default=0)
    weights = [weight for _, weight in courses] if any(weight for _, weight in courses) else [1] * len(courses)
    whole = sum(weights)
    used = sum(weight * consumed.get(id, 0) for (id, _), weight in zip(courses, weights, strict=True))
    return -(-used // whole)


def allocate(lines: Sequence[Line], amount: int, step: int = 1) -> list[Share]:
    """The amount over what is left of the lines, by largest remainder; lines that give nothing are left out. Raises ExceedsRest.

    Each gives whole steps, in which alone its rest can be sent back later; but where the rests are finer themselves.
    """
    rests = [line.rest for line in lines]
    if amount > sum(rests):
        raise ExceedsRest(sum(rests))
    if any(each % step for each in (amount, *rests)):
        step = 1
    return [share(line, part * step) for line, part in zip(lines, money.split(amount // step, rests), strict=True) if part > 0]


def share(line: Line, amount: int) -> Share:
    """So much of one line, with the part that is tax. Whatever the steps, the whole line gives back exactly its tax. Raises ExceedsRest."""
    if amount > line.rest:
        raise ExceedsRest(line.rest)
    after = line.taken + amount
    tax = (line.tax if after == line.total else money.part(line.tax, after, line.total)) - line.taken_tax
    return Share(line_id=line.id, amount=amount, tax=max(0, min(tax, amount, line.tax - line.taken_tax)))


def fit(lines: Sequence[Line], shares: Iterable[Share]) -> bool:
    """Whether the lines still have what was to be taken of them."""
    by_id = {line.id: line for line in lines}
    return all(part.amount <= by_id[part.line_id].rest and part.tax <= by_id[part.line_id].tax - by_id[part.line_id].taken_tax for part in shares)


def closing(given: Share, closes: bool) -> Share:
    """The same, with the access ended whatever of the line stays paid, if it is to be."""
    return replace(given, closes=closes)


def closes(line: Line, given: Share) -> bool:
    """Whether the line's access ends once this much more of it went back: all of it did, or it was said so."""
    return given.closes or line.taken + given.amount >= line.total


def is_serial(*, orders: int, refunded: int) -> bool:
    """Whether somebody who had `refunded` of `orders` paid within `SERIAL_WINDOW` asks for it too often: three of them, or half of what they bought from the second on."""
    return refunded >= SERIAL_COUNT or (refunded >= SERIAL_SHARE_FROM and 2 * refunded >= orders)


def is_granted_at_once(*, policy: Policy, is_within: bool, is_serial: bool) -> bool:
    """Whether a request needs nobody's decision."""
    return policy.is_automatic and is_within and not is_serial


def look_again_at(*, since: datetime, now: datetime) -> datetime:
    """When to ask the provider again about what is still on its way: after as long as it has taken, from an hour to a day."""
    return now + min(max(now - since, STEP), LONGEST)


def taken_by_line(allocations: Iterable[Iterable[Mapping[str, object]]]) -> dict[UUID, tuple[int, int]]:
    """What of each line is on its way: amount and tax, from the frozen allocations of refunds."""
    found: dict[UUID, tuple[int, int]] = {}
    for allocation in allocations:
        for part in read(allocation):
            amount, tax = found.get(part.line_id, (0, 0))
            found[part.line_id] = (amount + part.amount, tax + part.tax)
    return found


def frozen(shares: Iterable[Share]) -> list[dict[str, object]]:
    """As an allocation is kept."""
    return [{"line_id": str(part.line_id), "amount": part.amount, "tax": part.tax} | ({"closes": True} if part.closes else {}) for part in shares]


def read(allocation: Iterable[Mapping[str, object]]) -> list[Share]:
    """An allocation as it was kept."""
    return [Share(line_id=UUID(str(part["line_id"])), amount=int(str(part["amount"])), tax=int(str(part["tax"])), closes=bool(part.get("closes"))) for part in allocation]

"""How a sold line is split, and how a part of it is taken back. Plain sums in minor units, exact: the parts of a line make the whole.

Of what a line brings without tax, for each of its courses in proportion to their list prices: first what was promised to who brought the buyer, then the platform's commission and
the tax on that; what is left is the instructors', each by their share of the course, and the rest is the school's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit import money
from lms_graph.kit.money import WHOLE_BPS, WHOLE_PPM
from lms_graph.models.payouts import Party


@dataclass(frozen=True, kw_only=True)
class Share:
    """A party's part of a line. `account_id` is a person's; None with INSTRUCTOR or AFFILIATE never is."""

    party: Party
    amount: int
    account_id: UUID | None = None
    course_id: UUID | None = None
    rate_bps: int | None = None


@dataclass(frozen=True, kw_only=True)
class CourseTerms:
    """What holds for one course: the platform's rate, and its instructors with their parts in basis points."""

    commission_bps: int
    instructors: Sequence[tuple[UUID, int]] = ()


def split_line(
    *, net: int, tax: int, courses: Sequence[tuple[UUID, int]], terms: Mapping[UUID | None, CourseTerms], affiliate: tuple[UUID, int] | None, fee_tax_ppm: int, is_pooled: bool
) -> list[Share]:
    """The shares of a line. `courses` are its courses with their weights; with none, or `is_pooled`, the terms under None hold and what is left is the school's, or the pool's."""
    weights = [] if is_pooled else [weight for _, weight in courses]
    parts = zip([id for id, _ in courses], money.split(net, weights), strict=True) if weights else [(None, net)]
    shares: list[Share] = []
    for course_id, part in parts:
        shares += _split_part(part, course_id, terms.get(course_id, terms[None]), affiliate, fee_tax_ppm, Party.POOL if is_pooled else Party.SCHOOL)
    shares.append(Share(party=Party.TAX, amount=tax))
    return [share for share in shares if share.amount]


def split_pot(pot: int, course_id: UUID | None, terms: CourseTerms, rest: Party = Party.SCHOOL) -> list[Share]:
    """What is left after affiliate and platform, over the instructors by their parts; the rest is the school's. Parts that make more than a whole are cut in proportion."""
    given = sum(bps for _, bps in terms.instructors)
    weights = [bps for _, bps in terms.instructors] + [max(WHOLE_BPS - given, 0)]
    amounts = money.split(pot, weights) if any(weights) else [0] * len(terms.instructors) + [pot]
    shares = [
        Share(party=Party.INSTRUCTOR, amount=amount, account_id=account_id, course_id=course_id, rate_bps=bps)
        for (account_id, bps), amount in zip(terms.instructors, amounts, strict=False)
    ]
    return [*shares, Share(party=rest, amount=amounts[-1], course_id=course_id)]


def _split_part(part: int, course_id: UUID | None, terms: CourseTerms, affiliate: tuple[UUID, int] | None, fee_tax_ppm: int, rest: Party) -> list[Share]:
    shares = []
    left = part
    if affiliate is not None:
        account_id, bps = affiliate
        brought = min(money.part(part, bps, WHOLE_BPS), left)
        shares.append(Share(party=Party.AFFILIATE, amount=brought, account_id=account_id, course_id=course_id, rate_bps=bps))
        left -= brought
    commission = min(money.part(part, terms.commission_bps, WHOLE_BPS), left)
    left -= commission
    fee_tax = min(money.part(commission, fee_tax_ppm, WHOLE_PPM), left)
    left -= fee_tax
    shares.append(Share(party=Party.PLATFORM, amount=commission, course_id=course_id, rate_bps=terms.commission_bps))
    shares.append(Share(party=Party.FEE_TAX, amount=fee_tax, course_id=course_id))
    if rest is Party.POOL:
        return [*shares, Share(party=Party.POOL, amount=left)]
    return [*shares, *split_pot(left, course_id, terms)]


def take_back(amount: int, parts: Sequence[int], gone: Sequence[int]) -> list[int]:
    """How much each part gives of an amount that goes back, where `gone` went back before. All that has gone is always split as if it had gone at once: no part is ever off by a whole unit,
    in however many steps, and when the whole has gone, so has each part. A step may give a part one unit back that an earlier one took: largest remainders are not monotone.

    Raises ValueError for more than remains of all.
    """
    before = sum(gone)
    if not 0 <= amount <= sum(parts) - before:
        raise ValueError(f"{amount} is more than the {sum(parts) - before} that remain.")
    return [now - then for now, then in zip(money.split(before + amount, parts), gone, strict=True)]

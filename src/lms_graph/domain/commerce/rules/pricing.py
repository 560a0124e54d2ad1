"""What something costs: the one calculation of storefront, checkout and order, over plain values.

subtotal   unit price × quantity, of what is due now; nothing while a free trial runs
credit     what the buyer holds of a bundle already
discount   the coupon, on what is left of the lines it is for, by largest remainder
tax        of what is left, included in it or on top
total      subtotal - credit - discount, and the tax where it is on top

What is charged is in whole steps of the currency (`kit.money.charge_step`), line by line: prices are, and credit, discounts and tax on top are rounded so. Tax in a price is a
part of what is charged, and exact.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.errors import CouponReason, CouponRejected
from lms_graph.kit.money import charge_step, in_steps, part, split
from lms_graph.models.commerce import BillingInterval, CouponKind, DefaultRule, OfferKind, OfferSubject

MILLION = 1_000_000
ALL_BPS = 10_000
PLANS = (OfferKind.RECURRING, OfferKind.INSTALLMENTS)


@dataclass(frozen=True, kw_only=True)
class AskedLine:
    """A line before coupons and tax. `courses` are what it opens, each with its list price as its weight; of all-access none. `credit_amount` is for one payment."""

    offer_id: UUID
    offer_kind: OfferKind
    subject: OfferSubject
    subject_id: UUID | None
    title: str
    unit_amount: int
    quantity: int = 1
    credit_amount: int = 0
    courses: tuple[tuple[UUID, int], ...] = ()
    access_days: int | None = None
    installments: int | None = None
    on_default: DefaultRule = DefaultRule.SUSPEND
    interval: BillingInterval | None = None
    trial_days: int = 0
    tax_code: str | None = None

    @property
    def each_payment(self) -> int:
        """What each payment of it is, before coupons: also the later ones of a plan."""
        return self.unit_amount * self.quantity - self.credit_amount

    @property
    def is_due(self) -> bool:
        """Whether anything is paid at once."""
        return self.trial_days == 0


@dataclass(frozen=True, kw_only=True)
class CouponTerms:
    """What a coupon does. `course_ids` are those it is for; None for all offers."""

    id: UUID
    kind: CouponKind
    percent_off_bps: int | None = None
    amount: int | None = None
    currency: str | None = None
    course_ids: frozenset[UUID] | None = None
    minimum_amount: int | None = None
    affiliate: tuple[UUID, int] | None = None


@dataclass(frozen=True, kw_only=True)
class QuotedLine:
    """A line as it is sold. `terms` is what an order's line freezes."""

    offer_id: UUID
    offer_kind: OfferKind
    subject: OfferSubject
    subject_id: UUID | None
    title: str
    quantity: int
    unit_amount: int
    subtotal_amount: int
    discount_amount: int
    credit_amount: int
    tax_amount: int
    total_amount: int
    terms: dict[str, Any]
    tax_code: str | None = None

    @property
    def net_amount(self) -> int:
        """What tax is of, or in."""
        return self.subtotal_amount - self.discount_amount - self.credit_amount


@dataclass(frozen=True, kw_only=True)
class RateSum:
    """Tax of one rate, over all lines."""

    name: str
    rate_ppm: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What it all costs now. Sums are those of the lines, in one currency."""

    currency: str
    market: str | None
    lines: tuple[QuotedLine, ...]
    subtotal_amount: int
    discount_amount: int
    credit_amount: int
    tax_amount: int
    total_amount: int
    is_tax_included: bool
    tax_lines: tuple[RateSum, ...] = ()
    coupon_id: UUID | None = None
    coupon_problem: CouponRejected | None = None
    already_owned: bool = False
    tax_calculation_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Taxed:
    """Tax of each line that is due now, and of each later payment of it; and the sums by rate of what is due now."""

    due: Sequence[int]
    later: Sequence[int]
    sums: tuple[RateSum, ...] = ()
    calculation_id: str | None = None


def is_for(coupon: CouponTerms, line: AskedLine) -> bool:
    """Whether a coupon lowers a line. One for some courses is for offers of those alone: a bundle or path only where all its courses are among them."""
    if line.offer_kind in (OfferKind.FREE, OfferKind.PAY_WHAT_YOU_WANT) or not line.is_due:
        return False
    if coupon.course_ids is None:
        return True
    return bool(line.courses) and all(course_id in coupon.course_ids for course_id, _ in line.courses)


def discounts(lines: Sequence[AskedLine], coupon: CouponTerms, currency: str) -> list[int]:
    """What the coupon takes off each line, in whole charge steps. Percent and amount are of all lines it is for together, spread over them; a fixed price is each unit's.

    The minimum is held against what those lines cost before the discount and after credit. Raises CouponRejected.
    """
    bases = [line.each_payment if is_for(coupon, line) else 0 for line in lines]
    base = sum(bases)
    if base == 0:
        raise CouponRejected(CouponReason.NOT_APPLICABLE)
    if coupon.currency is not None and coupon.currency != currency:
        raise CouponRejected(CouponReason.OTHER_CURRENCY)
    if coupon.minimum_amount is not None and base < coupon.minimum_amount:
        raise CouponRejected(CouponReason.BELOW_MINIMUM)
    step = charge_step(currency)
    amount = in_steps(coupon.amount or 0, step)
    if coupon.kind is CouponKind.FIXED_PRICE:
        off = [max(0, of_line - amount * line.quantity) for line, of_line in zip(lines, bases, strict=True)]
    elif coupon.kind is CouponKind.PERCENT:
        off = _split_in_steps(part(base, coupon.percent_off_bps or 0, ALL_BPS * step) * step, bases, step)
    else:
        off = _split_in_steps(min(amount, base), bases, step)
    if not any(off):
        raise CouponRejected(CouponReason.NOT_APPLICABLE)
    return off


def lines_of(asked: Sequence[AskedLine], coupon: CouponTerms | None, currency: str) -> list[QuotedLine]:
    """The lines with their discounts, not yet taxed. Raises CouponRejected."""
    off = discounts(asked, coupon, currency) if coupon else [0] * len(asked)
    return [_quoted(line, discount, coupon) for line, discount in zip(asked, off, strict=True)]


def _quoted(line: AskedLine, discount: int, coupon: CouponTerms | None) -> QuotedLine:
    subtotal, credit = (line.unit_amount * line.quantity, line.credit_amount) if line.is_due else (0, 0)
    affiliate = coupon.affiliate if coupon and is_for(coupon, line) else None
    return QuotedLine(
        offer_id=line.offer_id,
        offer_kind=line.offer_kind,
        subject=line.subject,
        subject_id=line.subject_id,
        title=line.title,
        quantity=line.quantity,
        unit_amount=line.unit_amount if line.is_due else 0,
        subtotal_amount=subtotal,
        discount_amount=discount,
        credit_amount=credit,
        tax_amount=0,
        total_amount=subtotal - discount - credit,
        tax_code=line.tax_code,
        terms={
            "courses": [{"id": str(course_id), "weight": weight} for course_id, weight in line.courses],
            "access_days": line.access_days,
            "installments": line.installments,
            "on_default": line.on_default.value,
            "affiliate": {"account_id": str(affiliate[0]), "share_bps": affiliate[1]} if affiliate else None,
            "recurring_amount": line.each_payment if line.offer_kind in PLANS else None,
            "recurring_tax": 0 if line.offer_kind in PLANS else None,
            "interval": line.interval.value if line.interval else None,
            "trial_days": line.trial_days,
        },
    )


def own_tax(lines: Sequence[QuotedLine], *, name: str, rate_ppm: int, is_included: bool, currency: str) -> Taxed:
    """By a rate of the school's own: exact for the sum, and spread over the lines by largest remainder. A later payment is rounded by itself."""
    step = 1 if is_included else charge_step(currency)
    below = (MILLION + rate_ppm if is_included else MILLION) * step
    nets = [line.net_amount for line in lines]
    due = part(sum(nets), rate_ppm, below) * step
    return Taxed(
        due=_split_in_steps(due, nets, step),
        later=[part(line.terms["recurring_amount"] or 0, rate_ppm, below) * step for line in lines],
        sums=(RateSum(name=name, rate_ppm=rate_ppm, amount=due),),
    )


def untaxed(lines: Sequence[QuotedLine]) -> Taxed:
    return Taxed(due=[0] * len(lines), later=[0] * len(lines))


def summed(
    lines: Sequence[QuotedLine],
    taxed: Taxed,
    *,
    currency: str,
    market: str | None,
    is_tax_included: bool,
    coupon_id: UUID | None = None,
    coupon_problem: CouponRejected | None = None,
    already_owned: bool = False,
) -> Quote:
    """The quote of lines and their tax; tax on top that others have reckoned is rounded to what can be charged."""
    if not is_tax_included:
        taxed = _in_steps(taxed, charge_step(currency))
    done = tuple(_with_tax(line, due, later, is_tax_included) for line, due, later in zip(lines, taxed.due, taxed.later, strict=True))
    return Quote(
        currency=currency,
        market=market,
        lines=done,
        subtotal_amount=sum(line.subtotal_amount for line in done),
        discount_amount=sum(line.discount_amount for line in done),
        credit_amount=sum(line.credit_amount for line in done),
        tax_amount=sum(line.tax_amount for line in done),
        total_amount=sum(line.total_amount for line in done),
        is_tax_included=is_tax_included,
        tax_lines=taxed.sums,
        coupon_id=coupon_id,
        coupon_problem=coupon_problem,
        already_owned=already_owned,
        tax_calculation_id=taxed.calculation_id,
    )


def _in_steps(taxed: Taxed, step: int) -> Taxed:
    """Tax of whole steps: each line's by itself, and the sums by rate as they make that of the lines."""
    due = [in_steps(tax, step) for tax in taxed.due]
    parts = _split_in_steps(sum(due), [each.amount for each in taxed.sums], step) if taxed.sums else []
    sums = tuple(replace(each, amount=amount) for each, amount in zip(taxed.sums, parts, strict=True))
    return replace(taxed, due=due, later=[in_steps(tax, step) for tax in taxed.later], sums=sums)


def _split_in_steps(amount: int, weights: Sequence[int], step: int) -> list[int]:
    return [part * step for part in split(amount // step, weights)]


def _with_tax(line: QuotedLine, due: int, later: int, is_included: bool) -> QuotedLine:
    terms = line.terms if line.terms["recurring_amount"] is None else {**line.terms, "recurring_tax": later}
    return replace(line, tax_amount=due, total_amount=line.net_amount + (0 if is_included else due), terms=terms)


def weights(course_ids: Sequence[UUID], list_prices: Mapping[UUID, int]) -> tuple[tuple[UUID, int], ...]:
    """The courses with their list prices, by which what is paid for them together is divided. One that is not sold alone counts as the mean of those that are."""
    known = [list_prices[id] for id in course_ids if list_prices.get(id)]
    mean = max(1, sum(known) // len(known)) if known else 1
    return tuple((id, list_prices.get(id) or mean) for id in course_ids)


def credit(amount: int, courses: Sequence[tuple[UUID, int]], paid: Mapping[UUID, int], owned: Collection[UUID], currency: str) -> int:
    """What is taken off a bundle for the courses of it that the buyer has bought: each course's share of the bundle's price, at most what was paid for it; of the sum whole charge steps."""
    shares = split(amount, [weight for _, weight in courses])
    whole = sum(min(share, paid.get(course_id, 0)) for (course_id, _), share in zip(courses, shares, strict=True) if course_id in owned)
    return whole - whole % charge_step(currency)

"""What an offer, a bundle and a coupon must be like."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.money import WHOLE_BPS, WHOLE_PPM, to_charge, to_parts
from lms_graph.kit.text import is_one_line
from lms_graph.models.commerce import BillingInterval, CouponKind, DefaultRule, OfferKind, OfferSubject

MAX_PRICES, MAX_COURSES, MAX_DESCRIPTION = 50, 100, 20_000
CODE = re.compile(r"[A-Z0-9]+([-_][A-Z0-9]+)*")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MARKET = re.compile(r"[A-Z]{2}")
TAX_CODE = re.compile(r"txcd_[0-9]{8}")

KINDS: dict[OfferSubject, frozenset[OfferKind]] = {
    OfferSubject.COURSE: frozenset(OfferKind),
    OfferSubject.BUNDLE: frozenset(OfferKind) - {OfferKind.FREE},
    OfferSubject.PATH: frozenset(OfferKind) - {OfferKind.FREE},
    OfferSubject.ALL_ACCESS: frozenset({OfferKind.ONE_TIME, OfferKind.RECURRING}),
    OfferSubject.SEATS: frozenset({OfferKind.ONE_TIME}),
    OfferSubject.INSTRUCTOR_PREMIUM: frozenset({OfferKind.ONE_TIME, OfferKind.RECURRING}),
}
"""In which ways each subject can be sold. Free is a course alone: it opens it to all."""
OF_NO_THING = frozenset({OfferSubject.ALL_ACCESS, OfferSubject.INSTRUCTOR_PREMIUM})
"""Subjects without an id."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """An amount as it was sent."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class PriceDraft:
    market: str | None
    price: Amount
    compare_at: Amount | None = None
    suggested: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """In minor units."""

    market: str | None
    currency: str
    amount: int
    compare_at_amount: int | None = None
    suggested_amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class OfferDraft:
    """An offer as it is to be, the whole of it."""

    kind: OfferKind
    subject: OfferSubject
    subject_id: UUID | None
    title: str | None = None
    prices: tuple[PriceDraft, ...] = ()
    interval: BillingInterval | None = None
    trial_days: int = 0
    installments: int | None = None
    on_default: DefaultRule = DefaultRule.SUSPEND
    access_days: int | None = None
    min_quantity: int = 1
    max_quantity: int = 1
    tax_code: str | None = None
    sale_starts_at: datetime | None = None
    sale_ends_at: datetime | None = None
    is_active: bool = True


def price_in(prices: Sequence[Mapping[str, Any]], market: str | None) -> Any | None:
    """Of an offer's prices the one that holds in a market: its own, else the one for everywhere."""
    by_market = {price["market"]: price for price in prices}
    return by_market.get(market) or by_market.get(None)


def issues_with_offer(draft: OfferDraft) -> list[Issue]:
    """Everything that is wrong with an offer, but for its prices and whether what it sells exists."""
    return [*_issues_with_shape(draft), *_issues_with_plan(draft), *_issues_with_quantity(draft), *issues_with_window(draft.sale_starts_at, draft.sale_ends_at, "sale")]


def _issues_with_shape(draft: OfferDraft) -> Iterator[Issue]:
    if draft.kind not in KINDS[draft.subject]:
        yield Issue(f"{draft.subject} is sold as {', '.join(kind for kind in OfferKind if kind in KINDS[draft.subject])}.", ("kind",))
    if draft.subject in OF_NO_THING and draft.subject_id is not None:
        yield Issue(f"{draft.subject} is of no single thing: leave `subjectId` out.", ("subjectId",))
    if draft.subject not in OF_NO_THING and draft.subject_id is None:
        yield Issue("Say what is sold.", ("subjectId",))
    if draft.title is not None and not (1 <= len(draft.title) <= 200 and is_one_line(draft.title)):
        yield Issue("A title is one line of 1 to 200 characters.", ("title",))
    if draft.tax_code is not None and not TAX_CODE.fullmatch(draft.tax_code):
        yield Issue("A tax code is the payment provider's: `txcd_` and eight digits.", ("taxCode",))
    if draft.access_days is not None and not 1 <= draft.access_days <= 36_500:
        yield Issue("Access lasts from 1 to 36,500 days.", ("accessDays",))
    if draft.access_days is not None and draft.kind is OfferKind.RECURRING:
        yield Issue("A plan that renews opens what it opens while it is paid: leave `accessDays` out.", ("accessDays",))
    if draft.subject is OfferSubject.INSTRUCTOR_PREMIUM and draft.kind is OfferKind.ONE_TIME and draft.access_days is None:
        yield Issue("One is a premium instructor for a time: say `accessDays`.", ("accessDays",))
    if draft.kind is OfferKind.FREE and (draft.access_days is not None or draft.sale_starts_at or draft.sale_ends_at):
        yield Issue("A free course is open to all who enroll, always and without end: leave `accessDays`, `saleStartsAt` and `saleEndsAt` out.", ("kind",))


def _issues_with_plan(draft: OfferDraft) -> Iterator[Issue]:
    is_plan = draft.kind in (OfferKind.RECURRING, OfferKind.INSTALLMENTS)
    if is_plan != (draft.interval is not None):
        yield Issue("A plan says how often it is paid." if is_plan else "Only RECURRING and INSTALLMENTS have an interval.", ("interval",))
    if draft.kind is OfferKind.INSTALLMENTS:
        if draft.installments is None or not 2 <= draft.installments <= 36:
            yield Issue("There are from 2 to 36 installments.", ("installments",))
    else:
        if draft.installments is not None:
            yield Issue("Only INSTALLMENTS have a number of payments.", ("installments",))
        if draft.on_default is not DefaultRule.SUSPEND:
            yield Issue("Only of INSTALLMENTS may a learner keep something that is not paid.", ("onDefault",))
    if not 0 <= draft.trial_days <= 730:
        yield Issue("A trial has from 0 to 730 days.", ("trialDays",))
    elif draft.trial_days and draft.kind is not OfferKind.RECURRING:
        yield Issue("Only RECURRING has a trial.", ("trialDays",))


def _issues_with_quantity(draft: OfferDraft) -> Iterator[Issue]:
    if draft.subject is OfferSubject.SEATS:
        if not 1 <= draft.min_quantity <= draft.max_quantity <= 10_000:
            yield Issue("Seats are sold from `minQuantity` to `maxQuantity` at once: at least 1, at most 10,000.", ("minQuantity",))
    elif (draft.min_quantity, draft.max_quantity) != (1, 1):
        yield Issue("Only SEATS are sold in numbers.", ("maxQuantity",))


def issues_with_window(starts_at: datetime | None, ends_at: datetime | None, name: str = "") -> Iterator[Issue]:
    path = f"{name}EndsAt" if name else "endsAt"
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        yield Issue("The end comes after the start.", (path,))


def prices_of(draft: OfferDraft) -> tuple[list[Price], list[Issue]]:
    """The prices in minor units, none of what is free, and everything that is wrong with them."""
    if draft.kind is OfferKind.FREE:
        return [], [Issue("A free offer has no prices.", ("prices",))] if draft.prices else []
    issues, prices = [], []
    if not 1 <= len(draft.prices) <= MAX_PRICES:
        issues.append(Issue(f"An offer has from 1 to {MAX_PRICES} prices.", ("prices",)))
    elif all(price.market is not None for price in draft.prices):
        issues.append(Issue("One price has no market: it holds where no other does.", ("prices",)))
    if len({price.market for price in draft.prices}) < len(draft.prices):
        issues.append(Issue("A market has one price, in one currency.", ("prices",)))
    for index, price in enumerate(draft.prices[:MAX_PRICES]):
        made, wrong = _price(draft.kind, price, ("prices", str(index)))
        prices.append(made)
        issues += wrong
    return prices, issues


def _price(kind: OfferKind, draft: PriceDraft, path: tuple[str, ...]) -> tuple[Price, list[Issue]]:
    issues: list[Issue] = []
    if draft.market is not None and not MARKET.fullmatch(draft.market):
        issues.append(Issue("A market is a country's two letters by ISO 3166, in capitals.", (*path, "market")))
    amount = minor(draft.price, (*path, "price"), issues)
    compare_at = minor(draft.compare_at, (*path, "compareAtPrice"), issues) if draft.compare_at else None
    suggested = minor(draft.suggested, (*path, "suggestedPrice"), issues) if draft.suggested else None
    if any(other is not None and other.currency != draft.price.currency for other in (draft.compare_at, draft.suggested)):
        issues.append(Issue("A price has one currency.", path))
    if amount == 0 and kind is not OfferKind.PAY_WHAT_YOU_WANT:
        issues.append(Issue("What costs nothing is of kind FREE.", (*path, "price")))
    if compare_at is not None and compare_at <= amount:
        issues.append(Issue("The price to compare with is higher than the price.", (*path, "compareAtPrice")))
    if suggested is not None and kind is not OfferKind.PAY_WHAT_YOU_WANT:
        issues.append(Issue("Only for PAY_WHAT_YOU_WANT is something suggested.", (*path, "suggestedPrice")))
    elif suggested is not None and suggested < amount:
        issues.append(Issue("What is suggested is no less than the least.", (*path, "suggestedPrice")))
    return Price(market=draft.market, currency=draft.price.currency, amount=amount, compare_at_amount=compare_at, suggested_amount=suggested), issues


def minor(money: Amount, path: tuple[str, ...], issues: list[Issue]) -> int:
    """An amount in minor units; 0 with an issue for one that cannot be, or that cannot be charged."""
    try:
        amount = to_charge(money.amount, money.currency)
    except ValueError as error:
        issues.append(Issue(str(error), path))
        return 0
    if amount < 0:
        issues.append(Issue("An amount is not negative.", path))
        return 0
    return amount


@dataclass(frozen=True, kw_only=True)
class BundleDraft:
    slug: str
    title: str
    description: str = ""
    course_ids: tuple[UUID, ...] = ()
    is_active: bool = True


def issues_with_bundle(draft: BundleDraft) -> list[Issue]:
    issues = []
    if len(draft.slug) > 80 or not SLUG.fullmatch(draft.slug):
        issues.append(Issue("A slug is lower-case letters and digits with single hyphens, at most 80.", ("slug",)))
    if not (1 <= len(draft.title) <= 200 and is_one_line(draft.title)):
        issues.append(Issue("A title is one line of 1 to 200 characters.", ("title",)))
    if len(draft.description) > MAX_DESCRIPTION:
        issues.append(Issue(f"A description has at most {MAX_DESCRIPTION:,} characters.", ("description",)))
    if not 2 <= len(draft.course_ids) <= MAX_COURSES:
        issues.append(Issue(f"A bundle has from 2 to {MAX_COURSES} courses.", ("courseIds",)))
    if len(set(draft.course_ids)) < len(draft.course_ids):
        issues.append(Issue("A course is in a bundle once.", ("courseIds",)))
    return issues


@dataclass(frozen=True, kw_only=True)
class CouponDraft:
    """Exactly one of `percent_off`, `amount_off` and `fixed_price`. No `course_ids` is for everything."""

    code: str
    percent_off: Decimal | None = None
    amount_off: Amount | None = None
    fixed_price: Amount | None = None
    course_ids: tuple[UUID, ...] = ()
    max_redemptions: int | None = None
    max_per_learner: int | None = None
    is_first_purchase_only: bool = False
    minimum: Amount | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    affiliate_account_id: UUID | None = None
    affiliate_share_percent: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class CouponValues:
    """What a draft comes to, in basis points and minor units."""

    code: str
    kind: CouponKind
    percent_off_bps: int | None
    amount: int | None
    currency: str | None
    minimum_amount: int | None
    affiliate_share_bps: int | None


def coupon_values(draft: CouponDraft, now: datetime) -> CouponValues:
    """Raises Invalid with everything that is wrong with the draft."""
    issues = [*_issues_with_coupon(draft, now), *issues_with_window(draft.starts_at, draft.ends_at)]
    kind = CouponKind.PERCENT if draft.percent_off is not None else CouponKind.AMOUNT if draft.amount_off is not None else CouponKind.FIXED_PRICE
    given = draft.amount_off or draft.fixed_price
    amount = minor(given, ("amountOff" if draft.amount_off else "fixedPrice",), issues) if given else None
    if draft.amount_off is not None and amount == 0:
        issues.append(Issue("This takes nothing off.", ("amountOff",)))
    minimum = minor(draft.minimum, ("minimum",), issues) if draft.minimum else None
    if draft.minimum and given and draft.minimum.currency != given.currency:
        issues.append(Issue("A coupon has one currency.", ("minimum",)))
    percent = basis_points(draft.percent_off, ("percentOff",), issues) if draft.percent_off is not None else None
    if percent == 0:
        issues.append(Issue("A percentage is more than 0, at most 100, with at most two decimals.", ("percentOff",)))
    share = basis_points(draft.affiliate_share_percent, ("affiliateSharePercent",), issues) if draft.affiliate_share_percent is not None else None
    if issues:
        raise Invalid(*dict.fromkeys(issues))
    currency = given.currency if given else draft.minimum.currency if draft.minimum else None
    return CouponValues(code=draft.code.strip().upper(), kind=kind, percent_off_bps=percent, amount=amount, currency=currency, minimum_amount=minimum, affiliate_share_bps=share)


def _issues_with_coupon(draft: CouponDraft, now: datetime) -> Iterator[Issue]:
    code = draft.code.strip().upper()
    if not (3 <= len(code) <= 40 and CODE.fullmatch(code)):
        yield Issue("A code has 3 to 40 letters and digits of ASCII, with single hyphens and underscores between; capitals make no difference.", ("code",))
    if sum(value is not None for value in (draft.percent_off, draft.amount_off, draft.fixed_price)) != 1:
        yield Issue("Give one of `percentOff`, `amountOff` and `fixedPrice`.", ("percentOff",))
    if len(draft.course_ids) > MAX_COURSES or len(set(draft.course_ids)) < len(draft.course_ids):
        yield Issue(f"A coupon is for at most {MAX_COURSES} courses, each once.", ("courseIds",))
    for name, limit in (("maxRedemptions", draft.max_redemptions), ("maxPerLearner", draft.max_per_learner)):
        if limit is not None and not 1 <= limit <= 1_000_000:
            yield Issue("A limit is from 1 to 1,000,000.", (name,))
    if draft.ends_at is not None and draft.ends_at <= now:
        yield Issue("This has passed.", ("endsAt",))
    if (draft.affiliate_account_id is None) != (draft.affiliate_share_percent is None):
        yield Issue("An affiliate and their share go together.", ("affiliateSharePercent",))


def basis_points(percent: Decimal, path: tuple[str, ...], issues: list[Issue]) -> int:
    """A percentage in hundredths of a percent; 0 with an issue for one that cannot be."""
    try:
        return to_parts(percent, WHOLE_BPS)
    except ValueError as error:
        issues.append(Issue(str(error), path))
        return 0


@dataclass(frozen=True, kw_only=True)
class TaxRateDraft:
    country: str
    region: str | None
    name: str
    percent: Decimal


def rate_ppm(draft: TaxRateDraft) -> int:
    """The rate in parts per million. Raises Invalid."""
    issues = []
    if not MARKET.fullmatch(draft.country):
        issues.append(Issue("A country's two letters by ISO 3166, in capitals.", ("country",)))
    if draft.region is not None and not re.fullmatch(r"[A-Z0-9]{1,3}", draft.region):
        issues.append(Issue("A region is what stands after the hyphen in ISO 3166-2: one to three capitals and digits.", ("region",)))
    if not (1 <= len(draft.name) <= 60 and is_one_line(draft.name)):
        issues.append(Issue("A name is one line of 1 to 60 characters, such as `VAT`.", ("name",)))
    rate = 0
    try:
        rate = to_parts(draft.percent, WHOLE_PPM)
    except ValueError as error:
        issues.append(Issue(str(error), ("percent",)))
    if issues:
        raise Invalid(*issues)
    return rate


SELLER = {"name": 200, "address": 500, "country": 2, "tax_id": 40}
"""What stands on invoices of who sells, and how long each may be."""


def issues_with_seller(seller: dict[str, str | None]) -> Sequence[Issue]:
    issues = [
        Issue(f"At most {longest} characters.", ("seller", "taxId" if name == "tax_id" else name))
        for name, longest in SELLER.items()
        if (value := seller.get(name)) is not None and not 1 <= len(value) <= longest
    ]
    if (country := seller.get("country")) and not MARKET.fullmatch(country):
        issues.append(Issue("A country's two letters by ISO 3166, in capitals.", ("seller", "country")))
    return issues

"""What something costs a buyer: the quote that storefront, checkout and order share."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.errors import CouponReason, CouponRejected, CurrenciesDiffer, OfferNotFound, OfferNotSold
from lms_graph.domain.commerce.queries import coupons, offers, selling, subjects
from lms_graph.domain.commerce.queries.owned import Owned, owned_by
from lms_graph.domain.commerce.queries.subjects import Contents, Subject
from lms_graph.domain.commerce.rules import pricing, throttles
from lms_graph.domain.commerce.rules.offers import price_in
from lms_graph.domain.commerce.rules.pricing import AskedLine, CouponTerms, Quote, QuotedLine, RateSum, Taxed
from lms_graph.domain.identity.queries import members
from lms_graph.domain.payouts.ports import PaymentGateway, Payments, PaymentsNotConfigured, TaxRequest
from lms_graph.domain.payouts.queries import payees
from lms_graph.domain.payouts.queries.providers import gateway_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.money import MAX_AMOUNT, charge_step, in_steps, to_decimal
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.throttle import Throttle
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, DefaultRule, OfferKind, OfferSubject, TaxMode
from lms_graph.models.identity import Role

MAX_LINES = 50
COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a buyer asks for; `amount` in minor units where they say themselves what they pay."""

    offer_id: UUID
    quantity: int = 1
    amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """What is known of a buyer: of a visitor perhaps nothing. Where they are decides tax, and the market where none is named."""

    account_id: UUID | None = None
    email: str | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None

    @property
    def names(self) -> list[str]:
        """Under which their use of coupons and their purchases are found: the account's id first."""
        return [str(name).lower() for name in (self.account_id, self.email) if name]


NOBODY = Buyer()


async def quote(
    *,
    caller: Caller,
    wanted: Sequence[Wanted],
    buyer: Buyer,
    coupon_code: str | None = None,
    market: str | None = None,
    gateway: PaymentGateway | None = None,
    throttle: Throttle | None = None,
) -> Quote:
    """What these cost together now. May ask the provider for the tax: never inside a unit of work. A coupon that does not hold is told in the quote.

    Raises OfferNotFound, OfferNotSold, also for premium to who does not teach, CurrenciesDiffer, Invalid, Busy after many unknown codes where there is a throttle, and what the
    gateway raises.
    """
    if issues := [*_issues_with_wanted(wanted), *issues_with_place(market, buyer)]:
        raise Invalid(*issues)
    rows = await offers.offers_by_ids(caller=caller, ids=[one.offer_id for one in wanted])
    shop = await _shop(caller, rows, buyer, market, coupon_code, throttle)
    if any(_is_premium(row) for row in rows):
        shop = await _for_teachers(shop)
    draft = _draft(shop, wanted)
    (taxed,) = await _taxes(shop, [draft], gateway, throttle)
    return _sum(shop, draft, taxed)


async def compare(
    *,
    caller: Caller,
    course_id: UUID,
    buyer: Buyer,
    coupon_code: str | None = None,
    market: str | None = None,
    gateway: PaymentGateway | None = None,
    throttle: Throttle | None = None,
) -> list[tuple[Any, Quote]]:
    """The ways to get a published course that are on sale now, each with its quote: the course itself, bundles, paths, seats (as few as are sold) and all-access, in the order in which they were made.

    Raises Invalid, Busy after many unknown codes where there is a throttle, and what the gateway raises.
    """
    if issues := [*issues_with_place(market, buyer)]:
        raise Invalid(*issues)
    rows = await offers.offers_on_sale(caller=caller, subject_ids=await subjects.subjects_with_course(caller=caller, course_id=course_id), with_all_access=True)
    shop = await _shop(caller, rows, buyer, market, coupon_code, throttle)
    ways: list[tuple[Any, _Draft]] = []
    for row in rows:
        try:
            ways.append((row, _draft(shop, [Wanted(offer_id=row["id"], quantity=row["min_quantity"])])))
        except OfferNotSold:
            continue
    taxes = await _taxes(shop, [draft for _, draft in ways], gateway, throttle)
    return [(row, _sum(shop, draft, taxed)) for (row, draft), taxed in zip(ways, taxes, strict=True)]


async def tax_gateway(*, caller: Caller, payments: Payments, secret_keys: SecretKeys) -> PaymentGateway | None:
    """The gateway that a quote asks for the tax; None where the school has another tax mode. Raises PaymentsNotConfigured."""
    mode = (await selling.selling_of(caller=caller)).tax_mode
    return await gateway_of(caller=caller, payments=payments, secret_keys=secret_keys) if mode is TaxMode.PROVIDER else None


def _issues_with_wanted(wanted: Sequence[Wanted]) -> list[Issue]:
    issues = []
    if not 1 <= len(wanted) <= MAX_LINES:
        issues.append(Issue(f"A purchase has from 1 to {MAX_LINES} lines.", ("lines",)))
    if len({one.offer_id for one in wanted}) < len(wanted):
        issues.append(Issue("An offer stands in one line only: seats are counted by `quantity`.", ("lines",)))
    return issues


def issues_with_place(market: str | None, buyer: Buyer) -> list[Issue]:
    issues = [
        Issue("A country's two letters by ISO 3166, in capitals.", (name,))
        for name, value in (("market", market), ("country", buyer.country))
        if value and not COUNTRY.fullmatch(value)
    ]
    if buyer.region and len(buyer.region) > 3:
        issues.append(Issue("A region is what stands after the hyphen in ISO 3166-2: at most three characters.", ("region",)))
    return issues


@dataclass(frozen=True)
class _Shop:
    """What was read for a quote, once for all its lines."""

    caller: Caller
    buyer: Buyer
    market: str | None
    selling: selling.Selling
    offers: Mapping[UUID, Any]
    contents: Mapping[Subject, Contents]
    list_prices: Mapping[str, Mapping[UUID, int]]
    owned: Owned
    coupon: CouponTerms | CouponRejected | None


async def _shop(caller: Caller, rows: Sequence[Any], buyer: Buyer, market: str | None, coupon_code: str | None, throttle: Throttle | None) -> _Shop:
    market = market or buyer.country
    contents = await subjects.contents_of(caller=caller, subjects={_subject(row) for row in rows})
    course_ids = list({id for content in contents.values() for id in content.course_ids})
    prices: dict[str, dict[UUID, int]] = defaultdict(dict)
    for price in await offers.list_prices(caller=caller, course_ids=course_ids, market=market) if course_ids else ():
        prices[price["currency"]][price["subject_id"]] = price["amount"]
    return _Shop(
        caller=caller,
        buyer=buyer,
        market=market,
        selling=await selling.selling_of(caller=caller),
        offers={row["id"]: row for row in rows},
        contents=contents,
        list_prices=prices,
        owned=await owned_by(caller=caller, account_id=buyer.account_id, course_ids=course_ids) if buyer.account_id and rows else Owned(),
        coupon=await _coupon(caller, coupon_code, buyer, throttle) if coupon_code else None,
    )


def _is_premium(row: Any) -> bool:
    return bool(row["subject"] == OfferSubject.INSTRUCTOR_PREMIUM)


async def _for_teachers(shop: _Shop) -> _Shop:
    """The same, knowing whether the buyer is a premium instructor already. Raises OfferNotSold for who does not teach."""
    account_id = shop.buyer.account_id
    if account_id is None or Role.INSTRUCTOR not in await members.roles_of(caller=shop.caller, account_id=account_id):
        raise OfferNotSold("Only who teaches here can become a premium instructor. Sign in as one, or apply to teach.")
    return replace(shop, owned=replace(shop.owned, is_premium=await payees.is_premium(caller=shop.caller, account_id=account_id)))


async def _coupon(caller: Caller, code: str, buyer: Buyer, throttle: Throttle | None) -> CouponTerms | CouponRejected:
    guesses = throttles.coupon_guess(caller)
    found: CouponTerms | CouponRejected
    if throttle and guesses:
        await throttle.take(*guesses)
    try:
        found = await coupons.terms_of_code(caller=caller, code=code, buyers=buyer.names)
    except CouponRejected as rejected:
        found = rejected
    if throttle and guesses and not (isinstance(found, CouponRejected) and found.reason is CouponReason.UNKNOWN):
        await throttle.give(*guesses)
    return found


def _subject(row: Any) -> Subject:
    return OfferSubject(row["subject"]), row["subject_id"]


@dataclass(frozen=True)
class _Draft:
    """A quote before its tax."""

    currency: str
    lines: list[QuotedLine]
    coupon_id: UUID | None
    problem: CouponRejected | None
    is_owned: bool


def _draft(shop: _Shop, wanted: Sequence[Wanted]) -> _Draft:
    asked, currencies = zip(*(_asked(shop, one, index) for index, one in enumerate(wanted)), strict=True)
    if len(set(currencies)) > 1:
        raise CurrenciesDiffer(currencies)
    is_owned = all(_is_owned(shop.owned, line) for line in asked)
    problem = shop.coupon if isinstance(shop.coupon, CouponRejected) else None
    if isinstance(shop.coupon, CouponTerms):
        try:
            return _Draft(currencies[0], pricing.lines_of(asked, shop.coupon, currencies[0]), shop.coupon.id, None, is_owned)
        except CouponRejected as rejected:
            problem = rejected
    return _Draft(currencies[0], pricing.lines_of(asked, None, currencies[0]), None, problem, is_owned)


def _is_owned(owned: Owned, line: AskedLine) -> bool:
    """Seats are for others; whoever holds all-access holds what a plan for it would give."""
    if line.subject is OfferSubject.SEATS:
        return False
    if line.subject is OfferSubject.INSTRUCTOR_PREMIUM:
        return owned.is_premium
    return owned.has_all if line.subject is OfferSubject.ALL_ACCESS else all(course_id in owned.course_ids for course_id, _ in line.courses)


def _asked(shop: _Shop, wanted: Wanted, index: int) -> tuple[AskedLine, str]:
    """The line of an offer, and its currency."""
    row = shop.offers.get(wanted.offer_id)
    if row is None:
        raise OfferNotFound()
    contents = shop.contents.get(_subject(row)) or Contents(row["title"], (), "What this offer sells is not there any more.")
    if problem := _problem(row, shop.caller.now) or contents.problem:
        raise OfferNotSold(problem)
    price = price_in(row["prices"], shop.market)
    if price is None:
        raise OfferNotSold(f"This offer is not sold in {shop.market or 'this market'}.")
    kind, subject = OfferKind(row["kind"]), OfferSubject(row["subject"])
    issues = []
    if not row["min_quantity"] <= wanted.quantity <= row["max_quantity"]:
        issues.append(Issue(f"This offer is sold from {row['min_quantity']} to {row['max_quantity']} at once.", ("lines", str(index), "quantity")))
    step = charge_step(price["currency"])
    amount = in_steps(price["amount"], step)
    if kind is OfferKind.PAY_WHAT_YOU_WANT:
        amount = wanted.amount if wanted.amount is not None else in_steps(price["suggested_amount"] or amount, step)
        if amount % step:
            issues.append(Issue(f"Payments in {price['currency']} are multiples of {to_decimal(step, price['currency'])}.", ("lines", str(index), "amount")))
        if not price["amount"] <= amount <= MAX_AMOUNT:
            issues.append(Issue("That is less than the least this offer takes, or more than can be kept.", ("lines", str(index), "amount")))
    elif wanted.amount is not None:
        issues.append(Issue("Only of a pay-what-you-want offer does the buyer say the amount.", ("lines", str(index), "amount")))
    if amount * wanted.quantity > MAX_AMOUNT:
        issues.append(Issue("That is more than can be kept.", ("lines", str(index), "quantity")))
    if issues:
        raise Invalid(*issues)
    courses = pricing.weights(contents.course_ids, shop.list_prices.get(price["currency"], {}))
    credit = 0
    if kind in (OfferKind.ONE_TIME, OfferKind.INSTALLMENTS) and subject in (OfferSubject.BUNDLE, OfferSubject.PATH):
        payments = row["installments"] or 1
        paid = {course_id: paid // payments for course_id, paid in shop.owned.paid.get(price["currency"], {}).items()}
        credit = pricing.credit(amount, courses, paid, shop.owned.bought, price["currency"])
    line = AskedLine(
        offer_id=row["id"],
        offer_kind=kind,
        subject=subject,
        subject_id=row["subject_id"],
        title=row["title"],
        unit_amount=amount,
        quantity=wanted.quantity,
        credit_amount=credit,
        courses=courses,
        access_days=row["access_days"],
        installments=row["installments"],
        on_default=DefaultRule(row["on_default"]),
        interval=BillingInterval(row["billing_interval"]) if row["billing_interval"] else None,
        trial_days=row["trial_days"],
        tax_code=row["tax_code"],
    )
    return line, price["currency"]


def _problem(row: Any, now: datetime) -> str | None:
    if not row["is_active"]:
        return "This offer is not sold any more."
    if row["sale_starts_at"] is not None and row["sale_starts_at"] > now:
        return "This offer is not on sale yet."
    return "The sale of this offer has ended." if row["sale_ends_at"] is not None and row["sale_ends_at"] <= now else None


async def _taxes(shop: _Shop, drafts: Sequence[_Draft], gateway: PaymentGateway | None, throttle: Throttle | None) -> list[Taxed]:
    """The tax of each draft, where the buyer is; without a known place there is none."""
    country = shop.buyer.country or shop.market or shop.selling.seller.get("country")
    if shop.selling.tax_mode is TaxMode.NONE or country is None or not drafts:
        return [pricing.untaxed(draft.lines) for draft in drafts]
    if shop.selling.tax_mode is TaxMode.RATES:
        rate = await selling.rate_at(caller=shop.caller, country=country, region=shop.buyer.region)
        if rate is None:
            return [pricing.untaxed(draft.lines) for draft in drafts]
        included = shop.selling.prices_include_tax
        return [pricing.own_tax(draft.lines, name=rate["name"], rate_ppm=rate["rate_ppm"], is_included=included, currency=draft.currency) for draft in drafts]
    if gateway is None:
        raise PaymentsNotConfigured()
    if throttle and (buckets := throttles.tax(shop.caller)):
        await throttle.take(*buckets)
    await database.pause_reading()
    by_currency: dict[str, list[int]] = defaultdict(list)
    for index, draft in enumerate(drafts):
        by_currency[draft.currency].append(index)
    due = [[0] * len(draft.lines) for draft in drafts]
    later = [[0] * len(draft.lines) for draft in drafts]
    sums: tuple[RateSum, ...] = ()
    calculation_id: str | None = None
    for currency, indexes in by_currency.items():
        # What is due now is a calculation by itself, for it is booked once it is paid; what later payments add is only shown.
        now = {f"{index}.{place}": (line.net_amount, line.tax_code) for index in indexes for place, line in enumerate(drafts[index].lines) if line.net_amount}
        then = {
            f"{index}.{place}": (line.terms["recurring_amount"], line.tax_code)
            for index in indexes
            for place, line in enumerate(drafts[index].lines)
            if line.terms["recurring_amount"] and line.terms["recurring_amount"] != line.net_amount
        }
        for taxes, amounts in ((due, now), (later, then)):
            if not amounts:
                continue
            result = await gateway.tax(
                TaxRequest(
                    currency=currency,
                    country=country,
                    region=shop.buyer.region,
                    postal_code=shop.buyer.postal_code,
                    is_tax_included=shop.selling.prices_include_tax,
                    lines=[(reference, amount, code) for reference, (amount, code) in amounts.items()],
                )
            )
            for reference, amount in result.by_line.items():
                index, place = map(int, reference.split("."))
                taxes[index][place] = amount
            if taxes is due and len(drafts) == 1:
                sums = tuple(RateSum(name=line.name, rate_ppm=line.rate_ppm, amount=line.amount) for line in result.lines)
                calculation_id = result.calculation_id
    for index, draft in enumerate(drafts):
        for place, line in enumerate(draft.lines):
            if line.terms["recurring_amount"] == line.net_amount:
                later[index][place] = due[index][place]
    return [Taxed(due=of_lines, later=of_later, sums=sums, calculation_id=calculation_id) for of_lines, of_later in zip(due, later, strict=True)]


def _sum(shop: _Shop, draft: _Draft, taxed: Taxed) -> Quote:
    return pricing.summed(
        draft.lines,
        taxed,
        currency=draft.currency,
        market=shop.market,
        is_tax_included=shop.selling.prices_include_tax,
        coupon_id=draft.coupon_id,
        coupon_problem=draft.problem,
        already_owned=draft.is_owned,
    )

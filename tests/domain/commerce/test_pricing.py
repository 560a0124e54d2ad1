"""The quote is exact: for any offers, coupons, taxes and currencies its sums are those of its lines, nothing is negative, and what is parted is neither lost nor made."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.commerce.errors import CouponReason, CouponRejected
from lms_graph.domain.commerce.rules import pricing
from lms_graph.domain.commerce.rules.pricing import AskedLine, CouponTerms, Quote
from lms_graph.integrations.stripe import to_stripe
from lms_graph.kit import money
from lms_graph.models.commerce import BillingInterval, CouponKind, OfferKind, OfferSubject

COURSES = [UUID(int=number) for number in range(1, 6)]
COUPON = UUID(int=99)
amounts = st.one_of(st.integers(0, 500), st.integers(0, 10**9))


def line(unit: int = 1000, *courses: UUID, **differs: Any) -> AskedLine:
    values = {"offer_id": uuid4(), "offer_kind": OfferKind.ONE_TIME, "subject": OfferSubject.COURSE, "subject_id": COURSES[0], "title": "A Course", "unit_amount": unit}
    return AskedLine(**values | {"courses": tuple((id, 1) for id in courses or (COURSES[0],))} | differs)


def coupon(kind: CouponKind = CouponKind.PERCENT, **differs: Any) -> CouponTerms:
    return CouponTerms(id=COUPON, kind=kind, **({"percent_off_bps": 1000} if kind is CouponKind.PERCENT else {"amount": 300, "currency": "EUR"}) | differs)


def quoted(lines: Sequence[AskedLine], terms: CouponTerms | None = None, *, rate_ppm: int = 0, is_included: bool = True, currency: str = "EUR") -> Quote:
    problem = None
    try:
        drafts = pricing.lines_of(lines, terms, currency)
    except CouponRejected as rejected:
        drafts, problem = pricing.lines_of(lines, None, currency), rejected
    taxed = pricing.own_tax(drafts, name="VAT", rate_ppm=rate_ppm, is_included=is_included, currency=currency)
    return pricing.summed(drafts, taxed, currency=currency, market=None, is_tax_included=is_included, coupon_id=None if problem else COUPON, coupon_problem=problem)


@st.composite
def any_lines(draw: st.DrawFn, step: int = 1) -> list[AskedLine]:
    """Of prices and credit in whole charge steps."""
    made = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(OfferKind))
        subject = draw(st.sampled_from(OfferSubject))
        unit = 0 if kind is OfferKind.FREE else draw(amounts) * step
        quantity = draw(st.integers(1, 300)) if subject is OfferSubject.SEATS else 1
        courses = draw(st.lists(st.sampled_from(COURSES), unique=True, max_size=5)) if subject is not OfferSubject.ALL_ACCESS else []
        made.append(
            line(
                unit,
                offer_kind=kind,
                subject=subject,
                quantity=quantity,
                credit_amount=draw(st.integers(0, unit * quantity // step)) * step,
                courses=tuple((id, draw(st.integers(0, 10**6))) for id in courses),
                interval=BillingInterval.MONTH if kind in pricing.PLANS else None,
                trial_days=draw(st.sampled_from([0, 14])) if kind is OfferKind.RECURRING else 0,
            )
        )
    return made


@st.composite
def any_coupon(draw: st.DrawFn, *currencies: str) -> CouponTerms | None:
    kind = draw(st.sampled_from([None, *CouponKind]))
    if kind is None:
        return None
    return CouponTerms(
        id=COUPON,
        kind=kind,
        percent_off_bps=draw(st.integers(1, 10_000)) if kind is CouponKind.PERCENT else None,
        amount=None if kind is CouponKind.PERCENT else draw(amounts),
        currency=None if kind is CouponKind.PERCENT else draw(st.sampled_from(currencies or ["EUR", "EUR", "EUR", "JPY"])),
        course_ids=draw(st.one_of(st.none(), st.frozensets(st.sampled_from(COURSES)))),
        minimum_amount=draw(st.one_of(st.none(), amounts)) if kind is not CouponKind.PERCENT else None,
    )


class TestAnyQuote:
    @given(any_lines(), any_coupon(), st.integers(0, 1_000_000), st.booleans())
    def test_is_the_sum_of_its_lines_and_keeps_what_orders_demand(self, lines: list[AskedLine], terms: CouponTerms | None, rate: int, is_included: bool) -> None:
        quote = quoted(lines, terms, rate_ppm=rate, is_included=is_included)

        for name in ("subtotal_amount", "discount_amount", "credit_amount", "tax_amount", "total_amount"):
            assert getattr(quote, name) == sum(getattr(each, name) for each in quote.lines), name
        assert sum(each.amount for each in quote.tax_lines) == quote.tax_amount
        for each in (quote, *quote.lines):
            assert min(each.subtotal_amount, each.discount_amount, each.credit_amount, each.tax_amount, each.total_amount) >= 0
            assert each.discount_amount + each.credit_amount <= each.subtotal_amount
            assert each.total_amount == each.subtotal_amount - each.discount_amount - each.credit_amount + (0 if is_included else each.tax_amount)
            assert each.tax_amount <= each.total_amount
        for each in quote.lines:
            assert each.subtotal_amount == each.unit_amount * each.quantity
            assert (each.terms["recurring_amount"] is not None) == (each.offer_kind in pricing.PLANS)
        assert quote.coupon_problem is not None or terms is None or quote.discount_amount > 0

    @given(any_lines(), any_coupon())
    def test_lowers_only_what_its_coupon_is_for(self, lines: list[AskedLine], terms: CouponTerms | None) -> None:
        quote = quoted(lines, terms)

        for asked, each in zip(lines, quote.lines, strict=True):
            assert each.discount_amount == 0 or (terms is not None and pricing.is_for(terms, asked))

    @given(any_lines(), st.integers(1, 10_000))
    def test_takes_a_percentage_off_to_half_a_unit(self, lines: list[AskedLine], bps: int) -> None:
        quote = quoted(lines, coupon(percent_off_bps=bps))
        base = sum(asked.each_payment for asked in lines if pricing.is_for(coupon(), asked))

        if quote.coupon_problem is None:
            assert abs(quote.discount_amount - Fraction(base * bps, 10_000)) <= Fraction(1, 2)
            for asked, each in zip(lines, quote.lines, strict=True):
                own = quote.discount_amount * Fraction(asked.each_payment, base) if pricing.is_for(coupon(), asked) else 0
                assert abs(each.discount_amount - own) < 1

    @given(any_lines(), st.integers(0, 1_000_000), st.booleans())
    def test_has_the_tax_of_its_rate_to_half_a_unit(self, lines: list[AskedLine], rate: int, is_included: bool) -> None:
        quote = quoted(lines, rate_ppm=rate, is_included=is_included)
        net = quote.subtotal_amount - quote.discount_amount - quote.credit_amount

        assert abs(quote.tax_amount - Fraction(net * rate, 1_000_000 + (rate if is_included else 0))) <= Fraction(1, 2)

    @given(st.data(), st.sampled_from(sorted(money.EXPONENTS)), st.integers(0, 1_000_000), st.booleans())
    def test_can_be_charged_line_by_line_in_any_currency(self, data: st.DataObject, currency: str, rate: int, is_included: bool) -> None:
        step = money.charge_step(currency)
        quote = quoted(data.draw(any_lines(step)), data.draw(any_coupon(currency)), rate_ppm=rate, is_included=is_included, currency=currency)
        net = quote.subtotal_amount - quote.discount_amount - quote.credit_amount

        for each in (quote, *quote.lines):
            to_stripe(each.total_amount, currency)
            to_stripe(each.discount_amount, currency)
        for each in quote.lines:
            if (recurring := each.terms["recurring_amount"]) is not None:
                to_stripe(recurring + (0 if is_included else each.terms["recurring_tax"]), currency)
        assert sum(each.amount for each in quote.tax_lines) == sum(each.tax_amount for each in quote.lines) == quote.tax_amount
        assert abs(quote.tax_amount - Fraction(net * rate, 1_000_000 + (rate if is_included else 0))) <= Fraction(1 if is_included else step, 2)

    @given(st.data(), st.sampled_from(["KWD", "MGA", "EUR"]), st.booleans())
    def test_with_tax_that_others_reckoned_can_be_charged(self, data: st.DataObject, currency: str, is_included: bool) -> None:
        step = money.charge_step(currency)
        drafts = pricing.lines_of(data.draw(any_lines(step)), None, currency)
        due = [data.draw(st.integers(0, draft.net_amount)) for draft in drafts]
        parts = money.split(sum(due), [2, 1])
        told = pricing.Taxed(due=due, later=[each + 1 for each in due], sums=tuple(pricing.RateSum(name="Tax", rate_ppm=1, amount=amount) for amount in parts))

        quote = pricing.summed(drafts, told, currency=currency, market=None, is_tax_included=is_included)

        for each in (quote, *quote.lines):
            to_stripe(each.total_amount, currency)
        assert sum(each.amount for each in quote.tax_lines) == quote.tax_amount
        assert [abs(each.tax_amount - tax) <= (0 if is_included else step // 2) for each, tax in zip(quote.lines, due, strict=True)] == [True] * len(due)


class TestCoupon:
    def test_of_an_amount_is_spread_by_largest_remainder_and_never_more_than_the_price(self) -> None:
        assert [each.discount_amount for each in quoted([line(1000), line(1000), line(1000)], coupon(CouponKind.AMOUNT, amount=100)).lines] == [34, 33, 33]
        assert quoted([line(1000)], coupon(CouponKind.AMOUNT, amount=10**9)).total_amount == 0

    def test_of_a_fixed_price_makes_each_cost_it_and_raises_nothing(self) -> None:
        seats = line(1000, subject=OfferSubject.SEATS, quantity=3)

        quote = quoted([seats, line(200), line(5000)], coupon(CouponKind.FIXED_PRICE, amount=300))

        assert [each.total_amount for each in quote.lines] == [900, 200, 300]

    def test_of_some_courses_is_for_a_bundle_only_with_all_its_courses(self) -> None:
        terms = coupon(course_ids=frozenset(COURSES[:2]))

        quote = quoted([line(1000, *COURSES[:2]), line(1000, *COURSES[:3]), line(1000, COURSES[4]), line(1000, subject=OfferSubject.ALL_ACCESS, courses=())], terms)

        assert [each.discount_amount for each in quote.lines] == [100, 0, 0, 0]

    def test_holds_against_its_minimum_what_is_left_after_credit_and_before_the_discount(self) -> None:
        terms = coupon(CouponKind.AMOUNT, minimum_amount=900)

        assert quoted([line(1000, credit_amount=100)], terms).discount_amount == 300
        assert reason([line(1000, credit_amount=101)], terms) == "BELOW_MINIMUM"

    @pytest.mark.parametrize(
        ("lines", "terms", "why"),
        [
            ([line(1000)], coupon(CouponKind.AMOUNT, currency="JPY"), "OTHER_CURRENCY"),
            ([line(1000)], coupon(course_ids=frozenset({COURSES[3]})), "NOT_APPLICABLE"),
            ([line(0, offer_kind=OfferKind.FREE)], coupon(), "NOT_APPLICABLE"),
            ([line(1000, offer_kind=OfferKind.PAY_WHAT_YOU_WANT)], coupon(), "NOT_APPLICABLE"),
            ([line(1000, offer_kind=OfferKind.RECURRING, interval=BillingInterval.MONTH, trial_days=7)], coupon(), "NOT_APPLICABLE"),
            ([line(3)], coupon(), "NOT_APPLICABLE"),
            ([line(1000, credit_amount=1000)], coupon(), "NOT_APPLICABLE"),
        ],
    )
    def test_is_refused_with_its_reason_and_the_price_stays(self, lines: list[AskedLine], terms: CouponTerms, why: str) -> None:
        quote = quoted(lines, terms)

        assert reason(lines, terms) == why
        assert (quote.coupon_id, quote.discount_amount, quote.total_amount) == (None, 0, quoted(lines).total_amount)

    def test_gives_its_affiliate_a_share_of_the_lines_it_is_for_alone(self) -> None:
        terms = coupon(course_ids=frozenset({COURSES[0]}), affiliate=(COURSES[4], 1500))

        first, second = quoted([line(1000), line(1000, COURSES[1])], terms).lines

        assert first.terms["affiliate"] == {"account_id": str(COURSES[4]), "share_bps": 1500}
        assert second.terms["affiliate"] is None


def reason(lines: Sequence[AskedLine], terms: CouponTerms) -> CouponReason | None:
    problem = quoted(lines, terms).coupon_problem
    return problem.reason if problem else None


class TestPlan:
    def test_with_a_free_trial_costs_nothing_now_and_tells_what_it_costs_later(self) -> None:
        plan = line(2000, offer_kind=OfferKind.RECURRING, interval=BillingInterval.MONTH, trial_days=14)

        quote = quoted([plan], rate_ppm=190_000)

        assert (quote.subtotal_amount, quote.tax_amount, quote.total_amount, quote.lines[0].unit_amount) == (0, 0, 0, 0)
        assert [quote.lines[0].terms[name] for name in ("recurring_amount", "recurring_tax", "interval", "trial_days")] == [2000, 319, "MONTH", 14]

    def test_has_the_coupon_in_its_first_payment_alone(self) -> None:
        quote = quoted([line(2000, offer_kind=OfferKind.INSTALLMENTS, interval=BillingInterval.MONTH, installments=3)], coupon(), rate_ppm=200_000, is_included=False)

        assert (quote.discount_amount, quote.tax_amount, quote.total_amount) == (200, 360, 2160)
        assert [quote.lines[0].terms[name] for name in ("recurring_amount", "recurring_tax", "installments")] == [2000, 400, 3]


class TestTax:
    def test_in_the_price_and_on_top_are_exact(self) -> None:
        lines = [line(1000), line(1000), line(1000)]

        included, on_top = quoted(lines, rate_ppm=190_000), quoted(lines, rate_ppm=88_750, is_included=False)

        assert (included.tax_amount, included.total_amount, [each.tax_amount for each in included.lines]) == (479, 3000, [160, 160, 159])
        assert (on_top.tax_amount, on_top.total_amount, [each.tax_amount for each in on_top.lines]) == (266, 3266, [89, 89, 88])
        assert [(each.name, each.rate_ppm, each.amount) for each in on_top.tax_lines] == [("VAT", 88_750, 266)]

    def test_on_top_is_of_whole_charge_steps_and_exact_in_the_price(self) -> None:
        lines = [line(12_350), line(12_350)]

        on_top, included = (quoted(lines, rate_ppm=50_000, is_included=is_included, currency="KWD") for is_included in (False, True))

        assert (on_top.tax_amount, on_top.total_amount, [each.tax_amount for each in on_top.lines]) == (1240, 25_940, [620, 620])
        assert [each.amount for each in on_top.tax_lines] == [1240]
        assert (included.tax_amount, included.total_amount, [each.tax_amount for each in included.lines]) == (1176, 24_700, [588, 588])


class TestWeights:
    def test_are_list_prices_and_their_mean_for_what_is_not_sold_alone(self) -> None:
        one, two, three = COURSES[:3]

        assert pricing.weights([one, two, three], {one: 1000, three: 4000}) == ((one, 1000), (two, 2500), (three, 4000))
        assert pricing.weights([one, two], {}) == ((one, 1), (two, 1))
        assert pricing.weights([one, two], {one: 0, two: 500}) == ((one, 500), (two, 500))


class TestCredit:
    def test_is_the_share_of_what_was_bought_and_no_more_than_was_paid(self) -> None:
        one, two, three = COURSES[:3]
        courses = ((one, 1000), (two, 1000), (three, 2000))

        assert pricing.credit(2000, courses, {one: 900, two: 100}, {one}, "EUR") == 500
        assert pricing.credit(2000, courses, {one: 900, two: 100}, {one, two}, "EUR") == 600
        assert pricing.credit(2000, courses, {}, {three}, "EUR") == 0
        assert pricing.credit(2000, courses, {one: 408, two: 109}, {one, two}, "KWD") == 510

    @given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=20))
    def test_is_never_more_than_the_price(self, price: int, courses: list[tuple[int, int, bool]]) -> None:
        ids = [UUID(int=number) for number, _ in enumerate(courses)]
        weights = tuple((id, weight) for id, (weight, _, _) in zip(ids, courses, strict=True))
        paid = {id: amount for id, (_, amount, _) in zip(ids, courses, strict=True)}

        credit = pricing.credit(price, weights, paid, {id for id, (_, _, is_bought) in zip(ids, courses, strict=True) if is_bought}, "EUR")

        assert 0 <= credit <= price

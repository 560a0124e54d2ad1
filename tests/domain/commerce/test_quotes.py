"""The quote from offers, grants, settings and coupons as they are: what storefront and checkout both ask for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.catalog.operations import paths
from lms_graph.domain.catalog.rules import PathStep
from lms_graph.domain.commerce.errors import CouponRejected, CurrenciesDiffer, OfferNotFound, OfferNotSold
from lms_graph.domain.commerce.operations import bundles, offers, selling
from lms_graph.domain.commerce.queries import quotes
from lms_graph.domain.commerce.queries.quotes import NOBODY, Buyer, Wanted
from lms_graph.domain.commerce.rules.offers import Amount, BundleDraft, TaxRateDraft
from lms_graph.domain.commerce.rules.pricing import Quote
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.payouts.ports import PaymentsNotConfigured, TaxLine, TaxRequest, TaxResult
from lms_graph.kit.errors import Invalid
from lms_graph.kit.money import part
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject, TaxMode
from lms_graph.models.learning import EntitlementKind
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text
from tests.factories.offers import bought, bundle, checkout, coupon, offer, price
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def ask(school: School, *wanted: Wanted | UUID, buyer: Buyer = NOBODY, **more: Any) -> Quote:
    async with database.reading(school.system):
        return await quotes.quote(caller=school.system, wanted=[one if isinstance(one, Wanted) else Wanted(offer_id=one) for one in wanted], buyer=buyer, **more)


async def ways(school: School, made: MadeCourse, buyer: Buyer = NOBODY, **more: Any) -> dict[UUID, Quote]:
    async with database.reading(school.system):
        return {row["id"]: quote for row, quote in await quotes.compare(caller=school.system, course_id=made.course_id, buyer=buyer, **more)}


@pytest.fixture
async def courses(school: School) -> list[MadeCourse]:
    return [await course(school.system, text()) for _ in range(3)]


async def rate(school: School, percent: str, country: str = "DE", region: str | None = None) -> None:
    await selling.save_tax_rate(caller=school.system, draft=TaxRateDraft(country=country, region=region, name="VAT", percent=Decimal(percent)))


class TestPrice:
    async def test_is_that_of_the_market_and_else_that_for_everywhere(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id, price("20.00"), price("1500", "JPY", "JP"), price("7.500", "KWD", "KW"))

        asked = [
            await ask(school, id),
            await ask(school, id, market="JP"),
            await ask(school, id, buyer=Buyer(country="KW")),
            await ask(school, id, market="US", buyer=Buyer(country="JP")),
        ]

        assert [(quote.total_amount, quote.currency, quote.market) for quote in asked] == [(2000, "EUR", None), (1500, "JPY", "JP"), (7500, "KWD", "KW"), (2000, "EUR", "US")]

    async def test_of_seats_is_for_each_and_only_in_the_numbers_that_are_sold(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id, subject=OfferSubject.SEATS, min_quantity=3, max_quantity=5)

        assert (await ask(school, Wanted(offer_id=id, quantity=4))).total_amount == 8000
        for quantity in (0, 2, 6, -1):
            with pytest.raises(Invalid):
                await ask(school, Wanted(offer_id=id, quantity=quantity))

    async def test_is_what_the_buyer_says_where_they_may_and_no_less_than_the_least(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id, price("5.00", suggested=Amount(amount=Decimal(15), currency="EUR")), kind=OfferKind.PAY_WHAT_YOU_WANT)
        fixed = await offer(school.system, courses[0].course_id)

        assert [(await ask(school, Wanted(offer_id=id, amount=amount))).total_amount for amount in (None, 500, 12345)] == [1500, 500, 12345]
        for wanted in (Wanted(offer_id=id, amount=499), Wanted(offer_id=id, amount=10**15), Wanted(offer_id=fixed, amount=2000)):
            with pytest.raises(Invalid):
                await ask(school, wanted)

    async def test_of_two_currencies_is_never_added(self, school: School, courses: list[MadeCourse]) -> None:
        euros, yen = await offer(school.system, courses[0].course_id), await offer(school.system, courses[1].course_id, price("3000", "JPY"))

        with pytest.raises(CurrenciesDiffer):
            await ask(school, euros, yen)

    async def test_freezes_the_terms_of_what_is_sold(self, school: School, courses: list[MadeCourse]) -> None:
        await offer(school.system, courses[0].course_id, price("30.00"))
        packed = await bundle(school.system, *(each.course_id for each in courses[:2]))
        id = await offer(
            school.system, packed, price("10.00"), subject=OfferSubject.BUNDLE, kind=OfferKind.INSTALLMENTS, interval=BillingInterval.MONTH, installments=3, access_days=90
        )

        (line,) = (await ask(school, id)).lines

        assert line.terms == {
            "courses": [{"id": str(courses[0].course_id), "weight": 3000}, {"id": str(courses[1].course_id), "weight": 3000}],
            "access_days": 90,
            "installments": 3,
            "on_default": "SUSPEND",
            "affiliate": None,
            "recurring_amount": 1000,
            "recurring_tax": 0,
            "interval": "MONTH",
            "trial_days": 0,
        }


class TestOfferNotSold:
    async def test_outside_its_window_archived_or_unpublished(self, school: School, courses: list[MadeCourse]) -> None:
        now = school.system.now
        early = await offer(school.system, courses[0].course_id, sale_starts_at=now + timedelta(hours=1))
        late = await offer(school.system, courses[0].course_id, sale_ends_at=now)
        gone = await offer(school.system, courses[0].course_id)
        await offers.archive_offer(caller=school.system, offer_id=gone)
        packed = await bundle(school.system, *(each.course_id for each in courses[:2]), slug="pack")
        inactive = await offer(school.system, packed, subject=OfferSubject.BUNDLE)
        draft = BundleDraft(slug="pack", title="Pack", course_ids=tuple(each.course_id for each in courses[:2]), is_active=False)
        await bundles.save_bundle(caller=school.system, bundle_id=packed, draft=draft)
        hidden = await offer(school.system, courses[2].course_id)
        async with unit_of_work(school.system):
            await database.fetch("UPDATE courses SET status = 'UNPUBLISHED' WHERE tenant_id = $1 AND id = $2", school.id, courses[2].course_id)

        for id in (early, late, gone, inactive, hidden):
            with pytest.raises(OfferNotSold):
                await ask(school, id)
        assert await ways(school, courses[0]) == {}

    async def test_of_another_school_is_not_found(self, school: School, other_school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id)

        with pytest.raises(OfferNotFound):
            await ask(other_school, id)


class TestCredit:
    async def test_is_the_list_price_share_of_what_the_buyer_bought(self, school: School, courses: list[MadeCourse]) -> None:
        one, two, three = (each.course_id for each in courses)
        singles = [await offer(school.system, id, price(amount)) for id, amount in ((one, "10.00"), (two, "20.00"), (three, "30.00"))]
        id = await offer(school.system, await bundle(school.system, one, two, three), price("30.00"), subject=OfferSubject.BUNDLE)
        learner = await account(school.system)
        await bought(school.system, learner, singles[1], two, amount=1500)

        quote = await ask(school, id, buyer=Buyer(account_id=learner))

        assert (quote.subtotal_amount, quote.credit_amount, quote.total_amount, quote.already_owned) == (3000, 1000, 2000, False)
        assert (await ask(school, id)).credit_amount == 0

    async def test_is_no_more_than_was_paid_and_not_for_what_was_given_back_or_given(self, school: School, courses: list[MadeCourse]) -> None:
        one, two, three = (each.course_id for each in courses)
        single = await offer(school.system, one)
        id = await offer(school.system, await bundle(school.system, one, two, three), price("30.00"), subject=OfferSubject.BUNDLE)
        frugal, given, refunded, subscribed = [await account(school.system) for _ in range(4)]
        await bought(school.system, frugal, single, one, amount=100)
        await entitlements.grant_course(caller=school.system, account_id=given, course_id=one)
        line = await bought(school.system, refunded, single, one, amount=2000)
        await entitlements.end_by_source(caller=school.system, source_id=line, reason="Refunded")
        await entitlements.grant_course(caller=school.system, account_id=subscribed, course_id=one, kind=EntitlementKind.SUBSCRIPTION, source_id=uuid4())

        assert [(await ask(school, id, buyer=Buyer(account_id=each))).credit_amount for each in (frugal, given, refunded, subscribed)] == [100, 0, 0, 0]

    async def test_makes_a_bundle_free_that_is_wholly_bought_and_says_so(self, school: School, courses: list[MadeCourse]) -> None:
        one, two = (each.course_id for each in courses[:2])
        single = await offer(school.system, one)
        id = await offer(school.system, await bundle(school.system, one, two), price("30.00"), subject=OfferSubject.BUNDLE)
        learner = await account(school.system)
        await bought(school.system, learner, single, one, two, amount=10_000)

        quote = await ask(school, id, buyer=Buyer(account_id=learner))

        assert (quote.credit_amount, quote.total_amount, quote.already_owned) == (3000, 0, True)


class TestAlreadyOwned:
    async def test_is_what_is_held_for_good(self, school: School, courses: list[MadeCourse]) -> None:
        one = courses[0].course_id
        id, seats = await offer(school.system, one), await offer(school.system, one, subject=OfferSubject.SEATS, max_quantity=9)
        all_access = await offer(school.system, None, subject=OfferSubject.ALL_ACCESS, kind=OfferKind.RECURRING, interval=BillingInterval.YEAR)
        given, passing, everything = [await account(school.system) for _ in range(3)]
        await entitlements.grant_course(caller=school.system, account_id=given, course_id=one)
        await entitlements.grant_course(caller=school.system, account_id=passing, course_id=one, ends_at=school.system.now + timedelta(days=9))
        await entitlements.grant_course(caller=school.system, account_id=everything, course_id=None)

        found = [{offer_id: quote.already_owned for offer_id, quote in (await ways(school, courses[0], Buyer(account_id=each))).items()} for each in (given, passing, everything)]

        assert found == [{id: True, seats: False, all_access: False}, {id: False, seats: False, all_access: False}, {id: False, seats: False, all_access: True}]


class TestCompare:
    async def test_tells_every_way_to_a_course(self, school: School, other_school: School, courses: list[MadeCourse], statements: list[str]) -> None:
        one, two, three = (each.course_id for each in courses)
        steps = [PathStep(course_id=id, is_required=True) for id in (one, two)]
        path_id = await paths.save_path(caller=school.system, path_id=None, slug="path", title="A Path", description="", steps=steps, is_published=True)
        single = await offer(school.system, one, price("20.00"))
        packed = await offer(school.system, await bundle(school.system, one, two), price("30.00"), subject=OfferSubject.BUNDLE)
        way = await offer(school.system, path_id, price("25.00"), subject=OfferSubject.PATH)
        everything = await offer(school.system, None, price("9.00"), subject=OfferSubject.ALL_ACCESS, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH, trial_days=14)
        seats = await offer(school.system, one, price("15.00"), subject=OfferSubject.SEATS, min_quantity=5, max_quantity=50)
        await offer(school.system, two)
        await offer(school.system, await bundle(school.system, two, three), subject=OfferSubject.BUNDLE)
        await offer(other_school.system, (await course(other_school.system, text())).course_id)
        _, code = await coupon(school.system)
        learner = await account(school.system)
        statements.clear()

        found = await ways(school, courses[0], Buyer(account_id=learner), coupon_code=code.lower())

        assert {id: (quote.discount_amount, quote.total_amount) for id, quote in found.items()} == {
            single: (200, 1800),
            packed: (300, 2700),
            way: (250, 2250),
            everything: (0, 0),
            seats: (750, 6750),
        }
        assert [problem.reason for quote in found.values() if (problem := quote.coupon_problem)] == ["NOT_APPLICABLE"]
        assert found[everything].lines[0].terms["recurring_amount"] == 900
        assert len(statements) == 11

    async def test_takes_as_many_statements_for_twenty_ways_as_for_two(self, school: School, courses: list[MadeCourse], statements: list[str]) -> None:
        learner = Buyer(account_id=await account(school.system))
        counted = []
        for more in (2, 18):
            for _ in range(more):
                await offer(school.system, courses[0].course_id)
            statements.clear()
            await ways(school, courses[0], learner)
            counted.append(len(statements))

        assert counted[0] == counted[1] == 7


class TestTax:
    async def test_is_none_until_a_mode_is_set_and_a_place_is_known(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id)
        await rate(school, "19")
        assert (await ask(school, id, buyer=Buyer(country="DE"))).tax_amount == 0
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.RATES})

        assert [(await ask(school, id, buyer=Buyer(country=country))).tax_amount for country in ("DE", "FR", None)] == [319, 0, 0]
        assert (await ask(school, id, market="DE")).tax_amount == 319
        await selling.set_selling(caller=school.system, changes={"seller": {"country": "DE"}})
        assert (await ask(school, id)).tax_amount == 319

    async def test_of_a_region_goes_before_that_of_its_country(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id)
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.RATES, "prices_include_tax": False})
        await rate(school, "5", "US")
        await rate(school, "8.875", "US", "NY")

        asked = [await ask(school, id, buyer=Buyer(country="US", region=region)) for region in ("NY", "CA", None)]

        assert [(quote.tax_amount, quote.total_amount, quote.is_tax_included) for quote in asked] == [(178, 2178, False), (100, 2100, False), (100, 2100, False)]
        assert [(line.name, line.rate_ppm, line.amount) for line in asked[0].tax_lines] == [("VAT", 88_750, 178)]

    async def test_comes_from_the_provider_in_one_call_for_what_is_due_and_one_for_later(self, school: School, courses: list[MadeCourse]) -> None:
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.PROVIDER, "prices_include_tax": False})
        once = await offer(school.system, courses[0].course_id, tax_code="txcd_10000000")
        trial = await offer(school.system, courses[1].course_id, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH, trial_days=14)
        provider = TaxOffice()

        quote = await ask(school, once, trial, buyer=Buyer(country="US", region="NY", postal_code="10001"), gateway=provider)

        assert [(line.tax_amount, line.total_amount, line.terms["recurring_tax"]) for line in quote.lines] == [(200, 2200, None), (0, 0, 200)]
        assert (quote.total_amount, quote.tax_calculation_id, [line.amount for line in quote.tax_lines]) == (2200, "taxcalc_1", [200])
        assert [(request.postal_code, list(request.lines)) for request in provider.asked] == [("10001", [("0.0", 2000, "txcd_10000000")]), ("10001", [("0.1", 2000, None)])]

    async def test_of_the_provider_needs_one_that_is_configured(self, school: School, courses: list[MadeCourse]) -> None:
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.PROVIDER})
        id = await offer(school.system, courses[0].course_id)

        with pytest.raises(PaymentsNotConfigured):
            await ask(school, id, buyer=Buyer(country="DE"))


@dataclass
class TaxOffice:
    """A provider that adds ten percent, and remembers what it was asked: the smallest thing that keeps the port's word."""

    asked: list[TaxRequest] = field(default_factory=list)

    async def tax(self, request: TaxRequest) -> TaxResult:
        self.asked.append(request)
        taxes = {reference: part(amount, 1, 10) for reference, amount, _ in request.lines}
        return TaxResult(by_line=taxes, lines=[TaxLine(name="Sales tax", rate_ppm=100_000, amount=sum(taxes.values()))], calculation_id=f"taxcalc_{len(self.asked)}")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a quote asks the provider for nothing but tax, not {name}")


class TestCoupon:
    async def test_that_does_not_hold_is_told_and_the_price_stays(self, school: School, other_school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id)
        _, foreign = await coupon(other_school.system)
        _, other = await coupon(school.system, course_ids=(courses[1].course_id,))
        _, dear = await coupon(school.system, minimum=Amount(amount=Decimal("20.01"), currency="EUR"))
        _, yen = await coupon(school.system, amount_off=Amount(amount=Decimal(100), currency="JPY"))
        _, first = await coupon(school.system, is_first_purchase_only=True)
        learner = await account(school.system)
        await checkout(school.system, account_id=learner, paid=True)

        asked = [await ask(school, id, buyer=Buyer(account_id=learner), coupon_code=code) for code in (foreign, other, dear, yen, first, "NOPE")]

        assert [reason(quote.coupon_problem) for quote in asked] == ["UNKNOWN", "NOT_APPLICABLE", "BELOW_MINIMUM", "OTHER_CURRENCY", "FIRST_PURCHASE_ONLY", "UNKNOWN"]
        assert {(quote.total_amount, quote.coupon_id) for quote in asked} == {(2000, None)}

    async def test_that_holds_is_named_and_takes_its_part(self, school: School, courses: list[MadeCourse]) -> None:
        id = await offer(school.system, courses[0].course_id)
        coupon_id, code = await coupon(school.system, fixed_price=Amount(amount=Decimal(0), currency="EUR"))

        quote = await ask(school, id, coupon_code=f" {code.lower()} ")

        assert (quote.coupon_id, quote.discount_amount, quote.total_amount, quote.coupon_problem) == (coupon_id, 2000, 0, None)


def reason(problem: CouponRejected | None) -> str | None:
    return problem.reason.value if problem else None


class TestOrder:
    async def test_takes_what_a_quote_says_by_its_own_checks(self, school: School, courses: list[MadeCourse]) -> None:
        """The database's checks have the last word on sums: odd prices, three lines, credit, a coupon, and tax of both kinds pass them."""
        one, two, three = (each.course_id for each in courses)
        single = await offer(school.system, one, price("9.99"))
        ids = [
            single,
            await offer(school.system, await bundle(school.system, one, two), price("33.33"), subject=OfferSubject.BUNDLE),
            await offer(school.system, three, price("0.01")),
        ]
        await rate(school, "7.77")
        learner = await account(school.system)
        await bought(school.system, learner, single, one, amount=999)
        _, code = await coupon(school.system, percent_off=Decimal("33.33"))
        for is_included in (True, False):
            await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.RATES, "prices_include_tax": is_included})
            quote = await ask(school, *ids, buyer=Buyer(account_id=learner, country="DE"), coupon_code=code)

            assert min(quote.discount_amount, quote.credit_amount, quote.tax_amount) > 0
            await kept(school, quote)


async def kept(school: School, quote: Quote) -> None:
    """Write it as an order."""
    sums: Sequence[str] = ("subtotal_amount", "discount_amount", "credit_amount", "tax_amount", "total_amount")
    async with unit_of_work(school.system):
        order = await rows.Order.create(
            tenant_id=school.id,
            number=uuid4().hex[:10],
            email="x@example.com",
            currency=quote.currency,
            is_tax_included=quote.is_tax_included,
            placed_at=school.system.now,
            **{name: getattr(quote, name) for name in sums},
        )
        for position, line in enumerate(quote.lines):
            await rows.OrderLine.create(
                tenant_id=school.id,
                order_id=order.id,
                position=position,
                **{name: getattr(line, name) for name in ("offer_id", "offer_kind", "subject", "subject_id", "title", "quantity", "unit_amount", "terms", *sums)},
            )

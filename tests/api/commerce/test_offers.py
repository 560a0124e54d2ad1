"""`offerSave`, `offerArchive`, `offers`, `offersFor`, and the offers of courses, bundles and paths."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.catalog.operations import courses as catalog
from lms_graph.domain.catalog.operations import paths
from lms_graph.domain.catalog.operations.courses import CourseSource, SectionSource
from lms_graph.domain.catalog.rules import PathStep
from lms_graph.domain.commerce.operations import offers, selling
from lms_graph.domain.commerce.rules.offers import TaxRateDraft
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.models.commerce import BillingInterval, OfferKind, OfferSubject, TaxMode
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.courses import MadeCourse, course, text
from tests.factories.offers import bought, bundle, coupon, offer, price
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text(), title="Harmony", enrollment_policy=EnrollmentPolicy.BY_GRANT)


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def wanted(made: MadeCourse | None, **differs: Any) -> dict[str, Any]:
    """A course that is sold once for 20 EUR."""
    subject = {"subject": "COURSE", "subjectId": made.public_id} if made else {}
    return {"kind": "ONE_TIME", "prices": [{"price": money("20.00")}], "idempotencyKey": uuid4().hex} | subject | differs


def uuid_of(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed
    return parsed[1]


async def kept(school: School) -> list[Any]:
    return await fetch(school, "SELECT * FROM offers WHERE tenant_id = $1")


async def policy_of(school: School, made: MadeCourse) -> str:
    (row,) = await fetch(school, "SELECT enrollment_policy FROM courses WHERE tenant_id = $1 AND id = $2", made.course_id)
    return str(row["enrollment_policy"])


class TestOfferSave:
    async def test_makes_an_offer_with_prices_per_market(self, boss: Client, school: School, made: MadeCourse) -> None:
        prices = [{"price": money("20.00"), "compareAtPrice": money("30")}, {"market": "JP", "price": money("3000", "JPY")}, {"market": "KW", "price": money("7.5", "KWD")}]

        saved = await boss.data("SaveOffer", input=wanted(made, prices=prices))

        id = saved["offer"].pop("id")
        assert saved == {
            "offer": {
                "kind": "ONE_TIME",
                "title": "Harmony",
                "price": money("20.00"),
                "interval": None,
                "installments": None,
                "active": True,
                "items": [{"course": {"id": made.public_id, "slug": made.slug}, "path": None}],
                "prices": [{"market": None, "price": money("20.00")}, {"market": "JP", "price": money("3000", "JPY")}, {"market": "KW", "price": money("7.500", "KWD")}],
            },
            "errors": [],
        }
        assert await facts_of(school, ["OfferSaved"]) == [("OfferSaved", {"offer_id": str(uuid_of(id)), "is_active": True})]
        assert ("OfferSaved", id, boss.account_id) in await audit_of(school)

    async def test_of_the_same_key_is_made_once(self, boss: Client, school: School, made: MadeCourse) -> None:
        asked = wanted(made)

        first = await asyncio.gather(*(boss.data("SaveOffer", input=asked) for _ in range(4)))

        assert len({each["offer"]["id"] for each in first}) == len(await kept(school)) == 1
        assert await boss.codes("SaveOffer", input=asked | {"title": "Another"}) == ["IDEMPOTENCY_CONFLICT"]
        assert await boss.codes("SaveOffer", input=wanted(made, idempotencyKey=None)) == ["INVALID"]

    async def test_changes_an_offer_as_a_whole_but_for_kind_and_subject(self, boss: Client, school: School, made: MadeCourse) -> None:
        id = (await boss.data("SaveOffer", input=wanted(made, title="Early", accessDays=90)))["offer"]["id"]

        saved = await boss.data("SaveOffer", input=wanted(made, id=id, prices=[{"price": money("25.00")}]))

        assert (saved["offer"]["id"], saved["offer"]["title"], saved["offer"]["prices"]) == (id, "Harmony", [{"market": None, "price": money("25.00")}])
        assert [row["access_days"] for row in await kept(school)] == [None]
        other = await course(school.system, text())
        for differs in ({"kind": "PAY_WHAT_YOU_WANT"}, {"subjectId": other.public_id}):
            assert await boss.codes("SaveOffer", input=wanted(made, id=id) | differs) == ["INVALID"]

    @pytest.mark.parametrize(
        ("differs", "paths"),
        [
            ({"kind": "RECURRING"}, [["interval"]]),
            ({"interval": "MONTH"}, [["interval"]]),
            ({"kind": "INSTALLMENTS", "interval": "MONTH", "installments": 1}, [["installments"]]),
            ({"installments": 3, "onDefault": "KEEP", "trialDays": 7}, [["installments"], ["onDefault"], ["trialDays"]]),
            ({"kind": "RECURRING", "interval": "YEAR", "trialDays": 731, "accessDays": 5}, [["accessDays"], ["trialDays"]]),
            ({"accessDays": 0, "title": "two\nlines", "taxCode": "books"}, [["title"], ["taxCode"], ["accessDays"]]),
            ({"maxQuantity": 2}, [["maxQuantity"]]),
            ({"subject": "SEATS", "minQuantity": 5, "maxQuantity": 4}, [["minQuantity"]]),
            ({"subject": "SEATS", "kind": "FREE", "prices": []}, [["kind"]]),
            ({"subject": "ALL_ACCESS", "subjectId": None, "kind": "INSTALLMENTS", "interval": "MONTH", "installments": 3}, [["kind"]]),
            ({"subject": "ALL_ACCESS", "kind": "ONE_TIME"}, [["subjectId"]]),
            ({"subjectId": None}, [["subjectId"]]),
            ({"kind": "FREE"}, [["prices"]]),
            ({"kind": "FREE", "prices": [], "accessDays": 3}, [["kind"]]),
            ({"prices": []}, [["prices"]]),
            ({"prices": [{"market": "DE", "price": money("1")}]}, [["prices"]]),
            ({"prices": [{"price": money("1")}, {"price": money("2", "USD")}]}, [["prices"]]),
            ({"prices": [{"price": money("0")}]}, [["prices", "0", "price"]]),
            ({"prices": [{"price": money("0.001")}]}, [["prices", "0", "price"], ["prices", "0", "price"]]),
            ({"prices": [{"price": money("-1")}, {"market": "de", "price": money("1")}]}, [["prices", "0", "price"], ["prices", "0", "price"], ["prices", "1", "market"]]),
            ({"prices": [{"price": money("5"), "compareAtPrice": money("5")}]}, [["prices", "0", "compareAtPrice"]]),
            ({"prices": [{"price": money("5"), "compareAtPrice": money("9", "USD")}]}, [["prices", "0"]]),
            ({"prices": [{"price": money("7.505", "KWD")}, {"market": "MG", "price": money("99.50", "MGA")}]}, [["prices", "0", "price"]] * 2 + [["prices", "1", "price"]] * 2),
            ({"prices": [{"price": money("5"), "suggestedPrice": money("9")}]}, [["prices", "0", "suggestedPrice"]]),
            ({"kind": "PAY_WHAT_YOU_WANT", "prices": [{"price": money("5"), "suggestedPrice": money("4")}]}, [["prices", "0", "suggestedPrice"]]),
            ({"saleStartsAt": "2030-01-02T00:00:00Z", "saleEndsAt": "2030-01-01T00:00:00Z"}, [["saleEndsAt"]]),
        ],
    )
    async def test_tells_everything_that_is_wrong_at_once(self, boss: Client, school: School, made: MadeCourse, differs: dict[str, Any], paths: list[list[str]]) -> None:
        saved = await boss.data("SaveOffer", input=wanted(made, **differs))

        assert saved["offer"] is None
        assert [error["path"] for error in saved["errors"]] == paths
        assert {error["code"] for error in saved["errors"]} == {"INVALID"}
        assert await kept(school) == []

    async def test_sells_what_is_here_and_published(self, boss: Client, school: School, other_school: School, made: MadeCourse) -> None:
        strange = await course(other_school.system, text())
        async with unit_of_work(school.system):
            await database.fetch("UPDATE courses SET status = 'UNPUBLISHED' WHERE tenant_id = $1 AND id = $2", school.id, made.course_id)

        assert await boss.codes("SaveOffer", input=wanted(strange)) == ["INVALID"]
        assert await boss.codes("SaveOffer", input=wanted(made, subject="BUNDLE")) == ["NOT_FOUND"]
        assert await boss.codes("SaveOffer", input=wanted(made, subject="BUNDLE", subjectId=public_id("bun", uuid4()))) == ["INVALID"]
        assert await boss.codes("SaveOffer", input=wanted(made)) == ["INVALID"]
        assert await kept(school) == []
        assert await boss.codes("SaveOffer", input=wanted(made, active=False)) == []

    async def test_is_for_who_manages_offers_of_the_school(
        self, boss: Client, visitor: Client, student: Client, sign_in: SignIn, school: School, other_school: School, made: MadeCourse
    ) -> None:
        id = (await boss.data("SaveOffer", input=wanted(made)))["offer"]["id"]
        stranger, teacher = await sign_in(at=other_school, roles=("TENANT_ADMIN",)), await sign_in(roles=("INSTRUCTOR", "SUPPORT"))
        theirs = await course(other_school.system, text())

        assert await visitor.codes("SaveOffer", input=wanted(made)) == ["UNAUTHENTICATED"]
        assert [await each.codes("SaveOffer", input=wanted(made)) for each in (student, teacher)] == [["FORBIDDEN"]] * 2
        assert [await each.codes("ArchiveOffer", input={"id": id}) for each in (student, teacher)] == [["FORBIDDEN"]] * 2
        assert await stranger.codes("SaveOffer", input=wanted(theirs, id=id)) == ["NOT_FOUND"]
        assert await stranger.codes("ArchiveOffer", input={"id": id}) == ["NOT_FOUND"]
        assert [row["is_active"] for row in await kept(school)] == [True]


class TestFreeOffer:
    async def test_opens_its_course_and_closes_it_when_the_last_is_archived(self, boss: Client, student: Client, school: School, made: MadeCourse) -> None:
        first, second = [(await boss.data("SaveOffer", input=wanted(made, kind="FREE", prices=[])))["offer"] for _ in range(2)]
        assert (first["price"], await policy_of(school, made)) == (money("0.00", "USD"), "OPEN")
        assert await student.codes("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}) == []

        assert await boss.codes("ArchiveOffer", input={"id": first["id"]}) == []
        assert await policy_of(school, made) == "OPEN"
        await boss.data("SaveOffer", input=wanted(made, kind="FREE", prices=[], id=second["id"], active=False))
        assert await policy_of(school, made) == "BY_GRANT"

    async def test_keeps_its_course_open_when_a_version_is_published(self, boss: Client, school: School, made: MadeCourse, settle: Any) -> None:
        await boss.data("SaveOffer", input=wanted(made, kind="FREE", prices=[]))
        sections = (SectionSource(key="all", title="All of it", lectures=(text("new"),)),)
        await catalog.publish_course(caller=school.system, source=CourseSource(slug=made.slug, title="Harmony", sections=sections))
        assert await policy_of(school, made) == "BY_GRANT"

        assert "commerce.keep_free_course_open" in await settle()

        assert await policy_of(school, made) == "OPEN"

    async def test_of_two_archived_at_once_closes_the_course(self, boss: Client, school: School, made: MadeCourse) -> None:
        ids = [(await boss.data("SaveOffer", input=wanted(made, kind="FREE", prices=[])))["offer"]["id"] for _ in range(6)]

        await asyncio.gather(*(boss.data("ArchiveOffer", input={"id": id}) for id in ids))

        assert await policy_of(school, made) == "BY_GRANT"

    async def test_is_no_matter_of_other_offers(self, boss: Client, school: School) -> None:
        opened = await course(school.system, text())
        id = (await boss.data("SaveOffer", input=wanted(opened)))["offer"]["id"]
        await boss.data("ArchiveOffer", input={"id": id})

        assert await policy_of(school, opened) == "OPEN"


class TestOfferArchive:
    async def test_takes_it_from_the_storefront_once(self, boss: Client, visitor: Client, school: School, made: MadeCourse) -> None:
        id = (await boss.data("SaveOffer", input=wanted(made)))["offer"]["id"]

        archived = [await boss.data("ArchiveOffer", input={"id": id}) for _ in range(2)]

        assert archived == [{"offer": {"id": id, "active": False}, "errors": []}] * 2
        assert len(await facts_of(school, ["OfferSaved"])) == 2
        assert [await each.data("query ($id: ID!) { node(id: $id) { id } }", id=id) for each in (visitor, boss)] == [None, {"id": id}]
        assert await boss.codes("ArchiveOffer", input={"id": public_id("off", uuid4())}) == ["NOT_FOUND"]


class TestOffers:
    async def test_are_those_on_sale_and_for_the_school_all(self, boss: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School, made: MadeCourse) -> None:
        now = datetime.now(UTC)
        sold = await offer(school.system, made.course_id)
        later = await offer(school.system, made.course_id, sale_starts_at=now + timedelta(hours=1))
        gone = await offer(school.system, made.course_id, is_active=False)
        hidden = await course(school.system, text())
        unpublished = await offer(school.system, hidden.course_id)
        await offer(other_school.system, (await course(other_school.system, text())).course_id)
        async with unit_of_work(school.system):
            await database.fetch("UPDATE courses SET status = 'ARCHIVED' WHERE tenant_id = $1 AND id = $2", school.id, hidden.course_id)

        shown = {who: await client.data("OfferList") for who, client in (("visitor", visitor), ("boss", boss))}

        assert [node["id"] for node in shown["visitor"]["nodes"]] == [public_id("off", sold)]
        assert [node["id"] for node in shown["boss"]["nodes"]] == [public_id("off", id) for id in (unpublished, gone, later, sold)]
        assert [shown[who]["totalCount"] for who in ("visitor", "boss")] == [1, 4]
        assert [node["id"] for node in (await boss.data("OfferList", subjectId=hidden.public_id))["nodes"]] == [public_id("off", unpublished)]
        assert await (await sign_in(at=other_school, roles=("TENANT_ADMIN",))).data("OfferList", subjectId=made.public_id) == {
            "totalCount": 0,
            "nodes": [],
            "pageInfo": {"hasNextPage": False, "endCursor": None},
        }

    async def test_are_paged_without_loss(self, visitor: Client, school: School, made: MadeCourse) -> None:
        ids = {public_id("off", await offer(school.system, made.course_id)) for _ in range(5)}
        seen: list[str] = []
        after = None
        for _ in range(3):
            page = await visitor.data("OfferList", first=2, after=after)
            seen += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]

        assert (set(seen), len(seen), page["pageInfo"]["hasNextPage"]) == (ids, 5, False)


COURSE_OFFERS = "query ($first: Int!, $market: String) { courses(first: $first) { nodes { slug offers(market: $market) { id price { amount currency } } } } }"


class TestCourseOffers:
    async def test_take_one_statement_for_24_courses(self, visitor: Client, school: School, statements: list[str]) -> None:
        for _ in range(24):
            made = await course(school.system, text())
            await offer(school.system, made.course_id, price("20.00"), price("2500", "JPY", "JP"))
            await offer(school.system, made.course_id, kind=OfferKind.RECURRING, interval=BillingInterval.MONTH)
        statements.clear()

        shown = await visitor.data(COURSE_OFFERS, first=24, market="JP")

        assert {tuple(each["price"]["amount"] for each in node["offers"]) for node in shown["nodes"]} == {("2500", "20.00")}
        assert (len(shown["nodes"]), len(statements)) == (24, 2)

    async def test_are_on_sale_and_of_the_course_itself(self, visitor: Client, student: Client, school: School, made: MadeCourse) -> None:
        sold = await offer(school.system, made.course_id)
        await offer(school.system, made.course_id, is_active=False)
        await offer(school.system, made.course_id, subject=OfferSubject.SEATS, max_quantity=9)
        await offer(school.system, None, subject=OfferSubject.ALL_ACCESS)
        card = [{"id": public_id("off", sold), "kind": "ONE_TIME", "title": "Harmony", "price": money("20.00"), "compareAtPrice": None, "interval": None, "installments": None}]

        assert (await visitor.data("CoursePage", slug=made.slug))["offers"] == card
        page = await student.data("CoursePage", slug=made.slug)
        assert page["access"]["offers"] == [{"id": public_id("off", sold), "kind": "ONE_TIME", "price": money("20.00")}]

    async def test_of_a_path_and_a_bundle_are_theirs(self, visitor: Client, school: School, made: MadeCourse) -> None:
        other = await course(school.system, text())
        steps = [PathStep(course_id=id, is_required=True) for id in (made.course_id, other.course_id)]
        path_id = await paths.save_path(caller=school.system, path_id=None, slug="path", title="A Path", description="", steps=steps, is_published=True)
        way = await offer(school.system, path_id, subject=OfferSubject.PATH)
        packed = await bundle(school.system, made.course_id, other.course_id, slug="pack")
        pack = await offer(school.system, packed, subject=OfferSubject.BUNDLE)

        shown = await visitor.data(
            'query { learningPath(slug: "path") { offers { id title items { path { slug } course { slug } } } } bundle(slug: "pack") { offers { id items { course { slug } } } } }'
        )

        assert shown["learningPath"]["offers"] == [{"id": public_id("off", way), "title": "A Path", "items": [{"path": {"slug": "path"}, "course": None}]}]
        assert shown["bundle"]["offers"] == [{"id": public_id("off", pack), "items": [{"course": {"slug": each.slug}} for each in (made, other)]}]


class TestOffersFor:
    async def test_tells_what_each_way_costs_the_viewer(self, visitor: Client, student: Client, school: School, made: MadeCourse, statements: list[str]) -> None:
        assert student.account_id
        other = await course(school.system, text())
        single = await offer(school.system, made.course_id)
        pack = await offer(school.system, await bundle(school.system, made.course_id, other.course_id), price("30.00"), subject=OfferSubject.BUNDLE)
        await bought(school.system, student.account_id, single, made.course_id, amount=2000)
        await selling.set_selling(caller=school.system, changes={"tax_mode": TaxMode.RATES, "seller": {"country": "DE"}})
        await selling.save_tax_rate(caller=school.system, draft=TaxRateDraft(country="DE", region=None, name="VAT", percent=Decimal(19)))
        _, code = await coupon(school.system, course_ids=(made.course_id, other.course_id))
        statements.clear()

        shown = await student.data("Offers", courseId=made.public_id, couponCode=code)
        counted = len(statements)

        assert shown == [
            {"offer": {"id": public_id("off", single), "kind": "ONE_TIME"}, "subtotal": money("20.00"), "discount": money("2.00"), "credit": money("0.00")}
            | {"tax": money("2.87"), "total": money("18.00"), "alreadyOwned": True, "couponProblem": None},
            {"offer": {"id": public_id("off", pack), "kind": "ONE_TIME"}, "subtotal": money("30.00"), "discount": money("1.50"), "credit": money("15.00")}
            | {"tax": money("2.16"), "total": money("13.50"), "alreadyOwned": False, "couponProblem": None},
        ]
        assert counted == 13
        assert [each["credit"] for each in await visitor.data("Offers", courseId=made.public_id)] == [money("0.00")] * 2

    async def test_tells_why_a_coupon_does_not_hold(self, visitor: Client, school: School, made: MadeCourse) -> None:
        await offer(school.system, made.course_id)

        (shown,) = await visitor.data("Offers", courseId=made.public_id, couponCode="NOPE")

        assert shown["couponProblem"] == {
            "__typename": "CouponRejected",
            "code": "COUPON_REJECTED",
            "message": "There is no such coupon, or no longer.",
            "path": ["couponCode"],
        }
        assert shown["total"] == money("20.00")

    async def test_is_null_for_what_is_not_in_the_catalog_and_refuses_what_is_no_place(self, visitor: Client, other_school: School, made: MadeCourse) -> None:
        strange = await course(other_school.system, text())

        assert await visitor.data("Offers", courseId=strange.public_id) is None
        assert await visitor.data("Offers", courseId="nonsense") is None
        document = "query ($id: ID!, $market: String, $region: String) { offersFor(courseId: $id, market: $market, region: $region) { total { amount } } }"
        for wrong in ({"market": "Germany"}, {"region": "Bavaria"}):
            assert await visitor.codes(document, id=made.public_id, **wrong) == ["BAD_USER_INPUT"]


class TestPricesInTheCatalog:
    async def test_it_sorts_filters_and_counts_by_price(self, boss: Client, visitor: Client, school: School, other_school: School, made: MadeCourse, settle: Settle) -> None:
        closed = {"enrollment_policy": EnrollmentPolicy.BY_GRANT}
        dear, free, unsold = await course(school.system, text(), **closed), await course(school.system, text(), **closed), await course(school.system, text(), **closed)
        lowest = await boss.data("SaveOffer", input=wanted(made, prices=[{"price": money("20.00", "USD")}]))
        await offer(school.system, made.course_id, price("25.00", "USD"))
        await offer(school.system, dear.course_id, price("22.00", "USD"), price("1.00", "USD", market="IN"))
        await offer(school.system, free.course_id, kind=OfferKind.FREE, prices=())
        await offer(other_school.system, (await course(other_school.system, text())).course_id)
        assert set(await settle()) >= {"commerce.share_price"}

        async def slugs(**more: Any) -> list[str]:
            return [each["node"]["slug"] for each in (await visitor.data("Catalog", **more))["edges"]]

        by_price = [{"field": "PRICE", "direction": "ASC"}]
        assert await slugs(orderBy=by_price) == [free.slug, made.slug, dear.slug, unsold.slug]
        assert await slugs(where={"price": {"eq": "FREE"}}) == [free.slug]
        assert await slugs(where={"price": {"in": ["PAID"]}}, orderBy=by_price) == [made.slug, dear.slug]
        assert (await visitor.data("Catalog"))["facets"]["price"] == [{"value": "PAID", "count": 2}, {"value": "FREE", "count": 1}]

        assert (await boss.data("ArchiveOffer", input={"id": lowest["offer"]["id"]}))["errors"] == []
        assert await settle() == ["commerce.share_price"]

        assert await slugs(orderBy=by_price) == [free.slug, dear.slug, made.slug, unsold.slug]

    async def test_a_price_in_another_currency_is_paid_and_has_no_place_among_prices(self, school: School, made: MadeCourse) -> None:
        id = await offer(school.system, made.course_id, price("5.00", "EUR"))

        await asyncio.gather(*(offers.share_price(caller=school.system, offer_id=id, closes=None) for _ in range(5)))

        (row,) = await fetch(school, "SELECT is_sold, price_amount FROM courses WHERE tenant_id = $1 AND id = $2", made.course_id)
        assert tuple(row.values()) == (True, None)

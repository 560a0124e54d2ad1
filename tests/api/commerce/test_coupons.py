"""`couponCreate`, `couponDisable`, `coupons`."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.domain.catalog.operations import teams
from lms_graph.kit.ids import public_id
from lms_graph.models.catalog import CourseTeamRole
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text
from tests.factories.offers import coupon
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, facts_of, fetch

pytestmark = pytest.mark.anyio

NODE = "query ($id: ID!) { node(id: $id) { ... on Coupon { id code } } }"


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text())


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def wanted(**differs: Any) -> dict[str, Any]:
    return {"code": f"C-{uuid4().hex[:10]}", "percentOff": "12.5", "idempotencyKey": uuid4().hex} | differs


async def kept(school: School) -> list[Any]:
    return await fetch(school, "SELECT * FROM coupons WHERE tenant_id = $1 ORDER BY created_at, id")


class TestCouponCreate:
    async def test_makes_a_coupon_and_names_its_affiliate(self, boss: Client, school: School) -> None:
        friend = public_id("prf", await account(school.system, name="Fay Friend"))
        starts, ends = [(datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0) for days in (1, 30)]

        made = await boss.data(
            "CreateCoupon",
            input=wanted(code="Spring-24", maxRedemptions=100, startsAt=starts.isoformat(), endsAt=ends.isoformat(), affiliateId=friend, affiliateSharePercent="7.25"),
        )

        id = made["coupon"].pop("id")
        assert [datetime.fromisoformat(made["coupon"].pop(name)) for name in ("startsAt", "endsAt")] == [starts, ends]
        assert made == {
            "coupon": {
                "code": "SPRING-24",
                "kind": "PERCENT",
                "percentOff": "12.50",
                "amountOff": None,
                "maxRedemptions": 100,
                "redemptions": 0,
                "affiliate": {"id": friend, "name": "Fay Friend"},
            },
            "errors": [],
        }
        assert [row["affiliate_share_bps"] for row in await kept(school)] == [725]
        assert ("CouponCreated", id, boss.account_id) in await audit_of(school)
        assert len(await facts_of(school, ["CouponCreated"])) == 1

    async def test_keeps_amounts_in_the_minor_units_of_their_currency(self, boss: Client, school: School) -> None:
        for differs in ({"amountOff": money("500", "JPY")}, {"fixedPrice": money("1.250", "KWD"), "minimum": money("2", "KWD")}, {"percentOff": "100", "minimum": money("20")}):
            assert await boss.codes("CreateCoupon", input=wanted(**{"percentOff": None} | differs)) == []

        assert [(row["kind"], row["percent_off_bps"], row["amount"], row["currency"], row["minimum_amount"]) for row in await kept(school)] == [
            ("AMOUNT", None, 500, "JPY", None),
            ("FIXED_PRICE", None, 1250, "KWD", 2000),
            ("PERCENT", 10_000, None, "EUR", 2000),
        ]

    async def test_of_the_same_key_or_code_is_made_once(self, boss: Client, school: School) -> None:
        asked = wanted(code="once")

        made = await asyncio.gather(*(boss.data("CreateCoupon", input=asked) for _ in range(4)))
        others = await asyncio.gather(*(boss.codes("CreateCoupon", input=wanted(code="twice")) for _ in range(4)))

        assert len({each["coupon"]["id"] for each in made}) == 1
        assert sorted(others) == [[]] + [["CONFLICT"]] * 3
        assert await boss.codes("CreateCoupon", input=asked | {"percentOff": "13"}) == ["IDEMPOTENCY_CONFLICT"]
        assert sorted(row["code"] for row in await kept(school)) == ["ONCE", "TWICE"]

    @pytest.mark.parametrize(
        ("differs", "paths"),
        [
            ({"code": "ab"}, [["code"]]),
            ({"code": "späße"}, [["code"]]),
            ({"percentOff": None}, [["percentOff"]]),
            ({"amountOff": money("1")}, [["percentOff"]]),
            ({"percentOff": "0"}, [["percentOff"]]),
            ({"percentOff": "100.01"}, [["percentOff"], ["percentOff"]]),
            ({"percentOff": None, "amountOff": money("0")}, [["amountOff"]]),
            ({"percentOff": None, "amountOff": money("1"), "minimum": money("1", "USD")}, [["minimum"]]),
            ({"percentOff": None, "fixedPrice": money("0.001")}, [["fixedPrice"]]),
            ({"maxRedemptions": 0, "maxPerLearner": 1_000_001}, [["maxRedemptions"], ["maxPerLearner"]]),
            ({"endsAt": "2020-01-01T00:00:00Z"}, [["endsAt"]]),
            ({"startsAt": "2100-01-02T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z"}, [["endsAt"]]),
            ({"affiliateSharePercent": "5"}, [["affiliateSharePercent"]]),
        ],
    )
    async def test_tells_what_is_wrong(self, boss: Client, school: School, differs: dict[str, Any], paths: list[list[str]]) -> None:
        made = await boss.data("CreateCoupon", input=wanted(**differs))

        assert made["coupon"] is None
        assert [error["path"] for error in made["errors"]] == paths
        assert await kept(school) == []

    async def test_takes_courses_and_affiliates_of_the_school_alone(self, boss: Client, school: School, other_school: School) -> None:
        strange, foreign = await course(other_school.system, text()), await account(other_school.system)

        made = await boss.data("CreateCoupon", input=wanted(courseIds=[strange.public_id], affiliateId=public_id("prf", foreign), affiliateSharePercent="5"))

        assert [error["path"] for error in made["errors"]] == [["courseIds", "0"], ["affiliateId"]]
        assert await kept(school) == []


class TestInstructorsCoupon:
    async def test_is_for_courses_that_they_may_publish_alone(self, boss: Client, sign_in: SignIn, school: School, made: MadeCourse, other_school: School) -> None:
        teacher = await sign_in(roles=("STUDENT", "INSTRUCTOR"))
        assert teacher.account_id
        await teams.set_member(caller=school.system, course_id=made.course_id, account_id=teacher.account_id, role=CourseTeamRole.EDITOR)
        other = await course(school.system, text())
        colleague = await sign_in(roles=("STUDENT", "INSTRUCTOR"))
        friend = public_id("prf", await account(school.system))

        own = await teacher.data("CreateCoupon", input=wanted(courseIds=[made.public_id]))
        refused = [
            await teacher.codes("CreateCoupon", input=wanted(**differs))
            for differs in (
                {},
                {"courseIds": [other.public_id]},
                {"courseIds": [made.public_id, other.public_id]},
                {"courseIds": [made.public_id], "affiliateId": friend, "affiliateSharePercent": "5"},
            )
        ]

        assert own["errors"] == []
        assert refused == [["FORBIDDEN"]] * 4
        assert await colleague.codes("CreateCoupon", input=wanted(courseIds=[made.public_id])) == ["FORBIDDEN"]
        assert len(await kept(school)) == 1

        id = own["coupon"]["id"]
        _, all_of_it = await coupon(school.system)
        assert [node["id"] for node in (await teacher.data("Coupons"))["nodes"]] == [id]
        assert (await colleague.data("Coupons"))["nodes"] == []
        assert {node["code"] for node in (await boss.data("Coupons"))["nodes"]} == {own["coupon"]["code"], all_of_it}
        assert [(await each.data(NODE, id=id)) is not None for each in (teacher, colleague, boss)] == [True, False, True]
        assert await colleague.codes("DisableCoupon", input={"id": id}) == ["NOT_FOUND"]
        assert colleague.account_id
        await teams.set_member(caller=school.system, course_id=made.course_id, account_id=colleague.account_id, role=CourseTeamRole.GRADER)
        assert await colleague.codes("DisableCoupon", input={"id": id}) == ["FORBIDDEN"]
        assert await teacher.codes("DisableCoupon", input={"id": id}) == []


class TestCouponDisable:
    async def test_ends_it_once(self, boss: Client, school: School) -> None:
        id = public_id("cpn", (await coupon(school.system))[0])

        disabled = [await boss.data("DisableCoupon", input={"id": id}) for _ in range(2)]

        assert disabled == [{"coupon": {"id": id, "active": False}, "errors": []}] * 2
        assert [action for action, subject, _ in await audit_of(school) if subject == id] == ["CouponCreated", "CouponDisabled"]

    async def test_is_for_who_may_see_it(self, student: Client, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
        id = public_id("cpn", (await coupon(school.system))[0])
        stranger = await sign_in(at=other_school, roles=("TENANT_ADMIN",))

        assert await student.codes("DisableCoupon", input={"id": id}) == ["FORBIDDEN"]
        assert await visitor.codes("DisableCoupon", input={"id": id}) == ["UNAUTHENTICATED"]
        assert await stranger.codes("DisableCoupon", input={"id": id}) == ["NOT_FOUND"]
        assert [await each.data(NODE, id=id) for each in (student, visitor, stranger)] == [None] * 3
        assert [await each.codes("Coupons") for each in (student, visitor)] == [["FORBIDDEN"], ["UNAUTHENTICATED"]]
        assert (await stranger.data("Coupons"))["totalCount"] == 0
        assert [row["is_active"] for row in await kept(school)] == [True]


async def test_coupons_take_as_many_statements_for_ten_as_for_two(boss: Client, school: School, statements: list[str]) -> None:
    friend = await account(school.system)
    for _ in range(10):
        made = await course(school.system, text())
        await coupon(school.system, course_ids=(made.course_id,), affiliate_account_id=friend, affiliate_share_percent=Decimal(5))
    counted = []
    for size in (2, 10):
        statements.clear()
        shown = await boss.data("Coupons", first=size)
        assert len(shown["nodes"]) == size
        assert all(len(node["courses"]) == 1 for node in shown["nodes"])
        counted.append(len(statements))

    # coupons, their number, their courses' ids, courses, affiliates
    assert counted == [5, 5]

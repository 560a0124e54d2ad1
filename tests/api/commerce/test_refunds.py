"""`refundPreview`, `refundRequest`, `refundDecide`, `orderRefund`, `refunds`, and what follows once the provider has answered."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce import errors
from lms_graph.domain.commerce.operations import disputes, refunds
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.payouts.ports import PaymentGateway, RefundState
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.errors import NotAllowed, Unavailable
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import AccessChange
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text, video
from tests.factories.refundable import PaidOrder, Sold, paid_order
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.rights import audit_of, facts_of, fetch, key, person

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
Settle = Callable[[], Awaitable[list[str]]]
Buy = Callable[..., Awaitable[PaidOrder]]


@pytest.fixture
def gateway(house: House, stripe: StripeTwin) -> PaymentGateway:
    return house.adapters.payments.gateway()


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Max Admin")


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, text("one"), text("two"), await video(school.system, "three"), text("four"), slug=f"c-{uuid4().hex[:8]}")


@pytest.fixture
def buy(school: School, student: Client, made: MadeCourse, gateway: PaymentGateway, stripe: StripeTwin) -> Buy:
    """`await buy(Sold(…), …)`: the student's paid order; by default of one course for 119.00 with 19.00 of tax."""

    async def sell(*lines: Sold, buyer: UUID | None = None, currency: str = "EUR") -> PaidOrder:
        lines = lines or (Sold(total=11900, tax=1900, courses=(made.course_id,)),)
        return await paid_order(school, buyer or student.account_id or uuid4(), *lines, gateway=gateway, stripe=stripe, currency=currency)

    return sell


async def policy(school: School, **terms: Any) -> None:
    async with unit_of_work(school.system):
        await Tenant.for_caller(school.system).update(**{"refund_days": 14, "refund_max_progress_percent": 30} | terms)


async def order_of(school: School, order: PaidOrder) -> tuple[str, int, int]:
    (row,) = await fetch(school, "SELECT status, refunded_amount, refund_requested_amount FROM orders WHERE tenant_id = $1 AND id = $2", order.id)
    return tuple(row.values())


async def lines_of(school: School, order: PaidOrder) -> list[tuple[int, int]]:
    rows = await fetch(school, "SELECT refunded_amount, refunded_tax_amount FROM order_lines WHERE tenant_id = $1 AND order_id = $2 ORDER BY position", order.id)
    return [tuple(row.values()) for row in rows]


async def refunds_of(school: School, order: PaidOrder) -> list[tuple[str, int]]:
    rows = await fetch(school, "SELECT status, amount FROM refunds WHERE tenant_id = $1 AND order_id = $2 ORDER BY created_at, id", order.id)
    return [tuple(row.values()) for row in rows]


async def open_lines(school: School, order: PaidOrder) -> list[int]:
    """Which lines of the order still open what they sold, by their place."""
    rows = await fetch(school, "SELECT source_id FROM entitlements WHERE tenant_id = $1 AND source_id = ANY($2) AND revoked_at IS NULL AND state = 'ACTIVE'", order.line_ids)
    return sorted({order.line_ids.index(row["source_id"]) for row in rows})


def at_stripe(stripe: StripeTwin, order: PaidOrder) -> list[int]:
    return [each["amount"] for each in stripe.store.all("refund") if each["payment_intent"] == order.provider_payment_id]


def asking(order: PaidOrder, **more: Any) -> dict[str, Any]:
    return {"orderId": order.public_id, "reason": "It is not for me.", "idempotencyKey": uuid4().hex, **more}


async def sent_by_job(school: School, refund_id: UUID, gateway: PaymentGateway, after: timedelta = timedelta(0)) -> None:
    caller = school.system.at(datetime.now(UTC) + after)
    async with database.reading(caller):
        await refunds.send_refund(caller=caller, refund_id=refund_id, gateway=gateway)


async def heard(school: School, provider_id: str, gateway: PaymentGateway) -> None:
    """An event tells of a refund."""
    async with database.reading(school.system):
        await refunds.refresh(caller=school.system, provider_id=provider_id, gateway=gateway)


async def watched(school: School, student: Client, made: MadeCourse, *done: str) -> None:
    (run,) = await fetch(school, "SELECT id FROM enrollments WHERE tenant_id = $1 AND account_id = $2 AND course_id = $3", student.account_id, made.course_id)
    for lecture in done:
        payload = await student.data("CompleteLecture", input={"enrollmentId": public_id("enr", run["id"]), "lectureId": made.lecture(lecture)})
        assert payload["errors"] == []


class TestPreview:
    async def test_tells_the_buyer_what_they_would_get(self, school: School, student: Client, made: MadeCourse, buy: Buy) -> None:
        await policy(school)
        order = await buy()
        await watched(school, student, made, "one")

        seen = await student.data("RefundPreview", orderId=order.public_id)
        part = await student.data("RefundPreview", orderId=order.public_id, amount="59.50")
        outlook = await student.data("RefundOutlook", orderId=order.public_id)

        whole = {"amount": "119.00", "currency": "EUR"}
        assert (seen["eligible"], seen["consumedPercent"], seen["refundable"], seen["accessChange"]) == (True, 25, whole, "REVOKE")
        assert seen["policy"] == {"windowDays": 14, "maxProgressPercent": 30}
        assert seen["parties"] == [{"name": "Ada Example", "amount": whole}]
        assert (part["parties"][0]["amount"]["amount"], part["accessChange"]) == ("59.50", "KEEP")
        assert ([each["id"] for each in outlook["closes"]], outlook["buyerAsksOften"]) == ([made.public_id], None)

    async def test_tells_who_decides_what_each_gives(self, school: School, admin: Client, buy: Buy) -> None:
        await policy(school)
        order = await buy()

        seen = await admin.data("RefundPreview", orderId=order.public_id)
        outlook = await admin.data("RefundOutlook", orderId=order.public_id)

        assert sum(int(party["amount"]["amount"].replace(".", "")) for party in seen["parties"][1:]) == 11900
        assert len(seen["parties"]) > 1
        assert outlook["buyerAsksOften"] is False

    async def test_says_what_stands_in_the_way(self, school: School, student: Client, made: MadeCourse, buy: Buy) -> None:
        order = await buy()
        none = await student.data("RefundOutlook", orderId=order.public_id)
        await policy(school)
        await watched(school, student, made, "one", "two")
        used = await student.data("RefundOutlook", orderId=order.public_id)

        assert (none["eligible"], none["obstacle"]) == (False, "NOT_OFFERED")
        assert (used["eligible"], used["obstacle"], used["consumedPercent"]) == (False, "CONSUMED", 50)

    async def test_refuses_an_amount_that_cannot_be_meant(self, school: School, student: Client, buy: Buy) -> None:
        order = await buy()

        assert await student.codes("RefundPreview", orderId=order.public_id, amount="119.01") == ["BAD_USER_INPUT"]
        assert await student.codes("RefundPreview", orderId=order.public_id, amount="1.001") == ["BAD_USER_INPUT"]
        assert await student.codes("RefundPreview", orderId=order.public_id, amount="0") == ["BAD_USER_INPUT"]

    async def test_is_null_for_strangers(self, school: School, other_school: School, visitor: Client, sign_in: SignIn, buy: Buy) -> None:
        order = await buy()
        strangers = [visitor, await sign_in(), await sign_in(at=other_school), await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))]

        assert [await each.data("RefundPreview", orderId=order.public_id) for each in strangers] == [None] * 4


class TestRequest:
    async def test_waits_for_a_decision(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        await policy(school)
        order = await buy()

        payload = await student.data("AskRefund", input=asking(order))
        await settle()

        assert (payload["errors"], payload["refund"]["status"]) == ([], "REQUESTED")
        assert await order_of(school, order) == ("PAID", 0, 0)
        assert at_stripe(stripe, order) == []
        (listed,) = (await admin.data("Refunds", where={"status": {"eq": "REQUESTED"}}))["nodes"]
        assert (listed["id"], listed["reason"], listed["requestedBy"]["id"]) == (payload["refund"]["id"], "It is not for me.", public_id("prf", student.account_id))
        assert (await admin.data("Refunds", where={"status": {"in": ["PENDING", "SUCCEEDED"]}}))["nodes"] == []
        assert await facts_of(school, ["RefundRequested", "RefundDecided"]) == [
            ("RefundRequested", {"refund_id": str(parse_id(payload["refund"]["id"])[1]), "order_id": str(order.id)})
        ]  # type: ignore[index]

    async def test_is_granted_at_once_where_the_school_does_so(self, school: School, student: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        await policy(school, is_refund_automatic=True)
        order = await buy()

        payload = await student.data("AskRefund", input=asking(order))
        await settle()

        assert payload["refund"]["status"] == "PENDING"
        assert await refunds_of(school, order) == [("SUCCEEDED", 11900)]
        assert (await order_of(school, order), await lines_of(school, order), await open_lines(school, order)) == (("REFUNDED", 11900, 0), [(11900, 1900)], [])
        assert at_stripe(stripe, order) == [11900]

    async def test_of_a_serial_refunder_waits_for_a_decision(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle) -> None:
        await policy(school, is_refund_automatic=True)
        for _ in range(2):
            assert (await student.data("AskRefund", input=asking(await buy())))["refund"]["status"] == "PENDING"
            await settle()
        order = await buy()

        payload = await student.data("AskRefund", input=asking(order))

        assert payload["refund"]["status"] == "REQUESTED"
        assert (await admin.data("RefundOutlook", orderId=order.public_id))["buyerAsksOften"] is True
        (listed,) = (await admin.data("Refunds", where={"status": {"eq": "REQUESTED"}}))["nodes"]
        assert listed["order"]["buyerRefundRecord"] == {"orders": 3, "refunded": 2, "serial": True}
        member = "query ($id: ID!) { node(id: $id) { ... on Member { refundRecord { orders refunded serial } } } }"
        assert (await admin.data(member, id=public_id("mbr", student.account_id)))["refundRecord"] == {"orders": 3, "refunded": 2, "serial": True}

    @pytest.mark.parametrize("case", ["NOT_OFFERED", "WINDOW_OVER", "CONSUMED", "WAITING", "NOTHING_LEFT"])
    async def test_outside_the_policy_says_why_and_changes_nothing(
        self, case: str, school: School, student: Client, admin: Client, made: MadeCourse, buy: Buy, settle: Settle
    ) -> None:
        order = await buy()
        if case != "NOT_OFFERED":
            await policy(school)
        if case == "WINDOW_OVER":
            async with unit_of_work(school.system):
                await database.fetch("UPDATE orders SET paid_at = paid_at - interval '14 days 1 second' WHERE tenant_id = $1", school.id)
        if case == "CONSUMED":
            await watched(school, student, made, "one", "two")
        if case == "WAITING":
            assert (await student.data("AskRefund", input=asking(order)))["errors"] == []
        if case == "NOTHING_LEFT":
            await admin.data("Refund", input=asking(order))
            await settle()
        before = await refunds_of(school, order)

        payload = await student.data("AskRefund", input=asking(order))

        assert [(error["__typename"], error["code"], error["obstacle"]) for error in payload["errors"]] == [("RefundNotEligible", "REFUND_NOT_ELIGIBLE", case)]
        assert await refunds_of(school, order) == before

    async def test_twice_with_one_key_asks_once(self, school: School, student: Client, buy: Buy) -> None:
        await policy(school)
        order = await buy()
        asked = asking(order)

        first, second = [await student.data("AskRefund", input=asked) for _ in range(2)]
        other = await student.codes("AskRefund", input=asked | {"amount": "1.00"})

        assert first == second
        assert other == ["IDEMPOTENCY_CONFLICT"]
        assert await refunds_of(school, order) == [("REQUESTED", 11900)]

    async def test_many_at_once_ask_once(self, school: School, student: Client, buy: Buy) -> None:
        await policy(school)
        order = await buy()

        answers = await asyncio.gather(*(student.data("AskRefund", input=asking(order)) for _ in range(8)))

        assert sorted(len(answer["errors"]) for answer in answers) == [0] + [1] * 7
        assert await refunds_of(school, order) == [("REQUESTED", 11900)]

    async def test_of_lines_looks_at_these_alone(self, school: School, student: Client, made: MadeCourse, buy: Buy, settle: Settle) -> None:
        await policy(school, is_refund_automatic=True)
        other = await course(school.system, text())
        order = await buy(Sold(total=5000, courses=(made.course_id,)), Sold(total=7000, courses=(other.course_id,)))
        await watched(school, student, made, "one", "two")

        refused = await student.codes("AskRefund", input=asking(order))
        payload = await student.data("AskRefund", input=asking(order, lineIds=[order.lines[1]]))
        await settle()

        assert refused == ["REFUND_NOT_ELIGIBLE"]
        assert payload["errors"] == []
        assert (await lines_of(school, order), await open_lines(school, order)) == ([(0, 0), (7000, 0)], [0])

    async def test_is_for_the_buyer_alone(self, school: School, other_school: School, visitor: Client, admin: Client, sign_in: SignIn, buy: Buy) -> None:
        await policy(school)
        order = await buy()

        assert await visitor.codes("AskRefund", input=asking(order)) == ["UNAUTHENTICATED"]
        for stranger in (admin, await sign_in(), await sign_in(at=other_school)):
            assert await stranger.codes("AskRefund", input=asking(order)) == ["NOT_FOUND"]
        assert await refunds_of(school, order) == []

    async def test_names_what_is_wrong(self, school: School, student: Client, buy: Buy) -> None:
        await policy(school)
        order = await buy()

        assert await student.codes("AskRefund", input=asking(order, reason=" ")) == ["INVALID"]
        assert await student.codes("AskRefund", input=asking(order, reason="x" * 501)) == ["INVALID"]
        assert await student.codes("AskRefund", input=asking(order, amount="-1.00")) == ["INVALID"]
        assert await student.codes("AskRefund", input=asking(order, amount="119.01")) == ["REFUND_EXCEEDS_BALANCE"]
        assert await student.codes("AskRefund", input=asking(order, lineIds=[public_id("lin", uuid4())])) == ["NOT_FOUND"]
        assert await refunds_of(school, order) == []


class TestDecide:
    async def asked(self, school: School, student: Client, order: PaidOrder) -> str:
        await policy(school)
        return str((await student.data("AskRefund", input=asking(order)))["refund"]["id"])

    async def test_granted_sends_the_money(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        refund = await self.asked(school, student, order)

        payload = await admin.data("DecideRefund", input={"refundId": refund, "decision": "APPROVE", "note": "Gladly."})
        held = await order_of(school, order)
        await settle()

        assert payload["refund"]["status"] == "PENDING"
        assert held == ("PAID", 0, 11900)
        assert (await order_of(school, order), at_stripe(stripe, order)) == (("REFUNDED", 11900, 0), [11900])
        seen = await student.data("RefundOf", id=refund)
        assert (seen["status"], seen["decisionNote"], seen["decidedBy"], seen["order"]["status"]) == ("SUCCEEDED", "Gladly.", None, "REFUNDED")
        assert {entry for entry in await audit_of(school) if entry[0].startswith("Refund")} == {
            ("RefundRequested", order.public_id, student.account_id),
            ("RefundDecided", order.public_id, admin.account_id),
            ("RefundSettled", order.public_id, None),
        }

    async def test_rejected_leaves_everything(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        refund = await self.asked(school, student, order)

        payload = await admin.data("DecideRefund", input={"refundId": refund, "decision": "REJECT", "note": "You have the certificate."})
        await settle()

        assert payload["refund"]["status"] == "REJECTED"
        assert (await order_of(school, order), await open_lines(school, order), at_stripe(stripe, order)) == (("PAID", 0, 0), [0], [])

    async def test_again_is_the_same_or_a_conflict(self, school: School, student: Client, admin: Client, sign_in: SignIn, buy: Buy) -> None:
        refund = await self.asked(school, student, await buy())
        other = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        approve = {"refundId": refund, "decision": "APPROVE"}

        first, again = [await admin.data("DecideRefund", input=approve) for _ in range(2)]

        assert first == again
        assert await admin.codes("DecideRefund", input=approve | {"decision": "REJECT"}) == ["CONFLICT"]
        assert await other.codes("DecideRefund", input=approve) == ["CONFLICT"]
        assert len(await facts_of(school, ["RefundDecided"])) == 1

    async def test_two_at_once_decide_once(self, school: School, student: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        refund_id = parse_id(await self.asked(school, student, order))[1]  # type: ignore[index]
        deciders = [person(school, await account(school.system), "TENANT_ADMIN") for _ in range(6)]

        done = await asyncio.gather(
            *(refunds.decide_refund(caller=each, refund_id=refund_id, is_approved=place % 2 == 0, note=None) for place, each in enumerate(deciders)), return_exceptions=True
        )
        await settle()

        assert [each for each in done if each == refund_id] == [refund_id]
        assert len(await facts_of(school, ["RefundDecided"])) == 1
        assert len(at_stripe(stripe, order)) <= 1

    async def test_nobody_decides_on_their_own(self, school: School, admin: Client, buy: Buy) -> None:
        await policy(school)
        order = await buy(buyer=admin.account_id)
        refund = (await admin.data("AskRefund", input=asking(order)))["refund"]["id"]

        assert await admin.codes("DecideRefund", input={"refundId": refund, "decision": "APPROVE"}) == ["FORBIDDEN"]
        assert await admin.codes("Refund", input=asking(order)) == ["FORBIDDEN"]
        assert await refunds_of(school, order) == [("REQUESTED", 11900)]

    async def test_what_went_back_meanwhile_is_not_there_twice(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle) -> None:
        order = await buy()
        refund = await self.asked(school, student, order)
        await admin.data("Refund", input=asking(order, amount="100.00"))
        await settle()

        payload = await admin.codes("DecideRefund", input={"refundId": refund, "decision": "APPROVE"})

        assert payload == ["REFUND_EXCEEDS_BALANCE"]
        assert await refunds_of(school, order) == [("REQUESTED", 11900), ("SUCCEEDED", 10000)]

    async def test_takes_the_permission_in_this_school(self, school: School, other_school: School, student: Client, sign_in: SignIn, visitor: Client, buy: Buy) -> None:
        order = await buy()
        decide = {"refundId": await self.asked(school, student, order), "decision": "APPROVE"}

        assert await visitor.codes("DecideRefund", input=decide) == ["UNAUTHENTICATED"]
        assert await student.codes("DecideRefund", input=decide) == ["FORBIDDEN"]
        assert await (await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))).codes("DecideRefund", input=decide) == ["NOT_FOUND"]
        with pytest.raises(NotAllowed):
            await refunds.decide_refund(caller=key(school, Permission.ORDERS_READ), refund_id=parse_id(str(decide["refundId"]))[1], is_approved=True, note=None)  # type: ignore[index]
        assert await refunds_of(school, order) == [("REQUESTED", 11900)]


class TestOrderRefund:
    async def test_gives_all_of_it_back(self, school: School, student: Client, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        await settle()  # what other tests left to be done

        payload = await admin.data("Refund", input=asking(order))
        ran = await settle()

        assert payload["errors"] == []
        assert payload["refund"] | {"id": ""} == {"id": "", "status": "PENDING", "amount": {"amount": "119.00", "currency": "EUR"}}
        assert payload["order"]["status"] == "PAID", "until the money is back"
        assert ran.count("commerce.send_refund") == 1
        assert (await order_of(school, order), await lines_of(school, order), await open_lines(school, order)) == (("REFUNDED", 11900, 0), [(11900, 1900)], [])
        assert at_stripe(stripe, order) == [11900]
        (settled,) = await facts_of(school, ["RefundSettled"])
        assert settled[1]["account_id"] == str(student.account_id)

    async def test_in_parts_keeps_access_until_the_last(self, school: School, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()

        seen = []
        for amount in ("19.00", "50.00", None):
            payload = await admin.data("Refund", input=asking(order, **({"amount": amount} if amount else {})))
            await settle()
            seen.append((payload["refund"]["amount"]["amount"], (await order_of(school, order))[0], await lines_of(school, order), await open_lines(school, order)))

        assert seen == [
            ("19.00", "PARTIALLY_REFUNDED", [(1900, 303)], [0]),
            ("50.00", "PARTIALLY_REFUNDED", [(6900, 1102)], [0]),
            ("50.00", "REFUNDED", [(11900, 1900)], []),
        ]
        assert sum(at_stripe(stripe, order)) == 11900

    async def test_of_lines_closes_what_these_opened(self, school: School, admin: Client, made: MadeCourse, buy: Buy, settle: Settle) -> None:
        other, third = [await course(school.system, text()) for _ in range(2)]
        order = await buy(*(Sold(total=total, tax=total // 10, courses=(each.course_id,)) for total, each in ((1000, made), (2000, other), (3000, third))))

        await admin.data("Refund", input=asking(order, lines=[{"lineId": order.lines[0]}, {"lineId": order.lines[1], "amount": "5.00"}]))
        await settle()

        assert await lines_of(school, order) == [(1000, 100), (500, 50), (0, 0)]
        assert await open_lines(school, order) == [1, 2]

    @pytest.mark.parametrize(("change", "amount", "left"), [("KEEP", None, [0]), ("REVOKE", "1.00", []), (None, "1.00", [0])])
    async def test_changes_access_as_it_is_told(self, change: str | None, amount: str | None, left: list[int], school: School, admin: Client, buy: Buy, settle: Settle) -> None:
        order = await buy()

        await admin.data("Refund", input=asking(order, **({"amount": amount} if amount else {}), accessChange=change))
        await settle()

        assert await open_lines(school, order) == left

    async def test_breaks_no_other_grant_and_no_certificate(self, school: School, student: Client, admin: Client, made: MadeCourse, buy: Buy, settle: Settle) -> None:
        order = await buy()
        await watched(school, student, made, "one", "two", "four")
        given = await entitlements.grant_course(caller=school.system, account_id=student.account_id or uuid4(), course_id=made.course_id)

        await admin.data("Refund", input=asking(order))
        await settle()

        assert await open_lines(school, order) == []
        (other,) = await fetch(school, "SELECT revoked_at FROM entitlements WHERE tenant_id = $1 AND id = $2", given)
        assert other["revoked_at"] is None
        page = await student.data("query ($id: ID!) { course(id: $id) { access { __typename } } }", id=made.public_id)
        assert page["access"]["__typename"] == "AccessGranted"

    async def test_never_gives_more_than_is_left(self, school: School, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        await admin.data("Refund", input=asking(order, amount="100.00"))

        payload = await admin.data("Refund", input=asking(order, amount="19.01"))
        line = await admin.data("Refund", input=asking(order, lines=[{"lineId": order.lines[0], "amount": "19.01"}]))
        await settle()
        after = await admin.data("Refund", input=asking(order, amount="19.01"))

        for told in (payload, line, after):
            assert [(error["__typename"], error["code"], error["refundable"]) for error in told["errors"]] == [
                ("RefundExceedsBalance", "REFUND_EXCEEDS_BALANCE", {"amount": "19.00", "currency": "EUR"})
            ]
            assert told["refund"] is None
        assert (await order_of(school, order), at_stripe(stripe, order)) == (("PARTIALLY_REFUNDED", 10000, 0), [10000])

    async def test_twice_with_one_key_gives_once(self, school: School, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()
        asked = asking(order, amount="10.00")

        answers = await asyncio.gather(*(admin.data("Refund", input=asked) for _ in range(6)))
        await settle()
        later = await admin.data("Refund", input=asked)

        assert {answer["refund"]["id"] for answer in [*answers, later]} == {later["refund"]["id"]}
        assert at_stripe(stripe, order) == [1000]
        assert await admin.codes("Refund", input=asked | {"amount": "11.00"}) == ["IDEMPOTENCY_CONFLICT"]

    async def test_many_full_refunds_at_once_give_one(self, school: School, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()

        answers = await asyncio.gather(*(admin.data("Refund", input=asking(order)) for _ in range(8)))
        await settle()

        assert sorted(len(answer["errors"]) for answer in answers) == [0] + [1] * 7
        assert (await order_of(school, order), at_stripe(stripe, order)) == (("REFUNDED", 11900, 0), [11900])

    async def test_many_parts_at_once_never_pass_the_total(self, school: School, admin: Client, buy: Buy, settle: Settle, stripe: StripeTwin) -> None:
        order = await buy()

        answers = await asyncio.gather(*(admin.data("Refund", input=asking(order, amount="50.00")) for _ in range(8)))
        await settle()

        assert sorted(len(answer["errors"]) for answer in answers) == [0, 0] + [1] * 6
        assert (await order_of(school, order), at_stripe(stripe, order)) == (("PARTIALLY_REFUNDED", 10000, 0), [5000, 5000])

    async def test_names_what_is_wrong(self, school: School, admin: Client, buy: Buy) -> None:
        order = await buy()
        line = order.lines[0]

        assert await admin.codes("Refund", input=asking(order, amount="1.001")) == ["INVALID"]
        assert await admin.codes("Refund", input=asking(order, amount="0.00")) == ["INVALID"]
        assert await admin.codes("Refund", input=asking(order, lines=[])) == ["INVALID"]
        assert await admin.codes("Refund", input=asking(order, lines=[{"lineId": line}, {"lineId": line}])) == ["INVALID"]
        assert await admin.codes("Refund", input=asking(order, amount="1.00", lines=[{"lineId": line, "amount": "1.00"}])) == ["INVALID"]
        assert await admin.codes("Refund", input=asking(order, lines=[{"lineId": public_id("lin", uuid4())}])) == ["NOT_FOUND"]
        assert await admin.codes("Refund", input=asking(order, orderId=public_id("ord", uuid4()))) == ["NOT_FOUND"]
        assert await refunds_of(school, order) == []

    async def test_takes_the_permission_in_this_school(self, school: School, other_school: School, student: Client, sign_in: SignIn, visitor: Client, buy: Buy) -> None:
        order = await buy()
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("Refund", input=asking(order)) == ["UNAUTHENTICATED"]
        assert await student.codes("Refund", input=asking(order)) == ["FORBIDDEN"]
        assert await stranger.codes("Refund", input=asking(order)) == ["NOT_FOUND"]
        assert await refunds_of(school, order) == []


@pytest.mark.parametrize(("currency", "total", "tax"), [("EUR", 9999, 1596), ("JPY", 12001, 1091), ("KWD", 30003, 1429)])
async def test_any_parts_are_exact_in_any_currency(currency: str, total: int, tax: int, school: School, made: MadeCourse, buy: Buy, gateway: PaymentGateway) -> None:
    """The checks of the tables hold at each step, and in the end everything went back to the last unit."""
    chance = random.Random(currency)
    if currency == "KWD":  # the provider takes tens of the smallest unit alone
        total -= total % 10
    order = await buy(Sold(total=total, tax=tax, courses=(made.course_id,)), Sold(total=total // 10 * 10, tax=tax // 2), currency=currency)
    admin = person(school, await account(school.system), "TENANT_ADMIN")
    left = whole = total + total // 10 * 10
    step = 10 if currency == "KWD" else 1

    while left:
        units = min(left, chance.randrange(step, whole // 4, step))
        amount = refunds.queries.money.to_decimal(units, currency)
        refund_id = await refunds.refund_order(caller=admin, order_id=order.id, amount=amount, lines=None, reason="A part.", access_change=None, idempotency_key=uuid4().hex)
        await sent_by_job(school, refund_id, gateway)
        left -= units
        assert (await order_of(school, order))[1:] == (whole - left, 0)

    assert (await order_of(school, order))[0] == "REFUNDED"
    assert await lines_of(school, order) == [(total, tax), (total // 10 * 10, tax // 2)]
    balances = await fetch(school, "SELECT account, sum(amount) AS left FROM ledger_entries WHERE tenant_id = $1 AND kind <> 'PROVIDER_FEE' GROUP BY account, payee_id")
    assert {row["left"] for row in balances} == {0}, "every share went back to the last unit"


class TestGaps:
    """Reserve, call, settle: whatever is lost in between, the money goes back once, and the order says so."""

    @pytest.fixture
    async def sent(self, school: School, buy: Buy) -> tuple[PaidOrder, UUID]:
        order = await buy()
        admin = person(school, await account(school.system), "TENANT_ADMIN")
        refund_id = await refunds.refund_order(caller=admin, order_id=order.id, amount=None, lines=None, reason="All of it.", access_change=None, idempotency_key="k")
        return order, refund_id

    async def settled(self, school: School, order: PaidOrder, stripe: StripeTwin) -> None:
        assert await refunds_of(school, order) == [("SUCCEEDED", 11900)]
        assert (await order_of(school, order), await open_lines(school, order), at_stripe(stripe, order)) == (("REFUNDED", 11900, 0), [], [11900])
        assert len(await facts_of(school, ["RefundSettled"])) == 1

    @pytest.mark.parametrize("kind", ["down", "error", "lost"])
    async def test_an_answer_that_is_lost_is_asked_for_again(self, kind: str, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.fault(kind, "/v1/refunds", times=20)

        with pytest.raises(Unavailable):
            await sent_by_job(school, refund_id, gateway)
        held = await order_of(school, order)
        stripe.faults.clear()
        if kind == "error":  # the provider keeps an error with its key for a day
            stripe.idempotency.__init__()  # type: ignore[misc]
        await sent_by_job(school, refund_id, gateway)

        assert held == ("PAID", 0, 11900)
        await self.settled(school, order, stripe)

    async def test_after_the_provider_forgot_its_key_nothing_goes_back_twice(
        self, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin
    ) -> None:
        order, refund_id = sent
        stripe.fault("lost", "/v1/refunds", times=20)
        with pytest.raises(Unavailable):
            await sent_by_job(school, refund_id, gateway)
        stripe.faults.clear()
        stripe.idempotency.__init__()  # type: ignore[misc]

        await sent_by_job(school, refund_id, gateway)

        await self.settled(school, order, stripe)

    async def test_the_webhook_may_come_before_the_answer(self, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.fault("lost", "/v1/refunds", times=20)
        with pytest.raises(Unavailable):
            await sent_by_job(school, refund_id, gateway)
        stripe.faults.clear()
        (made,) = stripe.store.all("refund")

        await heard(school, made["id"], gateway)
        await heard(school, made["id"], gateway)
        await sent_by_job(school, refund_id, gateway)

        await self.settled(school, order, stripe)

    async def test_job_and_webhook_at_once_settle_once(self, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.refunds.pending = True
        await sent_by_job(school, refund_id, gateway)
        (made,) = stripe.store.all("refund")
        stripe.refunds.finish(made["id"])

        await asyncio.gather(
            *(heard(school, made["id"], gateway) for _ in range(4)),
            *(sent_by_job(school, refund_id, gateway) for _ in range(4)),
        )

        await self.settled(school, order, stripe)

    async def test_what_waits_at_the_provider_is_looked_at_again(self, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.refunds.pending = True

        await sent_by_job(school, refund_id, gateway)
        await sent_by_job(school, refund_id, gateway, after=timedelta(hours=5))
        awaited = await facts_of(school, ["RefundAwaited"])
        held = await order_of(school, order)
        stripe.refunds.finish(stripe.store.all("refund")[0]["id"])
        await sent_by_job(school, refund_id, gateway)

        assert held == ("PAID", 0, 11900)
        assert [datetime.fromisoformat(payload["sweep_at"]) > datetime.now(UTC) + timedelta(minutes=50) for _, payload in awaited] == [True, True]
        await self.settled(school, order, stripe)

    async def test_a_no_gives_the_reservation_back(self, school: School, admin: Client, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.refunds.pending = True
        await sent_by_job(school, refund_id, gateway)
        stripe.refunds.finish(stripe.store.all("refund")[0]["id"], failure_reason="expired_or_canceled_card")

        await sent_by_job(school, refund_id, gateway)

        assert await refunds_of(school, order) == [("FAILED", 11900)]
        assert (await order_of(school, order), await open_lines(school, order)) == (("PAID", 0, 0), [0])
        assert len(await facts_of(school, ["RefundFailed"])) == 1
        seen = await admin.data("RefundOf", id=public_id("rfd", refund_id))
        assert seen["failureMessage"] == "expired_or_canceled_card"

    async def test_what_the_provider_refuses_at_once_fails(self, school: School, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order, refund_id = sent
        stripe.disputes.open(order.provider_payment_id)

        await sent_by_job(school, refund_id, gateway)

        assert await refunds_of(school, order) == [("FAILED", 11900)]
        assert await order_of(school, order) == ("PAID", 0, 0)

    async def test_a_no_after_the_yes_is_noted_for_people(self, school: School, admin: Client, sent: tuple[PaidOrder, UUID], gateway: PaymentGateway, stripe: StripeTwin) -> None:
        _, refund_id = sent
        await sent_by_job(school, refund_id, gateway)
        (made,) = stripe.store.all("refund")
        stripe.refunds.finish(made["id"], failure_reason="lost_or_stolen_card")

        for _ in range(2):
            await heard(school, made["id"], gateway)

        seen = await admin.data("RefundOf", id=public_id("rfd", refund_id))
        assert (seen["status"], seen["failureMessage"]) == ("SUCCEEDED", "lost_or_stolen_card")
        assert len(await facts_of(school, ["RefundFailed"])) == 1
        booked = await fetch(school, "SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 AND account <> 'TAX' GROUP BY account")
        at_provider = stripe.holdings()["platform"]["eur"]
        assert at_provider > 0, "the money is there again"
        assert {row["account"]: row["left"] for row in booked if row["left"]} == {"PROVIDER": at_provider, "PAYEE": -at_provider}


class TestLateWord:
    """The provider's word changes what we hold: settled once, by what it says last."""

    async def balances(self, school: School) -> dict[str, int]:
        rows = await fetch(school, "SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 GROUP BY account")
        return {row["account"]: row["left"] for row in rows if row["left"]}

    async def refused(self, school: School, order: PaidOrder, gateway: PaymentGateway, stripe: StripeTwin, *, amount: Decimal | None = None) -> tuple[UUID, str]:
        """A refund that we hold as FAILED and that the provider sends all the same: ours, and the provider's name."""
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        refund_id = await refunds.refund_order(caller=boss, order_id=order.id, amount=amount, lines=None, reason="Back.", access_change=None, idempotency_key=uuid4().hex)
        stripe.refunds.pending = True
        await sent_by_job(school, refund_id, gateway)
        made = stripe.store.all("refund")[-1]
        made["status"] = "failed"
        await heard(school, made["id"], gateway)
        made["status"] = "pending"
        stripe.refunds.pending = False
        stripe.refunds.finish(made["id"])
        return refund_id, made["id"]

    async def test_yes_after_a_no_is_settled_once(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        _, made = await self.refused(school, order, gateway, stripe)
        assert (await refunds_of(school, order), await order_of(school, order)) == ([("FAILED", 11900)], ("PAID", 0, 0))

        await asyncio.gather(*(heard(school, made, gateway) for _ in range(4)))

        assert (await refunds_of(school, order), await order_of(school, order)) == ([("SUCCEEDED", 11900)], ("REFUNDED", 11900, 0))
        assert (await lines_of(school, order), await open_lines(school, order)) == ([(11900, 1900)], [])
        balances = await self.balances(school)
        assert (balances.get("PROVIDER", 0), sum(balances.values())) == (stripe.holdings()["platform"].get("eur", 0), 0)
        assert len(await facts_of(school, ["RefundSettled"])) == 1

    async def test_yes_waits_for_what_is_on_its_way_meanwhile(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        _, made = await self.refused(school, order, gateway, stripe)
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        second = await refunds.refund_order(caller=boss, order_id=order.id, amount=Decimal("50.00"), lines=None, reason="A part.", access_change=None, idempotency_key="k")

        with pytest.raises(Unavailable):
            await heard(school, made, gateway)
        assert await order_of(school, order) == ("PAID", 0, 5000)
        await sent_by_job(school, second, gateway)
        await heard(school, made, gateway)

        assert await refunds_of(school, order) == [("SUCCEEDED", 11900), ("FAILED", 5000)]
        assert await order_of(school, order) == ("REFUNDED", 11900, 0)
        balances = await self.balances(school)
        assert (balances.get("PROVIDER", 0), sum(balances.values())) == (stripe.holdings()["platform"].get("eur", 0), 0)

    async def test_yes_for_what_went_back_otherwise_is_the_schools_loss(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        _, made = await self.refused(school, order, gateway, stripe, amount=Decimal("60.00"))
        dispute = str(stripe.disputes.open(order.provider_payment_id, amount=11900)["id"])
        stripe.disputes.decide(dispute, won=False)
        async with database.reading(school.system):
            await disputes.refresh(caller=school.system, provider_id=dispute, gateway=gateway)
        assert await order_of(school, order) == ("REFUNDED", 11900, 0)

        await asyncio.gather(*(heard(school, made, gateway) for _ in range(3)))

        assert (await refunds_of(school, order), await order_of(school, order)) == ([("SUCCEEDED", 6000)], ("REFUNDED", 11900, 0))
        assert await lines_of(school, order) == [(11900, 1900)]
        balances = await self.balances(school)
        assert (balances["PROVIDER"], balances["PAYEE"], sum(balances.values())) == (stripe.holdings()["platform"]["eur"], -stripe.holdings()["platform"]["eur"], 0)

    async def test_a_word_that_is_old_when_it_is_written_is_asked_for_again(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        refund_id = await refunds.refund_order(caller=boss, order_id=order.id, amount=None, lines=None, reason="Back.", access_change=None, idempotency_key="k")
        stripe.refunds.pending = True
        await sent_by_job(school, refund_id, gateway)
        made = stripe.store.all("refund")[-1]
        stripe.refunds.finish(made["id"])

        async def no_comes_first() -> None:
            stripe.refunds.finish(made["id"], failure_reason="lost_or_stolen_card")
            await heard(school, made["id"], gateway)

        async with database.reading(school.system):
            await refunds.refresh(caller=school.system, provider_id=made["id"], gateway=Overtaken(gateway, no_comes_first))  # type: ignore[arg-type]
        await heard(school, made["id"], gateway)

        assert (await refunds_of(school, order), await order_of(school, order), await open_lines(school, order)) == ([("FAILED", 11900)], ("PAID", 0, 0), [0])
        balances = await self.balances(school)
        assert (balances["PROVIDER"], sum(balances.values())) == (stripe.holdings()["platform"]["eur"], 0)

    async def test_what_came_back_and_is_sent_again_by_hand_is_the_schools(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin, settle: Settle) -> None:
        order = await buy()
        boss = person(school, await account(school.system), "TENANT_ADMIN")
        refund_id = await refunds.refund_order(caller=boss, order_id=order.id, amount=None, lines=None, reason="Back.", access_change=None, idempotency_key="k")
        await sent_by_job(school, refund_id, gateway)
        stripe.refunds.finish(stripe.store.all("refund")[-1]["id"], failure_reason="lost_or_stolen_card")
        for _ in range(2):
            await heard(school, stripe.store.all("refund")[-1]["id"], gateway)
        assert (await self.balances(school))["PROVIDER"] == stripe.holdings()["platform"]["eur"]
        (charge,) = [each for each in stripe.store.all("charge") if each["payment_intent"] == order.provider_payment_id]
        again = str(stripe.refunds.refund(charge, 11900)["id"])

        await asyncio.gather(*(heard(school, again, gateway) for _ in range(3)))
        await settle()

        assert await refunds_of(school, order) == [("SUCCEEDED", 11900), ("SUCCEEDED", 11900)]
        assert await order_of(school, order) == ("REFUNDED", 11900, 0)
        balances = await self.balances(school)
        assert (balances.get("PROVIDER", 0), sum(balances.values())) == (stripe.holdings()["platform"].get("eur", 0), 0)


class Overtaken:
    """A gateway by which, between its answer and its use, something else happens, once."""

    def __init__(self, real: PaymentGateway, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._real, self._meanwhile = real, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def refund_state(self, refund_id: str) -> RefundState:
        state = await self._real.refund_state(refund_id)
        meanwhile, self._meanwhile = self._meanwhile, nothing
        await meanwhile()
        return state


async def nothing() -> None: ...


class TestByHand:
    """Refunds that somebody makes at the provider, past us."""

    def refund(self, stripe: StripeTwin, order: PaidOrder, amount: int) -> str:
        (charge,) = [each for each in stripe.store.all("charge") if each["payment_intent"] == order.provider_payment_id]
        return str(stripe.refunds.refund(charge, amount)["id"])

    async def test_are_taken_in_once(self, school: School, admin: Client, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        made = self.refund(stripe, order, 4000)

        await asyncio.gather(*(heard(school, made, gateway) for _ in range(5)))

        assert await refunds_of(school, order) == [("SUCCEEDED", 4000)]
        assert (await order_of(school, order), await lines_of(school, order), await open_lines(school, order)) == (("PARTIALLY_REFUNDED", 4000, 0), [(4000, 639)], [0])
        (listed,) = (await admin.data("Refunds"))["nodes"]
        assert (listed["reason"], listed["requestedBy"], listed["decidedBy"]) == ("Refunded at the payment provider.", None, None)

    async def test_of_everything_close_what_was_bought(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()

        await heard(school, self.refund(stripe, order, 11900), gateway)

        assert (await order_of(school, order), await open_lines(school, order)) == (("REFUNDED", 11900, 0), [])

    async def test_wait_for_what_is_on_its_way(self, school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        admin = person(school, await account(school.system), "TENANT_ADMIN")
        ours = await refunds.refund_order(caller=admin, order_id=order.id, amount=None, lines=None, reason="All.", access_change=None, idempotency_key="k")
        by_hand = self.refund(stripe, order, 11900)

        with pytest.raises(Unavailable):
            await heard(school, by_hand, gateway)
        await sent_by_job(school, ours, gateway)
        await heard(school, by_hand, gateway)

        assert await refunds_of(school, order) == [("FAILED", 11900), ("SUCCEEDED", 11900)]
        assert await order_of(school, order) == ("REFUNDED", 11900, 0)

    async def test_of_others_are_nothing_to_us(self, school: School, other_school: School, buy: Buy, gateway: PaymentGateway, stripe: StripeTwin) -> None:
        order = await buy()
        made = self.refund(stripe, order, 100)

        await heard(other_school, made, gateway)

        assert await fetch(other_school, "SELECT id FROM refunds WHERE tenant_id = $1") == []
        assert await refunds_of(school, order) == []


class TestList:
    async def test_goes_in_pages_with_few_statements(self, school: School, admin: Client, buy: Buy, statements: list[str]) -> None:
        order = await buy()
        for _ in range(3):
            await admin.data("Refund", input=asking(order, amount="1.00"))
        statements.clear()

        first = await admin.data("Refunds", first=2)
        few = len(statements)
        second = await admin.data("Refunds", first=2, after=first["pageInfo"]["endCursor"])
        statements.clear()
        await admin.data("Refunds", first=3)

        assert (first["totalCount"], len(first["nodes"]), len(second["nodes"]), second["pageInfo"]["hasNextPage"]) == (3, 2, 1, False)
        assert not {node["id"] for node in first["nodes"]} & {node["id"] for node in second["nodes"]}
        assert len(statements) == few

    async def test_is_for_who_may_read_orders_of_this_school(
        self, school: School, other_school: School, student: Client, admin: Client, sign_in: SignIn, visitor: Client, buy: Buy
    ) -> None:
        order = await buy()
        refund = (await admin.data("Refund", input=asking(order)))["refund"]["id"]
        stranger = await sign_in(at=other_school, roles=("STUDENT", "TENANT_ADMIN"))

        assert await visitor.codes("Refunds") == ["UNAUTHENTICATED"]
        assert await student.codes("Refunds") == ["FORBIDDEN"]
        assert (await stranger.data("Refunds"))["nodes"] == []
        assert await stranger.data("RefundOf", id=refund) is None
        assert await (await sign_in()).data("RefundOf", id=refund) is None
        own = await student.data("RefundOf", id=refund)
        assert (own["id"], own["decidedBy"], own["order"]["refunds"], own["order"]["disputes"]) == (refund, None, [{"id": refund}], [])


async def test_a_key_may_refund_and_keeps_to_its_school(school: School, other_school: School, buy: Buy) -> None:
    order = await buy()
    asked: dict[str, Any] = {"order_id": order.id, "amount": None, "lines": None, "reason": "All.", "access_change": AccessChange.KEEP}

    with pytest.raises(errors.OrderNotFound):
        await refunds.refund_order(caller=key(other_school, Permission.REFUNDS_DECIDE), idempotency_key="k", **asked)
    await refunds.refund_order(caller=replace(key(school, Permission.REFUNDS_DECIDE), now=datetime.now(UTC)), idempotency_key="k", **asked)

    assert await refunds_of(school, order) == [("PENDING", 11900)]

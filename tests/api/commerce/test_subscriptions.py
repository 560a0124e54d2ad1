"""Plans over the API: who sees them, who changes them, and what that does at the provider."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.commerce.operations import plan_requests
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, OfferKind
from tests.factories import courses
from tests.factories.courses import course
from tests.factories.plans import Bought, Shop, bought, offer
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import facts_of

pytestmark = pytest.mark.anyio


async def plan_of(shop: Shop, client: Client, **differs: Any) -> Bought:
    made = await course(shop.school.system, courses.text())
    return await bought(shop, await offer(shop, made.course_id, **differs), client.account_id)


def asked(plan: Bought, **more: Any) -> dict[str, Any]:
    return {"id": plan.public_id, "idempotencyKey": uuid4().hex, **more}


async def requests(shop: Shop) -> list[tuple[str, str]]:
    return [(row["kind"], row["state"]) for row in await shop.all("SELECT kind, state FROM subscription_requests WHERE tenant_id = $1 ORDER BY created_at, id")]


class TestPlans:
    async def test_a_learner_sees_their_own(self, shop: Shop, student: Client, sign_in: SignIn) -> None:
        plan = await plan_of(shop, student, kind=OfferKind.INSTALLMENTS, installments=3, title="In thirds")
        other = await sign_in()

        found = await student.data("Plans")
        (node,) = found["subscriptions"]["nodes"]
        assert (node["id"], node["status"], node["offer"]["title"], node["installmentsPaid"], node["installmentsTotal"]) == (plan.public_id, "ACTIVE", "In thirds", 1, 3)
        assert found["subscriptions"]["totalCount"] == 1
        assert (await student.data("Plans", where={"status": {"eq": "PAUSED"}}))["subscriptions"]["nodes"] == []
        assert (await other.data("Plans"))["subscriptions"]["nodes"] == []

    async def test_nobody_elses_and_no_other_schools(self, shop: Shop, student: Client, sign_in: SignIn, visitor: Client, other_school: School) -> None:
        plan = await plan_of(shop, student)
        admin = await sign_in(roles=["TENANT_ADMIN"])
        strangers = [await sign_in(), await sign_in(at=other_school, roles=["TENANT_ADMIN"]), visitor]

        assert (await student.data("Plan", id=plan.public_id))["amount"] == {"amount": "30.00", "currency": "EUR"}
        assert (await admin.data("Plan", id=plan.public_id))["id"] == plan.public_id
        assert [node["id"] for node in (await admin.data("AllPlans"))["nodes"]] == [plan.public_id]
        for stranger in strangers:
            assert await stranger.data("Plan", id=plan.public_id) is None
        assert (await strangers[1].data("AllPlans"))["nodes"] == []
        assert await strangers[0].codes("AllPlans") == ["FORBIDDEN"]
        assert await visitor.codes("AllPlans") == ["UNAUTHENTICATED"]

    async def test_strangers_change_nothing(self, shop: Shop, student: Client, sign_in: SignIn, visitor: Client, other_school: School) -> None:
        plan = await plan_of(shop, student)
        to = public_id("off", await offer(shop))
        until = (datetime.now(UTC) + timedelta(days=5)).isoformat()
        for stranger, code in ((await sign_in(), "NOT_FOUND"), (await sign_in(at=other_school, roles=["TENANT_ADMIN"]), "NOT_FOUND"), (visitor, "UNAUTHENTICATED")):
            assert await stranger.codes("CancelPlan", input=asked(plan)) == [code]
            assert await stranger.codes("PausePlan", input=asked(plan, resumesAt=until)) == [code]
            assert await stranger.codes("ResumePlan", input=asked(plan)) == [code]
            assert await stranger.codes("ChangePlan", input=asked(plan, offerId=to)) == [code]
            assert await stranger.codes("PlanChangePreview", subscriptionId=plan.public_id, offerId=to) == [code]

        assert await requests(shop) == []
        assert (await shop.gateway.subscription(plan.provider_id)).status == "ACTIVE"


class TestCancel:
    async def test_it_ends_with_its_period_and_can_be_taken_back(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)

        done = await student.data("CancelPlan", input=asked(plan))
        assert (done["subscription"]["status"], done["subscription"]["cancelAtPeriodEnd"]) == ("ACTIVE", True)
        (grant,) = await shop.grants(plan)
        assert grant["ends_at"] == (await shop.row(plan))["current_period_end"]
        assert (await student.data("Plan", id=plan.public_id))["allowedTransitions"] == ["CANCEL", "RESUME"]
        kept = await student.data("ResumePlan", input=asked(plan))

        assert kept["subscription"]["cancelAtPeriodEnd"] is False
        assert (await shop.grants(plan))[0]["ends_at"] > (await shop.row(plan))["current_period_end"]
        assert await requests(shop) == [("CANCEL", "DONE"), ("RESUME", "DONE")]

    async def test_at_once_it_is_over(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)

        done = await student.data("CancelPlan", input=asked(plan, atPeriodEnd=False))

        assert done["subscription"]["status"] == "CANCELED"
        assert (await shop.grants(plan))[0]["ends_at"] <= datetime.now(UTC)
        assert await student.codes("CancelPlan", input=asked(plan)) == ["PLAN_NOT_CHANGEABLE"]

    async def test_installments_are_ended_by_the_school_alone(self, shop: Shop, student: Client, sign_in: SignIn) -> None:
        plan = await plan_of(shop, student, kind=OfferKind.INSTALLMENTS, installments=3)
        admin = await sign_in(roles=["TENANT_ADMIN"])

        assert await student.codes("CancelPlan", input=asked(plan)) == ["PLAN_NOT_CHANGEABLE"]
        assert (await shop.gateway.subscription(plan.provider_id)).status == "ACTIVE"
        assert (await admin.data("CancelPlan", input=asked(plan)))["subscription"]["status"] == "CANCELED"

    async def test_the_same_request_twice_asks_once(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        input = asked(plan)

        answers = await asyncio.gather(*(student.data("CancelPlan", input=input) for _ in range(3)))

        assert answers[0] == answers[1] == answers[2]
        assert await requests(shop) == [("CANCEL", "DONE")]

    async def test_two_at_once_are_one_after_the_other(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)

        await asyncio.gather(*(student.send("CancelPlan", input=asked(plan)) for _ in range(4)))

        states = await requests(shop)
        assert states and all(state == "DONE" for _, state in states)
        assert (await shop.row(plan))["cancel_at_period_end"] is True


class TestPause:
    async def test_payments_are_skipped_and_what_is_paid_stays_open(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        paid_until = (await shop.row(plan))["paid_until"]
        until = (datetime.now(UTC) + timedelta(days=80)).replace(microsecond=0)

        done = await student.data("PausePlan", input=asked(plan, resumesAt=until.isoformat()))
        assert done["subscription"]["status"] == "PAUSED"
        assert datetime.fromisoformat(done["subscription"]["resumesAt"]) == until
        assert (await shop.grants(plan))[0]["ends_at"] == paid_until
        shop.twin.advance(days=40)
        await shop.refresh(plan)

        assert len(await shop.orders(plan)) == 1
        assert (await shop.grants(plan))[0]["state"] == "PAUSED"
        shop.twin.advance(days=60)
        await shop.refresh(plan)
        assert (await shop.row(plan))["status"] == "ACTIVE"
        assert [kind for kind, _, _ in await shop.orders(plan)] == ["PURCHASE", "RENEWAL"]
        assert (await shop.grants(plan))[0]["state"] == "ACTIVE"

    async def test_resumed_it_is_paid_again(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        await student.data("PausePlan", input=asked(plan, resumesAt=(datetime.now(UTC) + timedelta(days=80)).isoformat()))

        assert (await student.data("ResumePlan", input=asked(plan)))["subscription"]["status"] == "ACTIVE"

        assert (await shop.row(plan))["resumes_at"] is None
        assert await student.codes("ResumePlan", input=asked(plan)) == ["PLAN_NOT_CHANGEABLE"]

    @pytest.mark.parametrize("days", [0.5, 91])
    async def test_not_shorter_than_a_day_and_not_longer_than_ninety(self, shop: Shop, student: Client, days: float) -> None:
        plan = await plan_of(shop, student)

        assert await student.codes("PausePlan", input=asked(plan, resumesAt=(datetime.now(UTC) + timedelta(days=days)).isoformat())) == ["INVALID"]

        assert await requests(shop) == []


class TestChange:
    async def test_more_is_paid_at_once_and_opens_more(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        more = await offer(shop, amount=9000, title="Everything")

        preview = await student.data("PlanChangePreview", subscriptionId=plan.public_id, offerId=public_id("off", more))
        done = await student.data("ChangePlan", input=asked(plan, offerId=public_id("off", more)))

        assert (preview["amount"]["amount"], 59 <= float(preview["prorated"]["amount"]) <= 60) == ("90.00", True)
        assert done["subscription"]["offer"]["id"] == public_id("off", more)
        (_, (kind, status, total)) = await shop.orders(plan)
        assert (kind, status, done["prorated"]["amount"]) == ("PRORATION", "PAID", f"{total / 100:.2f}")
        grants = [(grant["subject_id"] is None, grant["revoked_at"] is None) for grant in await shop.grants(plan)]
        assert sorted(grants) == [(False, False), (True, True)]
        assert (await shop.row(plan))["amount"] == 9000
        line = await shop.one(
            "SELECT l.offer_id, l.title FROM order_lines l JOIN orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id WHERE l.tenant_id = $1 AND o.kind = 'PRORATION'"
        )
        assert (line["offer_id"], line["title"]) == (more, "Everything")

    async def test_and_back_again_with_credit_it_opens_what_it_opened(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        more = await offer(shop, amount=9000)
        await student.data("ChangePlan", input=asked(plan, offerId=public_id("off", more)))

        back = await student.data("ChangePlan", input=asked(plan, offerId=public_id("off", plan.offer_id)))

        assert float(back["prorated"]["amount"]) < 0
        grants = [(grant["subject_id"] is None, grant["revoked_at"] is None) for grant in await shop.grants(plan)]
        assert sorted(grants) == [(False, True), (True, False)]
        assert len(await shop.orders(plan)) == 2

    async def test_a_card_that_is_declined_changes_nothing(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        more = await offer(shop, amount=9000)
        shop.use_card(plan, "pm_card_chargeDeclined")
        input = asked(plan, offerId=public_id("off", more))

        assert await student.codes("ChangePlan", input=input) == ["PAYMENT_REFUSED"]
        assert await student.codes("ChangePlan", input=input) == ["PAYMENT_REFUSED"]

        assert (await shop.row(plan))["offer_id"] == plan.offer_id
        assert [grant["revoked_at"] for grant in await shop.grants(plan)] == [None]
        assert await requests(shop) == [("CHANGE", "REFUSED")]

    async def test_only_to_what_is_sold_as_a_plan_in_its_currency(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        made = await course(shop.school.system, courses.text())
        wrong = {
            plan.offer_id: "PLAN_NOT_CHANGEABLE",
            await offer(shop, currency="USD"): "PLAN_NOT_CHANGEABLE",
            await offer(shop, made.course_id, kind=OfferKind.INSTALLMENTS, installments=3): "PLAN_NOT_CHANGEABLE",
            uuid4(): "NOT_FOUND",
        }
        for id, code in wrong.items():
            assert await student.codes("ChangePlan", input=asked(plan, offerId=public_id("off", id))) == [code]
        assert await requests(shop) == []

    async def test_to_a_year_a_new_period_begins(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        yearly = await offer(shop, amount=30_000, interval=BillingInterval.YEAR)

        await student.data("ChangePlan", input=asked(plan, offerId=public_id("off", yearly)))

        row = await shop.row(plan)
        assert row["current_period_end"] - datetime.now(UTC) > timedelta(days=364)
        assert row["paid_until"] == row["current_period_end"]


class TestCrashes:
    async def test_what_the_provider_did_not_hear_is_done_by_the_job(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        shop.twin.fault("down", f"/v1/subscriptions/{plan.provider_id}", times=20)
        input = asked(plan)
        assert await student.codes("CancelPlan", input=input) == ["UNAVAILABLE"]
        assert await requests(shop) == [("CANCEL", "PENDING")]
        assert await student.codes("PausePlan", input=asked(plan, resumesAt=(datetime.now(UTC) + timedelta(days=5)).isoformat())) == ["PLAN_NOT_CHANGEABLE"]
        shop.twin.faults.clear()

        ((_, told),) = await facts_of(shop.school, ["SubscriptionRequested"])
        await finish(shop, told["request_id"])

        assert await requests(shop) == [("CANCEL", "DONE")]
        assert (await shop.row(plan))["cancel_at_period_end"] is True
        assert (await student.data("CancelPlan", input=input))["subscription"]["cancelAtPeriodEnd"] is True

    async def test_what_the_provider_did_and_nobody_heard_is_not_done_twice(self, shop: Shop, student: Client) -> None:
        plan = await plan_of(shop, student)
        more = await offer(shop, amount=9000)
        shop.twin.fault("lost", f"/v1/subscriptions/{plan.provider_id}", times=20)
        assert await student.codes("ChangePlan", input=asked(plan, offerId=public_id("off", more))) == ["UNAVAILABLE"]
        shop.twin.faults.clear()
        await shop.refresh(plan)

        ((_, told),) = await facts_of(shop.school, ["SubscriptionRequested"])
        await asyncio.gather(*(finish(shop, told["request_id"]) for _ in range(3)))

        assert [kind for kind, _, _ in await shop.orders(plan)] == ["PURCHASE", "PRORATION"]
        assert (await shop.row(plan))["offer_id"] == more
        assert await requests(shop) == [("CHANGE", "DONE")]


async def finish(shop: Shop, request_id: str) -> None:
    from uuid import UUID

    caller = Caller.system(shop.school.id)
    async with database.reading(caller):
        await plan_requests.finish_request(caller=caller, request_id=UUID(request_id), gateway=shop.gateway)


async def test_the_house_asks_the_provider_once_a_plan_has_begun(shop: Shop, student: Client, settle: Any, adapters: Adapters) -> None:
    made = await course(shop.school.system, courses.text())
    plan = await bought(shop, await offer(shop, made.course_id), student.account_id, refreshed=False)
    before = await shop.row(plan)

    assert "plans.sweep_subscription" in await settle()

    after = await shop.row(plan)
    assert after["sweep_at"] > before["sweep_at"]
    assert after["revision"] >= before["revision"]

"""Money's whole way back: bought in the shop, asked back by the buyer, sent by the provider, told by its events; and taken back by a bank."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.tenancy.operations import tenants
from lms_graph.integrations.twins.stripe import StripeTwin
from tests.factories.checkouts import begin, shop
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import facts_of, fetch

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def bought(stripe: StripeTwin, school: School, student: Client, settle: Settle) -> dict[str, Any]:
    """An order of 20 EUR that the student paid at the provider's page, and the course it opened."""
    sold = await shop(school)
    checkout = await begin(student, sold.offer)
    async with httpx.AsyncClient() as browser:
        await browser.post(checkout["paymentUrl"], data={"choice": "pay"})
    await stripe.events.quiet()
    await settle()
    return {"order": checkout["order"]["id"], "course": sold.course.public_id}


async def access(client: Client, course_id: str) -> str:
    page = await client.data("query ($id: ID!) { course(id: $id) { access { __typename } } }", id=course_id)
    return str(page["access"]["__typename"])


async def owed(school: School) -> dict[str, int]:
    rows = await fetch(school, "SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 GROUP BY account")
    return {row["account"]: row["left"] for row in rows if row["left"]}


async def test_a_buyer_has_their_money_back_and_the_course_closes(
    stripe: StripeTwin, school: School, student: Client, sign_in: SignIn, settle: Settle, bought: dict[str, Any]
) -> None:
    admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
    await tenants.update_tenant(caller=school.system, changes={"refund_days": 14})
    before = await access(student, bought["course"])
    preview = await student.data("RefundPreview", orderId=bought["order"])
    asked = (await student.data("AskRefund", input={"orderId": bought["order"], "reason": "Not mine.", "idempotencyKey": uuid4().hex}))["refund"]
    (waiting,) = (await admin.data("Refunds", where={"status": {"eq": "REQUESTED"}}))["nodes"]
    await admin.data("DecideRefund", input={"refundId": waiting["id"], "decision": "APPROVE"})

    await settle()
    await stripe.events.quiet()
    await settle()

    assert (before, preview["eligible"], preview["refundable"]["amount"]) == ("AccessGranted", True, "20.00")
    seen = await student.data("RefundOf", id=asked["id"])
    assert (seen["status"], seen["order"]["status"]) == ("SUCCEEDED", "REFUNDED")
    assert await access(student, bought["course"]) != "AccessGranted"
    assert len(await facts_of(school, ["RefundSettled"])) == 1, "job and events tell of one refund"
    left = await owed(school)
    assert set(left) <= {"PROVIDER", "PAYEE"} and sum(left.values()) == 0, "the provider's fee is what is left, and the school's"


async def test_a_bank_takes_the_money_and_the_course_closes(stripe: StripeTwin, school: School, student: Client, sign_in: SignIn, settle: Settle, bought: dict[str, Any]) -> None:
    admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
    (payment,) = stripe.store.all("payment_intent")
    dispute = stripe.disputes.open(payment["id"])
    await stripe.events.quiet()
    await settle()
    (listed,) = (await admin.data("Disputes"))["nodes"]
    during = await access(student, bought["course"])
    answered = await admin.data("AnswerDispute", input={"disputeId": listed["id"], "evidence": {"uncategorizedText": "It was delivered."}, "idempotencyKey": uuid4().hex})
    await settle()

    stripe.disputes.decide(dispute["id"], won=False)
    await stripe.events.quiet()
    await settle()

    assert (listed["status"], during, answered["errors"]) == ("NEEDS_RESPONSE", "AccessGranted", [])
    assert (await admin.data("DisputeOf", id=listed["id"]))["status"] == "LOST"
    assert await access(student, bought["course"]) != "AccessGranted"
    left = await owed(school)
    assert set(left) <= {"PROVIDER", "PAYEE"} and sum(left.values()) == 0


async def test_a_refund_made_in_the_providers_dashboard_is_told_by_its_event(stripe: StripeTwin, school: School, student: Client, settle: Settle, bought: dict[str, Any]) -> None:
    (charge,) = stripe.store.all("charge")
    stripe.refunds.refund(charge, 500)
    await stripe.events.quiet()
    await settle()

    order = await student.data("query ($id: ID!) { order(id: $id) { status refunded { amount } refunds { status amount { amount } reason } } }", id=bought["order"])
    assert order == {
        "status": "PARTIALLY_REFUNDED",
        "refunded": {"amount": "5.00"},
        "refunds": [{"status": "SUCCEEDED", "amount": {"amount": "5.00"}, "reason": "Refunded at the payment provider."}],
    }
    assert await access(student, bought["course"]) == "AccessGranted"

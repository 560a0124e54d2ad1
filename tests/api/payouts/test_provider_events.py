"""What the payment provider tells of payees: their accounts, what was sent there, and what goes on to their banks."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import payees as factory
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

HOME = "https://shop.example"
Settle = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def teacher(school: School, sign_in: SignIn) -> Client:
    async with unit_of_work(school.system):
        await Tenant.for_caller(school.system, id=school.id).update(allowed_origins=[HOME], currency="EUR")
    return await sign_in(roles=("STUDENT", "INSTRUCTOR"))


async def onboarded(stripe: StripeTwin, teacher: Client, settle: Settle) -> str:
    """The provider's id of the teacher's account, which they have told everything."""
    payload = await teacher.data("OnboardPayee", input={"country": "DE", "returnUrl": f"{HOME}/earnings", "refreshUrl": f"{HOME}/again"})
    assert payload["errors"] == []
    (made,) = stripe.store.all("account")
    id: str = made["id"]
    stripe.connect.onboard(id)
    await stripe.events.quiet()
    await settle()
    return id


async def test_an_account_that_was_completed_is_paid_from_then_on_until_it_is_restricted(stripe: StripeTwin, school: School, teacher: Client, settle: Settle) -> None:
    id = await onboarded(stripe, teacher, settle)

    ready = (await teacher.data("Earnings"))["payee"]
    stripe.connect.restrict(id)
    await stripe.events.quiet()
    await settle()
    restricted = (await teacher.data("Earnings"))["payee"]

    assert (ready["payoutsEnabled"], ready["requirements"]) == (True, [])
    assert (restricted["payoutsEnabled"], restricted["requirements"]) == (False, ["individual.verification.document"])


async def test_a_school_hears_nothing_of_the_accounts_of_another(stripe: StripeTwin, school: School, other_school: School, teacher: Client, settle: Settle) -> None:
    await onboarded(stripe, teacher, settle)

    async with database.reading(other_school.system):
        assert await database.fetch_value("SELECT count(*) FROM provider_events WHERE tenant_id = $1", other_school.id) == 0
    async with database.reading(school.system):
        rows = await database.fetch("SELECT type, outcome FROM provider_events WHERE tenant_id = $1", school.id)
    assert {row["outcome"] for row in rows if row["type"] == "account.updated"} == {"worked"}


async def test_what_goes_to_the_bank_is_told_and_that_it_failed(stripe: StripeTwin, school: School, teacher: Client, sign_in: SignIn, settle: Settle) -> None:
    admin = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
    id = await onboarded(stripe, teacher, settle)
    payee_id = await factory.payee(school, teacher.account_id)
    await factory.sold(school, stripe, [(payee_id, 3_000)])
    payload = await admin.data("PayNow", input={"payeeId": public_id("pye", payee_id), "currency": "EUR", "idempotencyKey": uuid4().hex})
    assert payload["errors"] == []
    await settle()
    sent = await factory.payouts_of(school, payee_id)

    bank = stripe.payouts.pay_out(id, "eur")
    await stripe.events.quiet()
    await settle()
    on_its_way = await factory.payouts_of(school, payee_id)
    stripe.payouts.finish(bank["id"], failure_code="account_closed")
    await stripe.events.quiet()
    await settle()

    assert [(row.status, row.bank_status) for row in sent] == [("PAID", None)]
    assert [row.bank_status for row in on_its_way] == ["IN_TRANSIT"]
    (failed,) = await factory.payouts_of(school, payee_id)
    assert (failed.bank_status, "account closed" in (failed.problem or "")) == ("FAILED", True)

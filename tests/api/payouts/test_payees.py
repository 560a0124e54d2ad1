"""`payoutAccountLink`, `payoutScheduleSet`, `viewer.payee`, `payees`, `payoutCreate`, `statementCreate` and the settings of money, over the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.payouts.operations import accounts
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.domain.payouts.queries import providers
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.integrations.twins.stripe import TEST_KEY, StripeTwin
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import payees as factory
from tests.factories.keys import admin as an_admin
from tests.factories.keys import made_key
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

HOME = "https://shop.example"


@pytest.fixture
def gateway(adapters: Adapters, stripe: StripeTwin) -> PaymentGateway:
    return adapters.payments.gateway()


@pytest.fixture
async def teacher(school: School, sign_in: SignIn) -> Client:
    async with unit_of_work(school.system):
        await Tenant.for_caller(school.system, id=school.id).update(allowed_origins=[HOME], currency="EUR")
    return await sign_in(roles=("STUDENT", "INSTRUCTOR"))


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("STUDENT", "TENANT_ADMIN"), name="Max Admin")


def link(**changes: Any) -> dict[str, Any]:
    return {"country": "DE", "returnUrl": f"{HOME}/earnings", "refreshUrl": f"{HOME}/earnings/again", **changes}


async def earnings(client: Client) -> Any:
    return (await client.data("Earnings"))["payee"]


class TestPayoutAccountLink:
    async def test_leads_to_the_provider_and_makes_one_account(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, teacher: Client) -> None:
        assert await earnings(teacher) is None

        answers = await asyncio.gather(*(teacher.data("OnboardPayee", input=link()) for _ in range(3)))

        assert all(answer["errors"] == [] and answer["url"].startswith("http") for answer in answers)
        (made,) = stripe.store.all("account")
        assert (made["country"], made["metadata"]["tenant"]) == ("DE", str(school.id))
        assert "external_account" in answers[0]["payee"]["requirements"]
        stripe.connect.onboard(made["id"])
        await accounts.refresh(caller=school.system, provider_id=made["id"], gateway=gateway)
        payee = await earnings(teacher)
        assert (payee["payoutsEnabled"], payee["detailsSubmitted"], payee["requirements"], payee["country"]) == (True, True, [], "DE")
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT own_id FROM provider_objects WHERE tenant_id = $1 AND provider_id = $2", school.id, made["id"])

    async def test_an_account_whose_answer_was_lost_is_found_again(self, stripe: StripeTwin, teacher: Client) -> None:
        stripe.fault("lost", "/v1/accounts", times=10)
        assert await teacher.codes("OnboardPayee", input=link()) == ["UNAVAILABLE"]
        stripe.faults.clear()

        assert await teacher.codes("OnboardPayee", input=link()) == []
        assert len(stripe.store.all("account")) == 1

    @pytest.mark.parametrize(
        "changes", [{"returnUrl": "https://evil.example/x"}, {"refreshUrl": f"{HOME}.evil.example/"}, {"returnUrl": f"{HOME}@evil.example/"}, {"country": "de"}]
    )
    async def test_leads_nowhere_else(self, stripe: StripeTwin, teacher: Client, changes: dict[str, str]) -> None:
        assert await teacher.codes("OnboardPayee", input=link(**changes)) == ["INVALID"]
        assert stripe.store.all("account") == []

    async def test_is_for_who_earns_and_the_schools_for_who_manages(self, stripe: StripeTwin, teacher: Client, student: Client, visitor: Client, admin: Client) -> None:
        assert await student.codes("OnboardPayee", input=link()) == ["FORBIDDEN"]
        assert await visitor.codes("OnboardPayee", input=link()) == ["UNAUTHENTICATED"]
        assert await teacher.codes("OnboardPayee", input=link(forSchool=True)) == ["FORBIDDEN"]
        assert stripe.store.all("account") == []
        assert await admin.codes("OnboardPayee", input=link(forSchool=True)) == ["CONFLICT"]  # no address yet

    async def test_where_the_schools_money_goes_is_not_for_keys(self, house: House, school: School, stripe: StripeTwin, teacher: Client, clients: list[Client]) -> None:
        await tenants.update_tenant(caller=school.system, changes={"support_email": "school@mail.example"})
        _, secret = await made_key(await an_admin(school.system), scopes=(Permission.PAYOUTS_MANAGE,))
        key = Client(house, school.slug, secret)
        clients.append(key)

        assert await key.codes("OnboardPayee", input=link(forSchool=True)) == ["FORBIDDEN"]
        assert stripe.store.all("account") == []


class TestPayoutScheduleSet:
    async def test_sets_days_and_thresholds(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, teacher: Client) -> None:
        await factory.connected(school, stripe, gateway, teacher.account_id)

        weekly = await teacher.data("SetPayoutSchedule", input={"kind": "WEEKLY", "day": 3})
        threshold = await teacher.data("SetPayoutSchedule", input={"kind": "THRESHOLD", "threshold": {"amount": "50.00", "currency": "EUR"}})
        manual = await teacher.data("SetPayoutSchedule", input={"kind": "MANUAL"})

        assert datetime.fromisoformat(weekly["payee"]["schedule"]["nextAt"]).isoweekday() == 3
        assert threshold["payee"]["schedule"]["threshold"] == {"amount": "50.00", "currency": "EUR"}
        assert manual["payee"]["schedule"] == {"kind": "MANUAL", "day": None, "threshold": None, "nextAt": None}

    @pytest.mark.parametrize(
        "schedule",
        [{"kind": "WEEKLY", "day": 8}, {"kind": "MONTHLY", "day": 29}, {"kind": "THRESHOLD"}, {"kind": "MANUAL", "day": 1}]
        + [
            {"kind": kind, "threshold": {"amount": amount, "currency": "EUR"}}
            for kind, amount in (("WEEKLY", "1"), ("THRESHOLD", "0"), ("THRESHOLD", "1.001"), ("THRESHOLD", "-1"))
        ],
    )
    async def test_refuses_what_no_schedule_is(self, teacher: Client, schedule: dict[str, Any]) -> None:
        assert await teacher.codes("SetPayoutSchedule", input=schedule) == ["INVALID"]
        assert await earnings(teacher) is None


class TestEarnings:
    async def test_shows_what_is_due_in_each_currency(self, school: School, stripe: StripeTwin, teacher: Client, student: Client) -> None:
        payee_id = await factory.payee(school, teacher.account_id)
        await factory.sold(school, stripe, [(payee_id, 4200)])
        await factory.sold(school, stripe, [(payee_id, 500)], currency="JPY")

        payee = await earnings(teacher)

        assert payee["balance"] == {"available": {"amount": "42.00", "currency": "EUR"}, "pending": {"amount": "0.00", "currency": "EUR"}}
        assert [each["available"]["amount"] for each in payee["balances"]] == ["42.00", "500"]
        assert await earnings(student) is None


class TestWhoSees:
    async def test_the_payee_and_who_manages_payouts_here(
        self, school: School, other_school: School, stripe: StripeTwin, gateway: PaymentGateway, teacher: Client, admin: Client, sign_in: SignIn
    ) -> None:
        payee_id = await factory.connected(school, stripe, gateway, teacher.account_id)
        await factory.sold(school, stripe, [(payee_id, 4200)])
        paid = (await admin.data("PayNow", input={"payeeId": public_id("pye", payee_id), "currency": "EUR", "idempotencyKey": "k"}))["payout"]
        month = f"{datetime.now(UTC) - timedelta(days=40):%Y-%m}"
        async with unit_of_work(school.system):
            await rows.Payee.for_caller(school.system, id=payee_id).update(created_at=datetime.now(UTC) - timedelta(days=80))
        asked = {"payeeId": public_id("pye", payee_id), "month": month, "idempotencyKey": "s"}
        statement = (await teacher.data("MakeStatement", input=asked))["statement"]
        ids = [public_id("pye", payee_id), paid["id"], statement["id"]]
        another = await sign_in(roles=("STUDENT", "INSTRUCTOR"))
        stranger = await sign_in(roles=("STUDENT", "INSTRUCTOR", "TENANT_ADMIN"), at=other_school)

        for client in (teacher, admin):
            assert [(await client.data("NodePayout", id=id))["id"] for id in ids] == ids
        for client in (another, stranger):
            assert [await client.data("NodePayout", id=id) for id in ids] == [None] * 3
            assert await client.codes("MakeStatement", input={**asked, "idempotencyKey": "t"}) == ["NOT_FOUND"]
        assert await stranger.codes("PayNow", input={"payeeId": ids[0], "currency": "EUR", "idempotencyKey": "k"}) == ["NOT_FOUND"]
        for document, variables in (("Payees", {}), ("PayNow", {"input": {"payeeId": ids[0], "currency": "EUR", "idempotencyKey": "k"}})):
            assert await teacher.codes(document, **variables) == ["FORBIDDEN"]
        assert (await stranger.data("Payees"))["nodes"] == []

    async def test_what_the_provider_asks_is_told_to_the_payee_alone(self, school: School, teacher: Client, admin: Client, stripe: StripeTwin) -> None:
        await teacher.data("OnboardPayee", input=link())

        assert (await earnings(teacher))["requirements"]
        (seen,) = (await admin.data("Payees"))["nodes"]
        assert (seen["requirements"], seen["person"]["name"]) == (None, "Ada Example")

    async def test_balances_of_a_page_take_one_statement(self, school: School, stripe: StripeTwin, sign_in: SignIn, admin: Client, statements: list[str]) -> None:
        for _ in range(4):
            await factory.sold(school, stripe, [(await factory.payee(school, (await sign_in()).account_id), 100)])
        statements.clear()

        page = await admin.data("Payees", first=3)

        assert [each["balances"][0]["available"]["amount"] for each in page["nodes"]] == ["1.00"] * 3
        assert (page["pageInfo"]["hasNextPage"], page["totalCount"]) == (True, 4)
        assert len([each for each in statements if "ledger_entries" in each]) == 1


class TestCommissionSet:
    async def test_is_the_platforms_to_say(self, school: School, platform: School, sign_in: SignIn, admin: Client) -> None:
        tier = {"from": "1000.00", "currency": "EUR", "ratePercent": "7.5"}
        asked = {"tenantId": public_id("tnt", school.id), "premiumPercent": "5", "feeTaxPercent": "19", "tiers": [tier]}
        boss = await sign_in(roles=("PLATFORM_ADMIN",), at=platform)

        assert await admin.codes("SetCommission", input=asked) == ["FORBIDDEN"]
        assert await boss.codes("SetCommission", input={**asked, "tiers": [tier, tier]}) == ["INVALID"]
        for _ in range(2):
            assert await boss.codes("SetCommission", input=asked) == []

        async with unit_of_work(school.system):
            (commission,) = await rows.Commission.for_caller(school.system)
            (step,) = await rows.CommissionTier.for_caller(school.system)
        assert (commission.premium_bps, commission.fee_tax_ppm) == (500, 190000)
        assert (step.currency, step.from_amount, step.rate_bps) == ("EUR", 100000, 750)


class TestInstructorPremiumSet:
    async def test_is_for_who_manages_payouts(self, teacher: Client, admin: Client) -> None:
        until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        asked = {"memberId": public_id("prf", teacher.account_id), "until": until}

        assert await teacher.codes("SetInstructorPremium", input=asked) == ["FORBIDDEN"]
        assert await admin.codes("SetInstructorPremium", input={**asked, "memberId": public_id("prf", uuid4())}) == ["NOT_FOUND"]
        set_ = await admin.data("SetInstructorPremium", input=asked)

        assert datetime.fromisoformat(set_["payee"]["premiumUntil"]) == datetime.fromisoformat(until)
        assert (await admin.data("SetInstructorPremium", input={**asked, "until": None}))["payee"]["premiumUntil"] is None


class TestPaymentProvider:
    async def test_takes_a_key_that_the_provider_takes_and_never_shows_it(self, school: School, stripe: StripeTwin, adapters: Adapters, admin: Client, teacher: Client) -> None:
        keys = {"secretKey": TEST_KEY, "webhookSecrets": ["whsec_school"]}

        assert await teacher.codes("SetPaymentProvider", input=keys) == ["FORBIDDEN"]
        assert await admin.codes("SetPaymentProvider", input={**keys, "secretKey": "sk_test_unknown"}) == ["INVALID"]
        assert await admin.codes("SetPaymentProvider", input={**keys, "secretKey": "pk_test_open"}) == ["INVALID"]
        assert (await admin.data("PaymentProvider"))["isOwn"] is False
        made = await admin.data("SetPaymentProvider", input=keys)

        assert made == {"provider": {"isOwn": True, "account": "acct_platform", "webhookUrl": f"{adapters.base_url}/webhooks/stripe/{school.slug}"}, "errors": []}
        async with database.reading(school.system):
            own = await providers.own_provider(caller=school.system, secret_keys=adapters.secret_keys)
        assert own is not None
        assert (own.secret_key, list(own.webhook_secrets)) == (TEST_KEY, ["whsec_school"])

    async def test_is_not_left_while_money_lies_in_it(self, school: School, stripe: StripeTwin, gateway: PaymentGateway, admin: Client, teacher: Client) -> None:
        payee_id = await factory.connected(school, stripe, gateway, teacher.account_id)
        keys = {"secretKey": TEST_KEY, "webhookSecrets": ["whsec_school"]}
        await factory.sold(school, stripe, [(payee_id, 100)])
        assert await admin.codes("SetPaymentProvider", input=keys) == ["CONFLICT"]
        assert (await factory.row(school, payee_id)).payouts_enabled
        await factory.refunded(school, stripe, payee_id, 100)

        assert await admin.codes("SetPaymentProvider", input=keys) == []
        assert (await factory.row(school, payee_id)).provider_account_id is None
        assert await admin.codes("SetPaymentProvider", input=keys) == []  # the same account: a new key at any time
        assert await admin.codes("RemovePaymentProvider", input={"account": "acct_other"}) == ["NOT_FOUND"]
        assert (await admin.data("RemovePaymentProvider", input={"account": "acct_platform"}))["provider"]["isOwn"] is False

"""Premium instructorship that is paid: it lasts as long as it is paid for, opens no course, and what was set by hand outlives it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lms_graph.domain.commerce.errors import OfferNotSold, PlanNotChangeable
from lms_graph.domain.commerce.operations import subscriptions
from lms_graph.domain.commerce.queries import plan_changes, quotes
from lms_graph.domain.commerce.queries.quotes import NOBODY, Buyer, Wanted
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.payouts.operations import accounts, premium
from lms_graph.models import database, identity
from lms_graph.models.commerce import OfferKind, OfferSubject
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import offers
from tests.factories.accounts import account
from tests.factories.plans import Bought, Shop, bought, offer
from tests.fixtures.callers import School
from tests.fixtures.rights import facts_of, person

pytestmark = pytest.mark.anyio


async def until(shop: Shop, account_id: UUID) -> datetime | None:
    row = await shop.one("SELECT is_premium_until FROM payees WHERE tenant_id = $1 AND account_id = $2", account_id)
    return row["is_premium_until"] if row else None


async def a_teacher(shop: Shop) -> UUID:
    return await account(shop.caller, roles=("STUDENT", "INSTRUCTOR"))


async def monthly(shop: Shop, account_id: UUID | None = None, **differs: Any) -> Bought:
    return await bought(shop, await offer(shop, subject=OfferSubject.INSTRUCTOR_PREMIUM, amount=1500, **differs), account_id or await a_teacher(shop))


class TestPlan:
    async def test_holds_while_it_is_paid_and_a_little_longer_and_opens_nothing(self, shop: Shop) -> None:
        plan = await monthly(shop)
        row = await shop.row(plan)
        assert await until(shop, plan.account_id) == row["paid_until"] + rules.SLACK

        shop.twin.advance(days=32)
        for _ in range(2):
            await shop.refresh(plan)

        renewed = await shop.row(plan)
        assert renewed["paid_until"] > row["paid_until"]
        assert await until(shop, plan.account_id) == renewed["paid_until"] + rules.SLACK
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 1500), ("RENEWAL", "PAID", 1500)]
        assert await shop.grants(plan) == []
        assert await shop.one("SELECT count(*) AS n FROM entitlements WHERE tenant_id = $1") == (0,)

    async def test_that_is_not_paid_lasts_for_the_grace_and_ends(self, shop: Shop) -> None:
        plan = await monthly(shop)
        shop.use_card(plan, "pm_card_chargeDeclined")

        shop.twin.advance(days=32)
        await shop.refresh(plan)
        row = await shop.row(plan)
        assert row["status"] == "PAST_DUE" and await until(shop, plan.account_id) == row["grace_until"] > shop.now

        shop.twin.advance(days=38)
        await shop.refresh(plan)
        ended = await until(shop, plan.account_id)
        assert (await shop.row(plan))["status"] == "CANCELED" and (ended is None or ended <= shop.now)

    async def test_canceled_for_its_end_lasts_to_it_and_no_longer(self, shop: Shop) -> None:
        plan = await monthly(shop)

        await shop.gateway.cancel_subscription(plan.provider_id, at_period_end=True, key="k")
        await shop.refresh(plan)

        assert await until(shop, plan.account_id) == (await shop.row(plan))["current_period_end"]

    async def test_canceled_at_once_or_withdrawn_ends_at_once(self, shop: Shop) -> None:
        canceled, withdrawn = await monthly(shop), await monthly(shop)

        await shop.gateway.cancel_subscription(canceled.provider_id, at_period_end=False, key="k")
        await shop.refresh(canceled)
        for _ in range(2):
            await subscriptions.end(caller=shop.caller, subscription_id=withdrawn.id, reason="Refunded.")

        for plan in (canceled, withdrawn):
            ended = await until(shop, plan.account_id)
            assert ended is None or ended <= shop.now + rules.MOMENT
        assert [fact["until"] is None for _, fact in await facts_of(shop.school, ["InstructorPremiumSet"])].count(True) >= 1

    async def test_paused_holds_to_the_end_of_what_is_paid(self, shop: Shop) -> None:
        plan = await monthly(shop)
        paid_until = (await shop.row(plan))["paid_until"]

        await shop.gateway.pause_subscription(plan.provider_id, resumes_at=shop.now + timedelta(days=60), key="k")
        await shop.refresh(plan)
        assert await until(shop, plan.account_id) == paid_until

        shop.twin.advance(days=33)
        await shop.refresh(plan)
        ended = await until(shop, plan.account_id)
        assert ended is None or ended <= paid_until

    async def test_in_a_free_trial_holds_too(self, shop: Shop) -> None:
        plan = await monthly(shop, trial_days=7)

        row = await shop.row(plan)
        assert (row["status"], await until(shop, plan.account_id)) == ("TRIALING", row["paid_until"] + rules.SLACK)

    async def test_never_becomes_one_for_learners(self, shop: Shop) -> None:
        plan, learners = await monthly(shop), await bought(shop, await offer(shop), await a_teacher(shop))

        for one, target in ((plan, learners.offer_id), (learners, plan.offer_id)):
            caller = person(shop.school, one.account_id, now=shop.now)
            with pytest.raises(PlanNotChangeable):
                async with database.reading(caller):
                    await plan_changes.target(caller=caller, subscription_id=one.id, offer_id=target, gateway=shop.gateway)


class TestSources:
    async def test_the_latest_holds_and_the_other_is_left_when_it_ends(self, shop: Shop) -> None:
        who, now = await a_teacher(shop), shop.now
        first, second = UUID(int=1), UUID(int=2)

        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=first, until=now + timedelta(days=30))
        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=second, until=now + timedelta(days=90))
        assert await until(shop, who) == now + timedelta(days=90)
        await premium.end_premium(caller=shop.caller, source_id=second)
        assert await until(shop, who) == now + timedelta(days=30)
        await premium.end_premium(caller=shop.caller, source_id=first)
        assert await until(shop, who) is None

    async def test_what_was_set_by_hand_is_neither_shortened_nor_given_back(self, shop: Shop) -> None:
        who, now = await a_teacher(shop), shop.now
        source = UUID(int=1)

        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=source, until=now + timedelta(days=30))
        await accounts.set_premium(caller=shop.caller, account_id=who, until=now + timedelta(days=400))
        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=source, until=now + timedelta(days=60))
        await premium.end_premium(caller=shop.caller, source_id=source)
        assert await until(shop, who) == now + timedelta(days=400)

        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=source, until=now + timedelta(days=60))
        await accounts.set_premium(caller=shop.caller, account_id=who, until=None)
        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=source, until=now + timedelta(days=60))
        assert await until(shop, who) is None, "told again it changes nothing"

    async def test_what_ends_in_another_school_ends_nothing_here(self, shop: Shop, other_school: School) -> None:
        who, source = await a_teacher(shop), UUID(int=1)
        ends = shop.now + timedelta(days=30)
        await premium.keep_premium(caller=shop.caller, account_id=who, source_id=source, until=ends)

        await premium.end_premium(caller=other_school.system, source_id=source)

        assert await until(shop, who) == ends

    async def test_a_suspended_accounts_payment_is_settled_all_the_same(self, shop: Shop) -> None:
        plan = await monthly(shop)
        async with unit_of_work(shop.caller):
            await identity.Account.for_caller(shop.caller, id=plan.account_id).update(status=identity.AccountStatus.SUSPENDED)

        shop.twin.advance(days=32)
        await shop.refresh(plan)

        assert [kind for kind, _, _ in await shop.orders(plan)] == ["PURCHASE", "RENEWAL"]


class TestQuote:
    async def test_is_for_who_teaches_here_alone(self, school: School, other_school: School) -> None:
        id = await offers.offer(school.system, None, subject=OfferSubject.INSTRUCTOR_PREMIUM, kind=OfferKind.ONE_TIME, access_days=30)
        teacher, learner = await account(school.system, roles=("STUDENT", "INSTRUCTOR")), await account(school.system)
        elsewhere = await account(other_school.system, roles=("INSTRUCTOR",))

        async def ask(buyer: Buyer) -> quotes.Quote:
            async with database.reading(school.system):
                return await quotes.quote(caller=school.system, wanted=[Wanted(offer_id=id)], buyer=buyer)

        quote = await ask(Buyer(account_id=teacher))
        assert (quote.total_amount, quote.already_owned, quote.lines[0].title, quote.lines[0].terms["courses"]) == (2000, False, "Premium instructor", [])
        for buyer in (Buyer(account_id=learner), Buyer(account_id=elsewhere), NOBODY, Buyer(email="ida@example.com")):
            with pytest.raises(OfferNotSold, match="who teaches"):
                await ask(buyer)
        await accounts.set_premium(caller=school.system, account_id=teacher, until=school.system.now + timedelta(days=1))
        assert (await ask(Buyer(account_id=teacher))).already_owned


async def test_of_many_that_are_paid_at_once_the_latest_holds(shop: Shop) -> None:
    who, now = await a_teacher(shop), shop.now
    ends = [now + timedelta(days=days) for days in (40, 10, 90, 20, 70, 30)]

    await asyncio.gather(*(premium.keep_premium(caller=shop.caller, account_id=who, source_id=UUID(int=number), until=end) for number, end in enumerate(ends)))
    assert await until(shop, who) == max(ends)
    await asyncio.gather(*(premium.end_premium(caller=shop.caller, source_id=UUID(int=number)) for number in range(1, len(ends))))

    assert await until(shop, who) == ends[0]

"""The life of a plan at Stripe's twin: what is paid, what is open, and what becomes of it."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from lms_graph.domain.commerce.errors import RefundExceedsBalance
from lms_graph.domain.commerce.operations import disputes, plan_states, refunds, subscriptions
from lms_graph.domain.commerce.queries import refunds as refund_queries
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.refunds import Obstacle
from lms_graph.integrations.twins.stripe import DAY
from lms_graph.models import database
from lms_graph.models.commerce import BillingInterval, DefaultRule, OfferKind
from lms_graph.models.tenancy import Tenant
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import courses
from tests.factories.accounts import account
from tests.factories.courses import course
from tests.factories.plans import Bought, Shop, bought, offer, ordered
from tests.fixtures.rights import facts_of, person

pytestmark = pytest.mark.anyio


async def a_course(shop: Shop) -> courses.MadeCourse:
    return await course(shop.school.system, courses.text())


async def monthly(shop: Shop, **differs: object) -> Bought:
    """A plan for one course."""
    made = await a_course(shop)
    return await bought(shop, await offer(shop, made.course_id, **differs))  # type: ignore[arg-type]


class TestBegin:
    async def test_it_opens_the_course_with_its_run_until_the_period_ends_and_a_little_longer(self, shop: Shop) -> None:
        plan = await monthly(shop)

        row = await shop.row(plan)
        assert (row["status"], row["amount"], row["currency"], row["installments_total"]) == ("ACTIVE", 3000, "EUR", None)
        assert row["paid_until"] == row["current_period_end"]
        (grant,) = await shop.grants(plan)
        assert (grant["kind"], grant["state"], grant["ends_at"]) == ("SUBSCRIPTION", "ACTIVE", row["current_period_end"] + rules.SLACK)
        assert await shop.one("SELECT count(*) AS n FROM enrollments WHERE tenant_id = $1 AND account_id = $2", plan.account_id) == (1,)
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000)]

    async def test_all_access_opens_everything_and_no_run(self, shop: Shop) -> None:
        plan = await bought(shop, await offer(shop))

        (grant,) = await shop.grants(plan)
        assert (grant["subject_id"], grant["kind"]) == (None, "SUBSCRIPTION")
        assert await shop.one(
            "SELECT count(*) AS n FROM enrollments WHERE tenant_id = $1",
        ) == (0,)

    async def test_again_it_is_the_same_plan(self, shop: Shop) -> None:
        plan = await monthly(shop)
        again = {"order_id": plan.order_id, "line_id": plan.line_id, "account_id": plan.account_id, "provider_subscription_id": plan.provider_id}

        assert await subscriptions.begin(caller=shop.caller, **again) == plan.id
        assert len(await shop.grants(plan)) == 1

    async def test_a_trial_costs_nothing_until_it_is_over(self, shop: Shop) -> None:
        plan = await monthly(shop, trial_days=7)
        row = await shop.row(plan)
        assert (row["status"], row["paid_until"] - row["created_at"]) == ("TRIALING", timedelta(days=7))

        shop.twin.advance(days=7, seconds=7200)
        await shop.refresh(plan)

        assert (await shop.row(plan))["status"] == "ACTIVE"
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 0), ("RENEWAL", "PAID", 3000)]


class TestRenewal:
    async def test_each_payment_is_an_order_with_its_tax(self, shop: Shop) -> None:
        made = await a_course(shop)
        plan = await bought(shop, await offer(shop, made.course_id, amount=10_000), tax=1900, tax_included=False)

        shop.twin.advance(days=32)
        await shop.refresh(plan)
        await shop.refresh(plan)

        assert await shop.orders(plan) == [("PURCHASE", "PAID", 11_900), ("RENEWAL", "PAID", 11_900)]
        order = await shop.one("SELECT * FROM orders WHERE tenant_id = $1 AND kind = 'RENEWAL'")
        assert (order["subtotal_amount"], order["tax_amount"], order["account_id"], order["email"]) == (10_000, 1900, plan.account_id, "ada@home.example")
        assert database.from_json(order["tax_lines"]) == [{"name": "VAT", "rate_ppm": 190_000, "amount": 1900}]
        lines = await shop.all("SELECT * FROM order_lines WHERE tenant_id = $1 AND order_id = $2", order["id"])
        assert [(line["title"], line["unit_amount"], line["tax_amount"], line["total_amount"], line["offer_id"]) for line in lines] == [
            ("A plan", 10_000, 1900, 11_900, plan.offer_id)
        ]
        row = await shop.row(plan)
        assert row["paid_until"] == row["current_period_end"]
        (grant,) = await shop.grants(plan)
        assert grant["ends_at"] == row["current_period_end"] + rules.SLACK

    async def test_many_at_once_make_one_order(self, shop: Shop) -> None:
        plan = await monthly(shop)
        shop.twin.advance(days=32)

        await asyncio.gather(*(shop.refresh(plan) for _ in range(4)))

        assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000), ("RENEWAL", "PAID", 3000)]
        assert await shop.one("SELECT count(*) AS n FROM payments WHERE tenant_id = $1") == (2,)
        assert await shop.one("SELECT count(*) AS n FROM ledger_transactions WHERE tenant_id = $1 AND kind = 'SALE'") == (2,)

    async def test_an_invoice_tells_of_its_plan(self, shop: Shop) -> None:
        plan = await monthly(shop)
        shop.twin.advance(days=32)
        invoice = (await shop.gateway.subscription(plan.provider_id)).latest_invoice_id or ""

        async with database.reading(shop.caller):
            await plan_states.refresh_invoice(caller=shop.caller, provider_id=invoice, gateway=shop.gateway)

        assert len(await shop.orders(plan)) == 2

    async def test_a_plan_that_is_not_here_changes_nothing(self, shop: Shop, other_school: object) -> None:
        plan = await monthly(shop)
        elsewhere = Shop(shop.twin, shop.gateway, other_school)  # type: ignore[arg-type]
        shop.twin.advance(days=32)

        await elsewhere.refresh(plan)

        assert await elsewhere.one("SELECT count(*) AS n FROM orders WHERE tenant_id = $1") == (0,)
        assert len(await shop.orders(plan)) == 1

    async def test_what_nobody_told_is_found_when_the_time_to_look_has_come(self, shop: Shop) -> None:
        plan = await monthly(shop)
        row = await shop.row(plan)
        assert row["sweep_at"] == row["current_period_end"] + rules.LOOK_AFTER

        shop.twin.advance(int((row["sweep_at"] - shop.now).total_seconds()) - 10)
        await shop.sweep(plan)
        assert len(await shop.orders(plan)) == 1
        shop.twin.advance(20)
        await shop.sweep(plan)

        assert len(await shop.orders(plan)) == 2
        later = await shop.row(plan)
        assert later["sweep_at"] == later["current_period_end"] + rules.LOOK_AFTER


class TestDunning:
    async def test_what_is_not_paid_stays_open_for_the_grace_and_is_closed_after(self, shop: Shop) -> None:
        plan = await monthly(shop)
        paid_until = (await shop.row(plan))["paid_until"]
        shop.use_card(plan, "pm_card_chargeDeclined")

        shop.twin.advance(int((paid_until - shop.now).total_seconds()) + 7200)
        await shop.refresh(plan)
        await shop.refresh(plan)

        row = await shop.row(plan)
        assert (row["status"], row["grace_until"]) == ("PAST_DUE", paid_until + timedelta(days=7))
        (grant,) = await shop.grants(plan)
        assert (grant["state"], grant["grace_until"], grant["ends_at"]) == ("PAST_DUE", row["grace_until"], None)
        told = await facts_of(shop.school, ["SubscriptionPastDue", "PaymentFailed"])
        assert [name for name, _ in told] == ["SubscriptionPastDue", "PaymentFailed"] or [name for name, _ in told] == ["PaymentFailed", "SubscriptionPastDue"]
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000)]

    async def test_another_card_makes_it_whole_again(self, shop: Shop) -> None:
        plan = await monthly(shop)
        shop.use_card(plan, "pm_card_chargeDeclined")
        shop.twin.advance(days=32)
        await shop.refresh(plan)

        shop.use_card(plan, "pm_card_visa")
        shop.twin.advance(days=5)
        await shop.refresh(plan)

        row = await shop.row(plan)
        assert (row["status"], row["grace_until"]) == ("ACTIVE", None)
        (grant,) = await shop.grants(plan)
        assert (grant["state"], grant["grace_until"], grant["ends_at"]) == ("ACTIVE", None, row["paid_until"] + rules.SLACK)
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000), ("RENEWAL", "PAID", 3000)]

    async def test_in_the_end_it_is_over_and_nothing_else_is_touched(self, shop: Shop) -> None:
        made = await a_course(shop)
        offer_id = await offer(shop, made.course_id)
        plan = await bought(shop, offer_id)
        other = await bought(shop, await offer(shop), plan.account_id)
        shop.use_card(plan, "pm_card_chargeDeclined")

        shop.twin.advance(days=70)
        await shop.refresh(plan)
        await shop.refresh(other)

        row = await shop.row(plan)
        assert (row["status"], row["sweep_at"]) == ("CANCELED", None)
        (grant,) = await shop.grants(plan)
        assert grant["ends_at"] <= shop.now
        (kept,) = await shop.grants(other)
        assert (kept["state"], kept["ends_at"] > shop.now) == ("ACTIVE", True)

    async def test_the_schools_own_grace_holds(self, shop: Shop) -> None:
        async with unit_of_work(shop.caller):
            await database.fetch(
                "INSERT INTO commerce_settings (tenant_id, id, tax_mode, prices_include_tax, seller, grace_days, updated_at) VALUES ($1, gen_random_uuid(), 'NONE', TRUE, '{}', 0, now())",
                shop.school.id,
            )
        plan = await monthly(shop)
        paid_until = (await shop.row(plan))["paid_until"]
        shop.use_card(plan, "pm_card_chargeDeclined")

        shop.twin.advance(days=32)
        await shop.refresh(plan)

        assert (await shop.row(plan))["grace_until"] == paid_until


class TestInstallments:
    async def test_the_last_payment_completes_them_and_the_course_is_theirs_for_good(self, shop: Shop) -> None:
        plan = await monthly(shop, kind=OfferKind.INSTALLMENTS, installments=3)
        assert ((await shop.row(plan))["installments_paid"], (await shop.grants(plan))[0]["kind"]) == (1, "INSTALLMENT_PLAN")

        for paid in (2, 3):
            shop.twin.advance(days=31)
            await shop.refresh(plan)
            assert (await shop.row(plan))["installments_paid"] == paid

        row = await shop.row(plan)
        assert (row["status"], row["installments_total"]) == ("COMPLETED", 3)
        (grant,) = await shop.grants(plan)
        assert (grant["state"], grant["ends_at"], grant["grace_until"]) == ("ACTIVE", None, None)
        assert [kind for kind, _, _ in await shop.orders(plan)] == ["PURCHASE", "INSTALLMENT", "INSTALLMENT"]
        assert (await shop.gateway.subscription(plan.provider_id)).status == "CANCELED"
        shop.twin.advance(days=90)
        await shop.refresh(plan)
        assert (await shop.row(plan))["status"] == "COMPLETED"
        assert len(await shop.orders(plan)) == 3

    @pytest.mark.parametrize(("on_default", "is_open"), [(DefaultRule.SUSPEND, False), (DefaultRule.KEEP, True)])
    async def test_default_closes_or_keeps_as_was_agreed(self, shop: Shop, on_default: DefaultRule, is_open: bool) -> None:
        plan = await monthly(shop, kind=OfferKind.INSTALLMENTS, installments=6, on_default=on_default)
        shop.use_card(plan, "pm_card_chargeDeclined")

        shop.twin.advance(days=45)
        await shop.refresh(plan)
        await shop.sweep(plan)

        (grant,) = await shop.grants(plan)
        opens = (grant["state"] == "ACTIVE" and (grant["ends_at"] is None or grant["ends_at"] > shop.now)) or (grant["state"] == "PAST_DUE" and grant["grace_until"] > shop.now)
        assert opens is is_open
        shop.twin.advance(days=60)
        await shop.refresh(plan)
        assert (await shop.row(plan))["status"] == "CANCELED"
        (grant,) = await shop.grants(plan)
        assert (grant["ends_at"] is None or grant["ends_at"] > shop.now) is is_open


class TestPaidByHand:
    """Somebody marks an invoice as paid at the provider: no money comes in there."""

    async def due(self, shop: Shop, **differs: object) -> tuple[Bought, dict[str, Any]]:
        """A plan whose second payment was tried, and did not come."""
        plan = await monthly(shop, **differs)
        shop.use_card(plan, "pm_card_chargeDeclined")
        shop.twin.advance(days=32)
        await shop.refresh(plan)
        assert (await shop.row(plan))["status"] == "PAST_DUE"
        return plan, shop.twin.store.kinds["invoice"][shop.twin.store.kinds["subscription"][plan.provider_id]["latest_invoice"]]

    async def balances(self, shop: Shop) -> dict[str, int]:
        return {row["account"]: row["left"] for row in await shop.all("SELECT account, sum(amount)::bigint AS left FROM ledger_entries WHERE tenant_id = $1 GROUP BY account")}

    async def test_it_counts_and_the_school_has_the_money_in_hand(self, shop: Shop) -> None:
        plan, invoice = await self.due(shop)
        before = await self.balances(shop)

        shop.twin.invoices.paid_elsewhere(invoice)
        await asyncio.gather(*(shop.refresh(plan) for _ in range(3)))
        await shop.refresh(plan)

        row = await shop.row(plan)
        assert (row["status"], row["paid_until"], row["grace_until"]) == ("ACTIVE", row["current_period_end"], None)
        assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000), ("RENEWAL", "PAID", 3000)]
        (grant,) = await shop.grants(plan)
        assert (grant["state"], grant["ends_at"]) == ("ACTIVE", row["paid_until"] + rules.SLACK)
        assert await shop.one("SELECT count(*) AS n FROM payments WHERE tenant_id = $1") == (1,)
        after = await self.balances(shop)
        assert (after["PROVIDER"], sum(after.values())) == (before["PROVIDER"], 0)
        school = await shop.one(
            "SELECT sum(e.amount)::bigint AS left FROM ledger_entries e JOIN payees p ON p.tenant_id = e.tenant_id AND p.id = e.payee_id JOIN ledger_transactions t "
            "ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id WHERE e.tenant_id = $1 AND p.kind = 'TENANT' AND t.kind = 'SALE' AND e.order_id <> $2 AND e.amount > 0",
            plan.order_id,
        )
        assert tuple(school.values()) == (3000,)
        assert await shop.one("SELECT count(*) AS n FROM line_shares s JOIN orders o ON o.tenant_id = $1 AND o.id = s.order_id WHERE s.tenant_id = $1 AND o.kind = 'RENEWAL'") != (
            0,
        )
        ((_, told),) = await facts_of(shop.school, ["OrderPaidElsewhere"])
        assert (told["amount"], told["currency"]) == (3000, "EUR")

        shop.use_card(plan, "pm_card_visa")
        shop.twin.advance(days=31)
        await shop.refresh(plan)
        assert [kind for kind, _, _ in await shop.orders(plan)] == ["PURCHASE", "RENEWAL", "RENEWAL"]
        assert (await self.balances(shop))["PROVIDER"] > after["PROVIDER"]

    async def test_an_installment_counts(self, shop: Shop) -> None:
        plan, invoice = await self.due(shop, kind=OfferKind.INSTALLMENTS, installments=2)

        shop.twin.invoices.paid_elsewhere(invoice)
        await shop.refresh(plan)

        assert (await shop.row(plan))["status"] == "COMPLETED"

    async def test_of_a_plan_that_was_ended_here_sends_nothing_back(self, shop: Shop) -> None:
        plan = await monthly(shop)
        await subscriptions.end(caller=shop.caller, subscription_id=plan.id, reason="Refunded.")
        shop.use_card(plan, "pm_card_chargeDeclined")
        shop.twin.advance(days=32)
        shop.twin.invoices.paid_elsewhere(shop.twin.store.kinds["invoice"][shop.twin.store.kinds["subscription"][plan.provider_id]["latest_invoice"]])

        await shop.refresh(plan)

        assert (await shop.row(plan))["status"] == "CANCELED"
        assert await shop.one("SELECT count(*) AS n FROM refunds WHERE tenant_id = $1") == (0,)

    async def test_is_not_refunded_here(self, shop: Shop) -> None:
        plan, invoice = await self.due(shop)
        shop.twin.invoices.paid_elsewhere(invoice)
        await shop.refresh(plan)
        order = await shop.one("SELECT id FROM orders WHERE tenant_id = $1 AND kind = 'RENEWAL'")
        boss = person(shop.school, await account(shop.caller), "TENANT_ADMIN")

        with pytest.raises(RefundExceedsBalance):
            await refunds.refund_order(caller=boss, order_id=order["id"], amount=None, lines=None, reason="Back.", access_change=None, idempotency_key="k")

        async with database.reading(boss):
            preview = await refund_queries.preview(caller=boss, order_id=order["id"])
        assert preview is not None
        assert (preview.refundable, preview.obstacle) == (0, Obstacle.NOT_PAID)


class TestContested:
    """A payment of a plan is contested at the bank, and the school closes what is contested."""

    async def suspending(self, shop: Shop) -> None:
        async with unit_of_work(shop.caller):
            await Tenant.for_caller(shop.caller).update(is_access_suspended_by_dispute=True)

    async def contested(self, shop: Shop, plan: Bought, payment: int = 0) -> str:
        """The bank is asked for one of a plan's payments: 0 is the first. Gives the dispute."""
        invoices = await shop.gateway.invoices_of(plan.provider_id)
        dispute = shop.twin.disputes.open(invoices[payment].payment_id or "")
        await self.heard(shop, dispute["id"])
        return str(dispute["id"])

    async def heard(self, shop: Shop, dispute_id: str) -> None:
        async with database.reading(shop.caller):
            await disputes.refresh(caller=shop.caller, provider_id=dispute_id, gateway=shop.gateway)

    @pytest.mark.parametrize("payment", [0, 1])
    async def test_it_is_closed_until_the_bank_has_decided(self, shop: Shop, payment: int) -> None:
        await self.suspending(shop)
        plan = await monthly(shop)
        shop.twin.advance(days=32)
        await shop.refresh(plan)
        before = await shop.grants(plan)

        dispute_id = await self.contested(shop, plan, payment)
        assert [grant["state"] for grant in await shop.grants(plan)] == ["PAUSED"]
        shop.twin.advance(days=31)
        await shop.refresh(plan)
        assert [grant["state"] for grant in await shop.grants(plan)] == ["PAUSED"], "a renewal does not open it"
        shop.twin.disputes.decide(dispute_id, won=True)
        await self.heard(shop, dispute_id)

        row = await shop.row(plan)
        (grant,) = await shop.grants(plan)
        assert (before[0]["state"], grant["state"], grant["ends_at"]) == ("ACTIVE", "ACTIVE", row["paid_until"] + rules.SLACK)

    async def test_that_is_past_due_is_so_again_after(self, shop: Shop) -> None:
        await self.suspending(shop)
        plan = await monthly(shop)
        dispute_id = await self.contested(shop, plan)
        shop.use_card(plan, "pm_card_chargeDeclined")
        shop.twin.advance(days=32)
        await shop.refresh(plan)
        assert [(grant["state"], grant["grace_until"]) for grant in await shop.grants(plan)] == [("PAUSED", None)]

        shop.twin.disputes.decide(dispute_id, won=True)
        await self.heard(shop, dispute_id)

        (grant,) = await shop.grants(plan)
        assert (grant["state"], grant["grace_until"]) == ("PAST_DUE", (await shop.row(plan))["grace_until"])

    async def test_at_the_same_time_as_it_renews_it_is_closed(self, shop: Shop) -> None:
        await self.suspending(shop)
        plan = await monthly(shop)
        first = (await shop.gateway.invoices_of(plan.provider_id))[0].payment_id or ""
        shop.twin.advance(days=32)
        dispute = shop.twin.disputes.open(first)

        await asyncio.gather(shop.refresh(plan), self.heard(shop, dispute["id"]), shop.refresh(plan), self.heard(shop, dispute["id"]))

        assert [grant["state"] for grant in await shop.grants(plan)] == ["PAUSED"]
        assert len(await shop.orders(plan)) == 2

    async def test_lost_it_is_over(self, shop: Shop) -> None:
        await self.suspending(shop)
        plan = await monthly(shop)
        dispute_id = await self.contested(shop, plan)
        shop.twin.disputes.decide(dispute_id, won=False)
        await self.heard(shop, dispute_id)

        assert (await shop.row(plan))["status"] == "CANCELED"
        assert [grant["revoked_at"] is not None for grant in await shop.grants(plan)] == [True]

    async def test_stays_open_where_the_school_does_not_want_that(self, shop: Shop) -> None:
        plan = await monthly(shop)
        await self.contested(shop, plan)
        await shop.refresh(plan)

        assert [grant["state"] for grant in await shop.grants(plan)] == ["ACTIVE"]

    async def test_the_schools_other_plans_stay_open(self, shop: Shop) -> None:
        await self.suspending(shop)
        plan, other = await monthly(shop), await monthly(shop)
        await self.contested(shop, plan)
        await shop.refresh(other)

        assert [grant["state"] for grant in await shop.grants(other)] == ["ACTIVE"]


class TestEnd:
    async def test_it_is_over_at_once_here_and_there(self, shop: Shop) -> None:
        plan = await monthly(shop)

        await subscriptions.end(caller=shop.caller, subscription_id=plan.id, reason="Refunded.")
        await subscriptions.end(caller=shop.caller, subscription_id=plan.id, reason="Refunded.")
        assert (await shop.row(plan))["status"] == "CANCELED"
        assert (await shop.gateway.subscription(plan.provider_id)).status == "ACTIVE"
        await shop.sweep(plan)

        assert (await shop.gateway.subscription(plan.provider_id)).status == "CANCELED"
        (grant,) = await shop.grants(plan)
        assert grant["revoked_at"] is not None
        assert ((await shop.row(plan))["status"], len(await facts_of(shop.school, ["EntitlementRevoked"]))) == ("CANCELED", 1)


async def test_what_is_taken_after_a_plan_was_ended_goes_back(shop: Shop) -> None:
    plan = await monthly(shop)
    await subscriptions.end(caller=shop.caller, subscription_id=plan.id, reason="Refunded.")
    shop.twin.advance(days=32)  # nobody could tell the provider before it billed again

    for _ in range(2):
        await shop.refresh(plan)

    assert await shop.orders(plan) == [("PURCHASE", "PAID", 3000), ("RENEWAL", "PAID", 3000)]
    (refund,) = await shop.all("SELECT o.kind, r.status, r.amount FROM refunds r JOIN orders o ON o.tenant_id = $1 AND o.id = r.order_id WHERE r.tenant_id = $1")
    assert tuple(refund.values()) == ("RENEWAL", "PENDING", 3000)
    assert len(await facts_of(shop.school, ["RefundDecided"])) == 1
    assert (await shop.gateway.subscription(plan.provider_id)).status == "CANCELED"


async def test_any_order_and_repetition_ends_the_same(shop: Shop) -> None:
    """Two plans live the same life at the provider. Of one each event is worked as it comes, of the other some are lost, some come late and some twice."""
    for seed in range(3):
        dice = random.Random(seed)
        made = await a_course(shop)
        offer_id = await offer(shop, made.course_id)
        prompt, late = await bought(shop, offer_id), await bought(shop, offer_id)
        cards = ["pm_card_visa", "pm_card_chargeDeclined"]
        for _ in range(10):
            match dice.randrange(5):
                case 0:
                    card = dice.choice(cards)
                    for plan in (prompt, late):
                        shop.use_card(plan, card)
                case 1:
                    until = shop.now + timedelta(days=40)
                    for plan in (prompt, late):
                        if (await shop.gateway.subscription(plan.provider_id)).status == "ACTIVE":
                            await shop.gateway.pause_subscription(plan.provider_id, resumes_at=until, key=f"{seed}:{dice.random()}")
                case 2 if (await shop.gateway.subscription(prompt.provider_id)).status == "ACTIVE":
                    for plan in (prompt, late):
                        await shop.gateway.cancel_subscription(plan.provider_id, at_period_end=True, key=f"{plan.id}:{dice.random()}")
                        await shop.gateway.keep_subscription(plan.provider_id, key=f"{plan.id}:{dice.random()}")
                case _:
                    shop.twin.advance(dice.randrange(3 * DAY, 25 * DAY))
            await shop.refresh(prompt)
            if dice.random() < 0.3:
                await asyncio.gather(shop.refresh(late), shop.refresh(late))
        for _ in range(2):
            await shop.refresh(late)
            await shop.refresh(prompt)

        names = ("status", "amount", "cancel_at_period_end", "installments_paid")
        mine, other = await shop.row(prompt), await shop.row(late)
        assert [mine[name] for name in names] == [other[name] for name in names]
        assert await shop.orders(prompt) == await shop.orders(late)
        seconds = timedelta(minutes=5)  # they began one after the other
        for name in ("paid_until", "grace_until", "current_period_end"):
            assert (mine[name] is None) == (other[name] is None)
            assert mine[name] is None or abs(mine[name] - other[name]) < seconds
        (one,), (two,) = await shop.grants(prompt), await shop.grants(late)
        assert one["state"] == two["state"]
        assert (one["ends_at"] is None) == (two["ends_at"] is None)


async def test_an_order_of_a_plan_is_settled_once_however_many_try(shop: Shop) -> None:
    order_id, line_id, account_id = await ordered(shop, await offer(shop, interval=BillingInterval.YEAR))
    again = {"order_id": order_id, "line_id": line_id, "account_id": account_id, "provider_subscription_id": "sub_1"}

    async def begin() -> object:
        async with unit_of_work(shop.caller):
            await database.fetch("SELECT id FROM orders WHERE tenant_id = $1 AND id = $2 FOR UPDATE", shop.school.id, order_id)
            return await subscriptions.begin(caller=shop.caller, **again)

    ids = await asyncio.gather(*(begin() for _ in range(5)))

    assert len(set(ids)) == 1
    assert await shop.one("SELECT count(*) AS n FROM subscriptions WHERE tenant_id = $1") == (1,)

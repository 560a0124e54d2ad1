"""A coupon is held while a checkout is open, redeemed when it is paid, released when it is not; and never used more often than it may be."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from lms_graph.domain.commerce.errors import CouponRejected
from lms_graph.domain.commerce.operations import coupons
from lms_graph.kit.caller import Caller
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.factories.keys import admin
from tests.factories.offers import checkout, coupon
from tests.fixtures.callers import School
from tests.fixtures.rights import fetch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def boss(school: School) -> Caller:
    return await admin(school.system)


async def counts(school: School, coupon_id: UUID) -> tuple[int, int]:
    """How many uses are held, and how many redeemed."""
    (row,) = await fetch(school, "SELECT held, redemptions FROM coupons WHERE tenant_id = $1 AND id = $2", coupon_id)
    return row["held"], row["redemptions"]


async def states(school: School, coupon_id: UUID) -> Counter[str]:
    return Counter(row["state"] for row in await fetch(school, "SELECT state FROM coupon_holds WHERE tenant_id = $1 AND coupon_id = $2", coupon_id))


async def attempt(school: School, coupon_id: UUID, checkout_id: UUID, buyer: str | None = None) -> str:
    """HELD, or why not."""
    try:
        await coupons.hold(caller=school.system, coupon_id=coupon_id, checkout_id=checkout_id, buyer=buyer or uuid4().hex)
    except CouponRejected as rejected:
        return rejected.reason.value
    return "HELD"


class TestHold:
    async def test_of_fifty_at_once_ten_get_a_coupon_with_ten_uses(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=10)
        checkouts = [(await checkout(school.system))[0] for _ in range(50)]

        outcomes = await asyncio.gather(*(attempt(school, id, checkout_id) for checkout_id in checkouts))

        assert Counter(outcomes) == {"HELD": 10, "USED_UP": 40}
        assert await counts(school, id) == (10, 0)
        assert await states(school, id) == {"HELD": 10}

    async def test_of_one_buyer_at_once_as_many_as_a_learner_may(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_per_learner=2)
        checkouts = [(await checkout(school.system))[0] for _ in range(12)]

        outcomes = await asyncio.gather(*(attempt(school, id, checkout_id, "Ada@Example.com") for checkout_id in checkouts))

        assert Counter(outcomes) == {"HELD": 2, "USED_BY_BUYER": 10}
        assert await counts(school, id) == (2, 0)
        assert await attempt(school, id, (await checkout(school.system))[0], "eve@example.com") == "HELD"

    async def test_of_a_first_purchase_at_once_is_one(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, is_first_purchase_only=True)
        checkouts = [(await checkout(school.system))[0] for _ in range(6)]

        outcomes = await asyncio.gather(*(attempt(school, id, checkout_id, "ada@example.com") for checkout_id in checkouts))

        assert Counter(outcomes) == {"HELD": 1, "FIRST_PURCHASE_ONLY": 5}

    async def test_of_who_has_bought_is_refused_where_it_is_for_a_first_purchase(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, is_first_purchase_only=True)
        learner = await account(school.system)
        await checkout(school.system, account_id=learner, paid=True)
        await checkout(school.system, email="Guest@Example.com", paid=True)

        assert await attempt(school, id, (await checkout(school.system))[0], str(learner)) == "FIRST_PURCHASE_ONLY"
        assert await attempt(school, id, (await checkout(school.system))[0], "guest@example.com") == "FIRST_PURCHASE_ONLY"
        assert await attempt(school, id, (await checkout(school.system))[0], "new@example.com") == "HELD"
        assert await counts(school, id) == (1, 0)

    async def test_of_the_same_checkout_again_is_one(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=5)
        checkout_id, _ = await checkout(school.system)

        assert await asyncio.gather(*(attempt(school, id, checkout_id, "ada@example.com") for _ in range(4))) == ["HELD"] * 4
        assert await counts(school, id) == (1, 0)

    async def test_tells_why_nobody_can_use_it(self, school: School, other_school: School, boss: Caller) -> None:
        now = school.system.now
        early, _ = await coupon(boss, starts_at=now + timedelta(hours=1))
        late, _ = await coupon(replace(boss, now=now - timedelta(days=2)), ends_at=now - timedelta(days=1))
        gone, _ = await coupon(boss)
        await coupons.disable_coupon(caller=boss, coupon_id=gone)
        strange, _ = await coupon(await admin(other_school.system))
        checkout_id, _ = await checkout(school.system)

        assert [await attempt(school, id, checkout_id) for id in (early, late, gone, strange, uuid4())] == ["NOT_YET", "EXPIRED", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
        assert await counts(other_school, strange) == (0, 0)
        assert await fetch(school, "SELECT FROM coupon_holds WHERE tenant_id = $1") == []

    async def test_that_is_undone_with_its_checkout_leaves_nothing(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=1)
        checkout_id, _ = await checkout(school.system)

        async def reserve() -> None:
            async with unit_of_work(school.system):
                await coupons.hold(caller=school.system, coupon_id=id, checkout_id=checkout_id, buyer="a@example.com")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await reserve()

        assert await counts(school, id) == (0, 0)


class TestRelease:
    async def test_gives_the_use_back_once(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=1, max_per_learner=1)
        first, second = [(await checkout(school.system))[0] for _ in range(2)]
        await attempt(school, id, first, "ada@example.com")
        assert await attempt(school, id, second, "ada@example.com") == "USED_UP"

        await asyncio.gather(*(coupons.release(caller=school.system, checkout_id=first) for _ in range(5)))

        assert await counts(school, id) == (0, 0)
        assert await attempt(school, id, second, "ada@example.com") == "HELD"
        assert await states(school, id) == {"RELEASED": 1, "HELD": 1}

    async def test_of_a_redeemed_one_changes_nothing(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss)
        checkout_id, _ = await checkout(school.system)
        await attempt(school, id, checkout_id)
        await coupons.redeem(caller=school.system, checkout_id=checkout_id)

        await coupons.release(caller=school.system, checkout_id=checkout_id)

        assert (await counts(school, id), await states(school, id)) == ((0, 1), {"REDEEMED": 1})


class TestRedeem:
    async def test_counts_once_however_often_it_is_told(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=1)
        checkout_id, _ = await checkout(school.system)
        await attempt(school, id, checkout_id)

        await asyncio.gather(*(coupons.redeem(caller=school.system, checkout_id=checkout_id) for _ in range(6)))

        assert (await counts(school, id), await states(school, id)) == ((0, 1), {"REDEEMED": 1})
        assert await attempt(school, id, (await checkout(school.system))[0]) == "USED_UP"

    async def test_against_a_release_at_once_ends_in_a_sum_that_is_right(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=20)
        checkouts = [(await checkout(school.system))[0] for _ in range(10)]
        for checkout_id in checkouts:
            await attempt(school, id, checkout_id)

        await asyncio.gather(*(call(caller=school.system, checkout_id=each) for each in checkouts for call in (coupons.release, coupons.redeem)))

        assert (await counts(school, id), await states(school, id)) == ((0, 10), {"REDEEMED": 10})

    async def test_after_a_release_is_honored_and_counted_where_there_is_room(self, school: School, boss: Caller) -> None:
        id, _ = await coupon(boss, max_redemptions=1)
        late, prompt = [(await checkout(school.system))[0] for _ in range(2)]
        await attempt(school, id, late)
        await coupons.release(caller=school.system, checkout_id=late)
        await attempt(school, id, prompt)

        await coupons.redeem(caller=school.system, checkout_id=late)

        assert (await counts(school, id), await states(school, id)) == ((1, 0), {"REDEEMED": 1, "HELD": 1})

    async def test_of_a_checkout_without_a_coupon_or_of_another_school_changes_nothing(self, school: School, other_school: School, boss: Caller) -> None:
        id, _ = await coupon(boss)
        checkout_id, _ = await checkout(school.system)
        await attempt(school, id, checkout_id)

        await coupons.redeem(caller=other_school.system, checkout_id=checkout_id)
        await coupons.release(caller=other_school.system, checkout_id=checkout_id)
        await coupons.redeem(caller=school.system, checkout_id=(await checkout(school.system))[0])

        assert await counts(school, id) == (1, 0)


async def test_percent_is_kept_in_basis_points(school: School, boss: Caller) -> None:
    id, _ = await coupon(boss, percent_off=Decimal("12.5"))

    assert [row["percent_off_bps"] for row in await fetch(school, "SELECT percent_off_bps FROM coupons WHERE tenant_id = $1 AND id = $2", id)] == [1250]

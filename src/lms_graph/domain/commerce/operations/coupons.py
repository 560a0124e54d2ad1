"""Coupons: made, disabled, and used. A use is held while a checkout is open, redeemed when it is paid, and released when it is not."""

from uuid import UUID

from lms_graph.domain.commerce.errors import CouponReason, CouponRejected
from lms_graph.domain.commerce.queries import coupons as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


async def hold(*, caller: Caller, coupon_id: UUID, checkout_id: UUID, buyer: str) -> None:
    """Reserve one use for a checkout; the same again changes nothing. `buyer` is the account's id or the guest's address.

    Raises CouponRejected, which undoes the unit of work it is raised in.
    """
    buyer = buyer.lower()
    async with unit_of_work(caller):
        made = await database.fetch_one(
            "INSERT INTO coupon_holds (tenant_id, id, coupon_id, checkout_id, buyer, state, created_at) "
            "SELECT $1, $2, c.id, $4, $5, 'HELD', $6 FROM coupons c WHERE c.tenant_id = $1 AND c.id = $3 ON CONFLICT (tenant_id, checkout_id) DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            coupon_id,
            checkout_id,
            buyer,
            caller.now,
        )
        if made is None:
            held = await database.fetch_one("SELECT coupon_id FROM coupon_holds WHERE tenant_id = $1 AND checkout_id = $2", caller.tenant_id, checkout_id)
            if held is None or held["coupon_id"] != coupon_id:
                raise CouponRejected(CouponReason.UNKNOWN)
            return
        coupon = await database.fetch_one(
            "UPDATE coupons SET held = held + 1 WHERE tenant_id = $1 AND id = $2 AND is_active AND (starts_at IS NULL OR starts_at <= $3) AND (ends_at IS NULL OR ends_at > $3) "
            "AND (max_redemptions IS NULL OR held + redemptions < max_redemptions) RETURNING max_per_learner, is_first_purchase_only",
            caller.tenant_id,
            coupon_id,
            caller.now,
        )
        if coupon is None:
            raise CouponRejected(await queries.problem_now(caller=caller, coupon_id=coupon_id) or CouponReason.USED_UP)
        # A statement of its own, after the coupon's row is locked: it sees what those before us in the queue have committed.
        uses = await queries.uses_of_buyer(caller=caller, coupon_id=coupon_id, buyer=buyer)
        if coupon["is_first_purchase_only"] and (uses > 1 or await queries.has_bought(caller=caller, buyers=[buyer])):
            raise CouponRejected(CouponReason.FIRST_PURCHASE_ONLY)
        if coupon["max_per_learner"] is not None and uses > coupon["max_per_learner"]:
            raise CouponRejected(CouponReason.USED_BY_BUYER)


async def redeem(*, caller: Caller, checkout_id: UUID) -> None:
    """The checkout was paid. Once; without a coupon nothing happens. One that was paid after its use was released is honored, and counted where there is room."""
    async with unit_of_work(caller):
        await database.fetch(
            """
            WITH before AS (
                SELECT id, state FROM coupon_holds WHERE tenant_id = $1 AND checkout_id = $2 AND state <> 'REDEEMED' FOR UPDATE
            ), used AS (
                UPDATE coupon_holds h SET state = 'REDEEMED' FROM before b WHERE h.tenant_id = $1 AND h.id = b.id RETURNING h.coupon_id, b.state
            )
            UPDATE coupons c SET held = c.held - (u.state = 'HELD')::int, redemptions = c.redemptions + 1
            FROM used u WHERE c.tenant_id = $1 AND c.id = u.coupon_id AND (u.state = 'HELD' OR c.max_redemptions IS NULL OR c.held + c.redemptions < c.max_redemptions)
            """,
            caller.tenant_id,
            checkout_id,
        )


async def release(*, caller: Caller, checkout_id: UUID) -> None:
    """The checkout was not paid: its use is free again. Once; what was redeemed stays so."""
    async with unit_of_work(caller):
        await database.fetch(
            "WITH freed AS (UPDATE coupon_holds SET state = 'RELEASED' WHERE tenant_id = $1 AND checkout_id = $2 AND state = 'HELD' RETURNING coupon_id) "
            "UPDATE coupons c SET held = c.held - 1 FROM freed f WHERE c.tenant_id = $1 AND c.id = f.coupon_id",
            caller.tenant_id,
            checkout_id,
        )

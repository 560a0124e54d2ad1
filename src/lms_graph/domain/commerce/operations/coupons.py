"""Coupons: made, disabled, and used. A use is held while a checkout is open, redeemed when it is paid, and released when it is not."""

from dataclasses import asdict
from uuid import UUID

from lms_graph.domain.catalog import policies as catalog_policies
from lms_graph.domain.catalog.queries import browse, teams
from lms_graph.domain.commerce import errors, events, policies
from lms_graph.domain.commerce.errors import CouponReason, CouponRejected
from lms_graph.domain.commerce.queries import coupons as queries
from lms_graph.domain.commerce.rules import offers as rules
from lms_graph.domain.commerce.rules.offers import CouponDraft
from lms_graph.domain.identity.queries import accounts
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def create_coupon(*, caller: Caller, draft: CouponDraft, key: str | None) -> UUID:
    """Make a coupon, once per key; gives its id. Only the house itself leaves the key out.

    Raises SignedOut, NotAllowed, CodeTaken (also for the later of two at once), Invalid with every issue, IdempotencyConflict. Records CouponCreated.
    """
    policies.require_may_see_coupons(caller)
    await _require_may_make(caller, draft.course_ids, has_affiliate=draft.affiliate_account_id is not None)
    values = rules.coupon_values(draft, caller.now)

    async def create(work: UnitOfWork) -> UUID:
        found = {row["id"] for row in await browse.courses_by_ids(caller=caller, ids=list(draft.course_ids))}
        issues = [Issue("There is no such course here.", ("courseIds", str(index))) for index, id in enumerate(draft.course_ids) if id not in found]
        if draft.affiliate_account_id and not await accounts.is_active(caller=caller, account_id=draft.affiliate_account_id):
            issues.append(Issue("There is no such member here.", ("affiliateId",)))
        if issues:
            raise Invalid(*issues)
        coupon_id = new_id()
        with database.unique(otherwise=errors.CodeTaken):
            await rows.Coupon.create(
                id=coupon_id,
                tenant_id=caller.tenant_id,
                **asdict(values),
                is_for_all=not draft.course_ids,
                max_redemptions=draft.max_redemptions,
                max_per_learner=draft.max_per_learner,
                is_first_purchase_only=draft.is_first_purchase_only,
                starts_at=draft.starts_at,
                ends_at=draft.ends_at,
                affiliate_account_id=draft.affiliate_account_id,
                created_at=caller.now,
            )
        await rows.CouponCourse.bulk_create(rows.CouponCourse(tenant_id=caller.tenant_id, coupon_id=coupon_id, course_id=course_id) for course_id in draft.course_ids)
        work.record(events.CouponCreated(coupon_id=coupon_id))
        return coupon_id

    if key is None and caller.is_system:
        async with unit_of_work(caller) as work:
            return await create(work)
    return await once(caller, field="couponCreate", key=key or "", body=asdict(draft), run=create)


async def disable_coupon(*, caller: Caller, coupon_id: UUID) -> UUID:
    """Take it for no checkout any more; again changes nothing. For who may make such a one. A checkout that holds it keeps its price. Raises SignedOut, NotAllowed, CouponNotFound. Records CouponDisabled, once."""
    policies.require_may_see_coupons(caller)
    async with unit_of_work(caller) as work:
        if not await queries.coupons_by_ids(caller=caller, ids=[coupon_id]):
            raise errors.CouponNotFound()
        course_ids = tuple(row["course_id"] for row in await queries.courses_of_coupons(caller=caller, coupon_ids=[coupon_id]))
        await _require_may_make(caller, course_ids, has_affiliate=False)
        if await rows.Coupon.for_caller(caller, id=coupon_id, is_active=True).update(is_active=False):
            work.record(events.CouponDisabled(coupon_id=coupon_id))
    return coupon_id


async def _require_may_make(caller: Caller, course_ids: tuple[UUID, ...], *, has_affiliate: bool) -> None:
    """First, and not in the request's own unit of work: a refusal is no outcome to be told again."""
    async with unit_of_work(caller):
        held = await teams.roles_in_teams(caller=caller, course_ids=list(course_ids)) if course_ids else {}
    policies.require_may_make_coupon(caller, [catalog_policies.permissions_on_course(caller, held.get(id)) for id in course_ids], has_affiliate=has_affiliate)


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

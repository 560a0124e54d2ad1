"""Coupons, and whether one holds for a buyer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import teams
from lms_graph.domain.commerce.errors import CouponReason, CouponRejected
from lms_graph.domain.commerce.rules.pricing import CouponTerms
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import CouponKind

COLUMNS = (
    "c.id, c.code, c.kind, c.percent_off_bps, c.amount, c.currency, c.is_for_all, c.max_redemptions, c.max_per_learner, c.is_first_purchase_only, c.minimum_amount, c.starts_at, "
    "c.ends_at, c.affiliate_account_id, c.affiliate_share_bps, c.held, c.redemptions, c.is_active, c.created_at"
)


_TO_SEE = (Permission.OFFERS_MANAGE, Permission.COURSES_SELL)
# Who manages offers ($2) sees all; whoever sells courses ($3 is their account) such as are for courses of their teams alone.
_SEEN = (
    f"($2 OR (NOT c.is_for_all AND NOT EXISTS (SELECT FROM coupon_courses o WHERE o.tenant_id = c.tenant_id AND o.coupon_id = c.id AND NOT {teams.in_team('o.course_id', '$3')})))"
)
_BY_AGE = [Term("created_at", "c.created_at", "timestamptz", descending=True), Term("id", "c.id", "uuid", descending=True)]


def _sees(caller: Caller) -> tuple[bool, UUID | None]:
    return caller.may(Permission.OFFERS_MANAGE), caller.account_id if caller.may(Permission.COURSES_SELL) else None


async def coupons_by_ids(*, caller: Caller, ids: list[UUID]) -> list[database.Record]:
    """Of these such as the caller may see."""
    if not caller.may(*_TO_SEE):
        return []
    return await database.fetch(f"SELECT {COLUMNS} FROM coupons c WHERE c.tenant_id = $1 AND {_SEEN} AND c.id = ANY($4)", caller.tenant_id, *_sees(caller), ids)


async def page_of_coupons(*, caller: Caller, cursors: Cursors, request: PageRequest) -> Page[Any]:
    """The latest first, disabled ones too. Raises SignedOut, NotAllowed."""
    caller.require(*_TO_SEE)
    keys = keyset(cursors, request, _BY_AGE, of=("coupons", caller.tenant_id), offset=3)
    rows = await database.fetch(
        f"SELECT {COLUMNS}, c.created_at AS _created_at, c.id AS _id FROM coupons c WHERE c.tenant_id = $1 AND {_SEEN} AND {keys.where} ORDER BY {keys.order_by} LIMIT {keys.limit}",
        caller.tenant_id,
        *_sees(caller),
        *keys.parameters,
    )
    return keys.page(rows)


async def count_coupons(*, caller: Caller) -> int:
    """Raises SignedOut, NotAllowed."""
    caller.require(*_TO_SEE)
    return int(await database.fetch_value(f"SELECT count(*) FROM coupons c WHERE c.tenant_id = $1 AND {_SEEN}", caller.tenant_id, *_sees(caller)))


async def courses_of_coupons(*, caller: Caller, coupon_ids: list[UUID]) -> list[database.Record]:
    return await database.fetch(
        "SELECT coupon_id, course_id FROM coupon_courses WHERE tenant_id = $1 AND coupon_id = ANY($2) ORDER BY coupon_id, course_id", caller.tenant_id, coupon_ids
    )


async def terms_of_code(*, caller: Caller, code: str, buyers: Sequence[str]) -> CouponTerms:
    """What a code does, where it holds now for a buyer (their account's id, their address; none for a visitor of whom nothing is known). Only looks: `hold` has the last word.

    Raises CouponRejected.
    """
    row = await database.fetch_one(
        f"SELECT {COLUMNS}, (SELECT array_agg(o.course_id) FROM coupon_courses o WHERE o.tenant_id = c.tenant_id AND o.coupon_id = c.id) AS course_ids "
        "FROM coupons c WHERE c.tenant_id = $1 AND c.code = $2",
        caller.tenant_id,
        code.strip().upper(),
    )
    if row is None:
        raise CouponRejected(CouponReason.UNKNOWN)
    if reason := _problem(row, caller.now):
        raise CouponRejected(reason)
    if row["is_first_purchase_only"] and await has_bought(caller=caller, buyers=buyers):
        raise CouponRejected(CouponReason.FIRST_PURCHASE_ONLY)
    if row["max_per_learner"] is not None and await uses_of_buyer(caller=caller, coupon_id=row["id"], buyer=buyers[0] if buyers else "") >= row["max_per_learner"]:
        raise CouponRejected(CouponReason.USED_BY_BUYER)
    return CouponTerms(
        id=row["id"],
        kind=CouponKind(row["kind"]),
        percent_off_bps=row["percent_off_bps"],
        amount=row["amount"],
        currency=row["currency"],
        course_ids=None if row["is_for_all"] else frozenset(row["course_ids"] or ()),
        minimum_amount=row["minimum_amount"],
        affiliate=None if row["affiliate_account_id"] is None else (row["affiliate_account_id"], row["affiliate_share_bps"]),
    )


async def problem_now(*, caller: Caller, coupon_id: UUID) -> CouponReason | None:
    """Why nobody can use a coupon now."""
    row = await database.fetch_one(f"SELECT {COLUMNS} FROM coupons c WHERE c.tenant_id = $1 AND c.id = $2", caller.tenant_id, coupon_id)
    return CouponReason.UNKNOWN if row is None else _problem(row, caller.now)


def _problem(row: Any, now: datetime) -> CouponReason | None:
    if not row["is_active"]:
        return CouponReason.UNKNOWN
    if row["starts_at"] is not None and row["starts_at"] > now:
        return CouponReason.NOT_YET
    if row["ends_at"] is not None and row["ends_at"] <= now:
        return CouponReason.EXPIRED
    if row["max_redemptions"] is not None and row["held"] + row["redemptions"] >= row["max_redemptions"]:
        return CouponReason.USED_UP
    return None


async def uses_of_buyer(*, caller: Caller, coupon_id: UUID, buyer: str) -> int:
    """How often a buyer uses a coupon: in open checkouts, and in paid ones."""
    return int(
        await database.fetch_value(
            "SELECT count(*) FROM coupon_holds WHERE tenant_id = $1 AND coupon_id = $2 AND buyer = $3 AND state <> 'RELEASED'", caller.tenant_id, coupon_id, buyer.lower()
        )
    )


async def has_bought(*, caller: Caller, buyers: Sequence[str]) -> bool:
    """Whether one of these (accounts' ids, addresses) has a paid order."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS (SELECT FROM orders WHERE tenant_id = $1 AND account_id = ANY($2::uuid[]) AND paid_at IS NOT NULL) "
            "OR EXISTS (SELECT FROM orders WHERE tenant_id = $1 AND account_id IS NULL AND lower(email) = ANY($3::text[]) AND paid_at IS NOT NULL)",
            caller.tenant_id,
            [UUID(buyer) for buyer in buyers if "@" not in buyer],
            [buyer.lower() for buyer in buyers if "@" in buyer],
        )
    )

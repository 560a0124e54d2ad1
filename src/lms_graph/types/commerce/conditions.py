"""Conditions of sales that carry data."""

import strawberry

from lms_graph.domain.commerce import errors
from lms_graph.types.enums import described
from lms_graph.types.errors import UserError, condition
from lms_graph.types.money import Money

CouponReason = described(
    errors.CouponReason,
    "CouponReason",
    "Why a coupon does not hold.",
    UNKNOWN="There is no such coupon, or it was disabled.",
    NOT_YET="It holds later.",
    EXPIRED="It held until before now.",
    USED_UP="It was used as often as it may be, or open checkouts hold what is left.",
    USED_BY_BUYER="The buyer has used it as often as one may.",
    FIRST_PURCHASE_ONLY="The buyer has bought something before.",
    BELOW_MINIMUM="What it is for costs less than the least it takes, after credit and before the discount.",
    OTHER_CURRENCY="It is in another currency than the prices.",
    NOT_APPLICABLE="It is for something else, or nothing that it could lower is due now.",
)


@strawberry.type(description="A coupon does not hold.")
class CouponRejected(UserError):
    reason: CouponReason = strawberry.field(description="Why.")


@strawberry.type(description="The total is another one than the buyer saw.")
class PriceChanged(UserError):
    total: Money = strawberry.field(description="What it is now.")


condition("COUPON_REJECTED", CouponRejected, lambda data: {"reason": errors.CouponReason(data["reason"])})
condition("PRICE_CHANGED", PriceChanged, lambda data: {"total": Money.of(data["amount"], data["currency"])})

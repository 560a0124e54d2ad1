"""Root fields of coupons."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import coupons
from lms_graph.domain.commerce.queries import coupons as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.coupons import Coupon, CouponConnection, CouponCreateInput, CouponCreatePayload, CouponDisableInput, CouponDisablePayload
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query

_MAY = (Permission.OFFERS_MANAGE, Permission.COURSES_SELL)


@strawberry.type
class CouponsQuery:
    @query(
        description="Coupons, the latest first, disabled ones too. Who holds OFFERS_MANAGE sees all, who holds COURSES_SELL such as are for courses of their teams alone.",
        requires=_MAY,
    )
    async def coupons(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> CouponConnection:
        caller = info.context.caller
        page = await queries.page_of_coupons(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before))
        return CouponConnection.of(page, Coupon.from_row, lambda: queries.count_coupons(caller=caller))


@strawberry.type
class CouponsMutation:
    @mutation(
        description="Make a coupon. Who holds COURSES_SELL alone: for courses that they may publish, without an affiliate, else FORBIDDEN. "
        "Codes: CONFLICT when the code is taken, IDEMPOTENCY_CONFLICT, NOT_FOUND, INVALID.",
        requires=_MAY,
    )
    async def coupon_create(self, info: Info, input: Annotated[CouponCreateInput, strawberry.argument(description="The coupon.")]) -> CouponCreatePayload:
        return CouponCreatePayload(coupon_id=await coupons.create_coupon(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Take a coupon no more. An open checkout that holds it keeps its price. Again it changes nothing. Who could make it, else FORBIDDEN. Codes: NOT_FOUND.",
        requires=_MAY,
    )
    async def coupon_disable(self, info: Info, input: Annotated[CouponDisableInput, strawberry.argument(description="Which coupon.")]) -> CouponDisablePayload:
        return CouponDisablePayload(coupon_id=await coupons.disable_coupon(caller=info.context.caller, **input.as_arguments()))

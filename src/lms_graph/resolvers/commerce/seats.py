"""Root fields about seats, gifts and vouchers."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import seats
from lms_graph.domain.commerce.queries import seats as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.seats import (
    CodeRedeemInput,
    CodeRedeemPayload,
    SeatAssignInput,
    SeatAssignPayload,
    SeatPool,
    SeatPoolConnection,
    SeatPoolWhere,
    SeatReclaimInput,
    SeatReclaimPayload,
    VoucherCloseInput,
    VoucherClosePayload,
    VoucherCreateInput,
    VoucherCreatePayload,
)
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.nodes import decode_or_none


@strawberry.type
class SeatsQuery:
    @query(description="A pool of seats; null when there is none. Its owner, and who holds SEATS_MANAGE.")
    async def seat_pool(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> SeatPool | None:
        found: SeatPool | None = await info.context.loaders.commerce.seat_pool.load(uuid) if (uuid := decode_or_none(id, "sea")) else None
        return found

    @query(description="Every pool of the tenant, vouchers among them, latest first.", requires=[Permission.SEATS_MANAGE])
    async def seat_pools(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[SeatPoolWhere | None, strawberry.argument(description="What they must be like.")] = None,
    ) -> SeatPoolConnection:
        caller = info.context.caller
        kinds = where.kind.values() if where and where.kind else None
        page = await queries.page_of_all(caller=caller, kinds=kinds, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before))
        return SeatPoolConnection.of(page, lambda row: SeatPool.from_row(row, caller))


@strawberry.type
class SeatsMutation:
    @mutation(
        description="Give a seat to whoever owns an address. An account that has proved it has the course at once; for others the seat waits, with a code. The pool's owner, and SEATS_MANAGE. The same address "
        "again changes nothing. Codes: NOT_FOUND, INVALID, LIMIT_REACHED when every seat is taken, CONFLICT when the pool is closed, or for a gift to oneself; RATE_LIMITED for an address that was given seats of the pool again and again, and for more than a thousand at once."
    )
    async def seat_assign(self, info: Info, input: Annotated[SeatAssignInput, strawberry.argument(description="Who gets a seat of which pool.")]) -> SeatAssignPayload:
        return SeatAssignPayload(pool_id=await seats.assign(caller=info.context.caller, throttle=info.context.adapters.throttle, **input.as_arguments()))

    @mutation(
        description="Take a seat back into its pool. One that was redeemed goes back, with the access that it gave, while its learner is through less than 20 % of the course. The pool's owner, and "
        "SEATS_MANAGE. Again it changes nothing. Codes: NOT_FOUND, CONFLICT."
    )
    async def seat_reclaim(self, info: Info, input: Annotated[SeatReclaimInput, strawberry.argument(description="Which seat.")]) -> SeatReclaimPayload:
        return SeatReclaimPayload(pool_id=await seats.reclaim(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Take the course that a code opens. Signed in. The same account again gets the same run. Codes: NOT_FOUND for a code that opens nothing here, LIMIT_REACHED when every seat is taken, "
        "CONFLICT when it has expired, was redeemed by somebody else, is one's own gift, or for a course that one has; RATE_LIMITED after many wrong codes."
    )
    async def code_redeem(self, info: Info, input: Annotated[CodeRedeemInput, strawberry.argument(description="The code.")]) -> CodeRedeemPayload:
        _, run_id = await seats.redeem(caller=info.context.caller, code=input.code, throttle=info.context.adapters.throttle)
        return CodeRedeemPayload(enrollment_id=run_id)

    @mutation(description="Make a code that opens a course without a payment. Codes: NOT_FOUND, INVALID, IDEMPOTENCY_CONFLICT.", requires=[Permission.SEATS_MANAGE])
    async def voucher_create(self, info: Info, input: Annotated[VoucherCreateInput, strawberry.argument(description="For what, and for how many.")]) -> VoucherCreatePayload:
        return VoucherCreatePayload(pool_id=await seats.create_voucher(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Let nobody redeem a voucher any more; who has done so keeps the course. Again it changes nothing. Codes: NOT_FOUND, INVALID.",
        requires=[Permission.SEATS_MANAGE],
    )
    async def voucher_close(self, info: Info, input: Annotated[VoucherCloseInput, strawberry.argument(description="Which one, and why.")]) -> VoucherClosePayload:
        return VoucherClosePayload(pool_id=await seats.close_voucher(caller=info.context.caller, **input.as_arguments()))

"""Root fields of refunds."""

from decimal import Decimal
from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import refunds as operations
from lms_graph.domain.commerce.queries import refunds as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.refunds import (
    AMOUNT,
    OrderRefundInput,
    OrderRefundPayload,
    RefundConnection,
    RefundDecideInput,
    RefundDecidePayload,
    RefundPreview,
    RefundRequestInput,
    RefundRequestPayload,
    RefundWhere,
)
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.nodes import decode_or_none


@strawberry.type
class RefundsQuery:
    @query(
        description="What a refund of an order would be now: whether the policy covers it, who gives how much, and what would close. Its buyer, and who holds ORDERS_READ or REFUNDS_DECIDE; "
        "null for everybody else.",
        cost=20,
    )
    async def refund_preview(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID, strawberry.argument(description="The order.")],
        amount: Annotated[Decimal | None, strawberry.argument(description=AMOUNT)] = None,
        line_ids: Annotated[list[strawberry.ID] | None, strawberry.argument(description="Of these lines only; at most 250. Of all when left out.")] = None,
    ) -> RefundPreview | None:
        id = decode_or_none(order_id, "ord")
        lines = None if line_ids is None else [uuid for line in line_ids if (uuid := decode_or_none(line, "lin"))]
        found = await queries.preview(caller=info.context.caller, order_id=id, amount=amount, line_ids=lines) if id else None
        return None if found is None else RefundPreview.of(found)

    @query(description="All refunds of the tenant, latest first. Who holds ORDERS_READ or REFUNDS_DECIDE.", requires=[Permission.ORDERS_READ, Permission.REFUNDS_DECIDE])
    async def refunds(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[RefundWhere | None, strawberry.argument(description="What the refunds must be like.")] = None,
    ) -> RefundConnection:
        request = PageRequest(first, after, last, before)
        page: RefundConnection = await info.context.loaders.commerce.refunds.load((request, tuple(chosen) if (chosen := (where or RefundWhere()).statuses()) is not None else None))
        return page


@strawberry.type
class RefundsMutation:
    @mutation(
        description="Ask for money of one's own order back, within the school's policy. Where the school grants that at once it is PENDING; else it waits for a decision, and always for who asks often. "
        "Signed in. Codes: NOT_FOUND, REFUND_NOT_ELIGIBLE, REFUND_EXCEEDS_BALANCE, IDEMPOTENCY_CONFLICT, INVALID.",
        cost=30,
    )
    async def refund_request(self, info: Info, input: Annotated[RefundRequestInput, strawberry.argument(description="Which order, how much, and why.")]) -> RefundRequestPayload:
        return RefundRequestPayload(refund_id=await operations.request_refund(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Grant or reject what a buyer asked for. Nobody decides on their own. The same decision again changes nothing. "
        "Codes: NOT_FOUND, CONFLICT when it was decided, ORDER_DISPUTED, REFUND_EXCEEDS_BALANCE, INVALID.",
        cost=30,
        requires=[Permission.REFUNDS_DECIDE],
    )
    async def refund_decide(self, info: Info, input: Annotated[RefundDecideInput, strawberry.argument(description="Which, and how.")]) -> RefundDecidePayload:
        return RefundDecidePayload(refund_id=await operations.decide_refund(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Give money of an order back, in part or whole, whatever the policy; each party's share goes back in proportion. Not of one's own order. "
        "Codes: NOT_FOUND, REFUND_EXCEEDS_BALANCE, ORDER_DISPUTED, IDEMPOTENCY_CONFLICT, INVALID.",
        cost=30,
        requires=[Permission.REFUNDS_DECIDE],
    )
    async def order_refund(self, info: Info, input: Annotated[OrderRefundInput, strawberry.argument(description="Which order, how much, and why.")]) -> OrderRefundPayload:
        given = input.as_arguments()
        lines = None if given["lines"] is None else [operations.LineAmount(line_id=id, amount=amount) for id, amount in given["lines"]]
        refund_id = await operations.refund_order(caller=info.context.caller, **given | {"lines": lines})
        return OrderRefundPayload(refund_id=refund_id, order_id=given["order_id"])

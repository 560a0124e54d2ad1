"""Root fields of orders."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.queries import orders
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.orders import Order, OrderConnection, OrderOrder, OrdersExport, OrderWhere
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import query
from lms_graph.types.nodes import decode_or_none


@strawberry.type
class OrdersQuery:
    @query(description="An order: one's own, or any for who holds ORDERS_READ; else null. A guest sees theirs with `checkout` until it is claimed.")
    async def order(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The order.")]) -> Order | None:
        order_id = decode_or_none(id, "ord")
        found: Order | None = await info.context.loaders.commerce.order.load(order_id) if order_id else None
        return found

    @query(description="All orders of the tenant, latest first unless ordered otherwise. Who holds ORDERS_READ.", requires=[Permission.ORDERS_READ])
    async def orders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[OrderWhere | None, strawberry.argument(description="What the orders must be like.")] = None,
        order_by: Annotated[list[OrderOrder] | None, strawberry.argument(description="Their order; at most 2 terms.")] = None,
    ) -> OrderConnection:
        caller, chosen = info.context.caller, (where or OrderWhere()).as_filter()
        page = await orders.page_of_orders(
            caller=caller,
            cursors=info.context.adapters.cursors,
            request=PageRequest(first, after, last, before),
            where=chosen,
            order=[term.as_term() for term in order_by or ()],
        )
        return OrderConnection.of(page, Order.from_row, lambda: orders.count_orders(caller=caller, where=chosen))

    @query(
        description="Orders for accounting, as a file: say `where: { status: { eq: PENDING } }` for the open ones. Who holds ORDERS_READ.",
        requires=[Permission.ORDERS_READ],
        cost=50,
    )
    async def orders_export(self, info: Info, where: Annotated[OrderWhere | None, strawberry.argument(description="What the orders must be like.")] = None) -> OrdersExport:
        caller, adapters, chosen = info.context.caller, info.context.adapters, (where or OrderWhere()).as_filter()
        token, ends_at = orders.export_token(caller=caller, where=chosen, secret_keys=adapters.secret_keys)
        return OrdersExport(url=f"{info.context.base_url}/exports/orders/{token}", expires_at=ends_at)

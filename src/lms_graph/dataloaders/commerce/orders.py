"""Loaders of orders and checkouts."""

from functools import cached_property
from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.commerce import policies
from lms_graph.domain.commerce.queries import checkouts, orders
from lms_graph.domain.commerce.rules.orders import OrderFilter
from lms_graph.domain.payouts.queries import shares
from lms_graph.kit.pages import PageRequest
from lms_graph.types.commerce.checkouts import Checkout
from lms_graph.types.commerce.orders import Order, OrderConnection, OrderLine, Payment, PaymentSums
from lms_graph.types.money import Money


class OrderLoaders(AreaLoaders):
    @cached_property
    def shown_orders(self) -> set[UUID]:
        """Orders that this operation may show though they are nobody's: a guest has said the token of their checkout."""
        return set()

    @batch
    async def checkout(self, ids: list[UUID]) -> list[Checkout | None]:
        """The caller's own."""
        return matched(await checkouts.own_checkouts(caller=self.caller, ids=ids), "id", ids, Checkout.from_row)

    @batch
    async def order(self, ids: list[UUID]) -> list[Order | None]:
        """The caller's own; anybody's for who holds ORDERS_READ."""
        return matched(await orders.orders_by_ids(caller=self.caller, ids=ids, shown=self.shown_orders), "id", ids, Order.from_row)

    @batch
    async def order_line(self, ids: list[UUID]) -> list[OrderLine | None]:
        return matched(await orders.lines_by_ids(caller=self.caller, ids=ids), "id", ids, OrderLine.from_row)

    @batch
    async def payment(self, ids: list[UUID]) -> list[Payment | None]:
        return matched(await orders.payments_by_ids(caller=self.caller, ids=ids), "id", ids, self._payment)

    @batch
    async def sums_of_payment(self, order_ids: list[UUID]) -> list[PaymentSums | None]:
        """For who holds ORDERS_READ: of the payment that succeeded of each order."""
        if not policies.may_read_orders(self.caller):
            return [None] * len(order_ids)
        sums = await shares.sums_of_orders(caller=self.caller, order_ids=order_ids)
        currencies = {row["id"]: row["currency"] for row in await orders.orders_by_ids(caller=self.caller, ids=order_ids)}
        return [PaymentSums(*(Money.of(amount, currencies[id]) for amount in sums.get(id, (0, 0)))) if id in currencies else None for id in order_ids]

    @batch
    async def lines_of_order(self, order_ids: list[UUID]) -> list[list[OrderLine]]:
        return grouped(await orders.lines_of_orders(caller=self.caller, order_ids=order_ids, shown=self.shown_orders), "order_id", order_ids, OrderLine.from_row)

    @batch
    async def payments_of_order(self, order_ids: list[UUID]) -> list[list[Payment]]:
        return grouped(await orders.payments_of_orders(caller=self.caller, order_ids=order_ids, shown=self.shown_orders), "order_id", order_ids, self._payment)

    @batch
    async def own_orders(self, keys: list[tuple[PageRequest, OrderFilter]]) -> list[OrderConnection]:
        """The viewer's: one key a page."""
        return [await self._own_orders(request, where) for request, where in keys]

    async def _own_orders(self, request: PageRequest, where: OrderFilter) -> OrderConnection:
        page = await orders.page_of_orders(caller=self.caller, cursors=self.adapters.cursors, request=request, where=where, own=True)
        return OrderConnection.of(page, Order.from_row, lambda: orders.count_orders(caller=self.caller, where=where, own=True))

    def _payment(self, row: Any) -> Payment:
        return Payment.from_row(row, sees_all=policies.may_read_orders(self.caller))

"""What an order may become."""

from lms_graph.models.commerce import OrderStatus

# A canceled order was not paid in time. Money that comes in all the same is honored.
TRANSITIONS: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.PENDING: (OrderStatus.PAID, OrderStatus.CANCELED),
    OrderStatus.PAID: (OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED),
    OrderStatus.PARTIALLY_REFUNDED: (OrderStatus.REFUNDED,),
    OrderStatus.REFUNDED: (),
    OrderStatus.CANCELED: (OrderStatus.PAID,),
}


def is_payable(status: OrderStatus) -> bool:
    return OrderStatus.PAID in TRANSITIONS[status]

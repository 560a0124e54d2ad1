"""What an order may become, and how orders are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """Which orders are meant: all of what is given."""

    statuses: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    numbers: Sequence[str] | None = None
    emails: Sequence[str] | None = None
    account_id: UUID | None = None
    placed_from: datetime | None = None
    placed_before: datetime | None = None

"""Refunds: what one would be, those there are, and how they are asked for and decided."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.commerce.rules import refunds as rules
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.types.connections import Connection
from lms_graph.types.costs import listed
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload, UserError, condition
from lms_graph.types.filters import chosen
from lms_graph.types.money import Money
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.permissions import requiring

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.commerce.invoices import Invoice
    from lms_graph.types.commerce.orders import Order
    from lms_graph.types.identity.accounts import Profile

RefundStatus = described(
    rows.RefundStatus,
    "RefundStatus",
    "Where a refund stands.",
    REQUESTED="Its buyer asks for it, and somebody is to decide.",
    REJECTED="It was not granted.",
    PENDING="It was granted, and is with the payment provider.",
    SUCCEEDED="The provider has sent the money back.",
    FAILED="The provider could not, and nothing has changed.",
)

AccessChange = described(
    rows.AccessChange,
    "AccessChange",
    "What a refund does to what was bought. Whatever else its learner holds stays open, and certificates that were earned stay good.",
    KEEP="Nothing closes.",
    REVOKE="What is fully refunded closes.",
)

RefundObstacle = described(
    rules.Obstacle,
    "RefundObstacle",
    "Why a buyer gets nothing back by the school's policy alone. Further values may come.",
    NOT_PAID="The order is not paid.",
    NOTHING_LEFT="All of it went back, or is on its way.",
    DISPUTED="The payment is contested at the buyer's bank, or was taken back by it.",
    WAITING="A request for this order waits for a decision.",
    NOT_OFFERED="The school gives nothing back by its own word.",
    WINDOW_OVER="The days in which a refund can be asked for are over.",
    CONSUMED="More of it was used than the policy allows.",
)

DECIDERS = requiring([Permission.REFUNDS_DECIDE])
STAFF = requiring([Permission.ORDERS_READ, Permission.REFUNDS_DECIDE])


@strawberry.enum(description="What becomes of a request for a refund.")
class RefundDecision(Enum):
    APPROVE = strawberry.enum_value("APPROVE", description="The money goes back.")
    REJECT = strawberry.enum_value("REJECT", description="It does not.")


@strawberry.type(description="What one line of an order gives to a refund. Frozen once it is granted.")
class RefundLine:
    line_id: strawberry.ID = strawberry.field(description="The order's line.")
    amount: Money = strawberry.field(description="How much of it goes back, tax included.")
    tax: Money = strawberry.field(description="The part of `amount` that is tax.")


@strawberry.type(description="Money of an order that goes back, or is asked for. Its buyer, and who holds ORDERS_READ or REFUNDS_DECIDE.")
class Refund(Node):
    status: RefundStatus = strawberry.field(description="Where it stands.")
    amount: Money = strawberry.field(description="How much, tax included.")
    reason: str = strawberry.field(description="Why, in the words of who asked for it or gave it: 1 to 500 characters.")
    access_change: AccessChange = strawberry.field(description="What it does to what was bought, once the money is back.")
    created_at: datetime = strawberry.field(description="When it was asked for, or given.")
    decided_at: datetime | None = strawberry.field(description="When it was granted or rejected; null while it waits.")
    settled_at: datetime | None = strawberry.field(description="When the money was back; null before, and where it never is.")
    decision_note: str | None = strawberry.field(description="What who decided says to the buyer, up to 500 characters.")
    failure_message: str | None = strawberry.field(
        description="Why the provider could not send it, or sent it back afterwards; up to 500 characters. ORDERS_READ or REFUNDS_DECIDE, else null.", directives=STAFF
    )
    lines: list[RefundLine] = listed(3, description="What each line gives; for a request, what it would give.")
    uuid: strawberry.Private[UUID]
    order_id: strawberry.Private[UUID]
    asked_by_id: strawberry.Private[UUID | None]
    decided_by_id: strawberry.Private[UUID | None]

    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="The order it is of.")
    credit_note: Annotated["Invoice", strawberry.lazy("lms_graph.types.commerce.invoices")] | None = child(
        "commerce.credit_note", key="uuid", description="The document of it, a few seconds after the money was back; null before."
    )
    requested_by: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="asked_by_id", description="Who asked for it; null where the school gave it by itself, or it was made at the provider."
    )
    decided_by: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile",
        key="decided_by_id",
        description="Who decided; null where the policy did, an API key, or somebody at the provider. ORDERS_READ or REFUNDS_DECIDE, else null.",
        requires=[Permission.ORDERS_READ, Permission.REFUNDS_DECIDE],
    )

    @classmethod
    def from_row(cls, row: Any, *, sees_all: bool, allocation: Any) -> Self:
        currency = row["currency"]
        return cls(
            id=strawberry.ID(public_id("rfd", row["id"])),
            uuid=row["id"],
            status=rows.RefundStatus(row["status"]),
            amount=Money.of(row["amount"], currency),
            reason=row["reason"],
            access_change=rows.AccessChange(row["access_change"]),
            created_at=row["created_at"],
            decided_at=row["decided_at"],
            settled_at=row["settled_at"],
            decision_note=row["decision_note"],
            failure_message=row["failure_message"] if sees_all else None,
            lines=[
                RefundLine(line_id=strawberry.ID(public_id("lin", part.line_id)), amount=Money.of(part.amount, currency), tax=Money.of(part.tax, currency))
                for part in rules.read(allocation)
            ],
            order_id=row["order_id"],
            asked_by_id=row["requested_by_account_id"],
            decided_by_id=row["decided_by_account_id"] if sees_all else None,
        )


@strawberry.type(description="A page of refunds.")
class RefundConnection(Connection[Refund]):
    pass


@strawberry.input(description="The status must be one of these.")
class RefundStatusFilter:
    in_: list[RefundStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: RefundStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the refunds must be like: all of what is given.")
class RefundWhere:
    status: RefundStatusFilter | None = strawberry.field(default=None, description="By where they stand: REQUESTED is what waits for a decision.")

    def statuses(self) -> list[str] | None:
        found = chosen(self.status.in_, self.status.eq) if self.status else None
        return None if found is None else [status.value for status in found]


@strawberry.type(description="The terms of a school's own word, as they hold now. What the law gives a buyer stays.")
class RefundTerms:
    window_days: int = strawberry.field(description="How many days after the payment a refund can be asked for: 0 (none) to 365.")
    max_progress_percent: int = strawberry.field(description="Up to how much of a course may be used by then: 0 to 100 percent.")


@strawberry.type(description="Somebody whose money a refund moves.")
class RefundParty:
    name: str = strawberry.field(description="The buyer, the school, an instructor, an affiliate, the platform, or the tax.")
    amount: Money = strawberry.field(description="How much of the refund: the buyer gets it; each other gives their part, in proportion to what they had of the sale.")


@strawberry.type(description="How often a buyer had money back, of the orders they paid within the last 180 days. REFUNDS_DECIDE.")
class RefundRecord:
    orders: int = strawberry.field(description="How many orders they paid that cost something.")
    refunded: int = strawberry.field(description="Of how many of these money went back, in part or whole, by refund or by their bank, or is on its way.")
    serial: bool = strawberry.field(description="Whether that is often: three of them, or two and at least half. Nothing is then granted without a decision.")

    @classmethod
    def of(cls, record: Any) -> Self:
        return cls(orders=record.orders, refunded=record.refunded, serial=record.is_serial)


@strawberry.type(description="What a refund of an order would be now. Nothing is reserved by asking.")
class RefundPreview:
    eligible: bool = strawberry.field(description="Whether the school's policy covers it. Who holds REFUNDS_DECIDE can refund an order all the same.")
    obstacle: RefundObstacle | None = strawberry.field(description="What keeps the policy from covering it; null where nothing does.")
    policy: RefundTerms = strawberry.field(description="The school's terms.")
    consumed_percent: int = strawberry.field(
        description="How much was used, 0 to 100, rounded up: of the line of which most was. Lectures count alike, one that is being watched by the share of it that was."
    )
    refundable: Money = strawberry.field(description="What is left of the lines: paid, less what went back or is on its way.")
    amount: Money = strawberry.field(description="What would go back: all of that, or what was asked.")
    parties: list[RefundParty] = listed(4, description="The buyer and what they get. For who holds REFUNDS_DECIDE also what each other party gives.")
    access_change: AccessChange = strawberry.field(description="What it would do to what was bought: REVOKE where a line would be fully refunded.")
    buyer_asks_often: bool | None = strawberry.field(
        description="Whether its buyer asks for refunds often; null without REFUNDS_DECIDE, and for a guest's order.", directives=DECIDERS
    )
    closed_course_ids: strawberry.Private[list[UUID]]

    closes: list[Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")]] = child(
        "commerce.courses", key="closed_course_keys", size=3, description="The courses that would close, unless their learner holds them otherwise too."
    )

    @property
    def closed_course_keys(self) -> tuple[UUID, ...]:
        return tuple(self.closed_course_ids)

    @classmethod
    def of(cls, preview: Any) -> Self:
        return cls(
            eligible=preview.obstacle is None,
            obstacle=preview.obstacle,
            policy=RefundTerms(window_days=preview.policy.days, max_progress_percent=preview.policy.max_progress_percent),
            consumed_percent=preview.consumed_percent,
            refundable=Money.of(preview.refundable, preview.currency),
            amount=Money.of(preview.amount, preview.currency),
            parties=[RefundParty(name=party.name, amount=Money.of(party.amount, preview.currency)) for party in preview.parties],
            access_change=rows.AccessChange.REVOKE if preview.closes else rows.AccessChange.KEEP,
            buyer_asks_often=preview.asks_often,
            closed_course_ids=list(preview.closed_course_ids),
        )


REASON = "Why: 1 to 500 characters."
AMOUNT = "How much, in the order's currency; all that is left when left out."
KEY = "1 to 255 characters, new for each intended refund: the same again gives the same refund."


@strawberry.input(description="Which order's money is asked back.")
class RefundRequestInput:
    order_id: strawberry.ID = strawberry.field(description="An order of the viewer's own.")
    amount: Decimal | None = strawberry.field(default=None, description=AMOUNT)
    line_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Of these lines only; at most 250. Of all when left out.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        return {
            "order_id": decode_id(self.order_id, "ord", path="orderId"),
            "amount": self.amount,
            "line_ids": None if self.line_ids is None else [decode_id(id, "lin", path="lineIds") for id in self.line_ids],
            "reason": self.reason,
            "idempotency_key": self.idempotency_key,
        }


@strawberry.input(description="What becomes of a request.")
class RefundDecideInput:
    refund_id: strawberry.ID = strawberry.field(description="A refund that is REQUESTED, and not one's own.")
    decision: RefundDecision = strawberry.field(description="Whether it is granted.")
    note: str | None = strawberry.field(default=None, description="For the buyer, up to 500 characters.")
    access_change: AccessChange | None = strawberry.field(
        default=None, description="KEEP closes nothing; REVOKE closes every line of which something goes back. What is fully refunded closes when left out."
    )

    def as_arguments(self) -> dict[str, Any]:
        return {
            "refund_id": decode_id(self.refund_id, "rfd", path="refundId"),
            "is_approved": self.decision is RefundDecision.APPROVE,
            "note": self.note,
            "access_change": self.access_change,
        }


@strawberry.input(description="How much of a line goes back.")
class OrderRefundLineInput:
    line_id: strawberry.ID = strawberry.field(description="A line of the order.")
    amount: Decimal | None = strawberry.field(default=None, description="How much of it, tax included; all that is left of it when left out.")


@strawberry.input(description="Which order's money goes back.")
class OrderRefundInput:
    order_id: strawberry.ID = strawberry.field(description="The order; not one's own.")
    amount: Decimal | None = strawberry.field(default=None, description=AMOUNT + " Spread over the lines in proportion to what is left of them.")
    lines: list[OrderRefundLineInput] | None = strawberry.field(default=None, description="Of these lines only, each once; at most 250.")
    reason: str = strawberry.field(description=REASON + " The buyer reads it.")
    access_change: AccessChange | None = strawberry.field(
        default=None, description="KEEP closes nothing; REVOKE closes every line of which something goes back. What is fully refunded closes when left out."
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def as_arguments(self) -> dict[str, Any]:
        """Raises Invalid for an empty list of lines: nothing could be meant by it."""
        if self.lines is not None and not self.lines:
            raise Invalid(Issue("Name at least one line, or leave it out for all.", ("lines",)))
        return {
            "order_id": decode_id(self.order_id, "ord", path="orderId"),
            "amount": self.amount,
            "lines": None if self.lines is None else [(decode_id(line.line_id, "lin", path="lines"), line.amount) for line in self.lines],
            "reason": self.reason,
            "access_change": self.access_change,
            "idempotency_key": self.idempotency_key,
        }


@strawberry.type(description="What `refundRequest` answers.")
class RefundRequestPayload(Payload):
    refund_id: strawberry.Private[UUID | None] = None
    refund: Refund | None = child("commerce.refund", key="refund_id", description="PENDING where it was granted at once, else REQUESTED.")


@strawberry.type(description="What `refundDecide` answers.")
class RefundDecidePayload(Payload):
    refund_id: strawberry.Private[UUID | None] = None
    refund: Refund | None = child("commerce.refund", key="refund_id", description="PENDING or REJECTED.")


@strawberry.type(description="What `orderRefund` answers.")
class OrderRefundPayload(Payload):
    refund_id: strawberry.Private[UUID | None] = None
    order_id: strawberry.Private[UUID | None] = None
    refund: Refund | None = child(
        "commerce.refund", key="refund_id", description="PENDING: the payment provider is asked for it at once, and what was bought changes when the money is back."
    )
    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="The order as it stands now.")


@strawberry.type(description="More is to go back than is left.")
class RefundExceedsBalance(UserError):
    refundable: Money = strawberry.field(description="What is left: of the order, or of the line in question.")


@strawberry.type(description="The school's refund policy does not cover it.")
class RefundNotEligible(UserError):
    obstacle: RefundObstacle = strawberry.field(description="Why not.")


condition("REFUND_EXCEEDS_BALANCE", RefundExceedsBalance, lambda data: {"refundable": Money.of(data["amount"], data["currency"])})
condition("REFUND_NOT_ELIGIBLE", RefundNotEligible, lambda data: {"obstacle": rules.Obstacle(data["obstacle"])})

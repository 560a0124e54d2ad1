"""Orders: what was sold, and the money that came in for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import orjson
import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.rules.orders import TRANSITIONS, OrderFilter
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.types.commerce.offers import OfferKind, OfferSubject
from lms_graph.types.connections import Connection
from lms_graph.types.costs import listed
from lms_graph.types.enums import described
from lms_graph.types.filters import PeriodFilter, StringFilter, chosen
from lms_graph.types.learning.entitlements import NOBODY, IDFilter
from lms_graph.types.money import Money
from lms_graph.types.nodes import PERSON, Node, child, decode_or_none
from lms_graph.types.ordering import OrderDirection
from lms_graph.types.permissions import requiring
from lms_graph.types.personal import Personal, personal

if TYPE_CHECKING:
    from lms_graph.types.commerce.disputes import Dispute
    from lms_graph.types.commerce.invoices import Invoice
    from lms_graph.types.commerce.offers import Offer
    from lms_graph.types.commerce.refunds import Refund, RefundRecord
    from lms_graph.types.identity.accounts import Profile
    from lms_graph.types.learning.entitlements import Entitlement

OrderStatus = described(
    rows.OrderStatus,
    "OrderStatus",
    "How an order stands.",
    PENDING="It is reserved with its checkout, and not paid.",
    PAID="It is paid, or nothing was due.",
    PARTIALLY_REFUNDED="Some of it went back.",
    REFUNDED="All of it went back.",
    CANCELED="It was not paid in time, or was canceled before.",
)
OrderKind = described(
    rows.OrderKind,
    "OrderKind",
    "What an order is of.",
    PURCHASE="A checkout.",
    RENEWAL="A plan's next period.",
    INSTALLMENT="A later payment of a purchase in installments.",
    PRORATION="The change of a plan within its period.",
)
PaymentStatus = described(
    rows.PaymentStatus,
    "PaymentStatus",
    "How a payment stands.",
    PENDING="It is under way.",
    SUCCEEDED="The money is there.",
    FAILED="It did not come; `failureMessage` says why.",
    RETURNED="It came in though the order had been paid, and is sent back.",
)
FOR_THE_SCHOOL = requiring([Permission.ORDERS_READ])


@dataclass(frozen=True)
class PaymentSums:
    """Whose parts of a payment the school may see."""

    platform: Money
    instructors: Money


@strawberry.type(description="Money that came in for an order, or did not. The buyer, and who holds ORDERS_READ.")
class Payment(Node):
    status: PaymentStatus = strawberry.field(description="How it stands.")
    amount: Money = strawberry.field(description="How much.")
    failure_code: str | None = strawberry.field(description="The payment provider's code, such as `card_declined`; null unless it failed.")
    failure_message: str | None = strawberry.field(description="Why it failed, for the buyer; at most 500 characters.")
    created_at: datetime = strawberry.field(description="When it was first heard of.")
    order_id: strawberry.Private[UUID]
    sums_key: strawberry.Private[UUID | None]

    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="What it is for.")
    invoice: Annotated["Invoice", strawberry.lazy("lms_graph.types.commerce.invoices")] | None = child(
        "commerce.invoice_of_order", key="order_id", description="The order's invoice, a few seconds after it was paid; null before."
    )

    @strawberry.field(
        description="Where the invoice's PDF can be fetched for the next 15 minutes: `invoice { url }`, for whom that is there.",
        directives=[Personal(permission=Permission.PERSONAL_READ)],
    )
    async def invoice_url(self, info: Info) -> str | None:
        invoice = await info.context.loaders.commerce.invoice_of_order.load(self.order_id)
        url: str | None = await invoice.url(info) if invoice else None
        return url

    platform_fee: Money | None = child(
        "commerce.sums_of_payment",
        key="sums_key",
        then="platform",
        description="What the platform keeps of it, less what went back since. Null for the buyer, and unless it succeeded.",
        requires=[Permission.ORDERS_READ],
    )
    instructor_payout: Money | None = child(
        "commerce.sums_of_payment",
        key="sums_key",
        then="instructors",
        description="What of it goes to instructors, less what went back since. Null for the buyer, and unless it succeeded.",
        requires=[Permission.ORDERS_READ],
    )
    stripe_payment_id: str | None = strawberry.field(
        description="What the payment provider calls it (`pi_…`). Null for the buyer; tests and shops find it there.", directives=FOR_THE_SCHOOL
    )

    @classmethod
    def from_row(cls, row: Any, *, sees_all: bool) -> Self:
        return cls(
            id=strawberry.ID(public_id("pay", row["id"])),
            status=rows.PaymentStatus(row["status"]),
            amount=Money.of(row["amount"], row["currency"]),
            failure_code=row["failure_code"],
            failure_message=row["failure_message"],
            created_at=row["created_at"],
            order_id=row["order_id"],
            stripe_payment_id=row["provider_payment_id"] if sees_all else None,
            sums_key=row["order_id"] if sees_all and row["status"] == rows.PaymentStatus.SUCCEEDED else None,
        )


@strawberry.type(description="A sale as those see it who earn from it: which it is, and nothing of who bought.")
class OrderReference:
    number: str = strawberry.field(description="The order's number.")
    placed_at: datetime = strawberry.field(description="When it was made.")
    order_id: strawberry.Private[UUID]
    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child(
        "commerce.order", key="order_id", description="The order; null for those without ORDERS_READ, unless it is their own."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(number=row["number"], placed_at=row["placed_at"], order_id=row["id"])


@strawberry.type(description="A page of payments.")
class PaymentConnection(Connection[Payment]):
    pass


@strawberry.type(description="What was sold, as it was offered then. The buyer, and who holds ORDERS_READ.")
class OrderLine(Node):
    title: str = strawberry.field(description="The offer's title at the sale; 1 to 200 characters.")
    offer_kind: OfferKind = strawberry.field(description="How it was offered.")
    subject: OfferSubject = strawberry.field(description="What it sells.")
    quantity: int = strawberry.field(description="How many: 1 but for seats.")
    unit_price: Money = strawberry.field(description="What each cost, before discount and credit.")
    subtotal: Money = strawberry.field(description="Unit price times quantity.")
    discount: Money = strawberry.field(description="The coupon's part on this line.")
    credit: Money = strawberry.field(description="What was taken off for what the buyer held of it.")
    tax: Money = strawberry.field(description="The tax of this line, in `total`.")
    total: Money = strawberry.field(description="What it cost, with tax.")
    refunded: Money = strawberry.field(description="What of it went back.")
    offer_id: strawberry.Private[UUID]
    source_id: strawberry.Private[UUID | None]
    grants_source_id: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID | None]
    address: strawberry.Private[str | None]

    gift_email: str | None = personal("address", of="account_id", description="Whom it is a gift for; null where it is none, and for others than the buyer without PERSONAL_READ.")
    gift_message: str | None = strawberry.field(description="What is said with the gift; at most 1,000 characters.")
    offer: Annotated["Offer", strawberry.lazy("lms_graph.types.commerce.offers")] | None = child("commerce.offer", key="offer_id", description="The offer, as it is now.")
    entitlement: Annotated["Entitlement", strawberry.lazy("lms_graph.types.learning.entitlements")] | None = child(
        "learning.grant_of_source",
        key="source_id",
        description="The grant that it made, of a bundle the first. Null before the payment and the claim, for seats, and for others without ENTITLEMENTS_READ or ENTITLEMENTS_MANAGE.",
    )
    entitlements: list[Annotated["Entitlement", strawberry.lazy("lms_graph.types.learning.entitlements")]] = child(
        "learning.grants_of_source", key="grants_source_id", size=2, description="Every grant that it made: of a bundle one a course. To whom `entitlement` is shown."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        def money(name: str) -> Money:
            return Money.of(row[f"{name}_amount"], row["currency"])

        return cls(
            id=strawberry.ID(public_id("lin", row["id"])),
            title=row["title"],
            offer_kind=rows.OfferKind(row["offer_kind"]),
            subject=rows.OfferSubject(row["subject"]),
            quantity=row["quantity"],
            unit_price=money("unit"),
            subtotal=money("subtotal"),
            discount=money("discount"),
            credit=money("credit"),
            tax=money("tax"),
            total=money("total"),
            refunded=money("refunded"),
            offer_id=row["offer_id"],
            source_id=row["source_id"],
            grants_source_id=row["source_id"] or NOBODY,
            account_id=row["account_id"],
            address=row["gift_email"],
            gift_message=row["gift_message"],
        )


@strawberry.type(description="The tax of one rate in an order.")
class OrderTaxLine:
    name: str = strawberry.field(description="The rate's name, such as `VAT`.")
    percent: Decimal = strawberry.field(description="The rate, in percent.")
    amount: Money = strawberry.field(description="The tax.")


@strawberry.type(description="A sale, from the moment its checkout is made. The buyer, and who holds ORDERS_READ.")
class Order(Node):
    number: str = strawberry.field(description="For people: ten random letters and digits, no running count.")
    kind: OrderKind = strawberry.field(description="What it is of.")
    status: OrderStatus = strawberry.field(description="How it stands.")
    allowed_transitions: list[OrderStatus] = strawberry.field(description="Which states may follow the present one.")
    placed_at: datetime = strawberry.field(description="When it was made.")
    paid_at: datetime | None = strawberry.field(description="When it was paid; null before.")
    claimed_at: datetime | None = strawberry.field(description="When an account took what a guest had bought; null where nobody had to.")
    name: str = strawberry.field(description="The buyer's name as they said it; at most 200 characters, perhaps empty.")
    country: str | None = strawberry.field(description="Where the buyer said to be: two letters by ISO 3166.")
    market: str | None = strawberry.field(description="For which country's prices; null for those for everywhere.")
    subtotal: Money = strawberry.field(description="What was due at once, before discount, credit and tax on top.")
    discount: Money = strawberry.field(description="The coupon.")
    credit: Money = strawberry.field(description="What was taken off for what the buyer held.")
    tax: Money = strawberry.field(description="The tax.")
    total: Money = strawberry.field(description="What was to be paid, with tax.")
    refunded: Money = strawberry.field(description="What went back.")
    tax_included: bool = strawberry.field(description="Whether prices had the tax in them; else it came on top.")
    tax_lines: list[OrderTaxLine] = listed(1, description="The tax by rate.")
    uuid: strawberry.Private[UUID]
    account_id: strawberry.Private[UUID | None]
    address: strawberry.Private[str | None]

    email: str | None = personal(
        "address", of="account_id", description="The buyer's address; up to 254 characters. Null for others without PERSONAL_READ, and once the buyer was erased."
    )
    member: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", description="The account that holds it; null for a guest's that was not claimed."
    )
    lines: list[OrderLine] = child("commerce.lines_of_order", key="uuid", size=2, description="What was sold: 1 to 10.")
    payments: list[Payment] = child("commerce.payments_of_order", key="uuid", size=1, description="What came in, and what did not, the first first.")
    invoice: Annotated["Invoice", strawberry.lazy("lms_graph.types.commerce.invoices")] | None = child(
        "commerce.invoice_of_order", key="uuid", description="Its invoice, a few seconds after it was paid; null before, and where nothing was due."
    )
    refunds: list[Annotated["Refund", strawberry.lazy("lms_graph.types.commerce.refunds")]] = child(
        "commerce.refunds_of_order", key="uuid", size=1, description="What went back, what is on its way, and what was asked for, the first first."
    )
    disputes: list[Annotated["Dispute", strawberry.lazy("lms_graph.types.commerce.disputes")]] = child(
        "commerce.disputes_of_order", key="uuid", size=1, description="What its buyer contests at their bank, the first first. Empty without ORDERS_READ or REFUNDS_DECIDE."
    )
    buyer_refund_record: Annotated["RefundRecord", strawberry.lazy("lms_graph.types.commerce.refunds")] | None = child(
        "commerce.refund_record",
        key="account_id",
        description="How often its buyer had money back. REFUNDS_DECIDE, else null; null for a guest's too.",
        requires=[Permission.REFUNDS_DECIDE],
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        def money(name: str) -> Money:
            return Money.of(row[f"{name}_amount"], row["currency"])

        status = rows.OrderStatus(row["status"])
        return cls(
            id=strawberry.ID(public_id("ord", row["id"])),
            number=row["number"],
            kind=rows.OrderKind(row["kind"]),
            status=status,
            allowed_transitions=list(TRANSITIONS[status]),
            placed_at=row["placed_at"],
            paid_at=row["paid_at"],
            claimed_at=row["claimed_at"],
            name=row["name"],
            country=row["country"],
            market=row["market"],
            subtotal=money("subtotal"),
            discount=money("discount"),
            credit=money("credit"),
            tax=money("tax"),
            total=money("total"),
            refunded=money("refunded"),
            tax_included=row["is_tax_included"],
            tax_lines=[
                OrderTaxLine(name=line["name"], percent=Decimal(line["rate_ppm"]).scaleb(-4), amount=Money.of(line["amount"], row["currency"]))
                for line in orjson.loads(row["tax_lines"])
            ],
            uuid=row["id"],
            account_id=row["account_id"],
            address=row["email"] or None,
        )


@strawberry.type(description="A page of orders.")
class OrderConnection(Connection[Order]):
    pass


@strawberry.input(description="The status must be one of these.")
class OrderStatusFilter:
    in_: list[OrderStatus] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: OrderStatus | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="The kind must be one of these.")
class OrderKindFilter:
    in_: list[OrderKind] | None = strawberry.field(default=None, name="in", description="Any of these; at most 250.")
    eq: OrderKind | None = strawberry.field(default=None, description="Exactly this.")


@strawberry.input(description="What the viewer's orders must be like: all of what is given.")
class ViewerOrderWhere:
    status: OrderStatusFilter | None = strawberry.field(default=None, description="How they stand.")
    kind: OrderKindFilter | None = strawberry.field(default=None, description="What they are of.")
    placed_at: PeriodFilter | None = strawberry.field(default=None, description="When they were made.")

    def as_filter(self, **more: Any) -> OrderFilter:
        return OrderFilter(
            statuses=_values(self.status),
            kinds=_values(self.kind),
            placed_from=self.placed_at.gte if self.placed_at else None,
            placed_before=self.placed_at.lt if self.placed_at else None,
            **more,
        )


@strawberry.input(description="What the orders must be like: all of what is given.")
class OrderWhere(ViewerOrderWhere):
    number: StringFilter | None = strawberry.field(default=None, description="By number.")
    email: StringFilter | None = strawberry.field(default=None, description="By the buyer's address, without regard to case; with PERSONAL_READ.")
    member_id: IDFilter | None = strawberry.field(default=None, description="Held by this person: the id of a profile.")

    def as_filter(self, **more: Any) -> OrderFilter:
        return super().as_filter(
            numbers=self.number.values() if self.number else None,
            emails=self.email.values() if self.email else None,
            account_id=(decode_or_none(self.member_id.eq, *PERSON) or NOBODY) if self.member_id else None,
            **more,
        )


def _values(asked: Any) -> list[str] | None:
    values = chosen(asked.in_, asked.eq) if asked else None
    return None if values is None else [value.value for value in values]


@strawberry.enum(description="By what orders are ordered.")
class OrderOrderField(Enum):
    PLACED_AT = strawberry.enum_value("PLACED_AT", description="When they were made.")
    TOTAL = strawberry.enum_value("TOTAL", description="By the total, in minor units of whatever currency.")


@strawberry.input(description="One term of an order; earlier terms go first. Each field at most once.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Up or down.")

    def as_term(self) -> tuple[str, bool]:
        return self.field.value, self.direction is OrderDirection.DESC


@strawberry.type(description="A list for accounting, to be fetched once it is asked for.")
class OrdersExport:
    url: str = strawberry.field(
        description="Where it can be fetched as CSV, UTF-8, a line an order, the earliest first. Whoever has the address has the list: do not keep it. Amounts are exact, in the currency's main unit; "
        "addresses and names are in it for who holds PERSONAL_READ."
    )
    expires_at: datetime = strawberry.field(description="Until when: 15 minutes from now.")

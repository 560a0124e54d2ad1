"""Checkouts: how something is bought."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.rules import checkouts as rules
from lms_graph.kit.ids import public_id
from lms_graph.models import commerce as rows
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.money import Money, MoneyInput
from lms_graph.types.nodes import Node, child, decode_id

if TYPE_CHECKING:
    from lms_graph.types.commerce.orders import Order

CheckoutStatus = described(
    rows.CheckoutStatus,
    "CheckoutStatus",
    "How a checkout stands.",
    OPEN="It can be paid.",
    PROCESSING="The buyer has paid, and the money is under way: of a debit for days.",
    COMPLETED="It is paid, or nothing was due: what was bought is open.",
    EXPIRED="Its time was over, or it was canceled. Nothing is reserved any more.",
    FAILED="The payment did not come, or the provider did not take it. Nothing is reserved any more.",
)


@strawberry.type(
    description="A way to pay an order, at a price that is reserved until `expiresAt`. Who began it, and a guest who says its token. Card data never come here: the payment provider's page or form takes "
    "them."
)
class Checkout(Node):
    status: CheckoutStatus = strawberry.field(description="How it stands.")
    subtotal: Money = strawberry.field(description="What is due now, before discount, credit and tax on top.")
    discount: Money = strawberry.field(description="The coupon.")
    credit: Money = strawberry.field(description="What is taken off for what the buyer holds.")
    tax: Money = strawberry.field(description="The tax, in `total`.")
    total: Money = strawberry.field(description="What is to be paid now.")
    expires_at: datetime = strawberry.field(description="Until when it can be paid.")
    order_id: strawberry.Private[UUID]
    page: strawberry.Private[str | None]
    secret: strawberry.Private[str | None]

    @strawberry.field(
        description="The provider's page, which shows the buyer's address: send the buyer there. Null for an embedded form, for what costs nothing, when it is no longer open, and for tokens that mask "
        "personal data."
    )
    def payment_url(self, info: Info) -> str | None:
        return None if info.context.caller.is_masked else self.page

    @strawberry.field(description="What the provider's embedded form is opened with. Null unless `embedded`, when it is no longer open, and for tokens that mask personal data.")
    def client_secret(self, info: Info) -> str | None:
        return None if info.context.caller.is_masked else self.secret

    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="What is bought.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        def money(name: str) -> Money:
            return Money.of(row[f"{name}_amount"], row["currency"])

        is_open = row["status"] == rows.CheckoutStatus.OPEN
        return cls(
            id=strawberry.ID(public_id("chk", row["id"])),
            status=rows.CheckoutStatus(row["status"]),
            subtotal=money("subtotal"),
            discount=money("discount"),
            credit=money("credit"),
            tax=money("tax"),
            total=money("total"),
            page=row["payment_url"] if is_open else None,
            secret=row["client_secret"] if is_open else None,
            expires_at=row["expires_at"],
            order_id=row["order_id"],
        )


@strawberry.input(description="Something that is bought.")
class CheckoutLineInput:
    offer_id: strawberry.ID = strawberry.field(description="The offer. Each once.")
    quantity: int = strawberry.field(default=1, description="How many: 1 but for SEATS.")
    amount: MoneyInput | None = strawberry.field(
        default=None, description="Of PAY_WHAT_YOU_WANT what the buyer pays, no less than the price; what is suggested, or the price, when left out."
    )
    gift_email: str | None = strawberry.field(default=None, description="Whom it is a gift for: they are sent a code, and the buyer is not enrolled. A course that is paid once.")
    gift_message: str | None = strawberry.field(
        default=None, description="What is said with the gift: at most 1,000 characters. Without `giftEmail` the buyer hands the code on by themselves."
    )

    def as_asked(self) -> rules.AskedLine:
        return rules.AskedLine(
            offer_id=decode_id(self.offer_id, "off", path="offerId"),
            quantity=self.quantity,
            amount=(self.amount.amount, self.amount.currency) if self.amount else None,
            gift_email=self.gift_email,
            gift_message=self.gift_message,
        )


@strawberry.input(description="What is bought, and how it is paid.")
class CheckoutCreateInput:
    lines: list[CheckoutLineInput] = strawberry.field(description="1 to 10, all in one currency. A plan (RECURRING, INSTALLMENTS) alone, and for who is signed in.")
    coupon_code: str | None = strawberry.field(default=None, description="A coupon. Of a plan it lowers the first payment.")
    email: str | None = strawberry.field(
        default=None, description="A guest's address: the receipt goes there, with the link by which the purchase is claimed. Who is signed in leaves it out."
    )
    name: str | None = strawberry.field(default=None, description="The buyer's name for the invoice; at most 200 characters.")
    market: str | None = strawberry.field(
        default=None, description="For which country's prices: two letters by ISO 3166. That of `country` when left out, else those for everywhere."
    )
    country: str | None = strawberry.field(default=None, description="Where the buyer is, for the tax: two letters by ISO 3166.")
    region: str | None = strawberry.field(default=None, description="Which part of it, as after the hyphen in ISO 3166-2.")
    postal_code: str | None = strawberry.field(default=None, description="Where in it; at most 20 characters.")
    success_url: str | None = strawberry.field(
        default=None,
        description="Where the buyer is led after paying: a page of an origin that the school lists, of its storefront or its domains. `{CHECKOUT_SESSION_ID}` in it is filled in by the provider. "
        "Needed unless `embedded`, where it is for payments that leave the page.",
    )
    cancel_url: str | None = strawberry.field(default=None, description="Where the buyer is led who does not pay. Needed unless `embedded`.")
    embedded: bool = strawberry.field(
        default=False, description="Whether it is paid in the provider's form on your page (`clientSecret`) instead of a page of the provider's (`paymentUrl`)."
    )
    expected_total: MoneyInput | None = strawberry.field(default=None, description="What the buyer was shown. Where it is another one now, nothing is done (PRICE_CHANGED).")
    expires_in_minutes: int = strawberry.field(
        default=rules.DEFAULT_MINUTES, description="How long it is reserved: 30 to 1,440. The payment provider takes 35 minutes at least and five minutes less than a day at most."
    )
    idempotency_key: str = strawberry.field(
        description="1 to 255 characters, new for each intended purchase: the same again gives the same checkout and token, and goes on with what was broken off. A guest's has at least 16 and is "
        "random, for it is as good as the token."
    )

    def as_asked(self) -> rules.Asked:
        return rules.Asked(
            lines=[line.as_asked() for line in self.lines],
            email=self.email,
            name=self.name,
            coupon_code=self.coupon_code,
            market=self.market,
            country=self.country,
            region=self.region,
            postal_code=self.postal_code,
            success_url=self.success_url,
            cancel_url=self.cancel_url,
            is_embedded=self.embedded,
            expected_total=(self.expected_total.amount, self.expected_total.currency) if self.expected_total else None,
            expires_in_minutes=self.expires_in_minutes,
        )


@strawberry.type(description="What `checkoutCreate` answers.")
class CheckoutCreatePayload(Payload):
    checkout: Checkout | None = strawberry.field(default=None, description="The checkout: send the buyer to its `paymentUrl`.")
    guest_token: str | None = strawberry.field(default=None, description="By which a guest sees the checkout: keep it with the browser. Null for who is signed in.")


@strawberry.input(description="Which checkout ends.")
class CheckoutCancelInput:
    id: strawberry.ID = strawberry.field(description="The checkout.")
    token: str | None = strawberry.field(default=None, description="A guest's token.")

    def as_arguments(self) -> dict[str, Any]:
        return {"checkout_id": decode_id(self.id, "chk", path="id"), "token": self.token}


@strawberry.type(description="What `checkoutCancel` answers.")
class CheckoutCancelPayload(Payload):
    checkout: Checkout | None = strawberry.field(default=None, description="The checkout as it stands now.")


@strawberry.input(description="Which purchase is claimed.")
class PurchaseClaimInput:
    token: str | None = strawberry.field(default=None, description="From the link in the mail to who bought. This or `orderId`.")
    order_id: strawberry.ID | None = strawberry.field(default=None, description="The order, where your account's verified address is the one that bought. This or `token`.")
    idempotency_key: str = strawberry.field(description="1 to 255 characters, new for each intended claim.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "token": self.token,
            "order_id": decode_id(self.order_id, "ord", path="orderId") if self.order_id is not None else None,
            "key": self.idempotency_key,
        }


@strawberry.type(description="What `purchaseClaim` answers.")
class PurchaseClaimPayload(Payload):
    order_id: strawberry.Private[UUID | None] = None
    order: Annotated["Order", strawberry.lazy("lms_graph.types.commerce.orders")] | None = child("commerce.order", key="order_id", description="The order, which is yours now.")

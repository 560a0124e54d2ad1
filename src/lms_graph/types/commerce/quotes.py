"""What something costs a buyer now."""

from typing import Any, Self

import strawberry

from lms_graph.types.commerce.offers import Offer
from lms_graph.types.errors import UserError, user_errors
from lms_graph.types.money import Money


@strawberry.type(description="A way to get a course, and what it costs the viewer now. `total = subtotal - credit - discount`, and `tax` on top where `taxIncluded` is false.")
class OfferQuote:
    offer: Offer = strawberry.field(description="The way.")
    market: str | None = strawberry.field(description="For which country's prices; null for those for everywhere.")
    quantity: int = strawberry.field(description="Of how many: as few as are sold.")
    subtotal: Money = strawberry.field(description="What is due now by the list; nothing where a free trial begins.")
    credit: Money = strawberry.field(
        description="What is taken off for courses that the viewer has bought before: each one's share of the price by list price, at most what was paid for it."
    )
    discount: Money = strawberry.field(description="What the coupon takes off of what is left.")
    tax: Money = strawberry.field(description="Tax of what is left; 0 where it is not known where the viewer is.")
    tax_included: bool = strawberry.field(description="Whether the tax is part of the total, or comes on top.")
    total: Money = strawberry.field(description="What is due now.")
    recurring: Money | None = strawberry.field(description="What each later payment of a plan is, with tax; null for what is paid once.")
    already_owned: bool = strawberry.field(description="Whether the viewer holds all of it for good. It can be bought again.")
    coupon_problem: UserError | None = strawberry.field(description="Why the coupon does not hold here; null when it does, and without one.")

    @classmethod
    def from_quote(cls, row: Any, quote: Any) -> Self:
        (line,) = quote.lines
        recurring = line.terms["recurring_amount"]
        if recurring is not None and not quote.is_tax_included:
            recurring += line.terms["recurring_tax"]
        return cls(
            offer=Offer.from_row(row, quote.market),
            market=quote.market,
            quantity=line.quantity,
            subtotal=Money.of(quote.subtotal_amount, quote.currency),
            credit=Money.of(quote.credit_amount, quote.currency),
            discount=Money.of(quote.discount_amount, quote.currency),
            tax=Money.of(quote.tax_amount, quote.currency),
            tax_included=quote.is_tax_included,
            total=Money.of(quote.total_amount, quote.currency),
            recurring=Money.maybe(recurring, quote.currency),
            already_owned=quote.already_owned,
            coupon_problem=user_errors(quote.coupon_problem)[0] if quote.coupon_problem else None,
        )

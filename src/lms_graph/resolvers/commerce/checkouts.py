"""Root fields of checkouts."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import checkouts
from lms_graph.domain.commerce.queries import checkouts as queries
from lms_graph.kit.errors import DomainError
from lms_graph.kit.live import topic
from lms_graph.types.commerce.checkouts import (
    Checkout,
    CheckoutCancelInput,
    CheckoutCancelPayload,
    CheckoutCreateInput,
    CheckoutCreatePayload,
    PurchaseClaimInput,
    PurchaseClaimPayload,
)
from lms_graph.types.errors import mutation, query, top_level
from lms_graph.types.nodes import decode_id, decode_or_none

Token = Annotated[str | None, strawberry.argument(description="A guest's token, from `checkoutCreate`.")]


def _till(info: Info) -> checkouts.Till:
    adapters = info.context.adapters
    return checkouts.Till(payments=adapters.payments, secret_keys=adapters.secret_keys, throttle=adapters.throttle)


def _shown(info: Info, row: dict[str, Any]) -> Checkout:
    """A guest who may see the checkout sees its order with it."""
    info.context.loaders.commerce.shown_orders.add(row["order_id"])
    return Checkout.from_row(row)


@strawberry.type
class CheckoutsQuery:
    @query(description="A checkout: one's own, or a guest's with its token; else null.")
    async def checkout(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The checkout.")], token: Token = None) -> Checkout | None:
        checkout_id = decode_or_none(id, "chk")
        row = await queries.checkout_or_none(caller=info.context.caller, checkout_id=checkout_id, token=token) if checkout_id else None
        return _shown(info, row) if row else None


@strawberry.type
class CheckoutsMutation:
    @mutation(
        description="Reserve what is bought at its price, and open a way to pay it: `paymentUrl`, or `clientSecret` for an embedded form. What costs nothing is bought at once. Everybody; who is not "
        "signed in says `email`, and claims the purchase with `purchaseClaim`. Codes: NOT_FOUND, OFFER_NOT_SOLD, CURRENCIES_DIFFER, COUPON_REJECTED, PRICE_CHANGED, PAYMENT_REFUSED, "
        "PAYMENTS_NOT_CONFIGURED, UNAVAILABLE (repeat it with the same key), IDEMPOTENCY_CONFLICT, INVALID. RATE_LIMITED after many from one network or buyer.",
        cost=50,
    )
    async def checkout_create(
        self, info: Info, input: Annotated[CheckoutCreateInput, strawberry.argument(description="What is bought, and how it is paid.")]
    ) -> CheckoutCreatePayload:
        caller = info.context.caller
        begun = await checkouts.create_checkout(caller=caller, asked=input.as_asked(), till=_till(info), key=input.idempotency_key)
        info.context.renew()
        row = await queries.find(caller=caller, checkout_id=begun.checkout_id)
        return CheckoutCreatePayload(checkout=_shown(info, row) if row else None, guest_token=begun.guest_token)

    @mutation(
        description="End an open checkout, so that nothing is reserved and nobody can pay it any more; one that has expired stays so. Who began it, and a guest with its token. "
        "Codes: NOT_FOUND, CHECKOUT_CLOSED where it is paid, UNAVAILABLE.",
        cost=20,
    )
    async def checkout_cancel(self, info: Info, input: Annotated[CheckoutCancelInput, strawberry.argument(description="Which checkout.")]) -> CheckoutCancelPayload:
        caller = info.context.caller
        checkout_id = await checkouts.cancel_checkout(caller=caller, till=_till(info), **input.as_arguments())
        info.context.renew()
        row = await queries.find(caller=caller, checkout_id=checkout_id)
        return CheckoutCancelPayload(checkout=_shown(info, row) if row else None)

    @mutation(
        description="Take what was bought without an account into one's own: what it opens is open from then on. With the token of the mail, or by the order's id where one's verified address bought "
        "it. Codes: NOT_FOUND, IDEMPOTENCY_CONFLICT, INVALID."
    )
    async def purchase_claim(self, info: Info, input: Annotated[PurchaseClaimInput, strawberry.argument(description="Which purchase.")]) -> PurchaseClaimPayload:
        order_id = await checkouts.claim_purchase(caller=info.context.caller, secret_keys=info.context.adapters.secret_keys, **input.as_arguments())
        return PurchaseClaimPayload(order_id=order_id)


@strawberry.type
class CheckoutsSubscription:
    @strawberry.subscription(description="A checkout of one's own, or a guest's with its token: at once as it is, then at each change. Does not end. Errors: NOT_FOUND.")
    async def checkout_updated(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The checkout.")], token: Token = None
    ) -> AsyncGenerator[Checkout, None]:
        context = info.context
        try:
            checkout_id = decode_id(id, "chk", path="id")
            row, _ = await queries.changes(caller=context.caller, checkout_id=checkout_id, token=token, after=None)
        except DomainError as error:
            raise top_level(error) from error
        assert row is not None
        async with context.adapters.live.listen(topic(context.caller.tenant_id, row["order_id"])) as wake_ups:
            told: int | None = None
            async for _ in wake_ups:
                context.renew()
                try:
                    row, told = await queries.changes(caller=context.caller, checkout_id=checkout_id, token=token, after=told)
                except DomainError as error:
                    raise top_level(error) from error
                if row is not None:
                    yield _shown(info, row)
                if context.reads:
                    await context.reads.release()  # wait without a connection

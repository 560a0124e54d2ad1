"""Checkouts: reserved, opened at the payment provider, and settled or released: reserve → call → settle, each step repeated without harm.

A step that was not reached is made up for by who asks again with the same key, by an event of the provider, or by the sweep; whoever comes first, and none twice.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from lms_graph.domain.commerce import errors, events
from lms_graph.domain.commerce.operations import coupons, fulfillment, provider_objects, settlement, suspensions
from lms_graph.domain.commerce.queries import checkouts as queries
from lms_graph.domain.commerce.queries import quotes
from lms_graph.domain.commerce.queries.quotes import Buyer, Wanted
from lms_graph.domain.commerce.rules import checkouts as rules
from lms_graph.domain.commerce.rules import plans, throttles
from lms_graph.domain.commerce.rules.checkouts import Asked
from lms_graph.domain.commerce.rules.pricing import PLANS, Quote
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.payouts.ports import CheckoutState, PaymentGateway, PaymentRefused, Payments, PaymentState
from lms_graph.domain.payouts.queries.providers import gateway_of
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, DomainError, Invalid, Issue, SignedOut, Unavailable
from lms_graph.kit.ids import new_id
from lms_graph.kit.secrets import SecretKeys, new_code
from lms_graph.kit.text import is_email
from lms_graph.kit.throttle import Throttle
from lms_graph.models import commerce as rows
from lms_graph.models import database
from lms_graph.models.commerce import CheckoutStatus, OrderStatus
from lms_graph.outbox import idempotency
from lms_graph.outbox.store import Delivery
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Till:
    """What checkouts need of the world."""

    payments: Payments
    secret_keys: SecretKeys
    throttle: Throttle

    async def gateway(self, caller: Caller) -> PaymentGateway:
        return await gateway_of(caller=caller, payments=self.payments, secret_keys=self.secret_keys)


@dataclass(frozen=True, kw_only=True)
class Begun:
    checkout_id: UUID
    guest_token: str | None


async def create_checkout(*, caller: Caller, asked: Asked, till: Till, key: str) -> Begun:
    """Reserve price and coupon, make the order, and open a way to pay it at the provider; what costs nothing is paid at once.

    Who asks again with the same key goes on where the first time ended. Raises Invalid, SignedOut, OfferNotFound, OfferNotSold, CurrenciesDiffer, CouponRejected, PriceChanged,
    IdempotencyConflict, Busy, PaymentsNotConfigured, PaymentRefused, Unavailable. Records CheckoutStarted, CheckoutReady, and what `settle_order` does.
    """
    email = await _check(caller, asked, key)
    account_id = caller.account_id
    buyer_name = str(account_id) if account_id else email.lower()
    await till.throttle.take(*throttles.checkout(caller, buyer_name))
    failure: DomainError | None = None
    quoted: Quote | None = None
    try:
        quoted = await _quote(caller, asked, email, till)
    except (Unavailable, Busy):
        raise  # nothing that a repeat should be told again
    except DomainError as error:
        failure = error

    if quoted is not None and quoted.total_amount == 0:
        await till.throttle.take(*throttles.free_purchase(caller, buyer_name))

    async def reserve(work: UnitOfWork) -> UUID:
        if failure is not None:
            raise failure
        assert quoted is not None
        return await _reserve(work, caller, asked, email, buyer_name, quoted, till)

    guest = f"{email.lower()} {key}" if account_id is None else None
    checkout_id = await idempotency.once(caller, field="checkoutCreate", key=key, body=asked.body(), run=reserve, guest=guest)
    checkout = await _found(caller, checkout_id)
    if _is_to_open(checkout):
        await _open(caller, checkout, await till.gateway(caller))
    elif checkout["status"] == CheckoutStatus.FAILED and checkout["provider_session_id"] is None:
        raise PaymentRefused("The payment provider does not take this payment. Begin another checkout.", reason="checkout_refused")
    return Begun(checkout_id=checkout_id, guest_token=_token_of(till.secret_keys, caller.tenant_id, checkout))


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """A session of the provider may be another one now: ask, and settle or release. Does nothing for one that is not ours."""
    checkout_id = await provider_objects.own_id_of(caller=caller, provider_id=provider_id, kind="checkout")
    await database.pause_reading()
    state = await gateway.checkout(provider_id)
    if checkout_id is None and state.metadata.get("tenant") == str(caller.tenant_id):
        checkout_id = _uuid(state.metadata.get("checkout"))  # the process died that had it made: the words that it carries are ours
    checkout = await queries.find(caller=caller, checkout_id=checkout_id) if checkout_id else None
    if checkout is not None and state.metadata.get("order") == str(checkout["order_id"]):
        await _remember(caller, checkout, state)
        await _settle(caller, checkout, state, gateway)


async def refresh_plan(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """A plan that has not begun here may be one whose first payment has come, late: ask for the checkout that it names. Does nothing for one that is not ours, or whose order is paid."""
    await database.pause_reading()
    words = (await gateway.subscription(provider_id)).metadata
    checkout_id = _uuid(words.get("checkout")) if words.get("tenant") == str(caller.tenant_id) else None
    checkout = await queries.find(caller=caller, checkout_id=checkout_id) if checkout_id else None
    session_id = await session_of_plan(caller=caller, order_id=checkout["order_id"]) if checkout else None
    if session_id is not None:
        await refresh(caller=caller, provider_id=session_id, gateway=gateway)


async def session_of_plan(*, caller: Caller, order_id: UUID) -> str | None:
    """What the provider calls the checkout of a plan's order that is not paid; None for any other order."""
    session_id: str | None = await database.fetch_value(
        "SELECT c.provider_session_id FROM checkouts c JOIN orders o ON o.tenant_id = c.tenant_id AND o.id = c.order_id WHERE c.tenant_id = $1 AND c.order_id = $2 "
        "AND o.status IN ('PENDING', 'CANCELED') AND EXISTS (SELECT FROM order_lines l WHERE l.tenant_id = c.tenant_id AND l.order_id = c.order_id AND l.offer_kind = ANY($3))",
        caller.tenant_id,
        order_id,
        [kind.value for kind in PLANS],
    )
    return session_id


async def sweep_checkout(*, caller: Caller, checkout_id: UUID, gateway: PaymentGateway, closes: Delivery | None = None) -> None:
    """Look at a checkout that may have been forgotten: open it at the provider if that was not reached, else ask how it is, and settle or release it.

    Records CheckoutLookedAt while it is open, its payment under way, or the provider may try a plan's first payment again, so that it is looked at again.
    """
    checkout = await queries.find(caller=caller, checkout_id=checkout_id)
    if checkout is not None and await _is_to_look_at(caller, checkout):
        if _is_to_open(checkout):
            try:
                await _open(caller, checkout, gateway)
            except PaymentRefused:
                log.warning("commerce.checkout_refused", checkout=str(checkout_id))
        else:
            await refresh(caller=caller, provider_id=checkout["provider_session_id"], gateway=gateway)
    async with unit_of_work(caller, closes=closes) as work:
        checkout = await queries.find(caller=caller, checkout_id=checkout_id)
        if checkout is not None and await _is_to_look_at(caller, checkout):
            again = rules.next_look(caller.now, checkout["expires_at"], is_failed=checkout["status"] == CheckoutStatus.FAILED)
            work.record(events.CheckoutLookedAt(checkout_id=checkout_id, order_id=checkout["order_id"], sweep_at=again.isoformat()))


async def cancel_checkout(*, caller: Caller, checkout_id: UUID, token: str | None, till: Till) -> UUID:
    """End an open checkout, at the provider first, and release what it holds; one that has expired stays so.

    Raises CheckoutNotFound, CheckoutClosed where it was paid meanwhile or the payment is under way, Unavailable. Records CheckoutAbandoned.
    """
    checkout = await queries.checkout_or_none(caller=caller, checkout_id=checkout_id, token=token)
    if checkout is None:
        raise errors.CheckoutNotFound()
    if checkout["status"] == CheckoutStatus.OPEN:
        gateway = await till.gateway(caller)
        if checkout["provider_session_id"] is None:
            await _open(caller, checkout, gateway)
            checkout = await _found(caller, checkout_id)
        await database.pause_reading()
        await _settle(caller, checkout, await gateway.expire_checkout(checkout["provider_session_id"]), gateway)
        checkout = await _found(caller, checkout_id)
    if checkout["status"] != CheckoutStatus.EXPIRED:
        raise errors.CheckoutClosed(checkout["status"])
    return checkout_id


async def claim_purchase(*, caller: Caller, token: str | None, order_id: UUID | None, secret_keys: SecretKeys, key: str) -> UUID:
    """Take what a guest has bought into the caller's account: with the token of the mail, or by the order's id for who has verified the address that bought. Gives the order's id.

    Claimed by the same account again it changes nothing. Raises SignedOut, Invalid, PurchaseNotClaimable, IdempotencyConflict. Records PurchaseClaimed, and what the grants do.
    """
    account_id = caller.account
    if (token is None) == (order_id is None):
        raise Invalid(Issue("Give `token`, or `orderId`: one of them.", ("token",)))

    async def claim(work: UnitOfWork) -> UUID:
        id = rules.order_of_claim(secret_keys, caller.tenant_id, token) if token is not None else order_id
        order = await settlement.lock_order(caller, id) if id else None
        if order is None or order["paid_at"] is None:
            raise errors.PurchaseNotClaimable()
        if token is None and order["account_id"] is None and not await accounts.has_verified(caller=caller, account_id=account_id, email=order["email"]):
            raise errors.PurchaseNotClaimable()
        if order["account_id"] is None:
            await database.fetch("UPDATE orders SET account_id = $3, claimed_at = $4 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order["id"], account_id, caller.now)
            await fulfillment.fulfill(caller=caller, order_id=order["id"])
            await suspensions.write_access(caller=caller, order_id=order["id"])
            work.record(events.PurchaseClaimed(order_id=order["id"], account_id=account_id))
        elif order["account_id"] != account_id:
            raise errors.PurchaseNotClaimable()
        claimed: UUID = order["id"]
        return claimed

    return await idempotency.once(caller, field="purchaseClaim", key=key, body={"token": token, "orderId": order_id}, run=claim)


async def _check(caller: Caller, asked: Asked, key: str) -> str:
    """What can be said before prices are looked up; gives the buyer's address. Raises Invalid, SignedOut."""
    issues = rules.issues_with(asked, is_guest=caller.account_id is None)
    if caller.account_id is None and caller.key_id is None and len(key) < rules.MIN_GUEST_KEY:
        issues.append(Issue(f"Whoever says it again sees the checkout: without an account it has at least {rules.MIN_GUEST_KEY} characters, and is random.", ("idempotencyKey",)))
    issues += [Issue("This is not an e-mail address.", path) for path, email in _addresses(asked) if email is not None and not is_email(email)]
    origins = await tenants.origins_of_tenant(caller=caller)
    storefront = await tenants.storefront_url(caller=caller)
    home = {*origins, *([rules.origin_of(storefront)] if storefront else [])}
    issues += [
        Issue("Buyers are led back to a page of an origin that the school lists with `tenantUpdate` by name, of its storefront, or of its verified domains.", (name,))
        for name, url in (("successUrl", asked.success_url), ("cancelUrl", asked.cancel_url))
        if url is not None and not rules.leads_home(url, home)
    ]
    if issues:
        raise Invalid(*issues)
    if caller.account_id is None:
        assert asked.email is not None
        return asked.email
    own = await accounts.viewer_or_none(caller=caller)
    if own is None:
        raise SignedOut()
    if asked.email is not None and asked.email.lower() != own["email"].lower():
        raise Invalid(Issue("Who is signed in buys under their own address: leave it out.", ("email",)))
    email: str = own["email"]
    return email


def _addresses(asked: Asked) -> list[tuple[tuple[str, ...], str | None]]:
    return [(("email",), asked.email), *((("lines", str(index), "giftEmail"), line.gift_email) for index, line in enumerate(asked.lines[: rules.MAX_LINES]))]


async def _quote(caller: Caller, asked: Asked, email: str, till: Till) -> Quote:
    """What it costs, of what can be sold so. Raises what `quote` does, SignedOut, OfferNotSold, Invalid, CouponRejected, PriceChanged."""
    amounts = [rules.minor(line.amount, "lines", str(index), "amount") if line.amount else None for index, line in enumerate(asked.lines)]
    wanted = [Wanted(offer_id=line.offer_id, quantity=line.quantity, amount=amount) for line, amount in zip(asked.lines, amounts, strict=True)]
    buyer = Buyer(account_id=caller.account_id, email=email, country=asked.country, region=asked.region, postal_code=asked.postal_code)
    gateway = await quotes.tax_gateway(caller=caller, payments=till.payments, secret_keys=till.secret_keys)
    quoted = await quotes.quote(caller=caller, wanted=wanted, buyer=buyer, coupon_code=asked.coupon_code, market=asked.market, gateway=gateway, throttle=till.throttle)
    if rules.is_plan(quoted):
        if len(quoted.lines) > 1:
            raise Invalid(Issue("A plan is bought alone: in a checkout of its own.", ("lines",)))
        if caller.account_id is None:
            raise SignedOut("A plan needs an account that it belongs to: sign in first.")
    issues = []
    for index, (line, sold) in enumerate(zip(asked.lines, quoted.lines, strict=True)):
        if line.amount and line.amount[1] != quoted.currency:
            issues.append(Issue(f"This is sold in {quoted.currency} here.", ("lines", str(index), "amount")))
        if line.is_gift and not rules.may_be_gift(sold.offer_kind, sold.subject):
            issues.append(Issue("A gift is a course that is paid once.", ("lines", str(index), "giftEmail")))
        if fulfillment.fulfiller_of(kind=sold.offer_kind, subject=sold.subject, is_gift=line.is_gift) is None:
            raise errors.OfferNotSold("Offers of this kind are not sold here yet.")
    if issues:
        raise Invalid(*issues)
    if quoted.coupon_problem is not None:
        raise quoted.coupon_problem
    if asked.expected_total is not None:
        seen = (rules.minor(asked.expected_total, "expectedTotal"), asked.expected_total[1])
        if seen != (quoted.total_amount, quoted.currency):
            raise errors.PriceChanged(total_amount=quoted.total_amount, currency=quoted.currency)
    return quoted


async def _reserve(work: UnitOfWork, caller: Caller, asked: Asked, email: str, buyer: str, quoted: Quote, till: Till) -> UUID:
    """The order, its lines and its checkout, and a use of the coupon; what costs nothing is settled at once."""
    order_id, checkout_id = new_id(), new_id()
    needs_provider = rules.needs_provider(total_amount=quoted.total_amount, kinds=[line.offer_kind for line in quoted.lines])
    await rows.Order.create(
        id=order_id,
        tenant_id=caller.tenant_id,
        number=new_code(10),
        account_id=caller.account_id,
        email=email,
        name=asked.name or "",
        country=asked.country,
        postal_code=asked.postal_code,
        market=quoted.market,
        currency=quoted.currency,
        subtotal_amount=quoted.subtotal_amount,
        discount_amount=quoted.discount_amount,
        credit_amount=quoted.credit_amount,
        tax_amount=quoted.tax_amount,
        total_amount=quoted.total_amount,
        is_tax_included=quoted.is_tax_included,
        tax_lines=[{"name": line.name, "rate_ppm": line.rate_ppm, "amount": line.amount} for line in quoted.tax_lines],
        coupon_id=quoted.coupon_id,
        placed_at=caller.now,
    )
    for position, (line, sold) in enumerate(zip(asked.lines, quoted.lines, strict=True)):
        await rows.OrderLine.create(
            tenant_id=caller.tenant_id,
            order_id=order_id,
            position=position,
            offer_id=sold.offer_id,
            offer_kind=sold.offer_kind,
            subject=sold.subject,
            subject_id=sold.subject_id,
            title=sold.title,
            quantity=sold.quantity,
            unit_amount=sold.unit_amount,
            subtotal_amount=sold.subtotal_amount,
            discount_amount=sold.discount_amount,
            credit_amount=sold.credit_amount,
            tax_amount=sold.tax_amount,
            total_amount=sold.total_amount,
            gift_email=line.gift_email,
            gift_message=line.gift_message,
            terms=sold.terms,
        )
    token = rules.guest_tokens(till.secret_keys, caller.tenant_id, checkout_id)[0] if caller.account_id is None else None
    await rows.Checkout.create(
        id=checkout_id,
        tenant_id=caller.tenant_id,
        order_id=order_id,
        account_id=caller.account_id,
        guest_token_sha256=rules.hashed(token) if token else None,
        success_url=asked.success_url,
        cancel_url=asked.cancel_url,
        is_embedded=asked.is_embedded,
        asked_at=caller.now if needs_provider else None,
        expires_at=rules.ends_at(caller.now, asked.expires_in_minutes),
        created_at=caller.now,
    )
    if quoted.coupon_id is not None:
        await coupons.hold(caller=caller, coupon_id=quoted.coupon_id, checkout_id=checkout_id, buyer=buyer)
    if quoted.tax_calculation_id is not None:
        await provider_objects.remember(caller=caller, provider_id=quoted.tax_calculation_id, kind="tax_calculation", own_id=order_id)
    sweep_at = (caller.now + rules.FIRST_LOOK).isoformat() if needs_provider else None
    work.record(events.CheckoutStarted(checkout_id=checkout_id, order_id=order_id, account_id=caller.account_id, sweep_at=sweep_at))
    if not needs_provider:
        await settlement.settle_order(caller=caller, order_id=order_id, payment=None)
    return checkout_id


async def _is_to_look_at(caller: Caller, checkout: dict[str, Any]) -> bool:
    """Whether something may still come of it without our doing. A plan's first debit that was returned is tried again by the provider."""
    if checkout["status"] == CheckoutStatus.FAILED and caller.now < checkout["created_at"] + rules.MAY_BE_TRIED_AGAIN:
        return await session_of_plan(caller=caller, order_id=checkout["order_id"]) is not None
    return checkout["status"] in (CheckoutStatus.OPEN, CheckoutStatus.PROCESSING)


def _is_to_open(checkout: dict[str, Any]) -> bool:
    return checkout["status"] == CheckoutStatus.OPEN and checkout["provider_session_id"] is None


async def _open(caller: Caller, checkout: dict[str, Any], gateway: PaymentGateway) -> None:
    """Ask the provider for a session, under a key made from the checkout's id: asked twice, there is one. What it refuses is released."""
    lines = await queries.lines(caller=caller, order_id=checkout["order_id"])
    await database.pause_reading()
    try:
        state = await gateway.open_checkout(rules.request_of(checkout, lines, tenant_id=caller.tenant_id), key=f"checkout-{checkout['id']}")
    except PaymentRefused:
        await _release(caller, checkout["id"], checkout["order_id"], CheckoutStatus.FAILED)
        raise
    await _remember(caller, checkout, state)


async def _remember(caller: Caller, checkout: dict[str, Any], state: CheckoutState) -> None:
    """What the provider calls a checkout, and how it is paid there: the first that is said of it stays. Records CheckoutReady."""
    async with unit_of_work(caller) as work:
        first = await database.fetch_one(
            "UPDATE checkouts SET provider_session_id = $3, payment_url = $4, client_secret = $5 WHERE tenant_id = $1 AND id = $2 AND provider_session_id IS NULL RETURNING id",
            caller.tenant_id,
            checkout["id"],
            state.id,
            state.url,
            state.client_secret,
        )
        await provider_objects.remember(caller=caller, provider_id=state.id, kind="checkout", own_id=checkout["id"])
        if first is not None:
            work.record(events.CheckoutReady(checkout_id=checkout["id"], order_id=checkout["order_id"]))


async def _settle(caller: Caller, checkout: dict[str, Any], state: CheckoutState, gateway: PaymentGateway) -> None:
    """What follows from how the provider says a session is."""
    if state.status == "EXPIRED":
        await _release(caller, checkout["id"], checkout["order_id"], CheckoutStatus.EXPIRED)
    elif state.status == "COMPLETE":
        payment, elsewhere_amount = await _payment_of(state, gateway)
        # Of a session whose debit was returned, the provider never says that it was paid.
        is_paid = payment.status == "SUCCEEDED" if payment else state.is_paid or elsewhere_amount > 0
        if is_paid:
            await settlement.settle_order(caller=caller, order_id=checkout["order_id"], payment=payment, subscription_id=state.subscription_id, elsewhere_amount=elsewhere_amount)
        elif payment is not None and payment.status == "FAILED":
            await settlement.note_failure(caller=caller, order_id=checkout["order_id"], payment=payment)
            await _release(caller, checkout["id"], checkout["order_id"], CheckoutStatus.FAILED)
        else:
            await _wait(caller, checkout)


async def _payment_of(state: CheckoutState, gateway: PaymentGateway) -> tuple[PaymentState | None, int]:
    """The payment of a session, by way of its first invoice for a plan; None where nothing was due. And how much came in elsewhere."""
    invoice = await gateway.invoice(state.invoice_id) if state.payment_id is None and state.invoice_id is not None and state.amount > 0 else None
    payment_id = invoice.payment_id if invoice else state.payment_id
    payment = await gateway.payment(payment_id) if payment_id else None
    return plans.settled_by(invoice, payment) if invoice is not None and invoice.status == "PAID" else (payment, 0)


async def _wait(caller: Caller, checkout: dict[str, Any]) -> None:
    """The buyer has done what there was to do, and the money is under way: days, for debits."""
    async with unit_of_work(caller) as work:
        changed = await database.fetch_one(
            "UPDATE checkouts SET status = 'PROCESSING' WHERE tenant_id = $1 AND id = $2 AND status = 'OPEN' RETURNING id", caller.tenant_id, checkout["id"]
        )
        if changed is not None:
            work.record(events.CheckoutReady(checkout_id=checkout["id"], order_id=checkout["order_id"]))


async def _release(caller: Caller, checkout_id: UUID, order_id: UUID, status: CheckoutStatus) -> None:
    """Nothing comes of it: its order is canceled, and its coupon free. Once, and never after it was paid. Records CheckoutAbandoned."""
    async with unit_of_work(caller) as work:
        order = await settlement.lock_order(caller, order_id)
        if order is None or order["status"] != OrderStatus.PENDING:
            return
        await database.fetch("UPDATE orders SET status = 'CANCELED' WHERE tenant_id = $1 AND id = $2", caller.tenant_id, order_id)
        await database.fetch(
            "UPDATE checkouts SET status = $3, payment_url = NULL, client_secret = NULL WHERE tenant_id = $1 AND id = $2", caller.tenant_id, checkout_id, status.value
        )
        await coupons.release(caller=caller, checkout_id=checkout_id)
        work.record(events.CheckoutAbandoned(checkout_id=checkout_id, order_id=order_id, account_id=order["account_id"]))


async def _found(caller: Caller, checkout_id: UUID) -> dict[str, Any]:
    checkout = await queries.find(caller=caller, checkout_id=checkout_id)
    assert checkout is not None
    return checkout


def _token_of(secret_keys: SecretKeys, tenant_id: UUID, checkout: dict[str, Any]) -> str | None:
    """The guest's token, made anew: the one whose hash was kept, also after the first key was changed."""
    sha256 = checkout["guest_token_sha256"]
    return next((token for token in rules.guest_tokens(secret_keys, tenant_id, checkout["id"]) if rules.is_token(token, sha256)), None) if sha256 else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None

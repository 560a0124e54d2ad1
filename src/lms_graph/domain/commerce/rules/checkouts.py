"""What a checkout takes, when it ends, when it is looked at again, and the words by which guests are known."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.commerce.rules.pricing import PLANS, Quote
from lms_graph.domain.payouts.ports import CheckoutRequest, Item, Recurrence
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.kit.money import charge_step, to_minor
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models.commerce import OfferKind, OfferSubject

MAX_LINES = 10
MAX_NAME = 200
MAX_MESSAGE = 1_000
MAX_POSTAL_CODE = 20
MAX_URL = 2_000
MIN_GUEST_KEY = 16
MIN_MINUTES, MAX_MINUTES, DEFAULT_MINUTES = 30, 1_440, 60
# The provider takes no session that ends within half an hour or after a day, by its clock and at the moment when it is asked: perhaps minutes after ours.
SOONEST, LATEST = timedelta(minutes=35), timedelta(hours=23, minutes=55)
FIRST_LOOK = timedelta(minutes=5)
AFTER_END = timedelta(minutes=1)
BETWEEN_LOOKS = timedelta(hours=1)
BETWEEN_TRIES = timedelta(days=1)
MAY_BE_TRIED_AGAIN = timedelta(days=60)
"""How long after its checkout a plan's first payment that failed may still come: providers try again for so long at most."""
_URL = re.compile(r"(https?://[^/?#\\\s]+)(?:[/?][^#\\\s]*)?")
_OWN_MACHINE = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")


@dataclass(frozen=True, kw_only=True)
class AskedLine:
    offer_id: UUID
    quantity: int = 1
    amount: tuple[Decimal, str] | None = None
    gift_email: str | None = None
    gift_message: str | None = None

    @property
    def is_gift(self) -> bool:
        return self.gift_email is not None or self.gift_message is not None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody wants to buy, as they said it."""

    lines: Sequence[AskedLine]
    email: str | None = None
    name: str | None = None
    coupon_code: str | None = None
    market: str | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    is_embedded: bool = False
    expected_total: tuple[Decimal, str] | None = None
    expires_in_minutes: int = DEFAULT_MINUTES

    def body(self) -> dict[str, Any]:
        """What an idempotency key is bound to."""
        return {name: value if name != "lines" else [vars(line) for line in self.lines] for name, value in vars(self).items()}


def issues_with(asked: Asked, *, is_guest: bool) -> list[Issue]:
    """What is wrong with a checkout before anything is looked up."""
    issues = []
    if not 1 <= len(asked.lines) <= MAX_LINES:
        issues.append(Issue(f"A checkout has from 1 to {MAX_LINES} lines.", ("lines",)))
    for index, line in enumerate(asked.lines[:MAX_LINES]):
        if line.gift_message is not None and len(line.gift_message) > MAX_MESSAGE:
            issues.append(Issue(f"A gift's message has at most {MAX_MESSAGE:,} characters.", ("lines", str(index), "giftMessage")))
    if is_guest and asked.email is None:
        issues.append(Issue("Who buys without an account says where the purchase is sent: give `email`, or sign in.", ("email",)))
    if asked.name is not None and len(asked.name) > MAX_NAME:
        issues.append(Issue(f"At most {MAX_NAME} characters.", ("name",)))
    if asked.postal_code is not None and len(asked.postal_code) > MAX_POSTAL_CODE:
        issues.append(Issue(f"At most {MAX_POSTAL_CODE} characters.", ("postalCode",)))
    if not MIN_MINUTES <= asked.expires_in_minutes <= MAX_MINUTES:
        issues.append(Issue(f"From {MIN_MINUTES} to {MAX_MINUTES:,} minutes.", ("expiresInMinutes",)))
    if not asked.is_embedded:
        issues += [Issue("Give it, or say `embedded: true`.", (name,)) for name, url in (("successUrl", asked.success_url), ("cancelUrl", asked.cancel_url)) if url is None]
    elif asked.cancel_url is not None:
        issues.append(Issue("An embedded form has nowhere to go back to: leave it out.", ("cancelUrl",)))
    return issues


def leads_home(url: str, origins: Collection[str]) -> bool:
    """Whether a page is of an origin that the school lists by its full name; or of the buyer's own machine, where the school lists all. The provider fills `{CHECKOUT_SESSION_ID}` in."""
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    return match is not None and (match[1] in origins or ("*" in origins and _OWN_MACHINE.fullmatch(match[1]) is not None))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    match = _URL.fullmatch(url)
    return match[1] if match else ""


def minor(amount: tuple[Decimal, str], *path: str) -> int:
    """An amount as it was sent, in minor units. Raises Invalid."""
    try:
        value = to_minor(*amount)
    except ValueError as error:
        raise Invalid(Issue(str(error), path)) from None
    if value < 0:
        raise Invalid(Issue("An amount is not negative.", path))
    return value


def ends_at(now: datetime, minutes: int) -> datetime:
    """To the second, as the provider counts."""
    return (now + min(max(timedelta(minutes=minutes), SOONEST), LATEST)).replace(microsecond=0)


def next_look(now: datetime, expires_at: datetime, *, is_failed: bool = False) -> datetime:
    """When an open checkout is looked at again: each hour, and just after its end; a payment that is under way each hour; one that failed and may be tried again each day."""
    if is_failed:
        return now + BETWEEN_TRIES
    return expires_at + AFTER_END if now < expires_at < now + BETWEEN_LOOKS else now + BETWEEN_LOOKS


def needs_provider(*, total_amount: int, kinds: Collection[OfferKind]) -> bool:
    """Whether there is something to pay, now or, for a plan that begins with a free trial, later."""
    return total_amount > 0 or any(kind in PLANS for kind in kinds)


def is_plan(quote: Quote) -> bool:
    return any(line.offer_kind in PLANS for line in quote.lines)


def may_be_gift(kind: OfferKind, subject: OfferSubject) -> bool:
    return subject is OfferSubject.COURSE and kind in (OfferKind.ONE_TIME, OfferKind.PAY_WHAT_YOU_WANT)


def request_of(checkout: Any, lines: Sequence[Any], *, tenant_id: UUID) -> CheckoutRequest:
    """What the provider is asked for: of the rows alone, so that it is the same whenever it is asked."""
    plan = next((line for line in lines if line["offer_kind"] in PLANS), None)
    items = [_item(line, charge_step(checkout["currency"])) for line in lines] if plan is None else [Item(title=plan["title"], unit_amount=plan["terms"]["recurring_amount"])]
    tax = checkout["tax_amount"] if plan is None else plan["terms"]["recurring_tax"] or 0
    if tax and not checkout["is_tax_included"]:
        items.append(Item(title=", ".join(line["name"] for line in checkout["tax_lines"]) or "Tax", unit_amount=tax))
    each = sum(item.unit_amount * item.quantity for item in items)
    is_discounted = plan is not None and not plan["terms"]["trial_days"]
    return CheckoutRequest(
        currency=checkout["currency"],
        items=[item for item in items if item.unit_amount],
        email=checkout["email"],
        metadata={"tenant": str(tenant_id), "order": str(checkout["order_id"]), "checkout": str(checkout["id"])},
        transfer_group=str(checkout["order_id"]),
        success_url=checkout["success_url"],
        cancel_url=checkout["cancel_url"],
        is_embedded=checkout["is_embedded"],
        expires_at=checkout["expires_at"],
        locale="auto",
        recurrence=Recurrence(interval=plan["terms"]["interval"], trial_days=plan["terms"]["trial_days"], payments=plan["terms"]["installments"]) if plan else None,
        discount_amount=each - checkout["total_amount"] if is_discounted else 0,  # with what it takes off the tax
        discount_name=checkout["coupon_code"],
    )


def _item(line: Any, step: int) -> Item:
    """Units where they cost the same and each can be charged, else one item for all of them."""
    net = line["subtotal_amount"] - line["discount_amount"] - line["credit_amount"]
    each, rest = divmod(net, line["quantity"])
    if rest or each % step:
        return Item(title=f"{line['quantity']} × {line['title']}", unit_amount=net)
    return Item(title=line["title"], unit_amount=each, quantity=line["quantity"])


def guest_tokens(secret_keys: SecretKeys, tenant_id: UUID, checkout_id: UUID) -> list[str]:
    """What a guest says to see their checkout, under each secret key: the first is given out. Derived, so that a repeat gives the same."""
    return [_word(key, f"{tenant_id} {checkout_id}") for key in secret_keys.derived("checkout tokens")]


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_token(token: str | None, sha256: str | None) -> bool:
    return token is not None and sha256 is not None and hmac.compare_digest(hashed(token), sha256)


def claim_token(secret_keys: SecretKeys, tenant_id: UUID, order_id: UUID) -> str:
    """What stands in the link with which a guest's purchase is claimed: the order, and our word for it."""
    return f"{public_id('ord', order_id)}.{_word(secret_keys.derived('purchase claims')[0], f'{tenant_id} {order_id}')}"


def order_of_claim(secret_keys: SecretKeys, tenant_id: UUID, token: str) -> UUID | None:
    """The order that a claim's token is for; None where the word is not ours."""
    id, _, word = token.partition(".")
    parsed = parse_id(id)
    if parsed is None or parsed[0] != "ord" or not word.isascii():
        return None
    words = [_word(key, f"{tenant_id} {parsed[1]}") for key in secret_keys.derived("purchase claims")]
    return parsed[1] if any(hmac.compare_digest(word, ours) for ours in words) else None


def _word(key: bytes, about: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, about.encode(), "sha256")).rstrip(b"=").decode()

"""Payments by Stripe, through its own library. The API's version is the library's; `tests/integrations/test_payments.py` says what is relied upon.

The library is imported when it is first needed: only processes that charge pay for it.
"""

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import orjson
import structlog

from lms_graph.domain.payouts.ports import (
    AccountLink,
    Balance,
    BankPayout,
    CheckoutRequest,
    CheckoutState,
    ConnectedAccount,
    DisputeState,
    EventObject,
    EventRefused,
    InvoiceState,
    OwnProvider,
    PaymentGateway,
    PaymentRefused,
    PaymentsNotConfigured,
    PaymentState,
    ProviderEvent,
    RefundState,
    SubscriptionState,
    TaxLine,
    TaxRequest,
    TaxResult,
    TransferState,
)
from lms_graph.kit.errors import Unavailable
from lms_graph.kit.money import charge_step

if TYPE_CHECKING:
    import stripe

TIMEOUT_SECONDS = 20.0
RETRIES = 2  # the library's own, under the same idempotency key
TOLERANCE_SECONDS = 300
MAX_HEADER = 4_096
MAX_TOLD = 300
PAYMENTS = "payments"  # the word under which a plan keeps how many payments it has
MAX_ACCOUNTS = 256  # of schools' own keys whose connections are kept

# Where Stripe's smallest unit is not ISO 4217's: https://docs.stripe.com/currencies#special-cases
_HUNDREDTHS = frozenset({"ISK", "UGX"})  # counted in hundredths there, always 00
_WHOLE = frozenset({"MGA"})  # no decimals there, two in ISO

_LOCALES = "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW".split()
_BY_LOWER = {locale.lower(): locale for locale in _LOCALES}

log = structlog.get_logger(__name__)


def to_stripe(amount: int, currency: str) -> int:
    """ISO's minor units as Stripe counts them. Raises PaymentRefused for an amount that Stripe cannot take."""
    if currency in _HUNDREDTHS:
        return amount * 100
    if amount % charge_step(currency):  # of three decimals the last is 0
        raise PaymentRefused(f"The payment provider takes no amounts as fine as this in {currency}.", reason="amount_too_fine")
    return amount // 100 if currency in _WHOLE else amount


def from_stripe(amount: int, currency: str) -> int:
    currency = currency.upper()
    return amount // 100 if currency in _HUNDREDTHS else amount * 100 if currency in _WHOLE else amount


class StripePayments:
    """The deployment's account, and those of schools that have their own."""

    def __init__(self, *, secret_key: str | None, webhook_secrets: Sequence[str], url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout
        self._secret_key = secret_key
        self._webhook_secrets = tuple(webhook_secrets)
        self._url = url.rstrip("/")
        self._gateways: dict[str, StripeGateway] = {}
        self._http: stripe.HTTPClient | None = None

    def gateway(self, own: OwnProvider | None = None) -> PaymentGateway:
        key = own.secret_key if own else self._secret_key
        if key is None:
            raise PaymentsNotConfigured()
        if key not in self._gateways:
            if len(self._gateways) >= MAX_ACCOUNTS:
                self._gateways.pop(next(iter(self._gateways)))
            self._gateways[key] = StripeGateway(self._client(key))
        return self._gateways[key]

    def read_event(self, body: bytes, signature: str | None, own: OwnProvider | None = None) -> ProviderEvent:
        secrets = own.webhook_secrets if own else self._webhook_secrets
        key = own.secret_key if own else self._secret_key
        if not secrets:
            raise EventRefused("no signing secret is set")
        verify(body, signature, secrets, now=time.time())
        return _event(_read(body), is_live=_is_live(key))

    async def aclose(self) -> None:
        if self._http:
            await self._http.close_async()

    def _client(self, key: str) -> "stripe.StripeClient":
        import stripe

        stripe.enable_telemetry = False
        self._http = self._http or stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=self._timeout))
        return stripe.StripeClient(key, base_addresses={"api": self._url}, http_client=self._http, max_network_retries=RETRIES)


def verify(body: bytes, signature: str | None, secrets: Sequence[str], *, now: float) -> None:
    """Raises EventRefused unless one of the header's `v1` signatures is of `t.body` under one of the secrets, and `t` is now, five minutes more or less."""
    if not signature or len(signature) > MAX_HEADER:
        raise EventRefused("no signature, or one that is too long")
    parts = [part.partition("=") for part in signature.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value.encode("utf-8", "surrogatepass") for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0], re.ASCII) or not given:
        raise EventRefused("a signature that cannot be read")
    expected = [hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise EventRefused("a signature that is none of ours")
    if abs(now - int(times[0])) > TOLERANCE_SECONDS:
        raise EventRefused(f"signed {now - int(times[0]):+.0f} s ago")


def _is_live(key: str | None) -> bool | None:
    """Live or test mode, as the key's name says; None where it does not."""
    match = re.match(r"(?:sk|rk)_(live|test)_", key or "")
    return match[1] == "live" if match else None


def _read(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EventRefused(f"a body that is not JSON: {str(error)[:MAX_TOLD]}") from None
    if not isinstance(event, dict) or event.get("object") != "event":
        raise EventRefused("a body that is not an event")
    if b"\\u0000" in body:
        raise EventRefused("a body with NUL characters, which nothing can store")
    return event


_ABOUT = {
    "checkout.session": EventObject.CHECKOUT,
    "payment_intent": EventObject.PAYMENT,
    "charge": EventObject.PAYMENT,
    "invoice": EventObject.INVOICE,
    "invoice_payment": EventObject.INVOICE,
    "subscription": EventObject.SUBSCRIPTION,
    "refund": EventObject.REFUND,
    "dispute": EventObject.DISPUTE,
    "account": EventObject.ACCOUNT,
    "payout": EventObject.PAYOUT,
    "transfer": EventObject.TRANSFER,
}
_SEEN_AS = {"charge": "payment_intent", "invoice_payment": "invoice"}
"""Objects in whose place the one they belong to is asked for."""
_NAMES_PARENTS = ("payment_intent", "charge", "latest_charge", "subscription", "invoice", "transfer", "source_transaction")


def _event(event: dict[str, Any], *, is_live: bool | None) -> ProviderEvent:
    about = event["data"].get("object") if isinstance(event.get("data"), dict) else None
    id, type, account, created = event.get("id"), event.get("type"), event.get("account"), event.get("created")
    if not _is_name(id) or not _is_name(type) or not isinstance(about, dict) or (account is not None and not _is_name(account)):
        raise EventRefused("an event without its id, type or object")
    if not isinstance(created, int) or isinstance(created, bool) or not 0 <= created < 2**35:
        raise EventRefused("an event without its time")
    word = _ABOUT.get(about["object"], EventObject.OTHER) if isinstance(about.get("object"), str) else EventObject.OTHER
    object_id = about.get(_SEEN_AS.get(str(about.get("object")), "id")) or about.get("id")
    if type == "account.application.deauthorized":
        word, object_id = EventObject.ACCOUNT, account
    if account and word not in (EventObject.ACCOUNT, EventObject.PAYOUT):
        word, object_id = EventObject.OTHER, None  # what a connected account sells by itself is none of ours, whatever ids it names
    if is_live is not None and event.get("livemode") is not is_live:
        log.warning("stripe.event_of_other_mode", event_id=id, type=type)
        word, object_id = EventObject.OTHER, None
    details = about.get("parent")
    details = details.get("subscription_details") if isinstance(details, dict) else None
    details = details if isinstance(details, dict) else {}
    parents = [value for value in (*(about.get(name) for name in _NAMES_PARENTS), about.get("id"), details.get("subscription")) if _is_name(value) and value != object_id]
    metadata = {**_words(details.get("metadata")), **_words(about.get("metadata"))}
    return ProviderEvent(
        id=id,
        type=type,
        about=word,
        object_id=object_id if _is_name(object_id) else None,
        account=account,
        parents=list(dict.fromkeys(parents)) if word is not EventObject.OTHER else [],
        metadata=metadata,
        happened_at=_at(created),
        payload=event,
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


def _words(value: Any) -> dict[str, str]:
    return {name: each for name, each in value.items() if isinstance(each, str)} if isinstance(value, dict) else {}


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe_at(seconds: int | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def _id(value: Any) -> str | None:
    """The id of what may be expanded."""
    return value["id"] if isinstance(value, dict) else value


class StripeGateway:
    """One account at Stripe."""

    def __init__(self, client: "stripe.StripeClient") -> None:
        self._v1 = client.v1

    # Checkout

    async def open_checkout(self, request: CheckoutRequest, *, key: str) -> CheckoutState:
        metadata, plan = dict(request.metadata), request.recurrence
        params: dict[str, Any] = {
            "mode": "subscription" if plan else "payment",
            "line_items": [_line_item(item.title, item.unit_amount, item.quantity, request) for item in request.items],
            "metadata": metadata,
            "client_reference_id": metadata.get("order"),
            "expires_at": int(request.expires_at.timestamp()),
            "locale": _locale(request.locale),
            **({"customer": request.customer_id} if request.customer_id else {"customer_email": request.email}),
        }
        if plan:
            trial = {"trial_period_days": plan.trial_days} if plan.trial_days else {}
            params["subscription_data"] = {"metadata": metadata | ({PAYMENTS: str(plan.payments)} if plan.payments else {}), **trial}
            if request.discount_amount:
                params["discounts"] = [{"coupon": await self._once(request, f"{key}:coupon")}]
        else:
            params["payment_intent_data"] = {"metadata": metadata, "transfer_group": request.transfer_group, "description": ", ".join(item.title for item in request.items)[:500]}
        if request.is_embedded:
            back = {"return_url": request.success_url} if request.success_url else {"redirect_on_completion": "never"}
            params |= {"ui_mode": "embedded_page", **back}
        else:
            params |= {"ui_mode": "hosted_page", "success_url": request.success_url, "cancel_url": request.cancel_url}
        return _checkout(await self._ask(self._v1.checkout.sessions.create_async(_present(params), _under(key))))

    async def _once(self, request: CheckoutRequest, key: str) -> str:
        """A coupon for one subscription's first invoice."""
        off = {"amount_off": to_stripe(request.discount_amount, request.currency), "currency": request.currency.lower(), "duration": "once", "max_redemptions": 1}
        made = await self._ask(
            self._v1.coupons.create_async(_present({**off, "name": (request.discount_name or "")[:40] or None, "metadata": dict(request.metadata)}), _under(key))
        )
        return str(made["id"])

    async def checkout(self, checkout_id: str) -> CheckoutState:
        return _checkout(await self._ask(self._v1.checkout.sessions.retrieve_async(checkout_id)))

    async def expire_checkout(self, checkout_id: str) -> CheckoutState:
        try:
            return _checkout(await self._ask(self._v1.checkout.sessions.expire_async(checkout_id, {}, _under(f"expire:{checkout_id}"))))
        except PaymentRefused:
            state = await self.checkout(checkout_id)
            if state.status == "OPEN":
                raise
            return state

    # Payments

    async def payment(self, payment_id: str) -> PaymentState:
        found = await self._ask(self._v1.payment_intents.retrieve_async(payment_id, {"expand": ["latest_charge.balance_transaction"]}))
        # A payment for a plan carries none of our words; the invoice that it pays does.
        invoice_id = None if found["metadata"] else await self._invoice_of(payment_id)
        return _payment(found, invoice_id)

    async def _invoice_of(self, payment_id: str) -> str | None:
        found = await self._ask(self._v1.invoice_payments.list_async({"payment": {"type": "payment_intent", "payment_intent": payment_id}, "limit": 1}))
        return _id(found["data"][0]["invoice"]) if found["data"] else None

    async def invoice(self, invoice_id: str) -> InvoiceState:
        return _invoice(await self._ask(self._v1.invoices.retrieve_async(invoice_id, {"expand": ["payments.data.payment.payment_intent"]})))

    async def make_customer(self, *, email: str, name: str, metadata: Mapping[str, str], key: str) -> str:
        made = await self._ask(self._v1.customers.create_async(_present({"email": email, "name": name, "metadata": dict(metadata)}), _under(key)))
        return str(made["id"])

    # Plans

    async def subscription(self, subscription_id: str) -> SubscriptionState:
        """As it is. One of so many payments gets its end when it is first looked at: a checkout cannot say it."""
        found = await self._ask(self._v1.subscriptions.retrieve_async(subscription_id))
        if found["metadata"].get(PAYMENTS) and found["cancel_at"] is None and found["status"] in ("trialing", "active", "past_due"):
            every = found["items"]["data"][0]["price"]["recurring"]
            end = _later(found["billing_cycle_anchor"], every["interval"], int(found["metadata"][PAYMENTS]))
            return await self._set(subscription_id, {"cancel_at": end, "proration_behavior": "none"}, str(uuid4()))
        return _subscription(found)

    async def invoices_of(self, subscription_id: str) -> Sequence[InvoiceState]:
        found = await self._all(self._v1.invoices.list_async, {"subscription": subscription_id, "expand": ["data.payments"]})
        return [_invoice(each) for each in reversed(found)]

    async def change_subscription(self, subscription_id: str, *, amount: int, currency: str, interval: str, title: str, metadata: Mapping[str, str], key: str) -> SubscriptionState:
        """What is due at once is taken at once: where that fails, nothing has changed."""
        before = await self._ask(self._v1.subscriptions.retrieve_async(subscription_id))
        if before["metadata"].get("change") == key:  # a repeat; what the first time sent cannot be said again
            return _subscription(before)
        product = await self._ask(self._v1.products.create_async({"name": title}, _under(f"{key}:product")))
        params = {
            "items": _changed(before, product["id"], amount, currency, interval),
            "metadata": {**metadata, "change": key},
            "proration_behavior": "always_invoice",
            "payment_behavior": "error_if_incomplete",
        }
        return _subscription(await self._ask(self._v1.subscriptions.update_async(subscription_id, params, _under(key))))

    async def preview_change(self, subscription_id: str, *, amount: int, currency: str, interval: str, title: str) -> int:
        before = await self._ask(self._v1.subscriptions.retrieve_async(subscription_id))
        items = _changed(before, _id(before["items"]["data"][0]["price"]["product"]) or "", amount, currency, interval)
        params = {"subscription": subscription_id, "subscription_details": {"items": items, "proration_behavior": "always_invoice"}}
        found = await self._ask(self._v1.invoices.create_preview_async(params))
        return from_stripe(found["amount_due"] if found["total"] > 0 else found["total"], found["currency"])

    async def cancel_subscription(self, subscription_id: str, *, at_period_end: bool, key: str) -> SubscriptionState:
        try:
            if at_period_end:
                return await self._set(subscription_id, {"cancel_at_period_end": True}, key)
            return _subscription(await self._ask(self._v1.subscriptions.cancel_async(subscription_id, {}, _under(key))))
        except PaymentRefused:
            state = await self.subscription(subscription_id)
            if state.status != "CANCELED":
                raise
            return state

    async def keep_subscription(self, subscription_id: str, *, key: str) -> SubscriptionState:
        return await self._set(subscription_id, {"cancel_at_period_end": False}, key)

    async def pause_subscription(self, subscription_id: str, *, resumes_at: datetime | None, key: str) -> SubscriptionState:
        until = {"resumes_at": int(resumes_at.timestamp())} if resumes_at else {}
        return await self._set(subscription_id, {"pause_collection": {"behavior": "void", **until}}, key)

    async def resume_subscription(self, subscription_id: str, *, key: str) -> SubscriptionState:
        return await self._set(subscription_id, {"pause_collection": ""}, key)

    async def _set(self, subscription_id: str, params: dict[str, Any], key: str) -> SubscriptionState:
        return _subscription(await self._ask(self._v1.subscriptions.update_async(subscription_id, params, _under(key))))

    # Refunds and disputes

    async def refund(self, payment_id: str, *, amount: int, currency: str, metadata: Mapping[str, str], key: str) -> RefundState:
        params = {"payment_intent": payment_id, "amount": to_stripe(amount, currency), "metadata": dict(metadata)}
        return _refund(await self._ask(self._v1.refunds.create_async(params, _under(key))))

    async def refund_state(self, refund_id: str) -> RefundState:
        return _refund(await self._ask(self._v1.refunds.retrieve_async(refund_id)))

    async def refunds_of(self, payment_id: str) -> Sequence[RefundState]:
        return [_refund(each) for each in reversed(await self._all(self._v1.refunds.list_async, {"payment_intent": payment_id}))]

    async def dispute(self, dispute_id: str) -> DisputeState:
        return _dispute(await self._ask(self._v1.disputes.retrieve_async(dispute_id)))

    async def submit_evidence(self, dispute_id: str, evidence: Mapping[str, str], *, submit: bool, key: str) -> DisputeState:
        return _dispute(await self._ask(self._v1.disputes.update_async(dispute_id, {"evidence": dict(evidence), "submit": submit}, _under(key))))

    # Tax

    async def tax(self, request: TaxRequest) -> TaxResult:
        behavior = "inclusive" if request.is_tax_included else "exclusive"
        lines = [
            _present({"reference": reference, "amount": to_stripe(amount, request.currency), "tax_behavior": behavior, "tax_code": code})
            for reference, amount, code in request.lines
        ]
        address = _present({"country": request.country, "postal_code": request.postal_code, "state": request.region})
        params = {"currency": request.currency.lower(), "customer_details": {"address": address, "address_source": "billing"}, "line_items": lines, "expand": ["line_items"]}
        found = await self._ask(self._v1.tax.calculations.create_async(params))
        rows = found["line_items"]["data"]
        if found["line_items"]["has_more"]:
            rows = await self._all(lambda page: self._v1.tax.calculations.line_items.list_async(found["id"], page), {})
        return TaxResult(
            by_line={each["reference"]: from_stripe(each["amount_tax"], found["currency"]) for each in rows},
            lines=[
                TaxLine(
                    name=str(each["tax_rate_details"]["tax_type"] or "tax").replace("_", " ").upper(),
                    rate_ppm=_ppm(each["tax_rate_details"]["percentage_decimal"]),
                    amount=from_stripe(each["amount"], found["currency"]),
                )
                for each in found["tax_breakdown"]
                if each["amount"]
            ],
            calculation_id=found["id"],
        )

    async def book_tax(self, calculation_id: str, *, reference: str, key: str) -> str:
        params = {"calculation": calculation_id, "reference": reference}
        return str((await self._ask(self._v1.tax.transactions.create_from_calculation_async(params, _under(key))))["id"])

    # Connected accounts

    async def make_account(self, *, country: str, email: str, metadata: Mapping[str, str], key: str) -> ConnectedAccount:
        params = {
            "country": country,
            "email": email,
            "controller": {"fees": {"payer": "application"}, "losses": {"payments": "application"}, "stripe_dashboard": {"type": "express"}},
            "capabilities": {"transfers": {"requested": True}},
            "metadata": dict(metadata),
        }
        return _account(await self._ask(self._v1.accounts.create_async(params, _under(key))))

    async def account(self, account_id: str) -> ConnectedAccount:
        return _account(await self._ask(self._v1.accounts.retrieve_async(account_id)))

    async def account_link(self, account_id: str, *, return_url: str, refresh_url: str) -> AccountLink:
        """Good once and for minutes, so that each call makes another."""
        params = {"account": account_id, "return_url": return_url, "refresh_url": refresh_url, "type": "account_onboarding"}
        made = await self._ask(self._v1.account_links.create_async(params))
        return AccountLink(url=made["url"], expires_at=_at(made["expires_at"]))

    async def transfer(self, account_id: str, *, amount: int, currency: str, group: str | None, metadata: Mapping[str, str], key: str) -> TransferState:
        params = {"destination": account_id, "amount": to_stripe(amount, currency), "currency": currency.lower(), "transfer_group": group, "metadata": dict(metadata)}
        return _transfer(await self._ask(self._v1.transfers.create_async(_present(params), _under(key))))

    async def transfer_state(self, transfer_id: str) -> TransferState:
        return _transfer(await self._ask(self._v1.transfers.retrieve_async(transfer_id)))

    async def transfers_of(self, group: str) -> Sequence[TransferState]:
        return [_transfer(each) for each in await self._all(self._v1.transfers.list_async, {"transfer_group": group})]

    async def bank_payouts(self, account_id: str) -> Sequence[BankPayout]:
        found = await self._ask(self._v1.payouts.list_async({"limit": 100}, {"stripe_account": account_id}))
        return [_bank_payout(each) for each in found["data"]]

    async def own_account_id(self) -> str:
        id: str = (await self._ask(self._v1.accounts.retrieve_current_async()))["id"]
        return id

    async def reverse_transfer(self, transfer_id: str, *, amount: int, key: str) -> TransferState:
        before = await self._ask(self._v1.transfers.retrieve_async(transfer_id))
        amount = to_stripe(amount, before["currency"].upper())
        await self._ask(self._v1.transfers.reversals.create_async(transfer_id, {"amount": amount}, _under(key)))
        return _transfer(await self._ask(self._v1.transfers.retrieve_async(transfer_id)))

    async def balance(self, account_id: str | None = None) -> Sequence[Balance]:
        found = await self._ask(self._v1.balance.retrieve_async({}, {"stripe_account": account_id} if account_id else {}))
        amounts: dict[str, dict[str, int]] = {}
        for name in ("available", "pending"):
            for each in found[name]:
                currency = each["currency"].upper()
                amounts.setdefault(currency, {"available": 0, "pending": 0})[name] += from_stripe(each["amount"], currency)
        return [Balance(currency=currency, **each) for currency, each in sorted(amounts.items())]

    async def _all(self, list_async: Any, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Every page of a list, newest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = await self._ask(list_async({**params, "limit": 100, **after}))
            found += page["data"]
            if not page["has_more"] or not page["data"]:
                return found

    async def _ask(self, call: Awaitable[Any]) -> dict[str, Any]:
        """The answer as plain values. Raises PaymentRefused and Unavailable in place of the library's errors."""
        import stripe

        try:
            found: dict[str, Any] = (await call).to_dict()
        except stripe.CardError as error:
            raise PaymentRefused(_told(error), reason=_body(error).get("decline_code") or error.code or "card_declined") from None
        except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
            if error.http_status == 409:
                raise Unavailable("The payment provider still works on the same request. Try again in a moment.") from None
            log.warning("stripe.refused", code=error.code, param=getattr(error, "param", None), request_id=error.request_id)
            raise PaymentRefused(_told(error), reason=error.code or ("idempotency_error" if isinstance(error, stripe.IdempotencyError) else "invalid_request")) from None
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            if _body(error).get("code") == "account_invalid":
                raise PaymentRefused("The payment provider does not know this account any more.", reason="account_invalid") from None
            log.error("stripe.key_refused", status=error.http_status, request_id=error.request_id)
            raise Unavailable("The payment provider does not accept the key that is set here. Its operator must look after it.") from None
        except stripe.StripeError as error:
            log.warning("stripe.unavailable", error=type(error).__name__, status=error.http_status, request_id=error.request_id)
            if error.http_status == 409:
                raise Unavailable("The payment provider still works on the same request. Try again in a moment.") from None
            raise Unavailable("The payment provider does not answer. Nothing is lost: try again in a moment.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:  # a connection that breaks within an answer is no error of the library's
            log.warning("stripe.unavailable", error=type(error).__name__)
            raise Unavailable("The payment provider does not answer. Nothing is lost: try again in a moment.") from None
        return found


def _later(at: int, interval: str, count: int) -> int:
    """So many months or years later, as Stripe counts periods: the 31st is the last day of a shorter month."""
    start = _at(at)
    months = start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    return int(start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1])).timestamp())


def _under(key: str) -> dict[str, Any]:
    """Options of a request. A longer key than Stripe takes stands for itself by its digest."""
    return {"idempotency_key": key if len(key) <= 255 else hashlib.sha256(key.encode()).hexdigest()}


def _present(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _body(error: "stripe.StripeError") -> dict[str, Any]:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    said = body.get("error")
    return said if isinstance(said, dict) else {}


def _told(error: "stripe.StripeError") -> str:
    """Stripe's words, as far as they are for people: cards are declined in words of theirs, the rest may name ids and parameters."""
    return str(_body(error).get("message") or "The payment provider refused this.")[:MAX_TOLD]


def _line_item(title: str, unit_amount: int, quantity: int, request: CheckoutRequest) -> dict[str, Any]:
    every = {"recurring": {"interval": request.recurrence.interval.lower()}} if request.recurrence else {}
    price = {"currency": request.currency.lower(), "unit_amount": to_stripe(unit_amount, request.currency), "product_data": {"name": title[:250]}, **every}
    return {"price_data": price, "quantity": quantity}


def _locale(locale: str) -> str:
    lower = locale.replace("_", "-").lower()
    return _BY_LOWER.get(lower) or _BY_LOWER.get(lower.partition("-")[0]) or "auto"


def _changed(subscription: dict[str, Any], product_id: str, amount: int, currency: str, interval: str) -> list[dict[str, Any]]:
    """The items of a subscription in whose place there is one other."""
    first, *others = subscription["items"]["data"]
    price = {"currency": currency.lower(), "product": product_id, "unit_amount": to_stripe(amount, currency), "recurring": {"interval": interval.lower()}}
    return [{"id": first["id"], "price_data": price, "quantity": 1}, *({"id": each["id"], "deleted": True} for each in others)]


def _ppm(percent: Any) -> int:
    """Millionths: `8.875` percent are 88750."""
    whole, _, rest = str(percent).partition(".")
    return int(whole or 0) * 10_000 + int((rest + "0000")[:4])


def _checkout(found: dict[str, Any]) -> CheckoutState:
    buyer = found.get("customer_details") or {}
    return CheckoutState(
        id=found["id"],
        status={"open": "OPEN", "complete": "COMPLETE", "expired": "EXPIRED"}[found["status"]],
        is_paid=found["status"] == "complete" and found["payment_status"] in ("paid", "no_payment_required"),
        amount=from_stripe(found["amount_total"] or 0, found["currency"]),
        currency=found["currency"].upper(),
        url=found["url"],
        client_secret=found["client_secret"],
        payment_id=_id(found["payment_intent"]),
        subscription_id=_id(found["subscription"]),
        invoice_id=_id(found["invoice"]),
        customer_id=_id(found["customer"]),
        email=buyer.get("email") or found["customer_email"],
        name=buyer.get("name"),
        country=(buyer.get("address") or {}).get("country"),
        metadata=found["metadata"] or {},
    )


def _payment(found: dict[str, Any], invoice_id: str | None) -> PaymentState:
    failure = found["last_payment_error"] or {}
    charge = found["latest_charge"] if isinstance(found["latest_charge"], dict) else {}
    moved = charge.get("balance_transaction")
    moved = moved if isinstance(moved, dict) else {}
    failed = found["status"] == "canceled" or (found["status"] == "requires_payment_method" and failure)
    return PaymentState(
        id=found["id"],
        status="SUCCEEDED" if found["status"] == "succeeded" else "FAILED" if failed else "PENDING",
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        charge_id=charge.get("id"),
        fee_amount=from_stripe(moved["fee"], moved["currency"]) if moved else None,
        fee_currency=moved["currency"].upper() if moved else None,
        refunded_amount=from_stripe(charge.get("amount_refunded", 0), found["currency"]),
        failure_code=failure.get("decline_code") or failure.get("code") if failed else None,
        failure_message=failure.get("message") if failed else None,
        invoice_id=invoice_id,
        metadata=found["metadata"] or {},
    )


_REASONS = {"subscription_create": "FIRST", "subscription_cycle": "CYCLE", "subscription_update": "CHANGE"}


def _invoice(found: dict[str, Any]) -> InvoiceState:
    details = (found["parent"] or {}).get("subscription_details") or {}
    payments = (found.get("payments") or {}).get("data") or []
    paid = [each for each in payments if each["status"] == "paid" and each["payment"].get("payment_intent")]
    taken = sum(each["amount_paid"] or 0 for each in paid)
    first = next(iter([*paid, *(each for each in payments if each["status"] == "open"), *(payments if found["status"] != "paid" else [])]), None)
    intent = first["payment"].get("payment_intent") if first else None
    # An invoice's own period is the one before; what it pays for stands on its lines.
    lines = found["lines"]["data"]
    periods = [line["period"] for line in lines if not _is_proration(line)] or [line["period"] for line in lines]
    return InvoiceState(
        id=found["id"],
        status=found["status"].upper(),
        subscription_id=_id(details.get("subscription")),
        amount_due=from_stripe(found["amount_due"], found["currency"]),
        amount_paid=from_stripe(found["amount_paid"], found["currency"]),
        currency=found["currency"].upper(),
        reason=_REASONS.get(found["billing_reason"], "OTHER"),
        attempts=found["attempt_count"],
        payment_id=_id(intent),
        elsewhere_amount=from_stripe(max(0, found["amount_paid"] - taken), found["currency"]) if found["status"] == "paid" else 0,
        next_attempt_at=_maybe_at(found["next_payment_attempt"]),
        period_start=_at(min(period["start"] for period in periods)) if periods else None,
        period_end=_at(max(period["end"] for period in periods)) if periods else None,
        failure_message=(intent.get("last_payment_error") or {}).get("message") if isinstance(intent, dict) else None,
        hosted_url=found["hosted_invoice_url"],
    )


def _is_proration(line: dict[str, Any]) -> bool:
    parent = line["parent"] or {}
    return any((parent.get(name) or {}).get("proration") for name in ("subscription_item_details", "invoice_item_details"))


_STATUSES = {
    "incomplete": "INCOMPLETE",
    "incomplete_expired": "CANCELED",
    "trialing": "TRIALING",
    "active": "ACTIVE",
    "past_due": "PAST_DUE",
    "unpaid": "PAST_DUE",
    "paused": "PAUSED",
}


def _subscription(found: dict[str, Any]) -> SubscriptionState:
    items, pause = found["items"]["data"], found["pause_collection"]
    status = _STATUSES.get(found["status"], "CANCELED")
    end = items[0]["current_period_end"]
    return SubscriptionState(
        id=found["id"],
        status="PAUSED" if pause and status in ("ACTIVE", "TRIALING", "PAST_DUE") else status,
        customer_id=_id(found["customer"]) or "",
        amount=from_stripe(sum(item["price"]["unit_amount"] * item["quantity"] for item in items), found["currency"]),
        currency=found["currency"].upper(),
        interval=items[0]["price"]["recurring"]["interval"].upper(),
        current_period_start=_at(items[0]["current_period_start"]),
        current_period_end=_at(end),
        trial_ends_at=_maybe_at(found["trial_end"]),
        cancel_at_period_end=found["cancel_at_period_end"] or found["cancel_at"] == end,
        canceled_at=_maybe_at(found["canceled_at"]),
        ended_at=_maybe_at(found["ended_at"]),
        paused_until=_maybe_at(pause["resumes_at"]) if pause else None,
        latest_invoice_id=_id(found["latest_invoice"]),
        metadata=found["metadata"] or {},
    )


def _refund(found: dict[str, Any]) -> RefundState:
    return RefundState(
        id=found["id"],
        status={"succeeded": "SUCCEEDED", "failed": "FAILED", "canceled": "CANCELED"}.get(found["status"], "PENDING"),
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        payment_id=_id(found["payment_intent"]),
        failure_reason=found.get("failure_reason"),
        metadata=found["metadata"] or {},
    )


_DISPUTES = {"won": "WON", "warning_closed": "WON", "prevented": "WON", "lost": "LOST", "under_review": "UNDER_REVIEW", "warning_under_review": "UNDER_REVIEW"}


def _dispute(found: dict[str, Any]) -> DisputeState:
    moved = found["balance_transactions"]
    return DisputeState(
        id=found["id"],
        status=_DISPUTES.get(found["status"], "NEEDS_RESPONSE"),
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        fee_amount=sum(from_stripe(each["fee"], each["currency"]) for each in moved),
        reason=found["reason"],
        payment_id=_id(found["payment_intent"]),
        charge_id=_id(found["charge"]),
        evidence_due_at=_maybe_at((found["evidence_details"] or {}).get("due_by")),
        is_money_withdrawn=sum(each["amount"] for each in moved) < 0,
    )


def _account(found: dict[str, Any]) -> ConnectedAccount:
    return ConnectedAccount(
        id=found["id"],
        country=found["country"],
        charges_enabled=found["charges_enabled"],
        payouts_enabled=found["payouts_enabled"],
        details_submitted=found["details_submitted"],
        requirements=(found.get("requirements") or {}).get("currently_due") or [],
        default_currency=(found.get("default_currency") or "").upper() or None,
    )


def _bank_payout(payout: dict[str, Any]) -> BankPayout:
    currency = payout["currency"].upper()
    return BankPayout(
        id=payout["id"],
        amount=from_stripe(payout["amount"], currency),
        currency=currency,
        status={"paid": "PAID", "failed": "FAILED", "canceled": "FAILED"}.get(payout["status"], "IN_TRANSIT"),
        created_at=_at(payout["created"]),
        arrives_at=_at(payout["arrival_date"]),
        failure_message=payout.get("failure_message"),
    )


def _transfer(found: dict[str, Any]) -> TransferState:
    return TransferState(
        id=found["id"],
        amount=from_stripe(found["amount"], found["currency"]),
        currency=found["currency"].upper(),
        account_id=_id(found["destination"]) or "",
        reversed_amount=from_stripe(found["amount_reversed"], found["currency"]),
    )

"""Payment intents and charges: money that comes in. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.balances import fee_of
from lms_graph.integrations.twins.stripe.errors import StripeError, declined, refused
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page, shown

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

INTENT = (
    "amount currency customer payment_method off_session confirm metadata transfer_group payment_method_types automatic_payment_methods description receipt_email setup_future_usage "
    "statement_descriptor statement_descriptor_suffix return_url capture_method error_on_requires_action on_behalf_of"
)


class Payments:
    """`books_after`: seconds until a charge has a balance transaction, and so a fee; at once unless tests want it later, as Stripe does at times (`charge.updated` then tells)."""

    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self.books_after = 0
        self._store = twin.store
        self._store.included["charge", "refunds"] = lambda each: listed(f"/v1/charges/{each['id']}/refunds", twin.refunds.of_charge(each["id"]))

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/payment_intents", self._create, INTENT),
            ("GET", "/v1/payment_intents", self._list, "customer created limit starting_after ending_before"),
            ("GET", "/v1/payment_intents/{id}", self._retrieve, "client_secret"),
            ("POST", "/v1/payment_intents/{id}", self._update, INTENT),
            ("POST", "/v1/payment_intents/{id}/confirm", self._confirm, "payment_method off_session return_url receipt_email setup_future_usage error_on_requires_action"),
            ("POST", "/v1/payment_intents/{id}/cancel", self._cancel, "cancellation_reason"),
            ("GET", "/v1/charges", self._list_charges, "customer payment_intent transfer_group created limit starting_after ending_before"),
            ("GET", "/v1/charges/{id}", lambda call: self._store.get("charge", call.path["id"], call.owner), ""),
            ("POST", "/v1/charges/{id}", self._update_charge, "metadata description transfer_group receipt_email"),
        ]

    def intent(self, owner: Owner, amount: int, currency: str, **more: Any) -> Object:
        """A new intent, told of."""
        made = self._store.add(
            "payment_intent",
            owner,
            {
                "id": (id := fresh("pi")),
                "object": "payment_intent",
                "amount": amount,
                "amount_capturable": 0,
                "amount_received": 0,
                "application": None,
                "application_fee_amount": None,
                "automatic_payment_methods": None,
                "canceled_at": None,
                "cancellation_reason": None,
                "capture_method": "automatic_async",
                "client_secret": f"{id}_secret_{fresh('s', 25)[2:]}",
                "confirmation_method": "automatic",
                "created": self._twin.now(),
                "currency": currency,
                "customer": None,
                "description": None,
                "last_payment_error": None,
                "latest_charge": None,
                "livemode": owner.livemode,
                "metadata": {},
                "next_action": None,
                "on_behalf_of": None,
                "payment_method": None,
                "payment_method_types": ["card"],
                "processing": None,
                "receipt_email": None,
                "setup_future_usage": None,
                "shipping": None,
                "statement_descriptor": None,
                "status": "requires_payment_method",
                "transfer_data": None,
                "transfer_group": None,
                **more,
            },
        )
        self._twin.events.emit("payment_intent.created", made)
        return made

    def charge(self, intent: Object, card: Object, *, authenticated: bool = False, off_session: bool = False) -> dict[str, Any] | None:
        """Try to take the money. None when it worked, or is under way; else the words of the refusal, which the intent keeps."""
        if card["_slow"]:
            intent.update(status="processing", payment_method=card["id"])
            self._twin.events.emit("payment_intent.processing", intent)
            return None
        words = declined(card["_decline"]) if card["_decline"] and not (card["_asks"] and authenticated) else None
        if words and card["_asks"] and not off_session:
            intent.update(status="requires_action", payment_method=card["id"])
            intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": f"{self._twin.url}/3ds/{intent['id']}"}}
            self._twin.events.emit("payment_intent.requires_action", intent)
            return None
        return self._charged(intent, card, words)

    def arrive(self, intent_id: str, *, well: bool = True) -> None:
        """A debit that was under way reaches the platform, or the bank returns it."""
        intent = self._store.kinds["payment_intent"][intent_id]
        if intent["status"] != "processing":
            raise refused("This PaymentIntent is not under way.", "payment_intent_unexpected_state")
        self._charged(intent, self._store.kinds["payment_method"][intent["payment_method"]], None if well else declined("insufficient_funds"))
        self._twin.invoices.arrived(intent)
        self._twin.checkout.arrived(intent)

    def _charged(self, intent: Object, card: Object, words: dict[str, Any] | None) -> dict[str, Any] | None:
        charge = self._charge(intent, card, words)
        if words:
            intent.update(status="requires_payment_method", next_action=None, payment_method=None, latest_charge=charge["id"])
            intent["last_payment_error"] = {**words, "charge": charge["id"], "payment_method": shown(card)}
            self._twin.events.emit("charge.failed", charge)
            self._twin.events.emit("payment_intent.payment_failed", intent)
            return words
        intent.update(status="succeeded", next_action=None, amount_received=intent["amount"], latest_charge=charge["id"], payment_method=card["id"], last_payment_error=None)
        if intent["setup_future_usage"] and intent["customer"]:
            self._twin.customers.attach(card, self._store.kinds["customer"][intent["customer"]])
        self._twin.events.emit("charge.succeeded", charge)
        self._twin.events.emit("payment_intent.succeeded", intent)
        return None

    def _charge(self, intent: Object, card: Object, words: dict[str, Any] | None) -> Object:
        owner, amount = intent["_owner"], intent["amount"]
        charge = self._store.add(
            "charge",
            owner,
            {
                "id": (id := fresh("ch")),
                "object": "charge",
                "amount": amount,
                "amount_captured": 0 if words else amount,
                "amount_refunded": 0,
                "application": None,
                "application_fee": None,
                "application_fee_amount": None,
                "balance_transaction": None,
                "billing_details": shown(card["billing_details"]),
                "calculated_statement_descriptor": "TWIN",
                "captured": words is None,
                "created": self._twin.now(),
                "currency": intent["currency"],
                "customer": intent["customer"],
                "description": intent["description"],
                "disputed": False,
                "failure_balance_transaction": None,
                "failure_code": words["code"] if words else None,
                "failure_message": words["message"] if words else None,
                "fraud_details": {},
                "livemode": owner.livemode,
                "metadata": dict(intent["metadata"]),
                "on_behalf_of": intent["on_behalf_of"],
                "outcome": {
                    "network_status": "declined_by_network" if words else "approved_by_network",
                    "reason": words["decline_code"] if words else None,
                    "risk_level": "normal",
                    "seller_message": "The bank did not return any further details with this decline." if words else "Payment complete.",
                    "type": "issuer_declined" if words else "authorized",
                },
                "paid": words is None,
                "payment_intent": intent["id"],
                "payment_method": card["id"],
                "payment_method_details": {"card": {name: card["card"][name] for name in ("brand", "country", "exp_month", "exp_year", "funding", "last4")}, "type": "card"},
                "receipt_email": intent["receipt_email"],
                "receipt_number": None,
                "receipt_url": None if words else f"{self._twin.url}/receipts/{id}",
                "refunded": False,
                "review": None,
                "shipping": None,
                "source_transfer": None,
                "statement_descriptor": None,
                "status": "failed" if words else "succeeded",
                "transfer_data": None,
                "transfer_group": intent["transfer_group"] or f"group_{intent['id']}",
            },
        )
        charge["_settles_after"] = 0 if card["card"]["last4"] == "0077" else self._twin.balances.settles_after
        charge["_books_at"] = charge["created"] + self.books_after if words is None else None
        if words is None and not self.books_after:
            self._book(charge)
        return charge

    def _book(self, charge: Object) -> None:
        moved = self._twin.balances.move(charge["_owner"], charge["amount"], charge["currency"], "charge", charge, fee=fee_of(charge["amount"]), after=charge["_settles_after"])
        charge.update(balance_transaction=moved["id"], _books_at=None)

    def next_due(self) -> int | None:
        return min((due for each in self._store.all("charge") if (due := each.get("_books_at")) is not None), default=None)

    def run_due(self, now: int) -> None:
        for each in self._store.all("charge"):
            if (due := each.get("_books_at")) is not None and due <= now:
                self._book(each)
                self._twin.events.emit("charge.updated", each, previous={"balance_transaction": None})

    def authenticate(self, intent_id: str, *, well: bool = True) -> None:
        """The buyer confirms at their bank (3-D Secure), or fails to."""
        intent = self._store.kinds["payment_intent"][intent_id]
        if intent["status"] != "requires_action":
            raise refused("This PaymentIntent does not wait for an authentication.", "payment_intent_unexpected_state")
        if well:
            self.charge(intent, self._store.kinds["payment_method"][intent["payment_method"]], authenticated=True)
            return
        message = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        intent.update(status="requires_payment_method", next_action=None, payment_method=None)
        intent["last_payment_error"] = {"type": "invalid_request_error", "code": "payment_intent_authentication_failure", "message": message}
        self._twin.events.emit("payment_intent.payment_failed", intent)

    def cancel(self, intent: Object, reason: str | None = None) -> None:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise refused(f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.", "payment_intent_unexpected_state")
        intent.update(status="canceled", canceled_at=self._twin.now(), cancellation_reason=reason, next_action=None)
        self._twin.events.emit("payment_intent.canceled", intent)

    def _create(self, call: "Call") -> Object:
        asked = call.params
        currency, amount = currencies.known(asked.needed("currency")), asked.needed_number("amount")
        currencies.chargeable(amount, currency)
        if asked.flag("off_session") and not asked.flag("confirm"):
            raise refused("You cannot set `off_session` without `confirm=true`.", param="off_session")
        customer = self._twin.customers.alive(id, call.owner) if (id := asked.text("customer")) else None
        card = self._twin.customers.payment_method(id, call.owner) if (id := asked.text("payment_method")) else None
        intent = self.intent(
            call.owner,
            amount,
            currency,
            customer=customer["id"] if customer else None,
            metadata=asked.metadata(),
            automatic_payment_methods={"allow_redirects": "always", "enabled": True} if "automatic_payment_methods" in asked else None,
            payment_method_types=asked.texts("payment_method_types") or ["card"],
            payment_method=card["id"] if card else None,
            status="requires_confirmation" if card else "requires_payment_method",
            setup_future_usage=asked.one_of("setup_future_usage", "off_session on_session"),
            **{name: asked.text(name) for name in ("transfer_group", "description", "receipt_email", "statement_descriptor", "on_behalf_of")},
        )
        return self._confirmed(intent, card, asked.flag("off_session")) if asked.flag("confirm") else intent

    def _confirmed(self, intent: Object, card: Object | None, off_session: bool) -> Object:
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            message = f"This PaymentIntent's status is {intent['status']}, but it must have a status of requires_payment_method or requires_confirmation to be confirmed."
            raise StripeError(400, message, code="payment_intent_unexpected_state", payment_intent=shown(intent))
        if card is None:
            raise StripeError(
                400, "You cannot confirm this PaymentIntent because it's missing a payment method.", code="payment_intent_unexpected_state", payment_intent=shown(intent)
            )
        if card["customer"] and card["customer"] != intent["customer"]:
            raise refused("The provided PaymentMethod belongs to another customer than the PaymentIntent's.", param="payment_method")
        if words := self.charge(intent, card, off_session=off_session):
            named = {name: value for name, value in words.items() if name != "doc_url"}
            raise StripeError(402, **named, charge=intent["latest_charge"], payment_intent=shown(intent), payment_method=shown(card))
        return intent

    def _confirm(self, call: "Call") -> Object:
        intent = self._store.get("payment_intent", call.path["id"], call.owner, "intent")
        id = call.params.text("payment_method")
        card = self._twin.customers.payment_method(id, call.owner) if id else self._store.find("payment_method", intent["payment_method"])
        return self._confirmed(intent, card, call.params.flag("off_session"))

    def _retrieve(self, call: "Call") -> Object:
        return self._store.get("payment_intent", call.path["id"], call.owner, "intent")

    def _update(self, call: "Call") -> Object:
        intent, asked = self._store.get("payment_intent", call.path["id"], call.owner, "intent"), call.params
        if "amount" in asked:
            if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
                raise refused(f"This PaymentIntent's amount could not be updated because it has a status of {intent['status']}.", "payment_intent_unexpected_state")
            currencies.chargeable(asked.needed_number("amount"), intent["currency"])
            intent["amount"] = asked.needed_number("amount")
        intent.update({name: asked.text(name) for name in ("transfer_group", "description", "receipt_email", "statement_descriptor") if name in asked})
        intent["metadata"] = asked.metadata(intent["metadata"])
        return intent

    def _cancel(self, call: "Call") -> Object:
        intent = self._store.get("payment_intent", call.path["id"], call.owner, "intent")
        self.cancel(intent, call.params.one_of("cancellation_reason", "duplicate fraudulent requested_by_customer abandoned"))
        return intent

    def _list(self, call: "Call") -> Object:
        rows = [each for each in reversed(self._store.all("payment_intent", call.owner)) if "customer" not in call.params or each["customer"] == call.params.text("customer")]
        return page("/v1/payment_intents", rows, call.params)

    def _list_charges(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("customer", "payment_intent", "transfer_group") if name in call.params}
        rows = [each for each in reversed(self._store.all("charge", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/charges", rows, call.params)

    def _update_charge(self, call: "Call") -> Object:
        charge = self._store.get("charge", call.path["id"], call.owner)
        charge["metadata"] = call.params.metadata(charge["metadata"])
        charge.update({name: call.params.text(name) for name in ("description", "transfer_group", "receipt_email") if name in call.params})
        self._twin.events.emit("charge.updated", charge)
        return charge

"""Customers, their cards, and cards kept for later (setup intents)."""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.errors import StripeError, declined, invalid, refused
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

CUSTOMER = "address balance description email invoice_settings metadata name payment_method phone preferred_locales shipping tax tax_exempt"

CARDS = {
    "pm_card_visa": ("visa", "4242", None),
    "pm_card_mastercard": ("mastercard", "4444", None),
    "pm_card_bypassPending": ("visa", "0077", None),
    "pm_card_chargeDeclined": ("visa", "0002", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": ("visa", "9995", "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": ("visa", "0069", "expired_card"),
    "pm_card_chargeCustomerFail": ("visa", "0341", "generic_decline"),
    "pm_card_authenticationRequired": ("visa", "3184", "authentication_required"),
    "pm_card_threeDSecure2Required": ("visa", "3220", "authentication_required"),
    "pm_bank_debit": ("unknown", "3000", None),
}
"""Stripe's test cards: brand, last digits, and why they are declined. `authentication_required` wants the buyer's own confirmation. `pm_bank_debit` is no card: its money comes days later, or does not."""


class Customers:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store
        self._store.included["customer", "subscriptions"] = lambda each: listed(
            "/v1/subscriptions", [sub for sub in twin.store.all("subscription") if sub["customer"] == each["id"]]
        )

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/customers", self._create, CUSTOMER),
            ("GET", "/v1/customers", self._list, "email created limit starting_after ending_before"),
            ("GET", "/v1/customers/{id}", self._retrieve, ""),
            ("POST", "/v1/customers/{id}", self._update, CUSTOMER),
            ("DELETE", "/v1/customers/{id}", self._delete, ""),
            ("GET", "/v1/customers/{id}/payment_methods", self._list_cards, "type limit starting_after ending_before"),
            ("POST", "/v1/payment_methods", self._create_card, "type card billing_details metadata"),
            ("GET", "/v1/payment_methods", self._list_cards, "customer type limit starting_after ending_before"),
            ("GET", "/v1/payment_methods/{id}", self._retrieve_card, ""),
            ("POST", "/v1/payment_methods/{id}/attach", self._attach, "customer"),
            ("POST", "/v1/payment_methods/{id}/detach", self._detach, ""),
            ("POST", "/v1/setup_intents", self._setup, "customer payment_method confirm usage metadata payment_method_types automatic_payment_methods description"),
            ("GET", "/v1/setup_intents/{id}", lambda call: self._store.get("setup_intent", call.path["id"], call.owner), ""),
            ("POST", "/v1/setup_intents/{id}/confirm", self._confirm_setup, "payment_method return_url"),
        ]

    def made(self, owner: Owner, *, email: str | None = None, name: str | None = None, metadata: dict[str, str] | None = None) -> Object:
        found = self._store.add(
            "customer",
            owner,
            {
                "id": fresh("cus", 14),
                "object": "customer",
                "address": None,
                "balance": 0,
                "created": self._twin.now(),
                "currency": None,
                "default_source": None,
                "delinquent": False,
                "description": None,
                "discount": None,
                "email": email,
                "invoice_prefix": fresh("x", 8)[2:].upper(),
                "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
                "livemode": owner.livemode,
                "metadata": metadata or {},
                "name": name,
                "next_invoice_sequence": 1,
                "phone": None,
                "preferred_locales": [],
                "shipping": None,
                "tax_exempt": "none",
                "test_clock": None,
            },
        )
        self._twin.events.emit("customer.created", found)
        return found

    def card(self, owner: Owner, named: str = "pm_card_visa", *, billing: dict[str, Any] | None = None) -> Object:
        """A new card as one of Stripe's test cards behaves."""
        brand, last4, decline = CARDS[named]
        return self._store.add(
            "payment_method",
            owner,
            {
                "id": fresh("pm"),
                "object": "payment_method",
                "allow_redisplay": "unspecified",
                "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None, **(billing or {})},
                "card": {
                    "brand": brand,
                    "country": "US",
                    "display_brand": brand,
                    "exp_month": 12,
                    "exp_year": 2034,
                    "fingerprint": fresh("fp", 16),
                    "funding": "credit",
                    "last4": last4,
                },
                "created": self._twin.now(),
                "customer": None,
                "livemode": owner.livemode,
                "metadata": {},
                "type": "card",
                "_decline": decline,
                "_asks": decline == "authentication_required",
                "_slow": named == "pm_bank_debit",
            },
        )

    def payment_method(self, id: str, owner: Owner, param: str = "payment_method") -> Object:
        """By id; the test cards' names make a new one each time, as they do."""
        return self.card(owner, id) if id in CARDS else self._store.get("payment_method", id, owner, param)

    def attach(self, card: Object, customer: Object) -> None:
        if card["customer"] not in (None, customer["id"]):
            raise refused("The payment method you provided has already been attached to a customer.")
        if card["customer"] is None:
            card["customer"] = customer["id"]
            self._twin.events.emit("payment_method.attached", card)

    def default_card(self, customer: Object) -> Object | None:
        return self._store.find("payment_method", customer["invoice_settings"]["default_payment_method"])

    def use_card(self, customer_id: str, named: str) -> Object:
        """The customer pays with another card from now on, as in a portal of theirs: also where subscriptions had one of their own."""
        customer = self._store.kinds["customer"][customer_id]
        card = self.card(customer["_owner"], named)
        card["customer"] = customer_id
        self._twin.events.emit("payment_method.attached", card)
        customer["invoice_settings"]["default_payment_method"] = card["id"]
        self._twin.events.emit("customer.updated", customer)
        for each in self._store.all("subscription"):
            if each["customer"] == customer_id and each["default_payment_method"]:
                each["default_payment_method"] = card["id"]
        return card

    def _create(self, call: "Call") -> Object:
        found = self.made(call.owner, email=call.params.text("email"), name=call.params.text("name"), metadata=call.params.metadata())
        self._write(found, call.params)
        return found

    def _write(self, found: Object, asked: Params) -> None:
        for name in ("description", "email", "name", "phone", "tax_exempt"):
            if name in asked:
                found[name] = asked.text(name)
        if "address" in asked:
            found["address"] = {name: asked.inside("address").text(name) for name in ("city", "country", "line1", "line2", "postal_code", "state")}
        if "balance" in asked:
            found["balance"] = asked.number("balance")
        if "metadata" in asked:
            found["metadata"] = asked.metadata(found["metadata"])
        if id := asked.text("payment_method"):
            self.attach(self.payment_method(id, found["_owner"]), found)
        if "invoice_settings" in asked and (id := asked.inside("invoice_settings").text("default_payment_method")):
            card = self._store.get("payment_method", id, found["_owner"], "invoice_settings[default_payment_method]")
            if card["customer"] != found["id"]:
                raise refused(f"The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer.", "resource_missing")
            found["invoice_settings"]["default_payment_method"] = id

    def _retrieve(self, call: "Call") -> Object:
        return self._store.get("customer", call.path["id"], call.owner)

    def alive(self, id: str, owner: Owner, param: str = "customer") -> Object:
        found = self._store.get("customer", id, owner, param)
        if found.get("deleted"):
            raise StripeError(400, f"No such customer: '{id}'", code="resource_missing", param=param)
        return found

    def _update(self, call: "Call") -> Object:
        found = self.alive(call.path["id"], call.owner, "id")
        self._write(found, call.params)
        self._twin.events.emit("customer.updated", found)
        return found

    def _delete(self, call: "Call") -> Object:
        found = self.alive(call.path["id"], call.owner, "id")
        for each in self._store.all("subscription", call.owner):
            if each["customer"] == found["id"] and each["status"] != "canceled":
                self._twin.subscriptions.end(each, "cancellation_requested")
        self._twin.events.emit("customer.deleted", found)
        owner, id = found["_owner"], found["id"]
        found.clear()
        found.update({"id": id, "object": "customer", "deleted": True, "_owner": owner})
        return found

    def _list(self, call: "Call") -> Object:
        rows = [each for each in reversed(self._store.all("customer", call.owner)) if not each.get("deleted")]
        return page("/v1/customers", [each for each in rows if "email" not in call.params or each["email"] == call.params.text("email")], call.params)

    def _create_card(self, call: "Call") -> Object:
        if call.params.one_of("type", "card") is None:
            raise invalid("Missing required param: type.", "type", "parameter_missing")
        number = call.params.inside("card").text("token") or "tok_visa"
        name = f"pm_card_{number.removeprefix('tok_')}"
        if name not in CARDS:
            raise invalid(f"No such token: '{number}'. Numbers of cards are not sent to the API.", "card[token]")
        return self.card(call.owner, name)

    def _list_cards(self, call: "Call") -> Object:
        customer = call.path.get("id") or call.params.text("customer")
        rows = [each for each in reversed(self._store.all("payment_method", call.owner)) if each["customer"] and each["customer"] == customer]
        return page("/v1/payment_methods", rows, call.params)

    def _retrieve_card(self, call: "Call") -> Object:
        return self._store.get("payment_method", call.path["id"], call.owner)

    def _attach(self, call: "Call") -> Object:
        card, customer = self.payment_method(call.path["id"], call.owner), self.alive(call.params.needed("customer"), call.owner)
        if card["_decline"] and not card["_asks"] and card["card"]["last4"] != "0341":
            raise StripeError(402, **_named(declined(card["_decline"])))
        self.attach(card, customer)
        return card

    def _detach(self, call: "Call") -> Object:
        card = self._store.get("payment_method", call.path["id"], call.owner)
        if card["customer"] is None:
            raise refused("The payment method you provided is not attached to a customer so detachment is impossible.")
        card["customer"] = None
        self._twin.events.emit("payment_method.detached", card)
        return card

    def _setup(self, call: "Call") -> Object:
        customer = self.alive(id, call.owner) if (id := call.params.text("customer")) else None
        made = self._store.add(
            "setup_intent",
            call.owner,
            {
                "id": (id := fresh("seti")),
                "object": "setup_intent",
                "client_secret": f"{id}_secret_{fresh('s', 25)[2:]}",
                "created": self._twin.now(),
                "customer": customer["id"] if customer else None,
                "description": call.params.text("description"),
                "last_setup_error": None,
                "livemode": call.owner.livemode,
                "metadata": call.params.metadata(),
                "next_action": None,
                "payment_method": None,
                "payment_method_types": ["card"],
                "status": "requires_payment_method",
                "usage": call.params.one_of("usage", "off_session on_session", "off_session"),
            },
        )
        self._twin.events.emit("setup_intent.created", made)
        if "payment_method" in call.params:
            made["payment_method"] = self.payment_method(call.params.needed("payment_method"), call.owner)["id"]
            made["status"] = "requires_confirmation"
        return self._confirmed(made) if call.params.flag("confirm") else made

    def _confirm_setup(self, call: "Call") -> Object:
        found = self._store.get("setup_intent", call.path["id"], call.owner)
        if id := call.params.text("payment_method"):
            found["payment_method"] = self.payment_method(id, call.owner)["id"]
        return self._confirmed(found)

    def _confirmed(self, found: Object) -> Object:
        card = self._store.find("payment_method", found["payment_method"])
        if card is None:
            raise refused("You cannot confirm this SetupIntent because it's missing a payment method.", "setup_intent_unexpected_state")
        if found["status"] == "succeeded":
            raise refused("You cannot confirm this SetupIntent because it has already succeeded.", "setup_intent_unexpected_state")
        if card["_decline"] and not card["_asks"] and card["card"]["last4"] != "0341":
            found.update(status="requires_payment_method", last_setup_error=declined(card["_decline"]), payment_method=None)
            self._twin.events.emit("setup_intent.setup_failed", found)
            raise StripeError(402, **_named(declined(card["_decline"])))
        if found["customer"]:
            self.attach(card, self._store.kinds["customer"][found["customer"]])
        found["status"] = "succeeded"
        self._twin.events.emit("setup_intent.succeeded", found)
        return found


def _named(words: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in words.items() if name != "doc_url"}

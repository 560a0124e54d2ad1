"""Checkout sessions, and the page on which buyers pay. https://docs.stripe.com/payments/checkout"""

import html
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lms_graph.integrations.twins.people import form_of
from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.errors import StripeError, invalid, missing, refused
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page
from lms_graph.integrations.twins.stripe.sheet import sheet

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

SESSION = (
    "mode line_items ui_mode success_url cancel_url return_url redirect_on_completion expires_at client_reference_id customer customer_email customer_creation metadata locale "
    "discounts payment_intent_data subscription_data payment_method_types payment_method_collection billing_address_collection currency allow_promotion_codes submit_type invoice_creation "
    "automatic_tax tax_id_collection phone_number_collection saved_payment_method_options consent_collection custom_text"
)
SOONEST, LATEST = 30 * 60, 24 * 3600
MAX_ITEMS = {"payment": 100, "subscription": 20}
BUYER = {"email": "buyer@people.example", "name": "Amina Vos", "phone": None, "tax_exempt": "none", "tax_ids": []}
ADDRESS = {"city": None, "country": "DE", "line1": None, "line2": None, "postal_code": "10115", "state": None}
CHOICES = {
    "pay": ("pm_card_visa", "Pay"),
    "decline": ("pm_card_chargeDeclined", "Pay with a card that is declined"),
    "no_funds": ("pm_card_chargeDeclinedInsufficientFunds", "Pay with a card without funds"),
    "3ds": ("pm_card_threeDSecure2Required", "Pay with a card whose bank asks (3-D Secure)"),
    "fails_later": ("pm_card_chargeCustomerFail", "Pay with a card that will be declined later"),
    "debit": ("pm_bank_debit", "Pay by a debit that takes days"),
}


class Checkout:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store
        self._store.included["checkout.session", "line_items"] = lambda each: listed(
            f"/v1/checkout/sessions/{each['id']}/line_items", each["_lines"][:10], has_more=len(each["_lines"]) > 10
        )

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/checkout/sessions", self._create, SESSION),
            ("GET", "/v1/checkout/sessions", self._list, "customer customer_details payment_intent subscription status created limit starting_after ending_before"),
            ("GET", "/v1/checkout/sessions/{id}", lambda call: self._store.get("checkout.session", call.path["id"], call.owner, "session"), ""),
            ("POST", "/v1/checkout/sessions/{id}", self._update, "metadata"),
            ("POST", "/v1/checkout/sessions/{id}/expire", self._expire, ""),
            ("GET", "/v1/checkout/sessions/{id}/line_items", self._lines, "limit starting_after ending_before"),
        ]

    def pages(self) -> list[Route]:
        return [Route("/pay/{id}", self._page, methods=["GET", "POST"]), Route("/3ds/{id}", self._bank, methods=["GET", "POST"]), Route("/receipts/{id}", self._receipt)]

    def pay(self, session_id: str, card: str = "pm_card_visa", *, email: str | None = None, name: str | None = None, country: str | None = None) -> str:
        """The buyer pays with one of the test cards. Gives how it went: `paid`, `action` (the bank asks: `authenticate`), `processing` (a debit: `payments.arrive`), or the
        code of the decline; a session that is not open refuses."""
        session = self._store.kinds["checkout.session"][session_id]
        self._twin.advance(0)
        if session["status"] != "open":
            raise refused(f"This Checkout Session is {session['status']}.")
        details = {**BUYER, "email": email or session["_email"] or BUYER["email"], "name": name or BUYER["name"], "address": {**ADDRESS, "country": country or ADDRESS["country"]}}
        session["_details"] = details
        owner: Owner = session["_owner"]
        customer = self._customer(session, details)
        method = self._twin.customers.card(owner, card, billing={"email": details["email"], "name": details["name"], "address": details["address"]})
        if session["mode"] == "subscription":
            return self._subscribe(session, customer, method)
        if session["amount_total"] == 0:
            self._complete(session, "no_payment_required")
            return "paid"
        intent = self._store.find("payment_intent", session["_intent"])
        if intent is None:
            asked: Params = session["_intent_data"]
            intent = self._twin.payments.intent(
                owner,
                session["amount_total"],
                session["currency"],
                customer=customer["id"] if customer else None,
                metadata=asked.metadata(),
                setup_future_usage=asked.text("setup_future_usage"),
                **{each: asked.text(each) for each in ("transfer_group", "description", "statement_descriptor", "on_behalf_of")},
                receipt_email=asked.text("receipt_email"),
                _session=session_id,
            )
            session["_intent"] = intent["id"]
        if words := self._twin.payments.charge(intent, method):
            return str(words["decline_code"])
        if intent["status"] == "requires_action":
            return "action"
        session["payment_intent"] = intent["id"]
        outcome = "processing" if intent["status"] == "processing" else "paid"
        self._complete(session, "unpaid" if outcome == "processing" else "paid")
        return outcome

    def arrived(self, intent: Object) -> None:
        """What a debit came to, told of the session that it was for."""
        for session in self._store.all("checkout.session"):
            if session["_intent"] == intent["id"] and session["status"] == "complete":
                well = intent["status"] == "succeeded"
                session["payment_status"] = "paid" if well else "unpaid"
                self._twin.events.emit(f"checkout.session.async_payment_{'succeeded' if well else 'failed'}", session)

    def authenticate(self, session_id: str, *, well: bool = True) -> None:
        """The buyer answers the bank's question."""
        session = self._store.kinds["checkout.session"][session_id]
        if session["status"] != "open":
            raise refused(f"This Checkout Session is {session['status']}.")
        intent = self._store.kinds["payment_intent"][session["_intent"]]
        self._twin.payments.authenticate(intent["id"], well=well)
        if not well:
            return
        if session["mode"] == "subscription":
            self._twin.subscriptions.first_paid(self._store.kinds["subscription"][session["_subscription"]])
            self._subscribed(session, self._store.kinds["subscription"][session["_subscription"]])
        else:
            session["payment_intent"] = intent["id"]
            self._complete(session, "paid")

    def expire(self, session: Object) -> None:
        if session["status"] != "open":
            raise refused(f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of {session["status"]}.')
        session.update(status="expired", url=None, client_secret=None)
        intent = self._store.find("payment_intent", session["_intent"])
        if intent and intent["status"] in ("requires_payment_method", "requires_action"):
            self._twin.payments.cancel(intent, "abandoned")
        self._twin.events.emit("checkout.session.expired", session)

    def next_due(self) -> int | None:
        return min((each["expires_at"] for each in self._store.all("checkout.session") if each["status"] == "open"), default=None)

    def run_due(self, now: int) -> None:
        for each in self._store.all("checkout.session"):
            if each["status"] == "open" and each["expires_at"] <= now:
                self.expire(each)

    def _customer(self, session: Object, details: dict[str, Any]) -> Object | None:
        if session["customer"] is None and (session["mode"] == "subscription" or session["customer_creation"] == "always"):
            session["customer"] = self._twin.customers.made(session["_owner"], email=details["email"], name=details["name"])["id"]
        return self._store.find("customer", session["customer"])

    def _subscribe(self, session: Object, customer: Object | None, method: Object) -> str:
        assert customer is not None
        asked: Params = session["_subscription_data"]
        known = self._store.find("subscription", session["_subscription"])
        if known:
            outcome = self._twin.subscriptions.pay_first(known, method)
            subscription = known
        else:
            trial = asked.number("trial_period_days")
            until = asked.number("trial_end") or (self._twin.now() + trial * 24 * 3600 if trial else None)
            subscription, outcome = self._twin.subscriptions.start(
                session["_owner"],
                customer,
                session["_prices"],
                method,
                metadata=asked.metadata(),
                trial_end=until,
                description=asked.text("description"),
                off_session=False,
                off=session["_off"],
            )
            if session["discounts"]:
                self._twin.products.redeem(self._store.kinds["coupon"][session["discounts"][0]["coupon"]])
            session["_subscription"] = subscription["id"]
        session["_intent"] = self._twin.invoices.intent_of(subscription["latest_invoice"])
        if outcome in ("paid", "processing"):
            self._subscribed(session, subscription, outcome)
        return outcome

    def _subscribed(self, session: Object, subscription: Object, outcome: str = "paid") -> None:
        session.update(subscription=subscription["id"], invoice=subscription["latest_invoice"])
        self._complete(session, "no_payment_required" if session["amount_total"] == 0 else "unpaid" if outcome == "processing" else "paid")

    def _complete(self, session: Object, payment_status: str) -> None:
        session.update(status="complete", payment_status=payment_status, url=None, client_secret=None, customer_details=session["_details"])
        session["collected_information"] = {"business_name": None, "individual_name": None, "shipping_details": None}
        self._twin.events.emit("checkout.session.completed", session)

    def _create(self, call: "Call") -> Object:
        asked, owner, now = call.params, call.owner, self._twin.now()
        mode = asked.one_of("mode", "payment subscription")
        if mode is None:
            raise missing("mode")
        ui_mode = asked.one_of("ui_mode", "elements embedded_page form hosted_page", "hosted_page") or ""
        self._urls(asked, ui_mode)
        expires_at = asked.number("expires_at") or now + LATEST
        if not expires_at - now + 60 >= SOONEST or expires_at - now > LATEST + 60:  # a minute for clocks that differ
            raise invalid("The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session creation.", "expires_at")
        if asked.text("customer") and asked.text("customer_email"):
            raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer_email")
        customer = self._twin.customers.alive(id, owner) if (id := asked.text("customer")) else None
        for name, only in (("payment_intent_data", "payment"), ("customer_creation", "payment"), ("subscription_data", "subscription")):
            if name in asked and mode != only:
                raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)
        email = asked.text("customer_email")
        if email is not None and ("@" not in email or " " in email):
            raise invalid(f"Invalid email address: {email}", "customer_email", "email_invalid")
        prices, lines, currency = self._items(asked, owner, mode)
        subtotal = sum(each["amount_subtotal"] for each in lines)
        data = asked.inside("subscription_data")
        trial = data.number("trial_period_days")
        if trial is not None and not 1 <= trial <= 730:
            raise invalid("Invalid trial_period_days: must be between 1 and 730.", data.at("trial_period_days"))
        is_trial = mode == "subscription" and (trial or "trial_end" in data)
        once = sum(each["amount_subtotal"] for each in lines if each["price"]["type"] == "one_time")
        subtotal = once if is_trial else subtotal
        coupon = self._twin.products.coupon_of(asked, owner, currency)
        if coupon and mode != "subscription":
            raise invalid("The twin knows discounts of subscriptions.", "discounts")
        off = min(coupon["amount_off"], subtotal) if coupon else 0
        total = subtotal - off
        if total:
            try:
                currencies.chargeable(total, currency)
            except StripeError as error:
                raise invalid(f"The Checkout Session's total amount due: {error.body['message']}", code=error.body.get("code")) from None
        id = fresh("cs_test" if not owner.livemode else "cs_live", 58)
        session = self._store.add(
            "checkout.session",
            owner,
            {
                "id": id,
                "object": "checkout.session",
                "adaptive_pricing": {"enabled": False},
                "after_expiration": None,
                "allow_promotion_codes": None,
                "amount_subtotal": subtotal,
                "amount_total": total,
                "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
                "billing_address_collection": asked.text("billing_address_collection"),
                "cancel_url": asked.text("cancel_url"),
                "client_reference_id": asked.text("client_reference_id"),
                "client_secret": f"{id}_secret_{fresh('s', 60)[2:]}" if ui_mode != "hosted_page" else None,
                "collected_information": None,
                "consent": None,
                "consent_collection": None,
                "created": now,
                "currency": currency,
                "currency_conversion": None,
                "custom_fields": [],
                "custom_text": {"after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None},
                "customer": customer["id"] if customer else None,
                "customer_creation": asked.one_of("customer_creation", "always if_required", "if_required") if mode == "payment" and not customer else None,
                "customer_details": {**BUYER, "name": None, "address": None, "email": email or (customer or {}).get("email")} if email or customer else None,
                "customer_email": email,
                "discounts": [{"coupon": coupon["id"], "promotion_code": None}] if coupon else [],
                "expires_at": expires_at,
                "invoice": None,
                "invoice_creation": {"enabled": False} if mode == "payment" else None,
                "livemode": owner.livemode,
                "locale": asked.text("locale"),
                "metadata": asked.metadata(),
                "mode": mode,
                "origin_context": None,
                "payment_intent": None,
                "payment_link": None,
                "payment_method_collection": asked.one_of("payment_method_collection", "always if_required", "always" if mode == "subscription" else "if_required"),
                "payment_method_options": {},
                "payment_method_types": asked.texts("payment_method_types") or ["card"],
                "payment_status": "unpaid",
                "permissions": None,
                "recovered_from": None,
                "redirect_on_completion": asked.one_of("redirect_on_completion", "always if_required never", "always") if ui_mode == "embedded_page" else None,
                "return_url": asked.text("return_url"),
                "saved_payment_method_options": None,
                "setup_intent": None,
                "shipping_options": [],
                "status": "open",
                "submit_type": asked.text("submit_type"),
                "subscription": None,
                "success_url": asked.text("success_url"),
                "total_details": {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0},
                "ui_mode": ui_mode,
                "url": f"{self._twin.url}/pay/{id}" if ui_mode == "hosted_page" else None,
                "_email": email or (customer or {}).get("email"),
                "_lines": lines,
                "_prices": prices,
                "_intent": None,
                "_subscription": None,
                "_off": off,
                "_intent_data": asked.inside("payment_intent_data"),
                "_subscription_data": data,
            },
        )
        data.metadata()
        asked.inside("payment_intent_data").metadata()
        return session

    def _urls(self, asked: Params, ui_mode: str) -> None:
        if ui_mode == "hosted_page":
            asked.needed("success_url")
        elif "success_url" in asked or "cancel_url" in asked:
            raise invalid(f"`success_url` and `cancel_url` cannot be used with `ui_mode: {ui_mode}`.", "success_url")
        elif ui_mode == "embedded_page" and asked.text("redirect_on_completion") != "never":
            asked.needed("return_url")
        for name in ("success_url", "cancel_url", "return_url"):
            url = asked.text(name)
            if url is not None and (not url.startswith(("http://", "https://")) or any(letter.isspace() for letter in url)):
                raise invalid("Not a valid URL", name, "url_invalid")

    def _items(self, asked: Params, owner: Owner, mode: str) -> tuple[list[tuple[Object, int]], list[Object], str]:
        rows = asked.rows("line_items")
        if not rows:
            raise missing("line_items")
        if len(rows) > MAX_ITEMS[mode]:
            raise invalid(f"You can have at most {MAX_ITEMS[mode]} line items.", "line_items")
        prices = []
        for row in rows:
            quantity = row.number("quantity") if "quantity" in row else 1
            if quantity is None or quantity < 1:
                raise invalid("This value must be greater than or equal to 1.", row.at("quantity"), "parameter_invalid_integer")
            prices.append((self._twin.products.price_of(row, owner), quantity))
        if len({price["currency"] for price, _ in prices}) > 1:
            raise invalid("All line items must have the same currency.", "line_items")
        recurring = [price["recurring"] for price, _ in prices if price["recurring"]]
        if mode == "payment" and recurring:
            raise invalid("You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.", "line_items")
        if mode == "subscription" and (not recurring or len({(each["interval"], each["interval_count"]) for each in recurring}) > 1):
            raise invalid("`subscription` mode needs at least one recurring price, and all of the same interval.", "line_items")
        lines = [
            {
                "id": fresh("li"),
                "object": "item",
                "amount_discount": 0,
                "amount_subtotal": price["unit_amount"] * quantity,
                "amount_tax": 0,
                "amount_total": price["unit_amount"] * quantity,
                "currency": price["currency"],
                "description": self._store.kinds["product"][price["product"]]["name"],
                "price": price,
                "quantity": quantity,
            }
            for price, quantity in prices
        ]
        return prices, lines, prices[0][0]["currency"]

    def _update(self, call: "Call") -> Object:
        session = self._store.get("checkout.session", call.path["id"], call.owner, "session")
        session["metadata"] = call.params.metadata(session["metadata"])
        return session

    def _expire(self, call: "Call") -> Object:
        session = self._store.get("checkout.session", call.path["id"], call.owner, "session")
        self.expire(session)
        return session

    def _list(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("customer", "payment_intent", "subscription", "status") if name in call.params}
        rows = [each for each in reversed(self._store.all("checkout.session", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/checkout/sessions", rows, call.params)

    def _lines(self, call: "Call") -> Object:
        session = self._store.get("checkout.session", call.path["id"], call.owner, "session")
        return page(f"/v1/checkout/sessions/{session['id']}/line_items", session["_lines"], call.params)

    async def _page(self, request: Request) -> Response:
        self._twin.advance(0)
        session = self._store.find("checkout.session", request.path_params["id"])
        if session is None:
            return sheet("Stripe twin", "<p>This page is not here.</p>", 404)
        if session["status"] != "open":
            return sheet("Stripe twin", f"<p>This checkout is {session['status']}.</p>", 410)
        note = ""
        if request.method == "POST":
            choice = (await form_of(request)).get("choice", "")
            if choice == "cancel":
                return RedirectResponse(session["cancel_url"] or session["success_url"] or "/", 303)
            if choice not in CHOICES:
                return sheet("Stripe twin", "<p>No such button.</p>", 400)
            try:
                outcome = self.pay(session["id"], CHOICES[choice][0])
            except StripeError as error:
                return sheet("Stripe twin", f"<p>{html.escape(str(error))}</p>", 400)
            if outcome in ("paid", "processing"):
                return _done(session)
            if outcome == "action":
                return RedirectResponse(f"{self._twin.url}/3ds/{session['_intent']}", 303)
            note = f"<p role='alert'>Your card was declined: {html.escape(outcome)}.</p>"
        lines = "".join(f"<li>{each['quantity']} × {html.escape(each['description'])}: {_told(each['amount_total'], session)}</li>" for each in session["_lines"])
        buttons = "".join(f'<p><button name="choice" value="{name}">{html.escape(words)}</button></p>' for name, (_, words) in CHOICES.items())
        if session["cancel_url"]:
            buttons += '<p><button name="choice" value="cancel">Back, without paying</button></p>'
        total = f"<p>To pay: <strong>{_told(session['amount_total'], session)}</strong></p>"
        return sheet("Pay", f"{note}<ul>{lines}</ul>{total}<form method='post'>{buttons}</form>")

    async def _bank(self, request: Request) -> Response:
        intent = self._store.find("payment_intent", request.path_params["id"])
        if intent is None or intent["status"] != "requires_action":
            return sheet("Stripe twin", "<p>The bank asks nothing.</p>", 404)
        session = next((each for each in self._store.all("checkout.session") if each["_intent"] == intent["id"]), None)
        if request.method == "POST":
            well = (await form_of(request)).get("choice") == "confirm"
            if session is None:
                self._twin.payments.authenticate(intent["id"], well=well)
                return sheet("Stripe twin", "<p>Told.</p>")
            self.authenticate(session["id"], well=well)
            return _done(session) if well else RedirectResponse(session["url"] or session["return_url"], 303)
        buttons = '<p><button name="choice" value="confirm">It was me</button></p><p><button name="choice" value="fail">It was not me</button></p>'
        return sheet("Your bank asks", f"<p>Did you order for {_told(intent['amount'], intent)}?</p><form method='post'>{buttons}</form>")

    async def _receipt(self, request: Request) -> Response:
        charge = self._store.find("charge", request.path_params["id"])
        if charge is None:
            return sheet("Stripe twin", "<p>This page is not here.</p>", 404)
        return sheet("Receipt", f"<p>{_told(charge['amount'], charge)}, {_told(charge['amount_refunded'], charge)} of it refunded.</p>")


def _told(minor: int, of: Object) -> str:
    return currencies.told(minor, of["currency"])


def _done(session: Object) -> Response:
    to = session["success_url"] or session["return_url"]
    return RedirectResponse(to.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303) if to else sheet("Paid", "<p>Thank you.</p>")

"""Subscriptions: their periods, trials, changes in between, pauses and ends. https://docs.stripe.com/billing/subscriptions/overview"""

import calendar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.errors import StripeError, declined, invalid, missing, no_such, refused
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page, shown

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

DAY = 24 * 3600
INCOMPLETE_SECONDS = 23 * 3600
CREATE = (
    "customer items metadata default_payment_method trial_end trial_period_days trial_settings cancel_at cancel_at_period_end payment_behavior off_session description proration_behavior "
    "collection_method payment_settings currency billing_cycle_anchor"
)
UPDATE = (
    "items metadata default_payment_method trial_end trial_settings cancel_at cancel_at_period_end pause_collection payment_behavior off_session description proration_behavior "
    "proration_date cancellation_details billing_cycle_anchor"
)
Wanted = tuple[Object | None, Object, int]
"""An item as it shall be: the one it was, its price and quantity."""


def plus(at: int, interval: str, count: int) -> int:
    """So many intervals later; a month later on the 31st is the last day of a shorter month."""
    start = datetime.fromtimestamp(at, UTC)
    if interval in ("day", "week"):
        return int((start + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    return int(start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1])).timestamp())


def part(amount: int, of: int, whole: int) -> int:
    """Half up."""
    return (2 * amount * of + whole) // (2 * whole) if whole else 0


class Subscriptions:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/subscriptions", self._create, CREATE),
            ("GET", "/v1/subscriptions", self._list, "customer status price created limit starting_after ending_before"),
            ("GET", "/v1/subscriptions/{id}", self._retrieve, ""),
            ("POST", "/v1/subscriptions/{id}", self._update, UPDATE),
            ("DELETE", "/v1/subscriptions/{id}", self._cancel, "invoice_now prorate cancellation_details"),
            ("POST", "/v1/subscriptions/{id}/pause", self._pause, "type bill_for invoicing_behavior"),
            ("POST", "/v1/subscriptions/{id}/resume", self._resume, "billing_cycle_anchor proration_behavior payment_behavior"),
        ]

    def start(
        self,
        owner: Owner,
        customer: Object,
        prices: list[tuple[Object, int]],
        card: Object | None,
        *,
        metadata: dict[str, str],
        trial_end: int | None = None,
        description: str | None = None,
        off_session: bool = True,
        cancel_at: int | None = None,
        off: int = 0,
    ) -> tuple[Object, str]:
        """A new subscription, and how its first payment went. It is `incomplete` until that is paid. `off` is taken off the first invoice."""
        now = self._twin.now()
        recurring = [(price, quantity) for price, quantity in prices if price["recurring"]]
        every = recurring[0][0]["recurring"]
        end = trial_end or plus(now, every["interval"], every["interval_count"])
        id = fresh("sub")
        subscription = self._store.add(
            "subscription",
            owner,
            {
                "id": id,
                "object": "subscription",
                "application": None,
                "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
                "billing_cycle_anchor": trial_end or now,
                "billing_cycle_anchor_config": None,
                "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
                "billing_schedules": [],
                "billing_thresholds": None,
                "cancel_at": cancel_at,
                "cancel_at_period_end": False,
                "canceled_at": None,
                "cancellation_details": {"comment": None, "feedback": None, "reason": None},
                "collection_method": "charge_automatically",
                "created": now,
                "currency": recurring[0][0]["currency"],
                "customer": customer["id"],
                "days_until_due": None,
                "default_payment_method": None,
                "default_source": None,
                "default_tax_rates": [],
                "description": description,
                "discounts": [],
                "ended_at": None,
                "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
                "items": listed(f"/v1/subscription_items?subscription={id}", [self._item(id, price, quantity, now, end) for price, quantity in recurring]),
                "latest_invoice": None,
                "livemode": owner.livemode,
                "metadata": metadata,
                "next_pending_invoice_item_invoice": None,
                "on_behalf_of": None,
                "pause_collection": None,
                "payment_settings": {"payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off"},
                "pending_invoice_item_interval": None,
                "pending_setup_intent": None,
                "pending_update": None,
                "schedule": None,
                "start_date": now,
                "status": "trialing" if trial_end else "incomplete",
                "test_clock": None,
                "transfer_data": None,
                "trial_end": trial_end,
                "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
                "trial_start": now if trial_end else None,
                "_pending": [],
                "_off": off,
                "_warned": False,
                "_cycle": 0 if trial_end else 1,
            },
        )
        customer["currency"] = customer["currency"] or subscription["currency"]
        self._twin.events.emit("customer.subscription.created", subscription)
        if trial_end:
            lines = [self._line(subscription, item, 0, f"Trial period for {self._title(item['price'])}", (now, end)) for item in subscription["items"]["data"]]
        else:
            lines = self._period_lines(subscription)
        lines += [self._once(subscription, price, quantity, now) for price, quantity in prices if not price["recurring"]]
        invoice = self._twin.invoices.make(owner, customer, lines, "subscription_create", subscription, (now, now), off)
        self._twin.invoices.finalize(invoice)
        return subscription, self.pay_first(subscription, card, off_session=off_session)

    def pay_first(self, subscription: Object, card: Object | None, *, off_session: bool = False) -> str:
        """Try to pay the invoice with which a subscription begins."""
        invoice = self._store.kinds["invoice"][subscription["latest_invoice"]]
        if invoice["status"] == "paid":
            return "paid"
        outcome = self._twin.invoices.take(invoice, card, off_session=off_session)
        if outcome in ("paid", "processing") and card:
            self._keep(subscription, card)
        if outcome == "processing":
            self._change(subscription, status="active")  # while a debit is under way, Stripe trusts in it
        return outcome

    def first_paid(self, subscription: Object) -> None:
        """After the bank has asked and was answered."""
        invoice = self._store.kinds["invoice"][subscription["latest_invoice"]]
        intent = self._store.kinds["payment_intent"][invoice["_intent"]]
        self._keep(subscription, self._store.kinds["payment_method"][intent["payment_method"]])
        self._twin.invoices.paid(invoice)

    def card_of(self, invoice: Object) -> Object | None:
        subscription = self._store.find("subscription", invoice["_subscription"])
        own = self._store.find("payment_method", subscription["default_payment_method"]) if subscription else None
        return own or self._twin.customers.default_card(self._store.kinds["customer"][invoice["customer"]])

    def invoice_paid(self, invoice: Object) -> None:
        subscription = self._store.find("subscription", invoice["_subscription"])
        if subscription and subscription["status"] in ("incomplete", "past_due", "unpaid") and invoice["id"] == subscription["latest_invoice"]:
            self._change(subscription, status="active")

    def invoice_failed(self, invoice: Object, *, last: bool) -> None:
        subscription = self._store.find("subscription", invoice["_subscription"])
        if subscription is None or subscription["status"] == "incomplete":
            return
        if subscription["status"] == "active":
            self._change(subscription, status="past_due")
        if last and subscription["status"] == "past_due":
            if self._twin.invoices.in_the_end == "canceled":
                self.end(subscription, "payment_failed")
            elif self._twin.invoices.in_the_end == "unpaid":
                self._change(subscription, status="unpaid")

    def end(self, subscription: Object, reason: str) -> None:
        """Over, now."""
        now = self._twin.now()
        subscription.update(status="canceled", ended_at=now, canceled_at=subscription["canceled_at"] or now)
        subscription["cancellation_details"]["reason"] = reason
        for each in self._store.all("invoice"):
            if each["_subscription"] == subscription["id"] and each["status"] in ("draft", "open"):
                each["auto_advance"] = False
        self._twin.events.emit("customer.subscription.deleted", subscription)

    def next_due(self) -> int | None:
        return min((min(dues) for each in self._store.all("subscription") if (dues := self._dues(each))), default=None)

    def run_due(self, now: int) -> None:
        for each in self._store.all("subscription"):
            while (dues := self._dues(each)) and min(dues) <= now:
                self._run(each, now)

    def _dues(self, subscription: Object) -> list[int]:
        status = subscription["status"]
        if status in ("canceled", "incomplete_expired"):
            return []
        if status == "incomplete":
            return [subscription["created"] + INCOMPLETE_SECONDS]
        dues = [subscription["cancel_at"]] if subscription["cancel_at"] else []
        if status == "paused":
            return dues
        dues.append(self._period(subscription)[1])
        if status == "trialing" and not subscription["_warned"]:
            dues.append(subscription["trial_end"] - 3 * DAY)
        if subscription["pause_collection"] and subscription["pause_collection"]["resumes_at"]:
            dues.append(subscription["pause_collection"]["resumes_at"])
        return dues

    def _run(self, subscription: Object, now: int) -> None:
        if subscription["status"] == "incomplete":
            invoice = self._store.kinds["invoice"][subscription["latest_invoice"]]
            self._twin.invoices.close(invoice, "void")
            self._change(subscription, status="incomplete_expired", ended_at=now)
            return
        if subscription["cancel_at"] and subscription["cancel_at"] <= now:
            self.end(subscription, "cancellation_requested")
            return
        pause = subscription["pause_collection"]
        if pause and pause["resumes_at"] and pause["resumes_at"] <= now:
            self._change(subscription, pause_collection=None)
            return
        if subscription["status"] == "trialing" and not subscription["_warned"] and subscription["trial_end"] - 3 * DAY <= now:
            subscription["_warned"] = True
            self._twin.events.emit("customer.subscription.trial_will_end", subscription)
            return
        self._renew(subscription)

    def _renew(self, subscription: Object) -> None:
        """The period is over: the next begins, with an invoice that is open an hour later."""
        start = self._period(subscription)[1]
        subscription["_off"] = 0
        if subscription["status"] == "trialing":
            customer = self._store.kinds["customer"][subscription["customer"]]
            behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
            if not subscription["default_payment_method"] and not customer["invoice_settings"]["default_payment_method"] and behavior != "create_invoice":
                if behavior == "cancel":
                    self.end(subscription, "cancellation_requested")
                else:
                    self._change(subscription, status="paused")
                    self._twin.events.emit("customer.subscription.paused", subscription)
                return
            self._begin(subscription, start, status="active")
        else:
            every = self._every(subscription)
            subscription["_cycle"] += 1
            self._begin(subscription, start, end=plus(subscription["billing_cycle_anchor"], every["interval"], every["interval_count"] * subscription["_cycle"]))
        invoice = self._bill(subscription, self._period_lines(subscription), "subscription_cycle")
        pause = subscription["pause_collection"]
        if subscription["status"] == "unpaid" or pause:
            invoice["auto_advance"] = False
        if pause and pause["behavior"] != "keep_as_draft":
            self._twin.invoices.finalize(invoice)
            self._twin.invoices.close(invoice, "void" if pause["behavior"] == "void" else "uncollectible")

    def _begin(self, subscription: Object, start: int, *, end: int | None = None, status: str | None = None) -> None:
        """A new period; without an end the cycle starts anew."""
        before = shown(subscription)
        if end is None:
            every = self._every(subscription)
            subscription.update(billing_cycle_anchor=start, _cycle=1)
            end = plus(start, every["interval"], every["interval_count"])
        for item in subscription["items"]["data"]:
            item.update(current_period_start=start, current_period_end=end)
        if subscription["cancel_at_period_end"]:
            subscription["cancel_at"] = end
        if status:
            subscription["status"] = status
        self._tell(subscription, before)

    def _bill(self, subscription: Object, lines: list[Object], reason: str) -> Object:
        pending, subscription["_pending"] = subscription["_pending"], []
        customer = self._store.kinds["customer"][subscription["customer"]]
        return self._twin.invoices.make(subscription["_owner"], customer, [*pending, *lines], reason, subscription, self._period(subscription))

    def _bill_now(self, subscription: Object, lines: list[Object], reason: str = "subscription_update") -> None:
        invoice = self._bill(subscription, lines, reason)
        self._twin.invoices.finalize(invoice)
        self._twin.invoices.take(invoice, self.card_of(invoice))

    def _keep(self, subscription: Object, card: Object) -> None:
        self._twin.customers.attach(card, self._store.kinds["customer"][subscription["customer"]])
        subscription["default_payment_method"] = card["id"]

    def _change(self, subscription: Object, **values: Any) -> None:
        before = shown(subscription)
        subscription.update(values)
        self._tell(subscription, before)

    def _tell(self, subscription: Object, before: Object) -> None:
        after = shown(subscription)
        previous = {name: value for name, value in before.items() if after[name] != value}
        if previous:
            self._twin.events.emit("customer.subscription.updated", subscription, previous=previous)

    def _period(self, subscription: Object) -> tuple[int, int]:
        item = subscription["items"]["data"][0]
        return item["current_period_start"], item["current_period_end"]

    def _every(self, subscription: Object) -> Object:
        every: Object = subscription["items"]["data"][0]["price"]["recurring"]
        return every

    def _title(self, price: Object) -> str:
        return str(self._store.kinds["product"][price["product"]]["name"])

    def _item(self, subscription_id: str, price: Object, quantity: int, start: int, end: int) -> Object:
        plan = {"id": price["id"], "object": "plan", "active": True, "amount": price["unit_amount"], "currency": price["currency"], "product": price["product"]}
        return {
            "id": fresh("si", 14),
            "object": "subscription_item",
            "billing_thresholds": None,
            "created": self._twin.now(),
            "current_period_end": end,
            "current_period_start": start,
            "discounts": [],
            "metadata": {},
            "plan": plan | {"interval": price["recurring"]["interval"], "interval_count": price["recurring"]["interval_count"]},
            "price": shown(price),
            "quantity": quantity,
            "subscription": subscription_id,
            "tax_rates": [],
        }

    def _line(self, subscription: Object, item: Object, amount: int, description: str, period: tuple[int, int], *, proration: bool = False) -> Object:
        price = item["price"]
        details = {"invoice_item": fresh("ii") if proration else None, "proration": proration, "proration_details": {"credited_items": None}, "subscription": subscription["id"]}
        return {
            "id": fresh("il"),
            "object": "line_item",
            "amount": amount,
            "currency": price["currency"],
            "description": description,
            "discount_amounts": [],
            "discountable": not proration,
            "discounts": [],
            "invoice": None,
            "livemode": subscription["livemode"],
            "metadata": dict(subscription["metadata"]),
            "parent": {"invoice_item_details": None, "subscription_item_details": details | {"subscription_item": item["id"]}, "type": "subscription_item_details"},
            "period": {"start": period[0], "end": period[1]},
            "pretax_credit_amounts": [],
            "pricing": {"price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details", "unit_amount_decimal": str(price["unit_amount"])},
            "quantity": item["quantity"],
            "subtotal": amount,
            "taxes": [],
        }

    def _once(self, subscription: Object, price: Object, quantity: int, now: int) -> Object:
        return self._line(subscription, {"id": None, "price": price, "quantity": quantity}, price["unit_amount"] * quantity, self._title(price), (now, now))

    def _period_lines(self, subscription: Object, wanted: list[Wanted] | None = None, period: tuple[int, int] | None = None) -> list[Object]:
        items = [{"id": (was or {}).get("id"), "price": price, "quantity": quantity} for was, price, quantity in wanted] if wanted is not None else subscription["items"]["data"]
        period = period or self._period(subscription)
        return [self._line(subscription, each, each["price"]["unit_amount"] * each["quantity"], f"{each['quantity']} × {self._title(each['price'])}", period) for each in items]

    def _wanted(self, subscription: Object, rows: list[Params], *, quietly: bool = False) -> list[Wanted]:
        by_id = {each["id"]: each for each in subscription["items"]["data"]}
        wanted: dict[str, Wanted | None] = {id: (each, each["price"], each["quantity"]) for id, each in by_id.items()}
        for row in rows:
            id = row.text("id")
            if id is not None and id not in by_id:
                raise no_such("subscription_item", id, row.at("id"))
            was = by_id.get(id or "")
            if row.flag("deleted"):
                wanted[id or ""] = None
                continue
            price = self._twin.products.price_of(row, subscription["_owner"], quietly=quietly) if "price" in row or "price_data" in row or was is None else was["price"]
            if not price["recurring"]:
                raise invalid("The price specified is not recurring.", row.at("price"))
            if price["currency"] != subscription["currency"]:
                raise invalid(f"Price `{price['id']}` has another currency than the subscription ({subscription['currency']}).", row.at("price"))
            quantity = row.number("quantity") if "quantity" in row else was["quantity"] if was else 1
            wanted[id or price["id"]] = (was, price, quantity or 1)
        kept = [each for each in wanted.values() if each]
        if not kept:
            raise refused("A subscription must have at least one active item.")
        if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for _, price, _ in kept}) > 1:
            raise invalid("Currently, all prices of a subscription must have the same interval.", "items")
        return kept

    def _prorated(self, subscription: Object, wanted: list[Wanted], at: int) -> tuple[list[Object], bool]:
        """What a change costs and credits, to the second; and whether a new cycle begins with it."""
        start, end = self._period(subscription)
        every = self._every(subscription)
        anew = any((price["recurring"]["interval"], price["recurring"]["interval_count"]) != (every["interval"], every["interval_count"]) for _, price, _ in wanted)
        if subscription["status"] == "trialing":
            return [], False
        left, whole = max(0, end - at), end - start
        changed = [
            each
            for each in subscription["items"]["data"]
            if anew or not any(was is each and price["id"] == each["price"]["id"] and quantity == each["quantity"] for was, price, quantity in wanted)
        ]
        lines = []
        every_period = sum(each["price"]["unit_amount"] * each["quantity"] for each in subscription["items"]["data"])  # what was not paid is no credit
        for item in changed:
            full = item["price"]["unit_amount"] * item["quantity"]
            amount = part(full - part(subscription["_off"], full, every_period), left, whole)
            if amount:
                lines.append(self._line(subscription, item, -amount, f"Unused time on {self._title(item['price'])}", (at, end), proration=True))
        for was, price, quantity in wanted:
            item = {"id": (was or {}).get("id"), "price": price, "quantity": quantity}
            if not anew and (was is None or was in changed):
                amount = part(price["unit_amount"] * quantity, left, whole)
                lines.append(self._line(subscription, item, amount, f"Remaining time on {self._title(price)}", (at, end), proration=True))
        return lines, anew

    def preview(self, call: "Call") -> Object:
        """What the next invoice would say, with or without a change; nothing is kept."""
        asked = call.params
        subscription = self._store.get("subscription", asked.needed("subscription"), call.owner, "subscription")
        details = asked.inside("subscription_details")
        behavior = details.one_of("proration_behavior", "always_invoice create_prorations none", "create_prorations")
        at = details.number("proration_date") or self._twin.now()
        products = {id: dict(each) for id, each in self._store.kinds.get("product", {}).items()}
        wanted = self._wanted(subscription, details.rows("items"), quietly=True)
        lines, anew = self._prorated(subscription, wanted, at)
        if behavior == "none":
            lines = []
        start, end = self._period(subscription)
        if anew:
            every = wanted[0][1]["recurring"]
            lines = [*subscription["_pending"], *lines, *self._period_lines(subscription, wanted, (at, plus(at, every["interval"], every["interval_count"])))]
        elif behavior != "always_invoice" or "items" not in details:
            every = self._every(subscription)
            later = plus(subscription["billing_cycle_anchor"], every["interval"], every["interval_count"] * (subscription["_cycle"] + 1))
            following = [] if subscription["cancel_at"] and subscription["cancel_at"] <= end else self._period_lines(subscription, wanted, (end, later))
            lines = [*subscription["_pending"], *lines, *following]
        customer = self._store.kinds["customer"][subscription["customer"]]
        reason = "upcoming" if behavior != "always_invoice" else "subscription_update"
        invoice = self._twin.invoices.built(call.owner, customer, [dict(each) for each in lines], reason, subscription, (start, end))
        invoice["id"] = fresh("upcoming_in")
        invoice["currency"] = subscription["currency"]
        invoice["parent"]["subscription_details"]["subscription_proration_date"] = at
        self._store.kinds["product"] = {id: self._store.kinds["product"][id] for id in products}
        return invoice

    def _create(self, call: "Call") -> Object:
        asked, owner = call.params, call.owner
        customer = self._twin.customers.alive(asked.needed("customer"), owner)
        rows = asked.rows("items")
        if not rows:
            raise missing("items")
        prices = [(self._twin.products.price_of(row, owner), (row.number("quantity") if "quantity" in row else 1) or 1) for row in rows]
        if not all(price["recurring"] for price, _ in prices):
            raise invalid("The price specified is not recurring.", "items")
        if id := asked.text("default_payment_method"):
            card: Object | None = self._store.get("payment_method", id, owner, "default_payment_method")
        else:
            card = self._twin.customers.default_card(customer)
        trial = asked.number("trial_period_days")
        trial_end = self._twin.now() + trial * DAY if trial else asked.number("trial_end") if asked.text("trial_end") != "now" else None
        behavior = asked.one_of("payment_behavior", "allow_incomplete default_incomplete error_if_incomplete", "allow_incomplete")
        if behavior == "error_if_incomplete" and not trial_end and (card is None or card["_decline"]):
            words = declined(card["_decline"]) if card else {"message": "This customer has no attached payment source or default payment method.", "code": "resource_missing"}
            raise StripeError(402 if card else 400, **{name: value for name, value in words.items() if name != "doc_url"})
        if card is None and not trial_end and behavior != "default_incomplete":
            raise refused("This customer has no attached payment source or default payment method. Please consider adding a default payment method.", "resource_missing")
        subscription, _ = self.start(
            owner,
            customer,
            prices,
            card if behavior != "default_incomplete" else None,
            metadata=asked.metadata(),
            trial_end=trial_end,
            description=asked.text("description"),
            off_session=asked.flag("off_session"),
            cancel_at=asked.number("cancel_at"),
        )
        if "default_payment_method" in asked:
            subscription["default_payment_method"] = card["id"] if card else None
        self._settings(subscription, asked)
        return subscription

    def _settings(self, subscription: Object, asked: Params) -> None:
        behavior = asked.inside("trial_settings").inside("end_behavior").one_of("missing_payment_method", "cancel create_invoice pause")
        if behavior:
            subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": behavior}}
        if "cancel_at_period_end" in asked:
            until = asked.flag("cancel_at_period_end")
            now = self._twin.now()
            subscription.update(cancel_at_period_end=until, cancel_at=self._period(subscription)[1] if until else None, canceled_at=now if until else None)
            subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": "cancellation_requested" if until else None}
        elif "cancel_at" in asked:
            at = asked.number("cancel_at")
            if at is not None and at <= self._twin.now():
                raise invalid("`cancel_at` must be in the future.", "cancel_at")
            subscription.update(cancel_at=at, canceled_at=self._twin.now() if at else None, cancel_at_period_end=False)

    def _live(self, call: "Call") -> Object:
        subscription = self._store.get("subscription", call.path["id"], call.owner)
        if subscription["status"] in ("canceled", "incomplete_expired"):
            raise StripeError(404, f"No such subscription: {subscription['id']}", code="resource_missing", param="id")
        return subscription

    def _retrieve(self, call: "Call") -> Object:
        return self._store.get("subscription", call.path["id"], call.owner)

    def _update(self, call: "Call") -> Object:
        asked, subscription = call.params, self._store.get("subscription", call.path["id"], call.owner)
        if subscription["status"] in ("canceled", "incomplete_expired"):
            if set(asked.given) - {"metadata", "cancellation_details", "expand"}:
                raise refused("A canceled subscription can only update its cancellation_details and metadata.", "resource_missing")
            self._change(subscription, metadata=asked.metadata(subscription["metadata"]))
            return subscription
        if subscription["status"] == "incomplete" and set(asked.given) - {"metadata", "default_payment_method", "expand", "description"}:
            raise refused("Cannot update a subscription in `incomplete` state.")
        behavior = asked.one_of("proration_behavior", "always_invoice create_prorations none", "create_prorations")
        pays = asked.one_of("payment_behavior", "allow_incomplete default_incomplete error_if_incomplete", "allow_incomplete")
        wanted = self._wanted(subscription, asked.rows("items")) if "items" in asked else []
        lines, anew = self._prorated(subscription, wanted, asked.number("proration_date") or self._twin.now()) if wanted else ([], False)
        card = self._store.find("payment_method", asked.text("default_payment_method") or subscription["default_payment_method"])
        if pays == "error_if_incomplete" and (anew or behavior == "always_invoice") and wanted and sum(each["amount"] for each in lines) > 0 and card and card["_decline"]:
            raise StripeError(402, **{name: value for name, value in declined(card["_decline"]).items() if name != "doc_url"})
        before = shown(subscription)
        if id := asked.text("default_payment_method"):
            card = self._store.get("payment_method", id, call.owner, "default_payment_method")
            if card["customer"] != subscription["customer"]:
                raise refused("The customer does not have that payment method attached.", "resource_missing", "default_payment_method")
            subscription["default_payment_method"] = id
        self._settings(subscription, asked)
        self._pausing(subscription, asked)
        subscription["metadata"] = asked.metadata(subscription["metadata"])
        if "description" in asked:
            subscription["description"] = asked.text("description")
        if wanted:
            start, end = self._period(subscription)
            subscription["_off"] = 0
            subscription["items"]["data"] = [self._kept(subscription["id"], each, start, end) for each in wanted]
        if "trial_end" in asked:
            self._trial(subscription, asked, before)
            return subscription
        if anew:
            every, now = self._every(subscription), self._twin.now()
            subscription.update(billing_cycle_anchor=now, _cycle=1)
            for item in subscription["items"]["data"]:
                item.update(current_period_start=now, current_period_end=plus(now, every["interval"], every["interval_count"]))
        self._tell(subscription, before)
        if behavior == "none":
            lines = []
        if anew:
            self._bill_now(subscription, [*lines, *self._period_lines(subscription)])
        elif lines and behavior == "always_invoice":
            self._bill_now(subscription, lines)
        else:
            subscription["_pending"] += lines
        return subscription

    def _kept(self, subscription_id: str, wanted: Wanted, start: int, end: int) -> Object:
        was, price, quantity = wanted
        made = self._item(subscription_id, price, quantity, start, end)
        return made | {"id": was["id"], "created": was["created"], "metadata": was["metadata"]} if was else made

    def _pausing(self, subscription: Object, asked: Params) -> None:
        if "pause_collection" not in asked:
            return
        given = asked.inside("pause_collection")
        if not given.given:
            subscription["pause_collection"] = None
            return
        behavior = given.one_of("behavior", "keep_as_draft mark_uncollectible void")
        if behavior is None:
            raise missing("pause_collection[behavior]")
        resumes = given.number("resumes_at")
        if resumes is not None and resumes <= self._twin.now():
            raise invalid("`resumes_at` must be in the future.", "pause_collection[resumes_at]")
        subscription["pause_collection"] = {"behavior": behavior, "resumes_at": resumes}

    def _trial(self, subscription: Object, asked: Params, before: Object) -> None:
        now = self._twin.now()
        if asked.text("trial_end") == "now":
            if subscription["status"] == "trialing":
                subscription.update(trial_end=now, status="active")
                self._begin(subscription, now)
                self._bill_now(subscription, self._period_lines(subscription))
            return
        until = asked.needed_number("trial_end")
        if until <= now:
            raise invalid("`trial_end` must be in the future.", "trial_end")
        subscription.update(trial_end=until, trial_start=subscription["trial_start"] or now, status="trialing", billing_cycle_anchor=until, _cycle=0, _warned=False)
        for item in subscription["items"]["data"]:
            item.update(current_period_end=until)
        self._tell(subscription, before)

    def _cancel(self, call: "Call") -> Object:
        subscription = self._live(call)
        if call.params.flag("prorate"):
            start, end = self._period(subscription)
            now = self._twin.now()
            for item in subscription["items"]["data"]:
                amount = part(item["price"]["unit_amount"] * item["quantity"], max(0, end - now), end - start)
                subscription["_pending"].append(self._line(subscription, item, -amount, f"Unused time on {self._title(item['price'])}", (now, end), proration=True))
        if call.params.flag("invoice_now") and subscription["_pending"]:
            self._bill_now(subscription, [])
        self.end(subscription, "cancellation_requested")
        return subscription

    def _pause(self, call: "Call") -> Object:
        subscription = self._live(call)
        if subscription["status"] != "active":
            raise refused(f"Only active subscriptions can be paused; this one is {subscription['status']}.")
        self._change(subscription, status="paused")
        self._twin.events.emit("customer.subscription.paused", subscription)
        return subscription

    def _resume(self, call: "Call") -> Object:
        subscription = self._live(call)
        if subscription["status"] != "paused":
            raise refused(f"Only paused subscriptions can be resumed; this one is {subscription['status']}.")
        self._begin(subscription, self._twin.now(), status="active")
        self._twin.events.emit("customer.subscription.resumed", subscription)
        self._bill_now(subscription, self._period_lines(subscription))
        return subscription

    def _list(self, call: "Call") -> Object:
        asked = call.params
        status = asked.text("status")
        rows = [
            each
            for each in reversed(self._store.all("subscription", call.owner))
            if ("customer" not in asked or each["customer"] == asked.text("customer"))
            and (status == "all" or (status is None and each["status"] != "canceled") or each["status"] == status or (status == "ended" and each["ended_at"]))
            and ("price" not in asked or any(item["price"]["id"] == asked.text("price") for item in each["items"]["data"]))
        ]
        return page("/v1/subscriptions", rows, asked)

"""Invoices of subscriptions: draft, open, paid or failed; tried again on a schedule. https://docs.stripe.com/billing/invoices/overview"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.errors import StripeError, refused
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page, shown

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

DRAFT_SECONDS = 3600
DAY = 24 * 3600


class Invoices:
    """`retry_days`: days between the tries to take an invoice's money, after the first. `in_the_end`: what becomes of the subscription when the last has failed: canceled, unpaid or past_due."""

    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store
        self._store.included["invoice", "payments"] = lambda each: listed("/v1/invoice_payments", self._payments_of(each))
        self._store.included["invoice", "confirmation_secret"] = self._secret_of
        self.retry_days: Sequence[int] = (3, 5, 7)
        self.in_the_end = "canceled"

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("GET", "/v1/invoices", self._list, "customer subscription status created limit starting_after ending_before collection_method"),
            ("POST", "/v1/invoices/create_preview", lambda call: self._twin.subscriptions.preview(call), "customer subscription subscription_details preview_mode currency"),
            ("GET", "/v1/invoices/{id}", lambda call: self._store.get("invoice", call.path["id"], call.owner, "invoice"), ""),
            ("POST", "/v1/invoices/{id}", self._update, "metadata description auto_advance"),
            ("POST", "/v1/invoices/{id}/finalize", self._finalize, "auto_advance"),
            ("POST", "/v1/invoices/{id}/pay", self._pay, "payment_method off_session paid_out_of_band"),
            ("POST", "/v1/invoices/{id}/void", self._void, ""),
            ("POST", "/v1/invoices/{id}/mark_uncollectible", self._give_up, ""),
            ("GET", "/v1/invoices/{id}/lines", self._lines, "limit starting_after ending_before"),
            ("GET", "/v1/invoice_payments", self._list_payments, "invoice payment status created limit starting_after ending_before"),
            ("GET", "/v1/invoice_payments/{id}", lambda call: self._store.get("invoice_payment", call.path["id"], call.owner), ""),
        ]

    def built(self, owner: Owner, customer: Object, lines: list[Object], reason: str, subscription: Object | None, period: tuple[int, int], off: int = 0) -> Object:
        """A draft that is not kept yet."""
        subtotal, now, id = sum(each["amount"] for each in lines), self._twin.now(), fresh("in")
        total = subtotal - off
        details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"], "subscription_proration_date": None} if subscription else None
        start = customer["balance"]
        due = max(0, total + start) if total > 0 else 0
        for each in lines:
            each["invoice"] = id
        return {
            "id": id,
            "object": "invoice",
            "account_country": "US",
            "account_name": "Twin",
            "amount_due": due,
            "amount_overpaid": 0,
            "amount_paid": 0,
            "amount_remaining": due,
            "amount_shipping": 0,
            "attempt_count": 0,
            "attempted": False,
            "auto_advance": True,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
            "automatically_finalizes_at": now + DRAFT_SECONDS,
            "billing_reason": reason,
            "collection_method": "charge_automatically",
            "created": now,
            "currency": lines[0]["currency"] if lines else subscription["currency"] if subscription else "usd",
            "customer": customer["id"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "default_payment_method": None,
            "description": None,
            "discounts": [],
            "due_date": None,
            "effective_at": None,
            "ending_balance": None,
            "hosted_invoice_url": None,
            "invoice_pdf": None,
            "issuer": {"type": "self"},
            "lines": listed(f"/v1/invoices/{id}/lines", lines),
            "livemode": owner.livemode,
            "metadata": {},
            "next_payment_attempt": now + DRAFT_SECONDS,
            "number": None,
            "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"} if subscription else None,
            "period_end": period[1],
            "period_start": period[0],
            "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0,
            "receipt_number": None,
            "starting_balance": start,
            "status": "draft",
            "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
            "subtotal": subtotal,
            "subtotal_excluding_tax": subtotal,
            "total": total,
            "total_discount_amounts": [{"amount": off, "discount": fresh("di")}] if off else [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            "webhooks_delivered_at": None,
            "_subscription": subscription["id"] if subscription else None,
            "_intent": None,
        }

    def make(self, owner: Owner, customer: Object, lines: list[Object], reason: str, subscription: Object | None, period: tuple[int, int], off: int = 0) -> Object:
        invoice = self._store.add("invoice", owner, self.built(owner, customer, lines, reason, subscription, period, off))
        if subscription:
            subscription["latest_invoice"] = invoice["id"]
        self._twin.events.emit("invoice.created", invoice)
        return invoice

    def finalize(self, invoice: Object) -> None:
        """From draft to open, with a number and, where something is due, an intent to pay it. What is less than nothing becomes the customer's credit."""
        customer, now = self._store.kinds["customer"][invoice["customer"]], self._twin.now()
        start, total = customer["balance"], invoice["total"]
        due = max(0, total + start) if total > 0 else 0
        customer["balance"] = start + total - due
        invoice.update(
            status="open", amount_due=due, amount_remaining=due, starting_balance=start, ending_balance=customer["balance"], automatically_finalizes_at=None, effective_at=now
        )
        invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1
        invoice["status_transitions"]["finalized_at"] = now
        invoice.update(hosted_invoice_url=f"{self._twin.url}/invoices/{invoice['id']}", next_payment_attempt=now)
        self._twin.events.emit("invoice.finalized", invoice)
        if due:
            subscription = self._store.find("subscription", invoice["_subscription"])
            intent = self._twin.payments.intent(
                invoice["_owner"],
                due,
                invoice["currency"],
                customer=customer["id"],
                description="Subscription update" if invoice["billing_reason"] != "subscription_create" else "Subscription creation",
            )
            invoice["_intent"] = intent["id"]
            intent["_invoice"] = invoice["id"]
            self._store.add(
                "invoice_payment",
                invoice["_owner"],
                {
                    "id": fresh("inpay"),
                    "object": "invoice_payment",
                    "amount_paid": None,
                    "amount_requested": due,
                    "created": now,
                    "currency": invoice["currency"],
                    "invoice": invoice["id"],
                    "is_default": True,
                    "livemode": invoice["livemode"],
                    "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
                    "status": "open",
                    "status_transitions": {"canceled_at": None, "paid_at": None},
                },
            )
            if subscription:
                intent["setup_future_usage"] = "off_session" if invoice["billing_reason"] == "subscription_create" else None

    def intent_of(self, invoice_id: str) -> str | None:
        intent: str | None = self._store.kinds["invoice"][invoice_id]["_intent"]
        return intent

    def take(self, invoice: Object, card: Object | None, *, off_session: bool = True) -> str:
        """Try to be paid: `paid`, `processing` (a debit), `action`, or the code of the decline."""
        if invoice["amount_due"] == 0:
            self.paid(invoice)
            return "paid"
        intent = self._store.kinds["payment_intent"][invoice["_intent"]]
        words: dict[str, Any] | None
        if card is None:
            words = {
                "type": "invalid_request_error",
                "code": "missing",
                "decline_code": "missing",
                "message": "There is no default_payment_method set on this Customer or Invoice.",
            }
            intent["last_payment_error"] = words
        else:
            words = self._twin.payments.charge(intent, card, off_session=off_session)
        invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
        if words is None and intent["status"] == "succeeded":
            self.paid(invoice)
            return "paid"
        if words is None and intent["status"] == "processing":
            invoice["next_payment_attempt"] = None
            return "processing"
        again = self._again(invoice)
        self._twin.events.emit("invoice.payment_failed" if words else "invoice.payment_action_required", invoice)
        if words and words["code"] == "authentication_required":
            self._twin.events.emit("invoice.payment_action_required", invoice)
        if words:
            self._twin.subscriptions.invoice_failed(invoice, last=not again)
        return str(words["decline_code"]) if words else "action"

    def _again(self, invoice: Object) -> bool:
        """Whether it is tried again, and when. A first payment is not, unless its subscription is under way, as with a debit."""
        subscription = self._store.find("subscription", invoice["_subscription"])
        is_first = invoice["billing_reason"] == "subscription_create" and (subscription is None or subscription["status"] == "incomplete")
        again = not is_first and invoice["attempt_count"] <= len(self.retry_days) and bool(invoice["auto_advance"])
        invoice["next_payment_attempt"] = self._twin.now() + self.retry_days[invoice["attempt_count"] - 1] * DAY if again else None
        return again

    def arrived(self, intent: Object) -> None:
        """What a debit came to, for the invoice that it was to pay."""
        invoice = self._store.find("invoice", intent.get("_invoice"))
        if invoice is None or invoice["status"] != "open":
            return
        if intent["status"] == "succeeded":
            self.paid(invoice)
            return
        again = self._again(invoice)
        self._twin.events.emit("invoice.payment_failed", invoice)
        self._twin.subscriptions.invoice_failed(invoice, last=not again)

    def paid(self, invoice: Object) -> None:
        now = self._twin.now()
        invoice.update(status="paid", amount_paid=invoice["amount_due"], amount_remaining=0, next_payment_attempt=None, attempted=True)
        invoice["status_transitions"]["paid_at"] = now
        for each in self._payments_of(invoice):
            if each["status"] == "canceled":
                continue
            each.update(status="paid", amount_paid=invoice["amount_due"], status_transitions={"canceled_at": None, "paid_at": now})
            self._twin.events.emit("invoice_payment.paid", each)
        self._twin.events.emit("invoice.paid", invoice)
        self._twin.events.emit("invoice.payment_succeeded", invoice)
        self._twin.subscriptions.invoice_paid(invoice)

    def paid_elsewhere(self, invoice: Object) -> None:
        """Somebody marks it as paid by hand: no money comes in, and its intent is canceled."""
        for each in self._payments_of(invoice):
            each.update(status="canceled", status_transitions={"canceled_at": self._twin.now(), "paid_at": None})
        intent = self._store.find("payment_intent", invoice["_intent"])
        if intent and intent["status"] != "canceled":
            self._twin.payments.cancel(intent)
        self.paid(invoice)

    def close(self, invoice: Object, status: str) -> None:
        """Void or uncollectible: nobody asks for it any more."""
        invoice.update(status=status, next_payment_attempt=None, auto_advance=False)
        invoice["status_transitions"]["voided_at" if status == "void" else "marked_uncollectible_at"] = self._twin.now()
        intent = self._store.find("payment_intent", invoice["_intent"])
        if status == "void" and intent and intent["status"] not in ("succeeded", "canceled"):
            self._twin.payments.cancel(intent, "void_invoice")
        self._twin.events.emit("invoice.voided" if status == "void" else "invoice.marked_uncollectible", invoice)

    def next_due(self) -> int | None:
        return min((due for each in self._store.all("invoice") if (due := self._due(each)) is not None), default=None)

    def run_due(self, now: int) -> None:
        for each in self._store.all("invoice"):
            due = self._due(each)
            if due is None or due > now:
                continue
            if each["status"] == "draft":
                self.finalize(each)
            self.take(each, self._twin.subscriptions.card_of(each))

    def _due(self, invoice: Object) -> int | None:
        if not invoice["auto_advance"]:
            return None
        due: int | None = invoice["automatically_finalizes_at"] if invoice["status"] == "draft" else invoice["next_payment_attempt"] if invoice["status"] == "open" else None
        return due

    def _payments_of(self, invoice: Object) -> list[Object]:
        return [each for each in self._store.all("invoice_payment") if each["invoice"] == invoice["id"]]

    def _secret_of(self, invoice: Object) -> Object | None:
        intent = self._store.find("payment_intent", invoice["_intent"])
        return {"client_secret": intent["client_secret"], "type": "payment_intent"} if intent else None

    def _open(self, call: "Call", *statuses: str) -> Object:
        invoice = self._store.get("invoice", call.path["id"], call.owner, "invoice")
        if invoice["status"] not in statuses:
            raise refused(f"This invoice has a status of {invoice['status']}; it must be {' or '.join(statuses)}.", "invoice_not_editable")
        return invoice

    def _update(self, call: "Call") -> Object:
        invoice = self._store.get("invoice", call.path["id"], call.owner, "invoice")
        invoice["metadata"] = call.params.metadata(invoice["metadata"])
        invoice["auto_advance"] = call.params.flag("auto_advance", invoice["auto_advance"])
        self._twin.events.emit("invoice.updated", invoice)
        return invoice

    def _finalize(self, call: "Call") -> Object:
        invoice = self._open(call, "draft")
        self.finalize(invoice)
        if invoice["amount_due"] == 0:
            self.paid(invoice)
        return invoice

    def _pay(self, call: "Call") -> Object:
        invoice = self._store.get("invoice", call.path["id"], call.owner, "invoice")
        if invoice["status"] == "paid":
            raise refused("Invoice is already paid", "invoice_already_paid")
        invoice = self._open(call, "draft", "open", "uncollectible")
        if invoice["status"] == "draft":
            self.finalize(invoice)
        if call.params.flag("paid_out_of_band"):
            self.paid_elsewhere(invoice)
            return invoice
        id = call.params.text("payment_method")
        card = self._twin.customers.payment_method(id, call.owner) if id else self._twin.subscriptions.card_of(invoice)
        outcome = self.take(invoice, card)
        if outcome != "paid":
            intent = self._store.kinds["payment_intent"][invoice["_intent"]]
            words = {name: value for name, value in (intent["last_payment_error"] or {}).items() if name in ("type", "code", "decline_code", "message")}
            raise StripeError(402, **{"message": "This payment requires additional user action before it can be completed successfully.", **words}, payment_intent=shown(intent))
        return invoice

    def _void(self, call: "Call") -> Object:
        invoice = self._open(call, "open", "uncollectible")
        self.close(invoice, "void")
        return invoice

    def _give_up(self, call: "Call") -> Object:
        invoice = self._open(call, "open", "draft")
        self.close(invoice, "uncollectible")
        return invoice

    def _list(self, call: "Call") -> Object:
        asked = call.params
        rows = [
            each
            for each in reversed(self._store.all("invoice", call.owner))
            if all(each[name] == asked.text(name) for name in ("customer", "status") if name in asked)
            and ("subscription" not in asked or each["_subscription"] == asked.text("subscription"))
        ]
        return page("/v1/invoices", rows, asked)

    def _lines(self, call: "Call") -> Object:
        invoice = self._store.get("invoice", call.path["id"], call.owner, "invoice")
        return page(f"/v1/invoices/{invoice['id']}/lines", invoice["lines"]["data"], call.params)

    def _list_payments(self, call: "Call") -> Object:
        asked = call.params
        intent = asked.inside("payment").text("payment_intent") if "payment" in asked else None
        rows = [
            each
            for each in reversed(self._store.all("invoice_payment", call.owner))
            if ("invoice" not in asked or each["invoice"] == asked.text("invoice")) and (intent is None or each["payment"]["payment_intent"] == intent)
        ]
        return page("/v1/invoice_payments", rows, asked)

"""Money that goes back. https://docs.stripe.com/refunds"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.errors import invalid, missing, refused
from lms_graph.integrations.twins.stripe.objects import Object, fresh, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin


class Refunds:
    """`pending`: refunds wait until `finish`, as those of some ways to pay do."""

    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store
        self.pending = False

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/refunds", self._create, "amount charge payment_intent reason metadata instructions_email"),
            ("GET", "/v1/refunds", self._list, "charge payment_intent created limit starting_after ending_before"),
            ("GET", "/v1/refunds/{id}", lambda call: self._store.get("refund", call.path["id"], call.owner), ""),
            ("POST", "/v1/refunds/{id}", self._update, "metadata"),
            ("GET", "/v1/charges/{charge}/refunds", self._list, "created limit starting_after ending_before"),
        ]

    def of_charge(self, charge_id: str) -> list[Object]:
        return [each for each in reversed(self._store.all("refund")) if each["charge"] == charge_id]

    def refund(self, charge: Object, amount: int, **more: Any) -> Object:
        """Give an amount of the charge back; the platform's balance may fall below zero by it, as Stripe takes the rest from the bank."""
        made = self._store.add(
            "refund",
            charge["_owner"],
            {
                "id": fresh("re"),
                "object": "refund",
                "amount": amount,
                "balance_transaction": None,
                "charge": charge["id"],
                "created": self._twin.now(),
                "currency": charge["currency"],
                "description": None,
                "destination_details": {"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}, "type": "card"},
                "failure_balance_transaction": None,
                "failure_reason": None,
                "metadata": {},
                "payment_intent": charge["payment_intent"],
                "pending_reason": "processing" if self.pending else None,
                "reason": None,
                "receipt_number": None,
                "source_transfer_reversal": None,
                "status": "pending" if self.pending else "succeeded",
                "transfer_reversal": None,
                **more,
            },
        )
        before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        made["balance_transaction"] = self._twin.balances.move(charge["_owner"], -amount, charge["currency"], "refund", made)["id"]
        self._twin.events.emit("refund.created", made)
        self._twin.events.emit("charge.refunded", charge, previous=before)
        return made

    def finish(self, refund_id: str, *, failure_reason: str | None = None) -> None:
        """What the bank says in the end. A refund that had succeeded can fail too, days later."""
        refund = self._store.kinds["refund"][refund_id]
        if refund["status"] == "failed" or (refund["status"] == "succeeded" and failure_reason is None):
            raise refused(f"This refund has a status of {refund['status']}.")
        before = {"status": refund["status"]}
        refund["pending_reason"] = None
        if failure_reason is None:
            refund["status"] = "succeeded"
            self._twin.events.emit("refund.updated", refund, previous=before)
            return
        charge = self._store.kinds["charge"][refund["charge"]]
        moved = self._twin.balances.move(refund["_owner"], refund["amount"], refund["currency"], "refund_failure", refund)
        refund.update(status="failed", failure_reason=failure_reason, failure_balance_transaction=moved["id"])
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self._twin.events.emit("refund.updated", refund, previous=before)
        self._twin.events.emit("refund.failed", refund, previous=before)

    def _create(self, call: "Call") -> Object:
        asked = call.params
        charge = self._charge(call)
        if charge["disputed"] and any(each["charge"] == charge["id"] and each["status"] != "won" for each in self._store.all("dispute")):
            raise refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise refused(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
        amount = asked.number("amount") if "amount" in asked else left
        if amount is None or amount < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
        if amount > left:
            raise refused(f"Refund amount ({amount} {charge['currency']}) is greater than unrefunded amount on charge ({left} {charge['currency']})", param="amount")
        reason = asked.one_of("reason", "duplicate fraudulent requested_by_customer")
        return self.refund(charge, amount, metadata=asked.metadata(), reason=reason)

    def _charge(self, call: "Call") -> Object:
        if id := call.params.text("charge"):
            charge = self._store.get("charge", id, call.owner, "charge")
        elif id := call.params.text("payment_intent"):
            intent = self._store.get("payment_intent", id, call.owner, "payment_intent")
            if intent["status"] != "succeeded":
                raise refused(f"This PaymentIntent ({id}) does not have a successful charge to refund.", "payment_intent_unexpected_state")
            charge = self._store.kinds["charge"][intent["latest_charge"]]
        else:
            raise missing("charge")
        if charge["status"] != "succeeded":
            raise refused(f"Charge {charge['id']} has not been paid; cannot issue a refund.", "charge_not_refundable")
        return charge

    def _update(self, call: "Call") -> Object:
        refund = self._store.get("refund", call.path["id"], call.owner)
        refund["metadata"] = call.params.metadata(refund["metadata"])
        self._twin.events.emit("refund.updated", refund)
        return refund

    def _list(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("charge", "payment_intent") if name in call.params}
        if "charge" in call.path:
            wanted["charge"] = self._store.get("charge", call.path["charge"], call.owner, "charge")["id"]
        rows = [each for each in reversed(self._store.all("refund", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/refunds", rows, call.params)

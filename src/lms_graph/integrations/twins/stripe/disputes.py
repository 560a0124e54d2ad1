"""Buyers who go to their bank: money withdrawn with a fee, evidence, and how it ends. https://docs.stripe.com/disputes"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.balances import DISPUTE_FEE
from lms_graph.integrations.twins.stripe.errors import invalid, refused
from lms_graph.integrations.twins.stripe.objects import Object, fresh, page, shown

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
).split()
REASONS = "bank_cannot_process credit_not_processed customer_initiated debit_not_authorized duplicate fraudulent general incorrect_account_details product_not_received product_unacceptable subscription_canceled unrecognized".split()
OPEN = ("needs_response", "warning_needs_response")
EVIDENCE_SECONDS = 9 * 24 * 3600
MAX_EVIDENCE = 150_000


class Disputes:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("GET", "/v1/disputes", self._list, "charge payment_intent created limit starting_after ending_before"),
            ("GET", "/v1/disputes/{id}", lambda call: self._store.get("dispute", call.path["id"], call.owner), ""),
            ("POST", "/v1/disputes/{id}", self._update, "evidence submit metadata"),
            ("POST", "/v1/disputes/{id}/close", self._close, ""),
        ]

    def open(self, charge_or_intent: str, *, amount: int | None = None, reason: str = "fraudulent", inquiry: bool = False) -> Object:
        """The buyer's bank asks the money back, at once; an inquiry (`warning_…`) takes nothing yet."""
        intent = self._store.find("payment_intent", charge_or_intent)
        charge = self._store.kinds["charge"][intent["latest_charge"] if intent else charge_or_intent]
        amount = amount or charge["amount"] - charge["amount_refunded"]
        if charge["disputed"] or reason not in REASONS or not 0 < amount <= charge["amount"]:
            raise refused("This charge cannot be disputed so.")
        now = self._twin.now()
        dispute = self._store.add(
            "dispute",
            charge["_owner"],
            {
                "id": fresh("du"),
                "object": "dispute",
                "amount": amount,
                "balance_transactions": [],
                "charge": charge["id"],
                "created": now,
                "currency": charge["currency"],
                "enhanced_eligibility_types": [],
                "evidence": dict.fromkeys(EVIDENCE),
                "evidence_details": {"due_by": now + EVIDENCE_SECONDS, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0},
                "is_charge_refundable": inquiry,
                "livemode": charge["livemode"],
                "metadata": {},
                "network_reason_code": "83",
                "payment_intent": charge["payment_intent"],
                "payment_method_details": {"card": {"brand": "visa", "case_type": "inquiry" if inquiry else "chargeback", "network_reason_code": "83"}, "type": "card"},
                "reason": reason,
                "status": "warning_needs_response" if inquiry else "needs_response",
            },
        )
        charge["disputed"] = True
        if not inquiry:
            self._move(dispute, -amount, DISPUTE_FEE)
        self._twin.events.emit("charge.dispute.created", dispute)
        if not inquiry:
            self._twin.events.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def decide(self, dispute_id: str, *, won: bool) -> None:
        """The bank's last word. A dispute that is won gives the money back, not the fee."""
        dispute = self._store.kinds["dispute"][dispute_id]
        if dispute["status"] in ("won", "lost", "warning_closed"):
            raise refused("This dispute is closed.")
        self._end(dispute, "warning_closed" if dispute["status"].startswith("warning") else "won" if won else "lost")

    def escalate(self, dispute_id: str) -> None:
        """What was asked about is contested after all: the bank takes the money."""
        dispute = self._store.kinds["dispute"][dispute_id]
        if not dispute["status"].startswith("warning"):
            raise refused("This is no inquiry.")
        before = {"status": dispute["status"]}
        dispute.update(status="needs_response", is_charge_refundable=False)
        self._move(dispute, -dispute["amount"], DISPUTE_FEE)
        self._twin.events.emit("charge.dispute.funds_withdrawn", dispute, previous=before)

    def _end(self, dispute: Object, status: str) -> None:
        before = {"status": dispute["status"]}
        dispute["status"] = status
        if status == "won":
            self._move(dispute, dispute["amount"], 0)
            self._twin.events.emit("charge.dispute.funds_reinstated", dispute, previous=before)
        if status != "lost":
            dispute["is_charge_refundable"] = True
        self._twin.events.emit("charge.dispute.closed", dispute, previous=before)

    def _move(self, dispute: Object, amount: int, fee: int) -> None:
        moved = self._twin.balances.move(dispute["_owner"], amount, dispute["currency"], "adjustment", dispute, fee=fee)
        dispute["balance_transactions"].append(shown(moved))

    def _update(self, call: "Call") -> Object:
        dispute, asked = self._store.get("dispute", call.path["id"], call.owner), call.params
        dispute["metadata"] = asked.metadata(dispute["metadata"])
        if "evidence" not in asked:
            return dispute
        if dispute["status"] not in OPEN:
            raise refused(f"This dispute's evidence cannot be changed: it has a status of {dispute['status']}.", param="evidence")
        if self._twin.now() > dispute["evidence_details"]["due_by"]:
            raise refused("The time to answer this dispute is over.", param="evidence")
        given = asked.inside("evidence")
        for name in given.given:
            if name not in EVIDENCE:
                raise invalid(f"Received unknown parameter: evidence[{name}]", f"evidence[{name}]", "parameter_unknown")
        if sum(len(given.text(name) or "") for name in given.given) > MAX_EVIDENCE:
            raise invalid(f"The combined character count of evidence is limited to {MAX_EVIDENCE}.", "evidence")
        before = {"status": dispute["status"]}
        dispute["evidence"].update({name: given.text(name) for name in given.given})
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"].values())
        if asked.flag("submit", True):
            dispute["evidence_details"]["submission_count"] += 1
            dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        self._twin.events.emit("charge.dispute.updated", dispute, previous=before)
        return dispute

    def _close(self, call: "Call") -> Object:
        dispute = self._store.get("dispute", call.path["id"], call.owner)
        if dispute["status"] not in OPEN:
            raise refused(f"This dispute is already {dispute['status']}.")
        self._end(dispute, "lost")
        return dispute

    def _list(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("charge", "payment_intent") if name in call.params}
        rows = [each for each in reversed(self._store.all("dispute", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/disputes", rows, call.params)

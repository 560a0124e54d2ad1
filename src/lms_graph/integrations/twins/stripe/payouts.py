"""Money from a balance to a bank: of connected accounts, and the platform's own. https://docs.stripe.com/payouts"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.errors import invalid, refused
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

ARRIVES_AFTER = 24 * 3600
FAILURES = "account_closed account_frozen bank_account_restricted bank_ownership_changed could_not_process debit_not_authorized declined insufficient_funds invalid_account_number no_account".split()


class Payouts:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/payouts", self._create, "amount currency description metadata method statement_descriptor source_type destination"),
            ("GET", "/v1/payouts", self._list, "status created arrival_date limit starting_after ending_before"),
            ("GET", "/v1/payouts/{id}", lambda call: self._store.get("payout", call.path["id"], call.owner), ""),
            ("POST", "/v1/payouts/{id}", self._update, "metadata"),
            ("POST", "/v1/payouts/{id}/cancel", self._cancel, ""),
        ]

    def pay_out(self, account: str | None, currency: str, amount: int | None = None, *, automatic: bool = True) -> Object:
        """As the account's schedule does it: all that is available, on the way to the bank. It arrives a day later (`advance`), or when `finish` says so."""
        owner = Owner(False, account)
        amount = self._twin.balances.available(owner, currency) if amount is None else amount
        return self._made(owner, amount, currency, automatic=automatic)

    def finish(self, payout_id: str, *, failure_code: str | None = None) -> None:
        """It arrives; or fails, even after it had arrived, and the money is back on the balance."""
        payout = self._store.kinds["payout"][payout_id]
        before = {"status": payout["status"]}
        if payout["status"] in ("failed", "canceled") or (payout["status"] == "paid" and failure_code is None) or failure_code not in (None, *FAILURES):
            raise refused(f"This payout has a status of {payout['status']}.")
        if failure_code is None:
            payout["status"] = "paid"
            self._twin.events.emit("payout.paid", payout, previous=before)
            return
        moved = self._twin.balances.move(payout["_owner"], payout["amount"], payout["currency"], "payout_failure", payout)
        payout.update(status="failed", failure_code=failure_code, failure_message=f"The bank says: {failure_code.replace('_', ' ')}.", failure_balance_transaction=moved["id"])
        self._twin.events.emit("payout.failed", payout, previous=before)

    def _made(self, owner: Owner, amount: int, currency: str, *, automatic: bool = False, **more: Any) -> Object:
        if owner.account and not self._twin.connect.account(owner.account, livemode=owner.livemode)["payouts_enabled"]:
            raise refused("Payouts are not enabled for this account: more information is required.", "payouts_not_allowed")
        if amount < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
        self._twin.balances.cover(owner, amount, currency)
        now = self._twin.now()
        payout = self._store.add(
            "payout",
            owner,
            {
                "id": fresh("po"),
                "object": "payout",
                "amount": amount,
                "application_fee": None,
                "application_fee_amount": None,
                "arrival_date": now + ARRIVES_AFTER,
                "automatic": automatic,
                "balance_transaction": None,
                "created": now,
                "currency": currency,
                "description": "STRIPE PAYOUT",
                "destination": fresh("ba"),
                "failure_balance_transaction": None,
                "failure_code": None,
                "failure_message": None,
                "livemode": owner.livemode,
                "metadata": {},
                "method": "standard",
                "original_payout": None,
                "payout_method": None,
                "reconciliation_status": "in_progress" if automatic else "not_applicable",
                "reversed_by": None,
                "source_type": "card",
                "statement_descriptor": None,
                "status": "in_transit" if automatic else "pending",
                "trace_id": None,
                "type": "bank_account",
                **more,
            },
        )
        payout["balance_transaction"] = self._twin.balances.move(owner, -amount, currency, "payout", payout)["id"]
        self._twin.events.emit("payout.created", payout)
        return payout

    def next_due(self) -> int | None:
        return min((each["arrival_date"] for each in self._store.all("payout") if each["status"] in ("pending", "in_transit")), default=None)

    def run_due(self, now: int) -> None:
        for each in self._store.all("payout"):
            if each["status"] in ("pending", "in_transit") and each["arrival_date"] <= now:
                self.finish(each["id"])

    def _create(self, call: "Call") -> Object:
        asked = call.params
        currency = currencies.known(asked.needed("currency"))
        return self._made(call.owner, asked.needed_number("amount"), currency, metadata=asked.metadata(), description=asked.text("description"))

    def _cancel(self, call: "Call") -> Object:
        payout = self._store.get("payout", call.path["id"], call.owner)
        if payout["status"] != "pending":
            raise refused("Payouts can only be canceled while they are pending.")
        payout["status"] = "canceled"
        self._twin.balances.move(call.owner, payout["amount"], payout["currency"], "payout_cancel", payout)
        self._twin.events.emit("payout.canceled", payout)
        return payout

    def _update(self, call: "Call") -> Object:
        payout = self._store.get("payout", call.path["id"], call.owner)
        payout["metadata"] = call.params.metadata(payout["metadata"])
        self._twin.events.emit("payout.updated", payout)
        return payout

    def _list(self, call: "Call") -> Object:
        rows = [each for each in reversed(self._store.all("payout", call.owner)) if "status" not in call.params or each["status"] == call.params.text("status")]
        return page("/v1/payouts", rows, call.params)

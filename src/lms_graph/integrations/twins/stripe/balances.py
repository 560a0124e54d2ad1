"""What everybody holds, in whole minor units: each movement is a balance transaction, and a balance is their sum.

The fee of a charge is 2.9 % (half up) and 30 minor units, whatever the currency; a dispute costs 1500 minor units. Both are the platform's and never given back.
"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe.errors import refused
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

DISPUTE_FEE = 1500
CATEGORIES = {"payment_failure_refund": "refund_failure", "refund_failure": "refund_failure", "adjustment": "dispute", "payment": "charge", "transfer_refund": "transfer_reversal"}


def fee_of(amount: int) -> int:
    return (amount * 29 + 500) // 1000 + 30


class Balances:
    """Movements of money. `settles_after`: seconds until what was charged can be transferred and paid out; at once unless tests want it real (2 days)."""

    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self.settles_after = 0

    def move(self, owner: Owner, amount: int, currency: str, type: str, source: Object, *, fee: int = 0, after: int = 0) -> Object:
        """Give (or take, below zero) an amount; the fee is taken besides."""
        now = self._twin.now()
        return self._twin.store.add(
            "balance_transaction",
            owner,
            {
                "id": fresh("txn"),
                "object": "balance_transaction",
                "amount": amount,
                "available_on": now + after,
                "balance_type": "payments",
                "created": now,
                "currency": currency,
                "description": source.get("description"),
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [{"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees", "type": "stripe_fee"}] if fee else [],
                "net": amount - fee,
                "reporting_category": CATEGORIES.get(type, type),
                "source": source["id"],
                "status": "pending" if after else "available",
                "type": type,
            },
        )

    def held(self, owner: Owner, currency: str | None = None) -> dict[str, tuple[int, int]]:
        """Available and pending, by currency."""
        held: dict[str, tuple[int, int]] = {}
        now = self._twin.now()
        for each in self._twin.store.all("balance_transaction", owner):
            available, pending = held.get(each["currency"], (0, 0))
            there = each["available_on"] <= now
            held[each["currency"]] = (available + each["net"], pending) if there else (available, pending + each["net"])
        return held

    def available(self, owner: Owner, currency: str) -> int:
        return self.held(owner).get(currency, (0, 0))[0]

    def cover(self, owner: Owner, amount: int, currency: str) -> None:
        """Raises unless that much is available."""
        if amount > self.available(owner, currency):
            message = (
                "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. "
                "See: https://stripe.com/docs/testing#available-balance"
            )
            raise refused(message, "balance_insufficient")

    def holdings(self, livemode: bool = False) -> dict[str, dict[str, int]]:
        """What every party holds, available and pending together, by currency; the platform is `platform`. What is zero is left out."""
        found: dict[str, dict[str, int]] = {"platform": {}}
        for each in self._twin.store.all("balance_transaction"):
            if each["_owner"].livemode == livemode:
                holds = found.setdefault(each["_owner"].account or "platform", {})
                holds[each["currency"]] = holds.get(each["currency"], 0) + each["net"]
        return {party: {currency: amount for currency, amount in holds.items() if amount} for party, holds in found.items()}

    def run_due(self, now: int) -> None:
        for each in self._twin.store.all("balance_transaction"):
            if each["status"] == "pending" and each["available_on"] <= now:
                each["status"] = "available"

    def next_due(self) -> int | None:
        return min((each["available_on"] for each in self._twin.store.all("balance_transaction") if each["status"] == "pending"), default=None)

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("GET", "/v1/balance", self._balance, ""),
            ("GET", "/v1/balance_transactions", self._list, "created currency limit starting_after ending_before source type payout"),
            ("GET", "/v1/balance_transactions/{id}", lambda call: self._twin.store.get("balance_transaction", call.path["id"], call.owner), ""),
        ]

    def _balance(self, call: "Call") -> Object:
        held = self.held(call.owner) or {"usd": (0, 0)}
        rows = [
            [{"amount": amounts[position], "currency": currency, "source_types": {"card": amounts[position]}} for currency, amounts in sorted(held.items())] for position in (0, 1)
        ]
        return {"object": "balance", "available": rows[0], "pending": rows[1], "livemode": call.owner.livemode}

    def _list(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("currency", "source", "type") if name in call.params}
        rows = [each for each in reversed(self._twin.store.all("balance_transaction", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/balance_transactions", rows, call.params)

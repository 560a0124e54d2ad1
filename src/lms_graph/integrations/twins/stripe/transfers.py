"""Money from the platform to connected accounts, and back. https://docs.stripe.com/connect/separate-charges-and-transfers"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.errors import invalid, no_such, refused
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin


class Transfers:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/transfers", self._create, "amount currency destination description metadata source_transaction source_type transfer_group"),
            ("GET", "/v1/transfers", self._list, "destination transfer_group created limit starting_after ending_before"),
            ("GET", "/v1/transfers/{id}", self._retrieve, ""),
            ("POST", "/v1/transfers/{id}", self._update, "description metadata"),
            ("POST", "/v1/transfers/{id}/reversals", self._reverse, "amount description metadata refund_application_fee"),
            ("GET", "/v1/transfers/{id}/reversals", self._list_reversals, "limit starting_after ending_before"),
            ("GET", "/v1/transfers/{id}/reversals/{reversal}", self._reversal, ""),
        ]

    def _create(self, call: "Call") -> Object:
        asked, owner = call.params, call.owner
        currency = currencies.known(asked.needed("currency"))
        source = self._store.get("charge", id, owner, "source_transaction") if (id := asked.text("source_transaction")) else None
        amount = asked.number("amount") if "amount" in asked or source is None else source["amount"]
        if amount is None:
            raise invalid("Missing required param: amount.", "amount", "parameter_missing")
        if amount < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
        currencies.divisible(amount, currency)
        destination = self._twin.connect.payable(asked.needed("destination"), owner)
        after = 0
        if source:
            after = self._of_charge(source, amount, currency)
        else:
            self._twin.balances.cover(owner, amount, currency)
        group = asked.text("transfer_group") or (source["transfer_group"] if source else None)
        transfer = self._store.add(
            "transfer",
            owner,
            {
                "id": fresh("tr"),
                "object": "transfer",
                "amount": amount,
                "amount_reversed": 0,
                "balance_transaction": None,
                "created": self._twin.now(),
                "currency": currency,
                "description": asked.text("description"),
                "destination": destination["id"],
                "destination_payment": fresh("py"),
                "livemode": owner.livemode,
                "metadata": asked.metadata(),
                "reversals": None,
                "reversed": False,
                "source_transaction": source["id"] if source else None,
                "source_type": "card",
                "transfer_group": group,
            },
        )
        transfer["reversals"] = listed(f"/v1/transfers/{transfer['id']}/reversals", [])
        transfer["balance_transaction"] = self._twin.balances.move(owner, -amount, currency, "transfer", transfer, after=after)["id"]
        there = Owner(owner.livemode, destination["id"])
        payment = {
            "id": transfer["destination_payment"],
            "object": "charge",
            "amount": amount,
            "amount_refunded": 0,
            "currency": currency,
            "created": transfer["created"],
            "paid": True,
        }
        self._store.add("charge", there, payment | {"status": "succeeded", "source_transfer": transfer["id"], "livemode": owner.livemode, "metadata": {}, "refunded": False})
        payment = self._store.kinds["charge"][payment["id"]]
        payment.update(customer=None, payment_intent=None, transfer_group=group, disputed=False, description=None)
        payment["balance_transaction"] = self._twin.balances.move(there, amount, currency, "payment", payment, after=after)["id"]
        self._twin.events.emit("transfer.created", transfer)
        self._twin.events.emit("payment.created", payment)
        return transfer

    def _of_charge(self, source: Object, amount: int, currency: str) -> int:
        """Seconds until the money of this charge is there; raises when it is not this charge's, or more than is left of it."""
        if source["currency"] != currency:
            raise invalid(f"The currency of source_transaction's balance transaction ({source['currency']}) must be the same as the transfer currency ({currency})", "currency")
        given = sum(each["amount"] - each["amount_reversed"] for each in self._store.all("transfer") if each["source_transaction"] == source["id"])
        if source["status"] != "succeeded" or given + amount > source["amount"]:
            raise refused(
                f"Transfers using this transaction as a source must not exceed the source amount of {source['amount']}. There is already {given} transferred.",
                "transfer_source_exceeded",
            )
        moved = self._store.kinds["balance_transaction"][source["balance_transaction"]]
        return max(0, int(moved["available_on"]) - self._twin.now())

    def _reverse(self, call: "Call") -> Object:
        transfer, asked = self._store.get("transfer", call.path["id"], call.owner), call.params
        left = transfer["amount"] - transfer["amount_reversed"]
        if left == 0:
            raise refused(f"Transfer {transfer['id']} is already fully reversed.", "transfer_already_reversed")
        amount = asked.number("amount") if "amount" in asked else left
        if amount is None or amount < 1:
            raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
        if amount > left:
            raise refused(f"Reversal amount ({amount} {transfer['currency']}) is greater than unreversed amount on transfer ({left} {transfer['currency']})", param="amount")
        there = Owner(call.owner.livemode, transfer["destination"])
        self._twin.balances.cover(there, amount, transfer["currency"])
        reversal = self._store.add(
            "transfer_reversal",
            call.owner,
            {
                "id": fresh("trr"),
                "object": "transfer_reversal",
                "amount": amount,
                "balance_transaction": None,
                "created": self._twin.now(),
                "currency": transfer["currency"],
                "destination_payment_refund": fresh("pyr"),
                "metadata": asked.metadata(),
                "source_refund": None,
                "transfer": transfer["id"],
            },
        )
        reversal["balance_transaction"] = self._twin.balances.move(call.owner, amount, transfer["currency"], "transfer_refund", reversal)["id"]
        self._twin.balances.move(there, -amount, transfer["currency"], "payment_refund", {"id": reversal["destination_payment_refund"]})
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].insert(0, {name: value for name, value in reversal.items() if not name.startswith("_")})
        self._twin.events.emit("transfer.reversed", transfer)
        return reversal

    def _retrieve(self, call: "Call") -> Object:
        return self._store.get("transfer", call.path["id"], call.owner)

    def _update(self, call: "Call") -> Object:
        transfer = self._store.get("transfer", call.path["id"], call.owner)
        transfer["metadata"] = call.params.metadata(transfer["metadata"])
        if "description" in call.params:
            transfer["description"] = call.params.text("description")
        self._twin.events.emit("transfer.updated", transfer)
        return transfer

    def _list(self, call: "Call") -> Object:
        wanted = {name: call.params.text(name) for name in ("destination", "transfer_group") if name in call.params}
        rows = [each for each in reversed(self._store.all("transfer", call.owner)) if all(each[name] == value for name, value in wanted.items())]
        return page("/v1/transfers", rows, call.params)

    def _list_reversals(self, call: "Call") -> Object:
        transfer = self._store.get("transfer", call.path["id"], call.owner)
        rows = [each for each in reversed(self._store.all("transfer_reversal", call.owner)) if each["transfer"] == transfer["id"]]
        return page(f"/v1/transfers/{transfer['id']}/reversals", rows, call.params)

    def _reversal(self, call: "Call") -> Object:
        reversal = self._store.get("transfer_reversal", call.path["reversal"], call.owner)
        if reversal["transfer"] != call.path["id"]:
            raise no_such("transfer reversal", reversal["id"])
        return reversal

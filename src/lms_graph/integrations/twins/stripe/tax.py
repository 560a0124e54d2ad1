"""Stripe Tax: what is due on a sale by the buyer's place, and the books of it. https://docs.stripe.com/tax/custom

The rates are a table of this twin's, near those of 2026 and for tests alone. Rounding is half up, a line at a time.
"""

from typing import TYPE_CHECKING, Any

from lms_graph.integrations.twins.stripe import currencies
from lms_graph.integrations.twins.stripe.errors import invalid, missing, refused
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, fresh, listed, page

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

VAT = {
    **{
        "AT": 200_000,
        "BE": 210_000,
        "BG": 200_000,
        "CY": 190_000,
        "CZ": 210_000,
        "DE": 190_000,
        "DK": 250_000,
        "EE": 240_000,
        "ES": 210_000,
        "FI": 255_000,
        "FR": 200_000,
        "GR": 240_000,
    },
    **{
        "HR": 250_000,
        "HU": 270_000,
        "IE": 230_000,
        "IT": 220_000,
        "LT": 210_000,
        "LU": 170_000,
        "LV": 210_000,
        "MT": 180_000,
        "NL": 210_000,
        "PL": 230_000,
        "PT": 230_000,
        "RO": 210_000,
    },
    **{"SE": 250_000, "SI": 220_000, "SK": 230_000, "GB": 200_000, "NO": 250_000, "CH": 81_000},
}
GST = {"AU": 100_000, "NZ": 150_000, "IN": 180_000, "SG": 90_000, "CA": 50_000}
OTHER = {"JP": ("jct", 100_000), "KR": ("vat", 100_000), "AE": ("vat", 50_000), "SA": ("vat", 150_000), "MX": ("vat", 160_000), "ZA": ("vat", 150_000)}
SALES_TAX = {"NY": 88_750, "WA": 103_500, "TX": 82_500, "PA": 80_000, "CA": 0, "OR": 0, "DE": 0, "MT": 0, "NH": 0}
"""Of digital courses, by state; others have none here."""
KEPT_SECONDS = 90 * 24 * 3600


def rate_of(country: str, state: str | None) -> tuple[str, int]:
    """The kind of tax and its rate in millionths."""
    if country == "US":
        return "sales_tax", SALES_TAX.get((state or "").upper(), 0)
    if country in VAT:
        return "vat", VAT[country]
    if country in GST:
        return "gst", GST[country]
    return OTHER.get(country, ("vat", 0))


def tax_of(amount: int, ppm: int, *, inclusive: bool) -> int:
    whole = 1_000_000 + ppm if inclusive else 1_000_000
    sign = -1 if amount < 0 else 1
    return sign * ((abs(amount) * ppm * 2 + whole) // (2 * whole))


class Tax:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store
        self._store.included["tax.calculation", "line_items"] = self._lines_of
        self._store.included["tax.transaction", "line_items"] = self._lines_of

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/tax/calculations", self._calculate, "currency customer customer_details line_items ship_from_details shipping_cost tax_date"),
            ("GET", "/v1/tax/calculations/{id}", lambda call: self._store.get("tax.calculation", call.path["id"], call.owner), ""),
            ("GET", "/v1/tax/calculations/{id}/line_items", self._list_calculated, "limit starting_after ending_before"),
            ("POST", "/v1/tax/transactions/create_from_calculation", self._book, "calculation reference metadata posted_at"),
            ("POST", "/v1/tax/transactions/create_reversal", self._reverse, "mode original_transaction reference flat_amount line_items metadata shipping_cost"),
            ("GET", "/v1/tax/transactions/{id}", lambda call: self._store.get("tax.transaction", call.path["id"], call.owner), ""),
            ("GET", "/v1/tax/transactions/{id}/line_items", self._list_booked, "limit starting_after ending_before"),
        ]

    def _lines_of(self, found: Object) -> Object:
        return listed(f"/v1/tax/{'calculations' if found['object'] == 'tax.calculation' else 'transactions'}/{found['id']}/line_items", found["_lines"])

    def _calculate(self, call: "Call") -> Object:
        asked = call.params
        currency = currencies.known(asked.needed("currency"))
        details = self._details(call)
        address = details["address"]
        kind, ppm = rate_of(address["country"], address["state"])
        reason = "standard_rated" if ppm else "not_collecting" if kind == "sales_tax" else "zero_rated"
        if details["taxability_override"] == "reverse_charge" or (details["tax_ids"] and address["country"] in VAT and address["country"] != "IE"):
            ppm, reason = 0, "reverse_charge"
        elif details["taxability_override"] == "customer_exempt":
            ppm, reason = 0, "customer_exempt"
        rows = asked.rows("line_items")
        if not rows:
            raise missing("line_items")
        lines = [self._line(row, position, currency, (kind, ppm, reason), address) for position, row in enumerate(rows)]
        if len({each["reference"] for each in lines}) < len(lines):
            raise invalid("Line item references must be unique.", "line_items")
        exclusive = sum(each["amount_tax"] for each in lines if each["tax_behavior"] == "exclusive")
        inclusive = sum(each["amount_tax"] for each in lines if each["tax_behavior"] == "inclusive")
        now = self._twin.now()
        breakdown = [
            {
                "amount": sum(each["amount_tax"] for each in lines if each["tax_behavior"] == behavior),
                "inclusive": behavior == "inclusive",
                "tax_rate_details": _rate_details(kind, ppm, address),
                "taxability_reason": reason,
                "taxable_amount": sum(each["_taxable"] for each in lines if each["tax_behavior"] == behavior),
            }
            for behavior in ("exclusive", "inclusive")
            if any(each["tax_behavior"] == behavior for each in lines)
        ]
        return self._store.add(
            "tax.calculation",
            call.owner,
            {
                "id": fresh("taxcalc"),
                "object": "tax.calculation",
                "amount_total": sum(each["amount"] for each in lines) + exclusive,
                "currency": currency,
                "customer": asked.text("customer"),
                "customer_details": details,
                "expires_at": now + KEPT_SECONDS,
                "livemode": call.owner.livemode,
                "ship_from_details": None,
                "shipping_cost": None,
                "tax_amount_exclusive": exclusive,
                "tax_amount_inclusive": inclusive,
                "tax_breakdown": breakdown,
                "tax_date": asked.number("tax_date") or now,
                "_lines": lines,
            },
        )

    def _details(self, call: "Call") -> Object:
        asked = call.params.inside("customer_details")
        if id := call.params.text("customer"):
            address = self._twin.customers.alive(id, call.owner)["address"] or {}
            ids: list[Params] = []
        elif "address" in asked:
            given = asked.inside("address")
            address = {name: given.text(name) for name in ("city", "country", "line1", "line2", "postal_code", "state")}
            ids = asked.rows("tax_ids")
            if asked.one_of("address_source", "billing shipping") is None:
                raise missing("customer_details[address_source]")
        else:
            raise missing("customer_details")
        country = (address.get("country") or "").upper()
        if len(country) != 2 or not country.isalpha():
            raise invalid(
                "We could not determine the customer's tax location based on the provided customer address.", "customer_details[address]", "customer_tax_location_invalid"
            )
        if country == "US" and not address.get("postal_code"):
            message = "For US addresses the postal code is required: we could not determine the customer's tax location based on the provided customer address."
            raise invalid(message, "customer_details[address]", "customer_tax_location_invalid")
        return {
            "address": {"city": None, "line1": None, "line2": None, "postal_code": None, "state": None, **address, "country": country},
            "address_source": asked.text("address_source") or "billing",
            "ip_address": None,
            "tax_ids": [{"type": each.needed("type"), "value": each.needed("value")} for each in ids],
            "taxability_override": asked.one_of("taxability_override", "customer_exempt none reverse_charge", "none"),
        }

    def _line(self, row: Params, position: int, currency: str, rate: tuple[str, int, str], address: Object) -> Object:
        amount, behavior = row.needed_number("amount"), row.one_of("tax_behavior", "exclusive inclusive", "exclusive")
        currencies.divisible(amount, currency, row.at("amount"))
        kind, ppm, reason = rate
        tax = tax_of(amount, ppm, inclusive=behavior == "inclusive")
        taxable = (amount - tax if behavior == "inclusive" else amount) if ppm else 0
        jurisdiction = {"country": address["country"], "display_name": address["country"], "level": "country", "state": None}
        return {
            "id": fresh("tax_li"),
            "object": "tax.calculation_line_item",
            "amount": amount,
            "amount_tax": tax,
            "livemode": False,
            "metadata": row.metadata(),
            "performance_location": None,
            "product": row.text("product"),
            "quantity": row.number("quantity") or 1,
            "reference": row.text("reference") or f"L{position + 1}",
            "tax_behavior": behavior,
            "tax_breakdown": [
                {
                    "amount": tax,
                    "jurisdiction": jurisdiction,
                    "sourcing": "destination",
                    "tax_rate_details": {"display_name": kind.upper(), "percentage_decimal": _percent(ppm), "tax_type": kind},
                    "taxability_reason": reason,
                    "taxable_amount": taxable,
                }
            ],
            "tax_code": row.text("tax_code") or "txcd_10000000",
            "_taxable": taxable,
        }

    def _reference(self, reference: str) -> None:
        if any(each["reference"] == reference for each in self._store.all("tax.transaction")):
            raise refused(
                f"A transaction with reference '{reference}' exists. References must be unique across all transactions, including reversals.",
                "resource_already_exists",
                "reference",
            )

    def _book(self, call: "Call") -> Object:
        found = self._store.get("tax.calculation", call.params.needed("calculation"), call.owner, "calculation")
        reference = call.params.needed("reference")
        self._reference(reference)
        if found["expires_at"] < self._twin.now():
            raise refused("This calculation has expired.", "resource_missing", "calculation")
        lines = [
            {name: each[name] for name in ("amount", "amount_tax", "livemode", "metadata", "product", "quantity", "reference", "tax_behavior", "tax_code")}
            | {"id": fresh("tax_li"), "object": "tax.transaction_line_item", "type": "transaction", "reversal": None}
            for each in found["_lines"]
        ]
        return self._transaction(call, found, reference, "transaction", lines)

    def _transaction(self, call: "Call", found: Object, reference: str, type: str, lines: list[Object], original: str | None = None) -> Object:
        now = self._twin.now()
        return self._store.add(
            "tax.transaction",
            call.owner,
            {
                "id": fresh("tax"),
                "object": "tax.transaction",
                "created": now,
                "currency": found["currency"],
                "customer": found["customer"],
                "customer_details": found["customer_details"],
                "livemode": call.owner.livemode,
                "metadata": call.params.metadata(),
                "posted_at": call.params.number("posted_at") or now,
                "reference": reference,
                "reversal": {"original_transaction": original} if original else None,
                "ship_from_details": None,
                "shipping_cost": None,
                "tax_date": found["tax_date"],
                "type": type,
                "_lines": lines,
            },
        )

    def _reverse(self, call: "Call") -> Object:
        asked = call.params
        original = self._store.get("tax.transaction", asked.needed("original_transaction"), call.owner, "original_transaction")
        reference, mode = asked.needed("reference"), asked.one_of("mode", "full partial")
        if mode is None:
            raise missing("mode")
        self._reference(reference)
        booked = [each for each in self._store.all("tax.transaction", call.owner) if (each["reversal"] or {}).get("original_transaction") == original["id"]]
        if original["type"] != "transaction" or (mode == "full" and booked):
            raise refused("This transaction has been reversed.", "transaction_already_reversed")
        if mode == "full":
            parts = [(each, each["amount"], each["amount_tax"]) for each in original["_lines"]]
        elif "flat_amount" in asked:
            parts = self._flat(original, -asked.needed_number("flat_amount"))
        else:
            by_id = {each["id"]: each for each in original["_lines"]}
            parts = []
            for row in asked.rows("line_items"):
                if row.needed("original_line_item") not in by_id:
                    raise invalid("No such line item.", row.at("original_line_item"), "resource_missing")
                parts.append((by_id[row.needed("original_line_item")], -row.needed_number("amount"), -row.needed_number("amount_tax")))
        given = sum(each["amount"] + each["amount_tax"] for other in booked for each in other["_lines"])
        if sum(amount + tax for _, amount, tax in parts) > sum(each["amount"] + each["amount_tax"] for each in original["_lines"]) + given:
            raise refused("The amount to be reversed is more than what is left of the transaction.", param="flat_amount")
        lines = [
            {**each, "id": fresh("tax_li"), "amount": -amount, "amount_tax": -tax, "type": "reversal", "reversal": {"original_line_item": each["id"]}}
            for each, amount, tax in parts
        ]
        return self._transaction(call, original, reference, "reversal", lines, original["id"])

    def _flat(self, original: Object, amount: int) -> list[tuple[Object, int, int]]:
        """A total over the lines in proportion, tax included; the last one takes what rounding leaves."""
        totals = [each["amount"] + (each["amount_tax"] if each["tax_behavior"] == "exclusive" else 0) for each in original["_lines"]]
        parts, left = [], amount
        for position, (each, total) in enumerate(zip(original["_lines"], totals, strict=True)):
            share = left if position == len(totals) - 1 else amount * total // (sum(totals) or 1)
            left -= share
            tax = share * each["amount_tax"] // total if total else 0
            parts.append((each, share - tax if each["tax_behavior"] == "exclusive" else share, tax))
        return parts

    def _list_calculated(self, call: "Call") -> Object:
        found = self._store.get("tax.calculation", call.path["id"], call.owner)
        return page(f"/v1/tax/calculations/{found['id']}/line_items", found["_lines"], call.params)

    def _list_booked(self, call: "Call") -> Object:
        found = self._store.get("tax.transaction", call.path["id"], call.owner)
        return page(f"/v1/tax/transactions/{found['id']}/line_items", found["_lines"], call.params)


def _percent(ppm: int) -> str:
    whole, rest = divmod(ppm, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")


def _rate_details(kind: str, ppm: int, address: Object) -> Object:
    return {"country": address["country"], "flat_amount": None, "percentage_decimal": _percent(ppm), "rate_type": "percentage", "state": address["state"], "tax_type": kind}

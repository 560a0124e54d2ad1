"""What an invoice or a credit note says, as plain values frozen at issue. Amounts stay in minor units; whoever prints them writes them out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lms_graph.kit import money

PREFIXES = {"INVOICE": "INV", "CREDIT_NOTE": "CN"}
DIGITS = 6


def number(kind: str, serial: int) -> str:
    """`INV-000123`, `CN-000007`."""
    return f"{PREFIXES[kind]}-{serial:0{DIGITS}}"


def invoice_of(
    *, order: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], seller: Mapping[str, Any], number: str, issued_at: datetime, locale: str, paid_at: datetime | None
) -> dict[str, Any]:
    """What an order's invoice says."""
    return _document("INVOICE", order, seller, number, issued_at, locale) | {
        "paid_at": paid_at.isoformat() if paid_at else None,
        "lines": [
            {
                "title": line["title"],
                "quantity": line["quantity"],
                "unit": line["unit_amount"],
                "discount": line["discount_amount"] + line["credit_amount"],
                "tax": line["tax_amount"],
                "total": line["total_amount"],
            }
            for line in lines
        ],
        "tax_lines": list(order["tax_lines"]),
        "subtotal": order["subtotal_amount"],
        "discount": order["discount_amount"],
        "credit": order["credit_amount"],
        "tax": order["tax_amount"],
        "total": order["total_amount"],
    }


def credit_note_of(
    *,
    order: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    refund: Mapping[str, Any],
    seller: Mapping[str, Any],
    number: str,
    invoice_number: str,
    issued_at: datetime,
    locale: str,
) -> dict[str, Any]:
    """What a refund's credit note says: the lines' parts of it, as they were allocated, and the invoice that it corrects."""
    titles = {str(line["id"]): line["title"] for line in lines}
    parts = [part for part in refund["allocation"] if part["amount"]]
    tax, total = sum(part["tax"] for part in parts), sum(part["amount"] for part in parts)
    return _document("CREDIT_NOTE", order, seller, number, issued_at, locale) | {
        "corrects": invoice_number,
        "paid_at": None,
        "lines": [{"title": titles[part["line_id"]], "quantity": 1, "unit": part["amount"], "discount": 0, "tax": part["tax"], "total": part["amount"]} for part in parts],
        "tax_lines": _parts_of_tax(order["tax_lines"], tax),
        "subtotal": total if order["is_tax_included"] else total - tax,
        "discount": 0,
        "credit": 0,
        "tax": tax,
        "total": total,
    }


def _parts_of_tax(tax_lines: Sequence[Mapping[str, Any]], tax: int) -> list[dict[str, Any]]:
    """The refund's tax by rate, in proportion to what the invoice had of each; nothing where it said none, as of a renewal that was taxed when what it renews was not yet."""
    if not tax_lines:
        return []
    parts = money.split(tax, [line["amount"] for line in tax_lines])
    return [{**line, "amount": part} for line, part in zip(tax_lines, parts, strict=True)]


def _document(kind: str, order: Mapping[str, Any], seller: Mapping[str, Any], number: str, issued_at: datetime, locale: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "number": number,
        "issued_at": issued_at.isoformat(),
        "locale": locale,
        "order_number": order["number"],
        "currency": order["currency"],
        "is_tax_included": order["is_tax_included"],
        "corrects": None,
        "seller": dict(seller),
        "buyer": {"name": order["name"], "email": order["email"], "country": order["country"], "postal_code": order["postal_code"]},
    }

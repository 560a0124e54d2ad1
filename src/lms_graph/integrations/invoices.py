"""Invoices and credit notes printed with Chromium: A4 upright, of as many pages as the lines need. Drawn in `templates/documents`."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml
from babel.numbers import format_decimal

from lms_graph.domain.commerce.ports import InvoiceDocument
from lms_graph.integrations import amounts
from lms_graph.integrations.pdf import TEMPLATES, ChromiumPrinter, date_of, environment, font_faces, image_uri, locale_of, rare_in, safe_color

PHRASES = TEMPLATES / "documents" / "phrases.yaml"
MILLIONTHS = 1_000_000


class ChromiumInvoicePrinter:
    """An `InvoicePrinter`, with the browser that prints certificates too."""

    def __init__(self, printer: ChromiumPrinter) -> None:
        self._printer = printer

    async def print_invoice(self, document: InvoiceDocument) -> bytes:
        words = "".join(_words(document.snapshot)) + document.school_name
        return await self._printer.print(invoice_html(document), rare=rare_in(words))


def invoice_html(document: InvoiceDocument) -> str:
    """The page that is printed; the same document always gives the same page."""
    said = document.snapshot
    locale = locale_of(said["locale"])
    phrases = _phrases().get(locale.language, _phrases()["en"])

    def amount(minor: int) -> str:
        return amounts.told(minor, said["currency"], locale)

    def rate(ppm: int) -> str:
        return f"{format_decimal(ppm * 100 / MILLIONTHS, locale=locale)} %"

    def date(moment: str | None) -> str | None:
        return date_of(datetime.fromisoformat(moment), said["locale"]) if moment else None

    words = [*_words(said), document.school_name, *phrases.values(), *(amount(number) for number in _numbers(said)), date(said["issued_at"]) or "", "0123456789%€£$¥"]
    return (
        environment()
        .get_template("documents/invoice.html.j2")
        .render(
            said=said,
            phrases=phrases,
            lang=locale.language,
            school=document.school_name,
            color=safe_color(document.primary_color),
            logo=image_uri(document.logo),
            issued_on=date(said["issued_at"]),
            paid_on=date(said["paid_at"]),
            amount=amount,
            rate=rate,
            font_faces=font_faces(frozenset("".join(words))),
        )
    )


def _words(value: Any) -> list[str]:
    """Every string inside."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [word for part in inside for word in _words(part)]


def _numbers(said: Mapping[str, Any]) -> list[int]:
    return [said["total"], said["tax"], *(line["total"] for line in said["lines"])]


@lru_cache
def _phrases() -> dict[str, dict[str, str]]:
    phrases: dict[str, dict[str, str]] = yaml.safe_load(PHRASES.read_text(encoding="utf-8"))
    return phrases

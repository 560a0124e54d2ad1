"""What commerce needs from the world beside a payment provider: somebody who prints invoices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class InvoiceDocument:
    """An invoice or a credit note as it was frozen at issue (`rules.invoices`), and the school's brand."""

    snapshot: Mapping[str, Any]
    school_name: str
    primary_color: str
    logo: bytes | None


class InvoicePrinter(Protocol):
    """Prints invoices and credit notes."""

    async def print_invoice(self, document: InvoiceDocument) -> bytes:
        """The PDF, of as many pages as its lines need. Raises `Unavailable` when no browser can be had or it takes too long."""
        ...

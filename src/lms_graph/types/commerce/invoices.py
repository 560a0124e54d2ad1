"""Invoices and credit notes."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.models import commerce as rows
from lms_graph.types.enums import described
from lms_graph.types.money import Money
from lms_graph.types.nodes import Node
from lms_graph.types.personal import Personal, may_see

PDF_SECONDS = 900

InvoiceKind = described(
    rows.InvoiceKind,
    "InvoiceKind",
    "What a document of a sale is.",
    INVOICE="Of an order, once it is paid.",
    CREDIT_NOTE="Of a refund, once the money went back: it corrects the order's invoice.",
)


@strawberry.type(
    description="An invoice or a credit note, frozen at issue, and never changed. Numbers have no gaps within a school, for each kind. Seen by who bought, and by those with ORDERS_READ."
)
class Invoice(Node):
    kind: InvoiceKind = strawberry.field(description="Which of the two it is.")
    number: str = strawberry.field(description="Such as `INV-000123` or `CN-000007`.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    total: Money = strawberry.field(description="What was paid, or went back; tax included.")
    tax: Money = strawberry.field(description="The part of the total that is tax.")
    pdf_file_id: strawberry.Private[UUID | None]
    buyer_id: strawberry.Private[UUID | None]

    @strawberry.field(
        description="Where the PDF can be fetched for the next 15 minutes; do not keep it, ask again. Null until it is printed, a few seconds after issue; and, for the buyer's address stands in it, "
        "for others than the buyer without PERSONAL_READ, and for tokens that mask personal data.",
        directives=[Personal(permission=Permission.PERSONAL_READ)],
    )
    async def url(self, info: Info) -> str | None:
        is_shown = may_see(info.context.caller, self.buyer_id)
        file = await info.context.loaders.commerce.invoice_pdf.load(self.pdf_file_id) if self.pdf_file_id and is_shown else None
        if file is None:
            return None
        url: str = await info.context.adapters.objects.signed_url(file.object_key, seconds=PDF_SECONDS, file_name=f"{self.number}.pdf")
        return url

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("inv", row["id"])),
            kind=rows.InvoiceKind(row["kind"]),
            number=row["number"],
            issued_at=row["issued_at"],
            total=Money.of(row["total_amount"], row["currency"]),
            tax=Money.of(row["tax_amount"], row["currency"]),
            pdf_file_id=row["pdf_file_id"],
            buyer_id=row["buyer_account_id"],
        )

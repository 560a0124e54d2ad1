"""Loaders of invoices and credit notes."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.commerce.queries import invoices
from lms_graph.domain.media import queries as media
from lms_graph.types.commerce.invoices import Invoice


class InvoiceLoaders(AreaLoaders):
    @batch
    async def invoice(self, ids: list[UUID]) -> list[Invoice | None]:
        return matched(await invoices.invoices_by_ids(caller=self.caller, invoice_ids=ids), "id", ids, Invoice.from_row)

    @batch
    async def invoice_of_order(self, order_ids: list[UUID]) -> list[Invoice | None]:
        rows = [row for row in await invoices.invoices_of_orders(caller=self.caller, order_ids=order_ids) if row["kind"] == "INVOICE"]
        return matched(rows, "order_id", order_ids, Invoice.from_row)

    @batch
    async def credit_note(self, refund_ids: list[UUID]) -> list[Invoice | None]:
        """The credit note of each refund."""
        return matched(await invoices.credit_notes_of_refunds(caller=self.caller, refund_ids=refund_ids), "refund_id", refund_ids, Invoice.from_row)

    @batch
    async def invoice_pdf(self, file_ids: list[UUID]) -> list[media.StoredFile | None]:
        """The file of a PDF. Whoever sees the document may see it."""
        found = {file.id: file for file in await media.files_by_ids(caller=self.caller, file_ids=file_ids)}
        return [found.get(id) for id in file_ids]

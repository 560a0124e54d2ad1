"""Loaders of the ledger."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.payouts.queries import ledger
from lms_graph.kit.pages import PageRequest
from lms_graph.types.payouts.ledger import LedgerEntry, LedgerEntryConnection


class LedgerLoaders(AreaLoaders):
    @batch
    async def entry(self, entry_ids: list[UUID]) -> list[LedgerEntry | None]:
        """The caller's own; any payee's, for who may read the ledger or manages payouts."""
        return matched(await ledger.entries_by_ids(caller=self.caller, entry_ids=entry_ids), "id", entry_ids, LedgerEntry.from_row)

    @batch
    async def entries_of_payee(self, requests: list[tuple[UUID, PageRequest]]) -> list[LedgerEntryConnection]:
        """A page a request. Who has a payee may see its entries."""
        pages = [await ledger.entries_of_payee(caller=self.caller, payee_id=payee_id, request=request, cursors=self.adapters.cursors) for payee_id, request in requests]
        return [LedgerEntryConnection.of(page, LedgerEntry.from_row) for page in pages]

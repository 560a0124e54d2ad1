"""Loaders of seats."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.commerce.queries import seats
from lms_graph.kit.pages import PageRequest
from lms_graph.types.commerce.seats import SeatAssignment, SeatAssignmentConnection, SeatPool, SeatPoolConnection


class SeatLoaders(AreaLoaders):
    @batch
    async def seat_pool(self, ids: list[UUID]) -> list[SeatPool | None]:
        """The caller's own, or any for those who manage seats."""
        return matched(await seats.pools_by_ids(caller=self.caller, ids=ids), "id", ids, self._pool)

    @batch
    async def seat(self, ids: list[UUID]) -> list[SeatAssignment | None]:
        """Those of pools that the caller owns, or any for those who manage seats."""
        return matched(await seats.seats_by_ids(caller=self.caller, ids=ids), "id", ids, self._seat)

    @batch
    async def seats_of_pool(self, keys: list[tuple[UUID, PageRequest]]) -> list[SeatAssignmentConnection]:
        """Pages of the same kind are read together: one statement however many pools."""
        pages = {}
        for request in {request for _, request in keys}:
            ids = [id for id, asked in keys if asked == request]
            pages[request] = await seats.seats_of_pools(caller=self.caller, pool_ids=ids, cursors=self.adapters.cursors, request=request)
        return [SeatAssignmentConnection.of(pages[request][id], self._seat, lambda id=id: self.seat_count.load(id)) for id, request in keys]

    @batch
    async def seat_count(self, pool_ids: list[UUID]) -> list[int]:
        found = await seats.count_seats(caller=self.caller, pool_ids=pool_ids)
        return [found.get(id, 0) for id in pool_ids]

    @batch
    async def own_seat_pools(self, requests: list[PageRequest]) -> list[SeatPoolConnection]:
        """The caller's own: a page a request."""
        pages = [await seats.page_of_own(caller=self.caller, cursors=self.adapters.cursors, request=request) for request in requests]
        return [SeatPoolConnection.of(page, self._pool, lambda: seats.count_own(caller=self.caller)) for page in pages]

    def _pool(self, row: object) -> SeatPool:
        return SeatPool.from_row(row, self.caller)

    def _seat(self, row: object) -> SeatAssignment:
        return SeatAssignment.from_row(row, self.caller)

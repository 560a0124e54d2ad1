"""Loaders of refunds and disputes."""

from typing import Any
from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.commerce.queries import disputes, refunds
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.catalog.courses import Course
from lms_graph.types.commerce.disputes import Dispute, DisputeConnection, DisputeEvidence
from lms_graph.types.commerce.refunds import Refund, RefundConnection, RefundRecord


class RefundLoaders(AreaLoaders):
    def _refund(self, row: Any) -> Refund:
        return Refund.from_row(row, sees_all=refunds.sees_all(self.caller), allocation=refunds.allocation_of(row))

    def _dispute(self, row: Any) -> Dispute:
        return Dispute.from_row(row, evidence=disputes.evidence_of(row) if self.caller.may(Permission.REFUNDS_DECIDE) else None)

    @batch
    async def refund(self, refund_ids: list[UUID]) -> list[Refund | None]:
        """Of the caller's own orders; of anybody's for who may see orders."""
        return matched(await refunds.refunds_by_ids(caller=self.caller, ids=refund_ids), "id", refund_ids, self._refund)

    @batch
    async def refunds_of_order(self, order_ids: list[UUID]) -> list[list[Refund]]:
        """As `refund`."""
        return grouped(await refunds.refunds_of_orders(caller=self.caller, order_ids=order_ids), "order_id", order_ids, self._refund)

    @batch
    async def refunds(self, requests: list[tuple[PageRequest, tuple[str, ...] | None]]) -> list[RefundConnection]:
        """A page a request, for who may see orders."""
        pages = []
        for request, statuses in requests:
            chosen = None if statuses is None else list(statuses)
            page = await refunds.page_of_refunds(caller=self.caller, cursors=self.adapters.cursors, request=request, statuses=chosen)
            pages.append(RefundConnection.of(page, self._refund, lambda chosen=chosen: refunds.count_refunds(caller=self.caller, statuses=chosen)))  # type: ignore[misc]
        return pages

    @batch
    async def refund_record(self, account_ids: list[UUID]) -> list[RefundRecord | None]:
        """For who decides on refunds."""
        found = await refunds.records_for_deciders(caller=self.caller, account_ids=account_ids)
        return [None if record is None else RefundRecord.of(record) for record in found]

    @batch
    async def courses(self, keys: list[tuple[UUID, ...]]) -> list[list[Course]]:
        """Courses by lists of their ids: those that are there for the caller."""
        loaders = self.context.loaders.catalog.course
        return [[course for course in await loaders.load_many(list(ids)) if course is not None] for ids in keys]

    @batch
    async def dispute(self, dispute_ids: list[UUID]) -> list[Dispute | None]:
        """For who may see orders."""
        return matched(await disputes.disputes_by_ids(caller=self.caller, ids=dispute_ids), "id", dispute_ids, self._dispute)

    @batch
    async def disputes_of_order(self, order_ids: list[UUID]) -> list[list[Dispute]]:
        """As `dispute`."""
        return grouped(await disputes.disputes_of_orders(caller=self.caller, order_ids=order_ids), "order_id", order_ids, self._dispute)

    @batch
    async def disputes(self, requests: list[tuple[PageRequest, tuple[str, ...] | None]]) -> list[DisputeConnection]:
        """A page a request, for who may see orders."""
        pages = []
        for request, statuses in requests:
            chosen = None if statuses is None else list(statuses)
            page = await disputes.page_of_disputes(caller=self.caller, cursors=self.adapters.cursors, request=request, statuses=chosen)
            pages.append(DisputeConnection.of(page, self._dispute, lambda chosen=chosen: disputes.count_disputes(caller=self.caller, statuses=chosen)))  # type: ignore[misc]
        return pages

    @batch
    async def evidence_at_hand(self, order_ids: list[UUID]) -> list[DisputeEvidence | None]:
        """For who decides on refunds."""
        return [found and DisputeEvidence.of(*found) for found in await disputes.evidence_for_deciders(caller=self.caller, order_ids=order_ids)]

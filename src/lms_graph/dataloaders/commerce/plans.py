"""Loaders of plans."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.commerce.queries import subscriptions
from lms_graph.domain.commerce.rules.plans import SubscriptionFilter
from lms_graph.kit.pages import PageRequest
from lms_graph.types.commerce.subscriptions import PlanConnection, Subscription


class PlanLoaders(AreaLoaders):
    @batch
    async def subscription(self, ids: list[UUID]) -> list[Subscription | None]:
        """The caller's own; anybody's for who holds ORDERS_READ."""
        return matched(await subscriptions.subscriptions_by_ids(caller=self.caller, ids=ids), "id", ids, Subscription.from_row)

    @batch
    async def own_subscriptions(self, keys: list[tuple[PageRequest, SubscriptionFilter | None]]) -> list[PlanConnection]:
        """The viewer's: one key a page."""
        return [await self._own_subscriptions(request, where or SubscriptionFilter()) for request, where in keys]

    async def _own_subscriptions(self, request: PageRequest, where: SubscriptionFilter) -> PlanConnection:
        page = await subscriptions.page_of_subscriptions(caller=self.caller, cursors=self.adapters.cursors, request=request, where=where, own=True)
        return PlanConnection.of(page, Subscription.from_row, lambda: subscriptions.count_subscriptions(caller=self.caller, where=where, own=True))

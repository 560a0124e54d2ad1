"""Root fields of bundles."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import bundles
from lms_graph.domain.commerce.queries import subjects
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.bundles import Bundle, BundleConnection, BundleSaveInput, BundleSavePayload
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query


@strawberry.type
class BundlesQuery:
    @query(description="Bundles, the latest first: the active ones, and for who holds OFFERS_MANAGE all. Everybody.")
    async def bundles(self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None) -> BundleConnection:
        caller = info.context.caller
        page = await subjects.page_of_bundles(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before))
        return BundleConnection.of(page, Bundle.from_row, lambda: subjects.count_bundles(caller=caller))

    @query(description="A bundle by its slug; null when there is none, or it is not active and you do not hold OFFERS_MANAGE. Everybody.")
    async def bundle(self, info: Info, slug: Annotated[str, strawberry.argument(description="Its name in addresses.")]) -> Bundle | None:
        row = await subjects.bundle_by_slug(caller=info.context.caller, slug=slug)
        return Bundle.from_row(row) if row else None


@strawberry.type
class BundlesMutation:
    @mutation(
        description="Make a bundle, or change one to be as the input says, the whole of it. Who bought it before keeps the courses of then. Codes: NOT_FOUND, CONFLICT when the slug is taken, INVALID.",
        requires=[Permission.OFFERS_MANAGE],
    )
    async def bundle_save(self, info: Info, input: Annotated[BundleSaveInput, strawberry.argument(description="The bundle.")]) -> BundleSavePayload:
        return BundleSavePayload(bundle_id=await bundles.save_bundle(caller=info.context.caller, **input.as_arguments()))

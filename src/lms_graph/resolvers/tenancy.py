"""Root fields about the tenant."""

import strawberry

from lms_graph.context import Info
from lms_graph.domain.tenancy import queries
from lms_graph.types.errors import query
from lms_graph.types.tenancy import Storefront


@strawberry.type
class TenancyQuery:
    @query(description="The tenant that the host, `X-Tenant` or the token selects. Everybody.")
    async def storefront(self, info: Info) -> Storefront:
        return Storefront.from_row(await queries.storefront(caller=info.context.caller))

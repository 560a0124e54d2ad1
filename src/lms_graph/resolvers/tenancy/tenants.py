"""Root fields about the tenant."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.domain.tenancy.queries import tenants as queries
from lms_graph.kit.permissions import Permission
from lms_graph.types.errors import mutation, query
from lms_graph.types.tenancy.tenants import Storefront, Tenant, TenantUpdateInput, TenantUpdatePayload


@strawberry.type
class TenancyQuery:
    @query(description="The tenant that the host, `X-Tenant` or the token selects. Everybody.")
    async def storefront(self, info: Info) -> Storefront:
        return Storefront.from_row(await queries.storefront(caller=info.context.caller))

    @query(description="The same tenant as those see it who run it; null for everybody but its administrators.")
    async def tenant(self, info: Info) -> Tenant | None:
        row = await queries.tenant_or_none(caller=info.context.caller)
        return None if row is None else Tenant.from_row(row)


@strawberry.type
class TenancyMutation:
    @mutation(description="Change what the school shows of itself and opens of its API. Its administrators. Codes: INVALID.", requires=[Permission.TENANT_MANAGE])
    async def tenant_update(self, info: Info, input: Annotated[TenantUpdateInput, strawberry.argument(description="What changes.")]) -> TenantUpdatePayload:
        return TenantUpdatePayload(tenant_id=await operations.update_tenant(caller=info.context.caller, **input.as_arguments()))

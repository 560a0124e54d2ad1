"""Root fields about the tenant, and about all tenants for those who run the platform."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import schools
from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.domain.tenancy.queries import tenants as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.public import PUBLIC
from lms_graph.types.tenancy.tenants import (
    Storefront,
    Tenant,
    TenantConnection,
    TenantCreateInput,
    TenantCreatePayload,
    TenantRestoreInput,
    TenantRestorePayload,
    TenantSuspendInput,
    TenantSuspendPayload,
    TenantTermsSetInput,
    TenantTermsSetPayload,
    TenantUpdateInput,
    TenantUpdatePayload,
)


@strawberry.type
class TenancyQuery:
    @query(description="The tenant that the host, `X-Tenant`, the API key or the token selects. Everybody.", held=PUBLIC)
    async def storefront(self, info: Info) -> Storefront:
        return Storefront.from_row(await queries.storefront(caller=info.context.caller))

    @query(description="The same tenant as those see it who run it; null for everybody but its administrators.")
    async def tenant(self, info: Info) -> Tenant | None:
        row = await queries.tenant_or_none(caller=info.context.caller)
        return None if row is None else Tenant.from_row(row)

    @query(description="All tenants, by slug. The platform's administrators.", requires=[Permission.TENANTS_MANAGE])
    async def tenants(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        search: Annotated[str | None, strawberry.argument(description="What name or slug must hold, in any case.")] = None,
    ) -> TenantConnection:
        caller, request = info.context.caller, PageRequest(first, after, last, before)
        page = await queries.page_of_tenants(caller=caller, request=request, search=search, cursors=info.context.adapters.cursors)
        return TenantConnection.of(page, Tenant.from_row, count=lambda: queries.count_of_tenants(caller=caller, search=search))


@strawberry.type
class TenancyMutation:
    @mutation(
        description="Change what the school shows of itself, from whom its mails come, and what it opens of its API. What it pays the platform is not its own to set; `storefrontUrl` and `mail` are not for API keys. "
        "Its administrators. Codes: INVALID.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def tenant_update(self, info: Info, input: Annotated[TenantUpdateInput, strawberry.argument(description="What changes.")]) -> TenantUpdatePayload:
        return TenantUpdatePayload(tenant_id=await operations.update_tenant(caller=info.context.caller, own_url=info.context.adapters.base_url, **input.as_arguments()))

    @mutation(
        description="Make a tenant, and invite its first administrator. The platform's administrators. Codes: INVALID, CONFLICT (`slug` is another's), IDEMPOTENCY_CONFLICT.",
        cost=50,
        requires=[Permission.TENANTS_MANAGE],
    )
    async def tenant_create(self, info: Info, input: Annotated[TenantCreateInput, strawberry.argument(description="What it is called, and who begins.")]) -> TenantCreatePayload:
        return TenantCreatePayload(tenant_id=await schools.open_school(caller=info.context.caller, **vars(input)))

    @mutation(description="Set the platform's share of a tenant's sales. The platform's administrators. Codes: NOT_FOUND, INVALID.", requires=[Permission.TENANTS_MANAGE])
    async def tenant_terms_set(self, info: Info, input: Annotated[TenantTermsSetInput, strawberry.argument(description="Whose, and how much.")]) -> TenantTermsSetPayload:
        return TenantTermsSetPayload(tenant_id=await operations.set_terms(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Close a tenant: its API refuses everybody with NOT_FOUND, streams and sockets end, until it is restored. Jobs go on, and certificates can still be checked. "
        "The platform's administrators. Codes: NOT_FOUND, CONFLICT (the platform's own).",
        requires=[Permission.TENANTS_MANAGE],
    )
    async def tenant_suspend(self, info: Info, input: Annotated[TenantSuspendInput, strawberry.argument(description="Which.")]) -> TenantSuspendPayload:
        return TenantSuspendPayload(tenant_id=await operations.suspend_tenant(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Open a suspended tenant again. The platform's administrators. Codes: NOT_FOUND.", requires=[Permission.TENANTS_MANAGE])
    async def tenant_restore(self, info: Info, input: Annotated[TenantRestoreInput, strawberry.argument(description="Which.")]) -> TenantRestorePayload:
        return TenantRestorePayload(tenant_id=await operations.restore_tenant(caller=info.context.caller, **input.as_arguments()))

"""Loaders of tenancy."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.tenancy.queries import domains, tenants
from lms_graph.types.tenancy.tenants import Storefront, StorefrontDomain, Tenant


class TenancyLoaders(AreaLoaders):
    @batch
    async def domains(self, tenant_ids: list[UUID]) -> list[list[StorefrontDomain]]:
        rows = await domains.domains_of_tenants(caller=self.caller, tenant_ids=tenant_ids)
        return grouped(rows, "tenant_id", tenant_ids, StorefrontDomain.from_row)

    @batch
    async def storefront(self, tenant_ids: list[UUID]) -> list[Storefront | None]:
        return matched([await tenants.storefront(caller=self.caller)], "id", tenant_ids, Storefront.from_row)

    @batch
    async def tenant(self, tenant_ids: list[UUID]) -> list[Tenant | None]:
        """The caller's own, for its administrators; nobody's else."""
        row = await tenants.tenant_or_none(caller=self.caller)
        return matched([row] if row else [], "id", tenant_ids, Tenant.from_row)

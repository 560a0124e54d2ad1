"""Loaders of tenancy."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, grouped, matched
from lms_graph.domain.tenancy.queries import domains, tenants
from lms_graph.types.tenancy.domains import Domain, MailDomain
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
        """The caller's own, for its administrators; any, for the platform's; nobody's else."""
        return matched(await tenants.tenants_by_ids(caller=self.caller, tenant_ids=tenant_ids), "id", tenant_ids, Tenant.from_row)

    @batch
    async def claimed_domains(self, tenant_ids: list[UUID]) -> list[list[Domain]]:
        return grouped(await domains.claimed_by_tenants(caller=self.caller, tenant_ids=tenant_ids), "tenant_id", tenant_ids, Domain.from_row)

    @batch
    async def domain(self, domain_ids: list[UUID]) -> list[Domain | None]:
        return matched(await domains.domains_by_ids(caller=self.caller, domain_ids=domain_ids), "id", domain_ids, Domain.from_row)

    @batch
    async def mail_domain(self, tenant_ids: list[UUID]) -> list[MailDomain | None]:
        return matched(await domains.mail_domain_of_tenants(caller=self.caller, tenant_ids=tenant_ids), "tenant_id", tenant_ids, MailDomain.from_row)

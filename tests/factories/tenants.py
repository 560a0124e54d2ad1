"""Tenants."""

from uuid import UUID, uuid4

from lms_graph.domain.identity.operations import schools
from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.kit.caller import Caller
from lms_graph.models.tenancy import Domain, DomainStatus
from lms_graph.outbox.unit_of_work import unit_of_work


async def tenant(slug: str | None = None, name: str = "A School") -> tuple[UUID, str]:
    """A tenant of its own for a test: its id and slug."""
    slug = slug or f"t-{uuid4().hex[:12]}"
    return await operations.create_tenant(slug=slug, name=name), slug


async def domain(tenant_id: UUID, status: DomainStatus = DomainStatus.VERIFIED, *, host: str | None = None) -> str:
    """A domain of a tenant's own: its host."""
    host = host or f"{uuid4().hex[:12]}.example"
    async with unit_of_work(Caller.system(tenant_id)):
        await Domain.create(tenant_id=tenant_id, host=host, status=status)
    return host


async def platform() -> tuple[UUID, str]:
    """The platform's own tenant: there is one in a database."""
    return await schools.platform_id(), schools.PLATFORM

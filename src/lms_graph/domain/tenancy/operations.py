"""Making and changing tenants."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.tenancy import events
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import tenancy as rows
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True)
class TenantProfile:
    """What a tenant says of itself."""

    slug: str
    name: str
    primary_color: str = "#1f2937"
    locale: str = "en"
    currency: str = "USD"
    support_email: str | None = None


async def create_tenant(*, profile: TenantProfile, kind: rows.TenantKind = rows.TenantKind.TENANT) -> UUID:
    """Make a tenant and give its id. The caller is the platform itself. Records TenantCreated."""
    id = new_id()
    caller = Caller.system(id)
    async with unit_of_work(caller) as work:
        await rows.Tenant.create(id=id, tenant_id=id, kind=kind, **profile.__dict__)
        work.record(events.TenantCreated(tenant_id=id))
    return id


async def update_tenant(*, caller: Caller, profile: TenantProfile, logo_file_id: UUID | None = None) -> None:
    """Bring a tenant's profile up to date. Records TenantUpdated."""
    async with unit_of_work(caller) as work:
        await rows.Tenant.for_caller(caller).update(**profile.__dict__, logo_file_id=logo_file_id)
        work.record(events.TenantUpdated(tenant_id=caller.tenant_id))

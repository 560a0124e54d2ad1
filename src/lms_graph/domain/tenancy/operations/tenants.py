"""Making and changing tenants."""

from uuid import UUID

from lms_graph.domain.tenancy import events, policies
from lms_graph.domain.tenancy.rules import tenants as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid
from lms_graph.kit.ids import new_id
from lms_graph.models import tenancy as rows
from lms_graph.outbox.unit_of_work import unit_of_work


async def create_tenant(*, slug: str, name: str, kind: rows.TenantKind = rows.TenantKind.TENANT) -> UUID:
    """Make a tenant and give its id. The caller is the platform itself. Records TenantCreated."""
    id = new_id()
    caller = Caller.system(id)
    async with unit_of_work(caller) as work:
        await rows.Tenant.create(id=id, tenant_id=id, slug=slug, name=name, kind=kind)
        work.record(events.TenantCreated(tenant_id=id))
    return id


async def update_tenant(*, caller: Caller, changes: rules.TenantChanges) -> UUID:
    """Change what a tenant says of itself and opens of its API, and give its id. Raises SignedOut, NotAllowed, Invalid with every issue. Records TenantUpdated if anything was to change."""
    policies.require_may_update_tenant(caller)
    if issues := [*rules.issues_with_changes(changes)]:
        raise Invalid(*issues)
    if changes:
        async with unit_of_work(caller) as work:
            await rows.Tenant.for_caller(caller).update(**rules.clean_changes(changes))
            work.record(events.TenantUpdated(tenant_id=caller.tenant_id))
    return caller.tenant_id

"""Making and changing tenants."""

from typing import Any
from uuid import UUID

from lms_graph.domain.tenancy import errors, events, policies
from lms_graph.domain.tenancy.operations import domains
from lms_graph.domain.tenancy.queries import domains as domain_queries
from lms_graph.domain.tenancy.queries import tenants as queries
from lms_graph.domain.tenancy.rules import hosts
from lms_graph.domain.tenancy.rules import tenants as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, NotFound
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import tenancy as rows
from lms_graph.outbox.unit_of_work import UnitOfWork, on_behalf_of, unit_of_work


async def create_tenant(
    *, slug: str, name: str, kind: rows.TenantKind = rows.TenantKind.TENANT, changes: rules.TenantChanges | None = None, fee_bps: int = 0, within: UnitOfWork | None = None
) -> UUID:
    """Make a tenant and give its id. The caller is the platform itself; `within` is its unit of work, where it has one.

    Raises Invalid with every issue, SlugTaken (also for the later of two at once), PlatformStands for a second platform. Records TenantCreated.
    """
    changes = {"name": name} | (changes or {})
    if issues := [*rules.issues_with_new(slug=slug, is_platform=kind is rows.TenantKind.PLATFORM), *rules.issues_with_changes(changes)]:
        raise Invalid(*issues)
    id = new_id()

    async def create(work: UnitOfWork) -> None:
        with database.unique(otherwise=lambda: _twice(kind)):
            await rows.Tenant.create(id=id, tenant_id=id, slug=slug, kind=kind, platform_fee_bps=fee_bps, **rules.clean_changes(changes))
        work.record(events.TenantCreated(tenant_id=id))

    if within is None:
        async with unit_of_work(Caller.system(id)) as work:
            await create(work)
    else:
        async with on_behalf_of(within, id) as work:
            await create(work)
        within.record(events.TenantCreated(tenant_id=id))
    return id


def _twice(kind: rows.TenantKind) -> Exception:
    return errors.SlugTaken() if kind is rows.TenantKind.TENANT else errors.PlatformStands("There is a platform's tenant already, or a school with this slug.")


async def update_tenant(*, caller: Caller, changes: rules.TenantChanges, own_url: str = "") -> UUID:
    """Change what a tenant says of itself and opens of its API, and give its id. `own_url` is where the platform itself answers.

    An address for mails of another domain than before begins a new proof of that domain. Raises SignedOut, NotAllowed, Invalid with every issue, CurrencySettled once something was sold.
    Records TenantUpdated with what differs from before, if anything does.
    """
    policies.require_may_update_tenant(caller)
    if not changes.keys().isdisjoint(rules.LEADING):
        policies.require_may_lead_people(caller)
    if issues := [*rules.issues_with_changes(changes, own_host=hosts.host_of(own_url))]:
        raise Invalid(*issues)
    if not changes:
        return caller.tenant_id
    async with unit_of_work(caller) as work:
        before = await queries.lock_tenant(caller=caller)
        assert before is not None, "a caller's tenant exists"
        changed: dict[str, Any] = {column: value for column, value in rules.clean_changes(changes).items() if before[column] != value}
        await _require_storefront(caller, changed.get("storefront_url"), own_url)
        if changed:
            told = dict(changed)
            if "mail_from" in changed:
                changed["mail_from_verified_at"] = await domains.change_mail_host(caller=caller, host=rules.mail_host(changed["mail_from"]) if changed["mail_from"] else None)
            with database.settled(otherwise=errors.CurrencySettled):
                await rows.Tenant.for_caller(caller).update(**changed)
            work.record(events.TenantUpdated(tenant_id=caller.tenant_id, changes=told))
    return caller.tenant_id


async def _require_storefront(caller: Caller, url: str | None, own_url: str) -> None:
    if url and not rules.may_be_storefront(url, hosts=await domain_queries.verified_hosts(caller=caller), own_url=own_url):
        raise Invalid(
            Issue("Links in mails lead to a verified domain of the school, under `https://`, or to the platform's own address. Verify the domain first.", ("storefrontUrl",))
        )


async def set_terms(*, caller: Caller, tenant_id: UUID, fee_bps: int) -> UUID:
    """Set the platform's share of a tenant's sales, for those that follow. Raises SignedOut, NotAllowed, NotFound. Records TenantTermsSet if it differs from before."""
    policies.require_may_manage_tenants(caller)
    async with unit_of_work(caller) as work, on_behalf_of(work, tenant_id) as theirs:
        before = await _lock(theirs.caller)
        if before["platform_fee_bps"] != fee_bps:
            await rows.Tenant.for_caller(theirs.caller).update(platform_fee_bps=fee_bps)
            _tell(work, theirs, events.TenantTermsSet(tenant_id=tenant_id, platform_fee_bps=fee_bps))
    return tenant_id


async def suspend_tenant(*, caller: Caller, tenant_id: UUID) -> UUID:
    """Close a tenant: its API answers nobody until it is restored. What has begun by itself goes on. Raises SignedOut, NotAllowed, NotFound, PlatformStands. Records TenantSuspended, once."""
    policies.require_may_manage_tenants(caller)
    async with unit_of_work(caller) as work, on_behalf_of(work, tenant_id) as theirs:
        before = await _lock(theirs.caller)
        if before["kind"] == rows.TenantKind.PLATFORM:
            raise errors.PlatformStands("The platform's own tenant cannot be suspended: nobody could restore it.", path=("tenantId",))
        if before["suspended_at"] is None:
            await rows.Tenant.for_caller(theirs.caller).update(suspended_at=caller.now)
            _tell(work, theirs, events.TenantSuspended(tenant_id=tenant_id))
    return tenant_id


async def restore_tenant(*, caller: Caller, tenant_id: UUID) -> UUID:
    """Open a suspended tenant again. Raises SignedOut, NotAllowed, NotFound. Records TenantRestored, once."""
    policies.require_may_manage_tenants(caller)
    async with unit_of_work(caller) as work, on_behalf_of(work, tenant_id) as theirs:
        if (await _lock(theirs.caller))["suspended_at"] is not None:
            await rows.Tenant.for_caller(theirs.caller).update(suspended_at=None)
            _tell(work, theirs, events.TenantRestored(tenant_id=tenant_id))
    return tenant_id


async def _lock(caller: Caller) -> database.Record:
    tenant = await queries.lock_tenant(caller=caller)
    if tenant is None:
        raise NotFound("There is no such school.", path=("tenantId",))
    return tenant


def _tell(work: UnitOfWork, theirs: UnitOfWork, event: events.TenantTermsSet | events.TenantSuspended | events.TenantRestored) -> None:
    """In both logs: in the platform's with who did it."""
    work.record(event)
    if theirs.caller.tenant_id != work.caller.tenant_id:
        theirs.record(event)

"""Schools as the platform opens them, with the first who runs them; and the first who runs the platform."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.domain.identity import events
from lms_graph.domain.identity.operations import accounts, challenges
from lms_graph.domain.identity.queries import accounts as account_queries
from lms_graph.domain.identity.rules import accounts as account_rules
from lms_graph.domain.tenancy import errors as tenancy_errors
from lms_graph.domain.tenancy import policies as tenancy_policies
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.domain.tenancy.queries import tenants as tenant_queries
from lms_graph.domain.tenancy.rules import tenants as tenant_rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, ChallengeKind, Role
from lms_graph.models.tenancy import TenantKind
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, on_behalf_of, unit_of_work

INVITATION_LIFE = timedelta(days=7)
PLATFORM = "platform"


async def open_school(
    *,
    caller: Caller,
    slug: str,
    name: str,
    locale: str | None = None,
    currency: str | None = None,
    platform_fee_percent: Decimal | None = None,
    admin_email: str | None = None,
    admin_name: str | None = None,
    idempotency_key: str | None = None,
) -> UUID:
    """Make a tenant and give its id; with an address, its first administrator too, who gets an invitation by mail.

    Once per idempotency key; the house itself needs none. Raises SignedOut, NotAllowed, Invalid with every issue, SlugTaken (also for the later of two at once), IdempotencyConflict.
    Records TenantCreated in both tenants, in the new one AccountRegistered and MemberInvited.
    """
    tenancy_policies.require_may_manage_tenants(caller)
    body: dict[str, Any] = {key: value for key, value in locals().items() if key not in ("caller", "idempotency_key")}
    changes: tenant_rules.TenantChanges = {"name": name}
    if locale is not None:
        changes["locale"] = locale
    if currency is not None:
        changes["currency"] = currency

    async def run(work: UnitOfWork) -> UUID:
        issues = [*tenant_rules.issues_with_new(slug=slug), *tenant_rules.issues_with_changes(changes), *_issues_with_admin(admin_email, admin_name)]
        try:
            fee_bps = tenant_rules.basis_points(platform_fee_percent or Decimal(0))
        except Invalid as wrong:
            issues += wrong.issues
        if issues:
            raise Invalid(*issues)
        tenant_id = await tenants.create_tenant(slug=slug, name=name, changes=changes, fee_bps=fee_bps, within=work)
        if admin_email is not None:
            await _invite_first(work, tenant_id, admin_email, admin_name)
        return tenant_id

    if idempotency_key is None and caller.is_system:
        async with unit_of_work(caller) as work:
            return await run(work)
    return await once(caller, field="tenantCreate", key=idempotency_key or "", body=body, run=run)


def _issues_with_admin(email: str | None, name: str | None) -> list[Issue]:
    if email is None:
        return [Issue("An administrator's name goes with an address.", ("adminEmail",))] if name is not None else []
    paths: dict[tuple[str, ...], tuple[str, ...]] = {("email",): ("adminEmail",), ("name",): ("adminName",)}
    found = account_rules.issues_with_account(email=account_rules.clean_email(email), name=account_rules.clean_name(_name(email, name)), password=None)
    return [Issue(issue.message, paths[issue.path], issue.code) for issue in found]


def _name(email: str, name: str | None) -> str:
    return email.partition("@")[0] if name is None else name


async def _invite_first(work: UnitOfWork, tenant_id: UUID, email: str, name: str | None) -> None:
    async with on_behalf_of(work, tenant_id) as theirs:
        account_id = await accounts.register(caller=theirs.caller, email=email, name=_name(email, name), password=None, roles=(Role.TENANT_ADMIN,))
        clean = account_rules.clean_email(email)
        challenge_id = await challenges.pose(caller=theirs.caller, account_id=account_id, kind=ChallengeKind.INVITATION, email=clean, life=INVITATION_LIFE)
        theirs.record(events.MemberInvited(challenge_id=challenge_id, account_id=account_id, inviter_id=None))


async def platform_id() -> UUID:
    """The platform's own tenant, made at first need. Two at once make one."""
    if id := await tenant_queries.platform_id_or_none():
        return id
    try:
        return await tenants.create_tenant(slug=PLATFORM, name="Platform", kind=TenantKind.PLATFORM)
    except tenancy_errors.PlatformStands:
        id = await tenant_queries.platform_id_or_none()
        if id is None:
            raise
        return id


async def make_platform_admin(*, email: str, name: str, password: str) -> UUID:
    """Let an address run the platform, and give its account's id: a new account with this password, or the one that there is, with its own. For who runs the deployment, on its machine.

    Raises Invalid with every issue, Busy. Records PlatformAdminMade, once.
    """
    caller = Caller.system(await platform_id())
    async with database.reading(caller):
        account_id = await account_queries.account_id_by_email(caller=caller, email=email)
        found = await account_queries.accounts_by_ids(caller=caller, account_ids=[account_id]) if account_id else []
    if any(row["status"] != AccountStatus.ACTIVE or row["email_verified_at"] is None for row in found):
        raise Invalid(Issue("An account with this address stands, and nobody has shown that it is the owner's: it is suspended, or its address is not verified.", ("email",)))
    if account_id is None:
        account_id = await accounts.register(caller=caller, email=email, name=name, password=password, is_email_verified=True)
    async with unit_of_work(caller) as work:
        if not await rows.AccountRole.for_caller(caller, account_id=account_id, role=Role.PLATFORM_ADMIN).exists():
            await rows.AccountRole.create(tenant_id=caller.tenant_id, account_id=account_id, role=Role.PLATFORM_ADMIN)
            work.record(events.PlatformAdminMade(account_id=account_id))
    return account_id

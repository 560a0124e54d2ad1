"""Who holds which role, and who is kept out."""

from uuid import UUID

from lms_graph.domain.identity import errors, events, policies
from lms_graph.domain.identity.operations import roles, sessions
from lms_graph.domain.identity.queries import members as queries
from lms_graph.domain.identity.rules import members as rules
from lms_graph.domain.tenancy.queries import tenants as tenancy
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import AccountStatus, Role
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def grant_role(*, caller: Caller, account_id: UUID, role: Role, idempotency_key: str) -> UUID:
    """Give a member a role; to who holds it nothing happens. An instructor gets a public page.

    Raises SignedOut, NotAllowed (see `policies.require_may_set_role`), MemberNotFound, IdempotencyConflict. Records RoleGranted.
    """
    caller.require(Permission.MEMBERS_MANAGE)

    async def grant(work: UnitOfWork) -> UUID:
        member = await _locked(caller, account_id)
        policies.require_may_set_role(caller, role, is_platform=await tenancy.is_platform(caller=caller))
        await roles.give(work, caller=caller, account_id=account_id, name=member["name"], role=role)
        return account_id

    return await once(caller, field="memberRoleGrant", key=idempotency_key, body={"memberId": account_id, "role": role}, run=grant)


async def revoke_role(*, caller: Caller, account_id: UUID, role: Role) -> UUID:
    """Take a role from a member; to who does not hold it nothing happens. What was done under it stays.

    Raises SignedOut, NotAllowed (see `policies.require_may_set_role`), MemberNotFound, LastAdmin, Invalid for STUDENT, which everybody keeps. Records RoleRevoked.
    """
    caller.require(Permission.MEMBERS_MANAGE)
    if role is Role.STUDENT:
        raise Invalid(Issue("Everybody stays a student. To keep somebody out, suspend them.", ("role",)))
    async with unit_of_work(caller) as work:
        policies.require_may_set_role(caller, role, is_platform=await tenancy.is_platform(caller=caller))
        await roles.require_other_holders(caller=caller, account_id=account_id, roles=frozenset({role}))
        await _locked(caller, account_id)
        await roles.take(work, caller=caller, account_id=account_id, role=role)
    return account_id


async def suspend(*, caller: Caller, account_id: UUID, reason: str) -> UUID:
    """Keep a member out: sessions end, and no new ones are opened. Roles, runs and grants stay. Who is suspended already stays so, for the first reason.

    Raises SignedOut, NotAllowed (see `policies.require_may_govern`), Invalid, MemberNotFound, LastAdmin. Records MemberSuspended, SessionEnded.
    """
    caller.require(Permission.MEMBERS_MANAGE)
    if issues := [*rules.issues_with_suspension(reason)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        held = _known(await queries.roles_of(caller=caller, account_id=account_id))
        policies.require_may_govern(caller, account_id, held)
        await roles.require_other_holders(caller=caller, account_id=account_id, roles=held)  # before the account itself: two who suspend each other lock in one order
        member = await _locked(caller, account_id)
        policies.require_may_govern(caller, account_id, _known(await queries.roles_of(caller=caller, account_id=account_id)))
        if member["status"] == AccountStatus.ACTIVE:
            await rows.Account.for_caller(caller, id=account_id).update(status=AccountStatus.SUSPENDED, suspended_at=caller.now, suspension_reason=reason)
            work.record(events.MemberSuspended(account_id=account_id))
            await sessions.end_sessions(work=work, caller=caller, account_id=account_id, reason="SUSPENDED")
    return account_id


async def restore(*, caller: Caller, account_id: UUID) -> UUID:
    """Let a suspended member in again; nothing happens to one who is not. Sessions that ended stay ended. Raises SignedOut, NotAllowed, MemberNotFound. Records MemberRestored."""
    caller.require(Permission.MEMBERS_MANAGE)
    async with unit_of_work(caller) as work:
        member = await _locked(caller, account_id)
        policies.require_may_govern(caller, account_id, _known(await queries.roles_of(caller=caller, account_id=account_id)))
        if member["status"] == AccountStatus.SUSPENDED:
            await rows.Account.for_caller(caller, id=account_id).update(status=AccountStatus.ACTIVE, suspended_at=None, suspension_reason=None)
            work.record(events.MemberRestored(account_id=account_id))
    return account_id


async def _locked(caller: Caller, account_id: UUID) -> database.Record:
    member = await queries.member_for_update(caller=caller, account_id=account_id)
    if member is None:
        raise errors.MemberNotFound()
    return member


def _known(held: frozenset[str]) -> frozenset[Role]:
    """Those that this version knows."""
    return frozenset(Role(role) for role in held if role in Role.__members__)

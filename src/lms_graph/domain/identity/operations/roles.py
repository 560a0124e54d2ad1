"""Giving roles to accounts and taking them, as a part of what gives and takes them. Whether it may be done is the callers' to know."""

from uuid import UUID

from lms_graph.domain.identity import errors, events
from lms_graph.domain.identity.operations import instructors
from lms_graph.domain.identity.queries import members as queries
from lms_graph.domain.identity.rules.permissions import ADMINS
from lms_graph.kit.caller import Caller
from lms_graph.models import identity as rows
from lms_graph.models.identity import Role
from lms_graph.outbox.unit_of_work import UnitOfWork


async def give(work: UnitOfWork, *, caller: Caller, account_id: UUID, name: str, role: Role) -> None:
    """In the present unit of work, with the account locked. Nothing happens to who holds the role. An instructor has a public page from now on. Records RoleGranted."""
    held = await queries.roles_of(caller=caller, account_id=account_id)
    if role in held:
        return
    await rows.AccountRole.create(tenant_id=caller.tenant_id, account_id=account_id, role=role)
    work.record(events.RoleGranted(account_id=account_id, role=role.value))
    if role is Role.INSTRUCTOR:
        await instructors.ensure_page(work, caller=caller, account_id=account_id, name=name)


async def take(work: UnitOfWork, *, caller: Caller, account_id: UUID, role: Role) -> None:
    """In the present unit of work. Nothing happens to who does not hold the role. Records RoleRevoked."""
    if await rows.AccountRole.for_caller(caller, account_id=account_id, role=role).delete():
        work.record(events.RoleRevoked(account_id=account_id, role=role.value))


async def require_other_holders(*, caller: Caller, account_id: UUID, roles: frozenset[Role]) -> None:
    """Before an account loses these roles or its power: of administrators' roles somebody else is an active holder. Raises LastAdmin. Locks the holders until the unit of work ends."""
    for role in sorted(roles & ADMINS):
        if await queries.active_holders_for_update(caller=caller, role=role) == {account_id}:
            raise errors.LastAdmin(role)

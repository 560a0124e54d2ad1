"""Who may make accounts with which roles, see and change members, decide about applications, and change whose public page."""

from collections.abc import Collection
from uuid import UUID

from lms_graph.domain.identity.rules.permissions import ADMINS, permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import Role


def require_may_register(caller: Caller, roles: Collection[Role]) -> None:
    """Anybody may become a student; the house itself gives any role. (Roles are granted to accounts that exist by another way.)"""
    if not caller.is_system and set(roles) != {Role.STUDENT}:
        raise NotAllowed("A new account is a student's. An administrator can grant it further roles.")


def require_may_set_role(caller: Caller, role: Role, *, is_platform: bool) -> None:
    """Granting and taking: who manages members, for no role that may do more than they. Keys never make or unmake administrators. Raises SignedOut, NotAllowed."""
    caller.require(Permission.MEMBERS_MANAGE)
    if role is Role.APPLICANT:
        raise NotAllowed("APPLICANT comes by applying to teach, and goes with the decision.")
    if role is Role.PLATFORM_ADMIN and not is_platform:
        raise NotAllowed("PLATFORM_ADMIN is held in the platform's own tenant only.")
    _require_no_less(caller, {role})


def require_may_govern(caller: Caller, account_id: UUID, roles: Collection[Role]) -> None:
    """Suspending and restoring: who manages members, another one who may do no more than they. Raises SignedOut, NotAllowed."""
    caller.require(Permission.MEMBERS_MANAGE)
    if account_id in (caller.account_id, caller.impersonator_id):
        raise NotAllowed("Nobody suspends themselves. Another administrator can.")
    _require_no_less(caller, roles)


def require_may_decide(caller: Caller, *, approving: bool) -> None:
    """About who may teach. What approval grants must be the decider's own to give: a key without the rights of an instructor makes none. Raises SignedOut, NotAllowed."""
    caller.require(Permission.APPLICATIONS_DECIDE)
    if approving:
        _require_no_less(caller, {Role.INSTRUCTOR})


def _require_no_less(caller: Caller, roles: Collection[Role]) -> None:
    if caller.key_id is not None and not ADMINS.isdisjoint(roles):
        raise NotAllowed("Administrators are made and unmade by administrators, not by API keys.")
    if beyond := permissions_of(roles) - caller.permissions:
        raise NotAllowed(f"This role may do more than you: {', '.join(sorted(beyond))}.")


def require_may_edit_page(caller: Caller, account_id: UUID) -> None:
    """An instructor edits their own page, an administrator any."""
    is_own = caller.account_id == account_id and caller.has_role(Role.INSTRUCTOR)
    if not is_own and not caller.may(Permission.MEMBERS_MANAGE):
        raise NotAllowed("Instructors change their own page, administrators any.")

"""Who may make accounts with which roles, and change whose public page."""

from collections.abc import Collection
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import Role


def require_may_register(caller: Caller, roles: Collection[Role]) -> None:
    """Anybody may become a student; the house itself gives any role. (Roles are granted to accounts that exist by another way.)"""
    if not caller.is_system and set(roles) != {Role.STUDENT}:
        raise NotAllowed("A new account is a student's. An administrator can grant it further roles.")


def require_may_edit_page(caller: Caller, account_id: UUID) -> None:
    """An instructor edits their own page, an administrator any."""
    is_own = caller.account_id == account_id and caller.has_role(Role.INSTRUCTOR)
    if not is_own and not caller.may(Permission.MEMBERS_MANAGE):
        raise NotAllowed("Instructors change their own page, administrators any.")


def require_may_set_providers(caller: Caller) -> None:
    """Who runs the tenant says who else may vouch for people there."""
    caller.require(Permission.TENANT_MANAGE)

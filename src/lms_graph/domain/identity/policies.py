"""Who may make accounts with which roles, see and change members, decide about applications, change whose public page, make which API keys, and look at the school as whom."""

from collections.abc import Collection
from uuid import UUID

from lms_graph.domain.identity.rules.permissions import ADMINS, permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import Role, SessionKind


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
    if beyond := permissions_of(roles, in_platform=True) - caller.permissions:
        raise NotAllowed(f"This role may do more than you: {', '.join(sorted(beyond))}.")


def require_may_edit_page(caller: Caller, account_id: UUID) -> None:
    """An instructor edits their own page, an administrator any."""
    is_own = caller.account_id == account_id and caller.has_role(Role.INSTRUCTOR)
    if not is_own and not caller.may(Permission.MEMBERS_MANAGE):
        raise NotAllowed("Instructors change their own page, administrators any.")


def require_in_person(caller: Caller) -> UUID:
    """The signed-in account, if its owner is at it: what opens the account is no business of who looks at it in their place. Raises SignedOut, NotAllowed."""
    if caller.impersonator_id is not None:
        raise NotAllowed("Only the account's owner may do this, not who acts in their place.")
    return caller.account


def require_may_manage_keys(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.API_KEYS_MANAGE)


def require_may_make_key(caller: Caller, scopes: Collection[Permission]) -> None:
    """A person who manages keys, and gives none a right that they lack themselves. Raises SignedOut, NotAllowed."""
    require_may_manage_keys(caller)
    _ = caller.account  # a key makes no keys: whoever found one would keep a way in
    if missing := sorted(set(scopes) - caller.permissions):
        raise NotAllowed(f"A key may do no more than who makes it. You do not hold {', '.join(missing)} here.")


def require_may_impersonate(caller: Caller) -> None:
    """Raises SignedOut, NotAllowed."""
    caller.require(Permission.MEMBERS_IMPERSONATE)
    _ = caller.account


def require_student(roles: Collection[str]) -> None:
    """Raises NotAllowed for an account with any other role: nobody gains a right by looking at the school as somebody else."""
    if not set(roles) <= {Role.STUDENT}:
        raise NotAllowed("The school can be looked at as one of its students only, not as somebody with a further role.")


def require_sign_in(kind: str | None) -> None:
    """What lasts longer than the token it is asked with takes a sign-in. `kind` is that of the caller's session; none is that of another provider's token. Raises NotAllowed."""
    if kind not in (None, SessionKind.SIGN_IN):
        raise NotAllowed("This takes the access token of a sign-in, not that of an explorer or of an impersonation.")


def require_may_set_providers(caller: Caller) -> None:
    """Who runs the tenant says who else may vouch for people there, in person: a provider can vouch for administrators, whom keys never make. In the platform's own tenant that takes
    somebody who runs the platform. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANT_MANAGE)
    if caller.in_platform:
        caller.require(Permission.TENANTS_MANAGE)
    if not caller.is_system:
        require_in_person(caller)

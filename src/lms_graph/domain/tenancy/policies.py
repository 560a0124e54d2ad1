"""Who may change a tenant."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed, SignedOut
from lms_graph.models.identity import Role


def require_may_update_tenant(caller: Caller) -> None:
    """Its administrators, and the house itself. Raises SignedOut, NotAllowed."""
    if caller.has_role(Role.TENANT_ADMIN):
        return
    if caller.account_id is None:
        raise SignedOut()
    raise NotAllowed("Only an administrator changes the school.")

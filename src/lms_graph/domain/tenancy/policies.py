"""Who may change a tenant."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission


def require_may_update_tenant(caller: Caller) -> None:
    """Its administrators, and the house itself. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANT_MANAGE)

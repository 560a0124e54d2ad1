"""Who may change a tenant, and who may make one."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission


def require_may_update_tenant(caller: Caller) -> None:
    """Its administrators, and the house itself. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANT_MANAGE)


def require_may_manage_tenants(caller: Caller) -> None:
    """Administrators of the platform, who are accounts of its own tenant, and the house itself. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANTS_MANAGE)

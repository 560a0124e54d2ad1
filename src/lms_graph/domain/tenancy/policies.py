"""Who may change a tenant, and who may make one."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotAllowed
from lms_graph.kit.permissions import Permission


def require_may_update_tenant(caller: Caller) -> None:
    """Its administrators, and the house itself. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANT_MANAGE)


def require_may_lead_people(caller: Caller) -> None:
    """Saying where links in mails lead, and from which address mails come: its administrators in person, for those links open accounts. Raises SignedOut, NotAllowed."""
    require_may_update_tenant(caller)
    if caller.key_id is not None:
        raise NotAllowed("Where a school's links lead is for its administrators to say, not for API keys: send an administrator's access token.")


def require_may_manage_tenants(caller: Caller) -> None:
    """Administrators of the platform, who are accounts of its own tenant, and the house itself. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANTS_MANAGE)

"""Host names of tenants."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


async def domains_of_tenants(*, caller: Caller, tenant_ids: list[UUID]) -> list[database.Record]:
    """The verified domains, primary first."""
    return await database.fetch(
        "SELECT tenant_id, host, is_primary FROM domains WHERE tenant_id = $1 AND tenant_id = ANY($2) AND status = 'VERIFIED' ORDER BY is_primary DESC, host",
        caller.tenant_id,
        tenant_ids,
    )

"""Requests for mails with links, that wait to be looked up."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


async def request_with_account(*, caller: Caller, request_id: UUID) -> database.Record | None:
    """A request, and the active account whose address it names, if there is one: `account_id` is null otherwise."""
    return await database.fetch_one(
        "SELECT r.kind, a.id AS account_id FROM link_requests r LEFT JOIN accounts a ON a.tenant_id = r.tenant_id AND a.email_key = r.email_key AND a.status = 'ACTIVE' "
        "WHERE r.tenant_id = $1 AND r.id = $2",
        caller.tenant_id,
        request_id,
    )

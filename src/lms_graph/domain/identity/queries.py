"""What is known of people."""

from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


async def names_of_accounts(*, caller: Caller, account_ids: list[UUID]) -> dict[UUID, str]:
    """The names by account."""
    rows: list[Any] = await database.fetch("SELECT id, name FROM accounts WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, account_ids)
    return {row["id"]: row["name"] for row in rows}

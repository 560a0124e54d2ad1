"""The audit log, for who may read it. `outbox.audit` writes it, in the change's own transaction; nobody changes it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import Cursors, Page, PageRequest, Term, keyset
from lms_graph.kit.permissions import Permission
from lms_graph.models import database

_ENTRY = "SELECT e.id, e.at, e.account_id, e.api_key_id, e.impersonator_id, e.is_system, e.action, e.subject, e.details, e.ip_address"
_BY_TIME = [Term("at", "e.at", "timestamptz", descending=True), Term("id", "e.id", "uuid", descending=True)]


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which entries: all that is given must be so. `actor_id` did it, as who they are or as somebody else; `since` is included, `until` not."""

    actions: Collection[str] | None = None
    actor_id: UUID | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def clause(self, *, offset: int) -> tuple[str, list[Any]]:
        """A condition, and its parameters, which follow `offset` others."""
        parts, parameters = ["TRUE"], list[Any]()
        actions = None if self.actions is None else list(self.actions)
        single = actions[0] if actions and len(actions) == 1 else None  # of one action an index gives the entries in order
        for value, sql in (
            (single, "e.action = {}"),
            (actions if single is None else None, "e.action = ANY({})"),
            (self.actor_id, "CASE WHEN e.impersonator_id IS NULL THEN e.account_id ELSE e.impersonator_id END = {}"),
            (self.subject, "e.subject = {}"),
            (self.since, "e.at >= {}"),
            (self.until, "e.at < {}"),
        ):
            if value is not None:
                parameters.append(value)
                parts.append(sql.format(f"${offset + len(parameters)}"))
        return " AND ".join(parts), parameters


async def audit_entries_by_ids(*, caller: Caller, entry_ids: list[UUID]) -> list[database.Record]:
    """Of these entries those of the tenant, for who may read its log; none for others."""
    if not caller.may(Permission.AUDIT_READ):
        return []
    return await database.fetch(f"{_ENTRY} FROM audit_entries e WHERE e.tenant_id = $1 AND e.id = ANY($2)", caller.tenant_id, entry_ids)


async def page_of_audit_entries(*, caller: Caller, where: AuditFilter, cursors: Cursors, request: PageRequest) -> Page[database.Record]:
    """The tenant's log, latest first. Raises SignedOut, NotAllowed."""
    caller.require(Permission.AUDIT_READ)
    condition, parameters = where.clause(offset=1)
    page = keyset(cursors, request, _BY_TIME, of=("audit", caller.tenant_id), offset=1 + len(parameters))
    rows = await database.fetch(
        f"{_ENTRY}, e.at AS _at, e.id AS _id FROM audit_entries e WHERE e.tenant_id = $1 AND {condition} AND {page.where} ORDER BY {page.order_by} LIMIT {page.limit}",
        caller.tenant_id,
        *parameters,
        *page.parameters,
    )
    return page.page(rows)


async def address_of(*, caller: Caller, subject: str, action: str) -> str | None:
    """From which IP address something was first done to a subject, for an area that states it as evidence; None where it was not a request. Whoever asks has decided who may know."""
    found: str | None = await database.fetch_value(
        "SELECT e.ip_address FROM audit_entries e WHERE e.tenant_id = $1 AND e.subject = $2 AND e.action = $3 AND e.ip_address IS NOT NULL ORDER BY e.at, e.id LIMIT 1",
        caller.tenant_id,
        subject,
        action,
    )
    return found

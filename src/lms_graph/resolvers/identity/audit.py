"""The root field of the audit log."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.queries import audit
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import query
from lms_graph.types.identity.audit import AuditEntry, AuditEntryConnection, AuditLogWhere


@strawberry.type
class AuditQuery:
    @query(description="Who changed rights or money in the school, latest first; kept for as long as the school is. Its administrators.", requires=[Permission.AUDIT_READ])
    async def audit_log(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[AuditLogWhere | None, strawberry.argument(description="Which entries.")] = None,
    ) -> AuditEntryConnection:
        page = await audit.page_of_audit_entries(
            caller=info.context.caller,
            where=audit.AuditFilter(**(where.as_arguments() if where else {})),
            cursors=info.context.adapters.cursors,
            request=PageRequest(first, after, last, before),
        )
        return AuditEntryConnection.of(page, AuditEntry.from_row)

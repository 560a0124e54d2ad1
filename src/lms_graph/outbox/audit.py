"""The audit log: every fact that changed rights or money, with who did it, as whom, and from where. Written in the change's own transaction, and never changed."""

from collections.abc import Iterable

from lms_graph.kit.caller import Caller
from lms_graph.kit.facts import Event
from lms_graph.kit.ids import new_id, public_id
from lms_graph.models import database


async def write(caller: Caller, events: Iterable[Event]) -> None:
    """An entry for each of these facts that is audited."""
    entries = [
        {"id": str(new_id()), "action": event.name, "subject": public_id(event.audited, event.aggregate_id), "details": event.payload()} for event in events if event.audited
    ]
    if entries:
        await database.fetch(
            "INSERT INTO audit_entries (tenant_id, id, at, account_id, api_key_id, impersonator_id, is_system, action, subject, details, ip_address) "
            "SELECT $1, r.id, $2, $3, $4, $5, $6, r.action, r.subject, r.details, $7 FROM jsonb_to_recordset($8::jsonb) AS r(id uuid, action text, subject text, details jsonb)",
            caller.tenant_id,
            caller.now,
            caller.account_id,
            caller.key_id,
            caller.impersonator_id,
            caller.is_system,
            (caller.address or "")[:45] or None,
            database.to_json(entries),
        )

"""Grants: who may open what, from which source, in which window."""

from datetime import datetime
from uuid import UUID

from lms_graph.domain.learning import events
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import learning as rows
from lms_graph.outbox.unit_of_work import unit_of_work


async def grant_course(
    *,
    caller: Caller,
    account_id: UUID,
    course_id: UUID,
    kind: rows.EntitlementKind = rows.EntitlementKind.MANUAL,
    source_id: UUID | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> UUID:
    """Grant a course to an account; the same source again gives the grant there is. Records EntitlementGranted."""
    async with unit_of_work(caller) as work:
        made = await database.fetch_one(
            "INSERT INTO entitlements (tenant_id, id, account_id, subject_kind, subject_id, kind, source_id, state, starts_at, ends_at, terms, created_at) "
            "VALUES ($1, $2, $3, 'COURSE', $4, $5, $6, 'ACTIVE', $7, $8, '{}', $9) ON CONFLICT DO NOTHING RETURNING id",
            caller.tenant_id,
            new_id(),
            account_id,
            course_id,
            kind.value,
            source_id,
            starts_at or caller.now,
            ends_at,
            caller.now,
        )
        if made is None:  # the source has granted it before
            return (await rows.Entitlement.for_caller(caller, kind=kind, source_id=source_id, account_id=account_id, subject_id=course_id).get()).id
        id: UUID = made["id"]
        work.record(events.EntitlementGranted(entitlement_id=id, account_id=account_id, course_id=course_id))
    return id

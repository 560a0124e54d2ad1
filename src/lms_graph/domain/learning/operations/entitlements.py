"""Grants: who may open what, from which source, in which window."""

from datetime import datetime
from uuid import UUID

from lms_graph.domain.learning import events
from lms_graph.kit.caller import Caller
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
        if source_id is not None:
            known = await rows.Entitlement.for_caller(caller, kind=kind, source_id=source_id, account_id=account_id, subject_id=course_id).get_or_none()
            if known:
                return known.id
        grant = await rows.Entitlement.create(
            tenant_id=caller.tenant_id,
            account_id=account_id,
            subject_kind=rows.SubjectKind.COURSE,
            subject_id=course_id,
            kind=kind,
            source_id=source_id,
            starts_at=starts_at or caller.now,
            ends_at=ends_at,
        )
        work.record(events.EntitlementGranted(entitlement_id=grant.id, account_id=account_id, course_id=course_id))
    return grant.id

"""Opening runs."""

from uuid import UUID

from lms_graph.domain.catalog import errors as catalog_errors
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning import errors, events
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.learning.queries import progress
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models import learning as rows
from lms_graph.outbox import idempotency
from lms_graph.outbox.unit_of_work import UnitOfWork


async def enroll_course(*, caller: Caller, course_id: UUID, idempotency_key: str, new_run: bool = False) -> UUID:
    """Open a run of a published course, pinned to the version it shows now; gives the run's id.

    A run that is open is given back instead, and a finished one too unless `new_run`. An OPEN course grants itself; any other needs a live grant that
    no run has used. Raises SignedOut, CourseNotFound, GrantRequired, IdempotencyConflict. Records EnrollmentOpened.
    """

    async def open_run(work: UnitOfWork) -> UUID:
        return await _open(work, caller, course_id, new_run)

    body = {"courseId": course_id, "newRun": new_run}
    return await idempotency.once(caller, field="courseEnroll", key=idempotency_key, body=body, run=open_run)


async def _open(work: UnitOfWork, caller: Caller, course_id: UUID, new_run: bool) -> UUID:
    account_id = caller.account
    course = await outline.course_terms(caller=caller, course_id=course_id)
    if course is None or not course.is_published or course.published_version_id is None:
        raise catalog_errors.CourseNotFound()
    # Two at once wait here, and the second finds the first one's run. The unique index on open runs is the last word.
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{account_id}{course_id}")
    earlier = await rows.Enrollment.for_caller(caller, account_id=account_id, course_id=course_id).order_by("-run_number").first()
    if earlier and (earlier.status == rows.EnrollmentStatus.ACTIVE or (earlier.status == rows.EnrollmentStatus.COMPLETED and not new_run)):
        return earlier.id
    grant_id = await _unused_grant(caller, account_id, course_id)
    if grant_id is None:
        if not course.is_open:
            raise errors.GrantRequired()
        grant_id = await entitlements.grant_course(caller=caller, account_id=account_id, course_id=course_id, kind=rows.EntitlementKind.OPEN)
    plan = await progress.plan_of(caller=caller, version_id=course.published_version_id)
    run = await rows.Enrollment.create(
        tenant_id=caller.tenant_id,
        account_id=account_id,
        course_id=course_id,
        version_id=course.published_version_id,
        run_number=earlier.run_number + 1 if earlier else 1,
        entitlement_id=grant_id,
        enrolled_at=caller.now,
        resume_lecture_id=plan[0].lecture_id,
    )
    work.record(events.EnrollmentOpened(enrollment_id=run.id, account_id=account_id, course_id=course_id))
    return run.id


async def _unused_grant(caller: Caller, account_id: UUID, course_id: UUID) -> UUID | None:
    id: UUID | None = await database.fetch_value(
        "SELECT g.id FROM entitlements g WHERE g.tenant_id = $1 AND g.account_id = $2 AND g.subject_kind = 'COURSE' AND g.subject_id = $3 "
        "AND g.revoked_at IS NULL AND g.starts_at <= $4 AND (g.ends_at IS NULL OR g.ends_at > $4) AND g.state = 'ACTIVE' "
        "AND NOT EXISTS (SELECT FROM enrollments e WHERE e.tenant_id = g.tenant_id AND e.entitlement_id = g.id) ORDER BY g.created_at LIMIT 1",
        caller.tenant_id,
        account_id,
        course_id,
        caller.now,
    )
    return id

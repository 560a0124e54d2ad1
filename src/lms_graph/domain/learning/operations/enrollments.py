"""Opening runs."""

from uuid import UUID

from lms_graph.domain.catalog import errors as catalog_errors
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.learning import errors, events
from lms_graph.domain.learning.operations import entitlements
from lms_graph.domain.learning.queries import progress
from lms_graph.domain.learning.queries.entitlements import live
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models import learning as rows
from lms_graph.outbox import idempotency
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def enroll_course(*, caller: Caller, course_id: UUID, idempotency_key: str, new_run: bool = False) -> UUID:
    """Open a run of a published course, pinned to the version it shows now; gives the run's id.

    A run that is open is given back instead, and a finished one too unless `new_run`. An OPEN course grants itself, unless that was revoked; any other needs a live grant that
    no run has used, or one for all courses, which any number of runs may use. Raises SignedOut, CourseNotFound, GrantRequired, IdempotencyConflict. Records EnrollmentOpened.
    """

    async def open_run(work: UnitOfWork) -> UUID:
        return await _open(work, caller, course_id, new_run)

    body = {"courseId": course_id, "newRun": new_run}
    return await idempotency.once(caller, field="courseEnroll", key=idempotency_key, body=body, run=open_run)


async def open_granted(*, caller: Caller, entitlement_id: UUID, account_id: UUID, course_id: UUID) -> UUID | None:
    """Open the run of a grant for the one who holds it, inside a unit of work, if there is none; gives the run that is open, or was opened with it.

    None where no run can be: the course is not published, or the grant has ended. One that begins later has its run already. Records EnrollmentOpened.
    """
    async with unit_of_work(caller) as work:
        await _take_turns(account_id, course_id)
        own = await rows.Enrollment.for_caller(caller, entitlement_id=entitlement_id).first()
        earlier = await _latest(caller, account_id, course_id)
        if own or (earlier and earlier.status == rows.EnrollmentStatus.ACTIVE):
            return own.id if own else earlier.id  # type: ignore[union-attr]  # one of them is there
        course = await outline.course_terms(caller=caller, course_id=course_id)
        grant = await rows.Entitlement.for_caller(caller, id=entitlement_id).get()
        over = any(end is not None and end <= caller.now for end in (grant.ends_at, grant.revoked_at))
        if over or course is None or not course.is_published or course.published_version_id is None:
            return None
        return await _begin(work, caller, account_id, course_id, course.published_version_id, entitlement_id, earlier)


async def _open(work: UnitOfWork, caller: Caller, course_id: UUID, new_run: bool) -> UUID:
    account_id = caller.account
    course = await outline.course_terms(caller=caller, course_id=course_id)
    if course is None or not course.is_published or course.published_version_id is None:
        raise catalog_errors.CourseNotFound()
    await _take_turns(account_id, course_id)
    earlier = await _latest(caller, account_id, course_id)
    if earlier and (earlier.status == rows.EnrollmentStatus.ACTIVE or (earlier.status == rows.EnrollmentStatus.COMPLETED and not new_run)):
        return earlier.id
    return await _begin(work, caller, account_id, course_id, course.published_version_id, await _grant_to_use(caller, account_id, course), earlier)


async def _take_turns(account_id: UUID, course_id: UUID) -> None:
    """Two at once wait here, and the second finds the first one's run. The unique index on open runs is the last word."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{account_id}{course_id}")


async def _latest(caller: Caller, account_id: UUID, course_id: UUID) -> rows.Enrollment | None:
    return await rows.Enrollment.for_caller(caller, account_id=account_id, course_id=course_id).order_by("-run_number").first()


async def _begin(work: UnitOfWork, caller: Caller, account_id: UUID, course_id: UUID, version_id: UUID, entitlement_id: UUID | None, earlier: rows.Enrollment | None) -> UUID:
    plan = await progress.plan_of(caller=caller, version_id=version_id)
    run = await rows.Enrollment.create(
        tenant_id=caller.tenant_id,
        account_id=account_id,
        course_id=course_id,
        version_id=version_id,
        run_number=earlier.run_number + 1 if earlier else 1,
        entitlement_id=entitlement_id,
        enrolled_at=caller.now,
        resume_lecture_id=plan[0].lecture_id,
    )
    work.record(events.EnrollmentOpened(enrollment_id=run.id, account_id=account_id, course_id=course_id))
    return run.id


async def _grant_to_use(caller: Caller, account_id: UUID, course: outline.CourseTerms) -> UUID | None:
    """The grant that a new run uses up; None for the one that opens all courses, which keeps what was given for this course for later."""
    open_to_all = await _held(caller, account_id, "g.subject_kind = 'ALL_ACCESS'") if not course.is_open else None
    if open_to_all:
        return None
    unused = "g.subject_id = $4 AND NOT EXISTS (SELECT FROM enrollments e WHERE e.tenant_id = g.tenant_id AND e.entitlement_id = g.id)"
    if grant_id := await _held(caller, account_id, unused, course.id):
        return grant_id
    if (
        not course.is_open
        or await rows.Entitlement.for_caller(caller, account_id=account_id, subject_id=course.id, kind=rows.EntitlementKind.OPEN, revoked_at__lte=caller.now).exists()
    ):
        raise errors.GrantRequired()
    return await entitlements.grant_course(caller=caller, account_id=account_id, course_id=course.id, kind=rows.EntitlementKind.OPEN)


async def _held(caller: Caller, account_id: UUID, condition: str, *parameters: UUID) -> UUID | None:
    """A live grant of the account, the oldest first."""
    id: UUID | None = await database.fetch_value(
        f"SELECT g.id FROM entitlements g WHERE g.tenant_id = $1 AND g.account_id = $2 AND {live('$3')} AND {condition} ORDER BY g.created_at, g.id LIMIT 1",
        caller.tenant_id,
        account_id,
        caller.now,
        *parameters,
    )
    return id

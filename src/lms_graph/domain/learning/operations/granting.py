"""What a school gives by hand, and its apps without a payment of ours: a grant, and at once the run it opens."""

from datetime import datetime
from uuid import UUID

from lms_graph.domain.catalog import errors as catalog_errors
from lms_graph.domain.catalog.queries import outline
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.learning import policies
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.learning.rules import grants as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, NotFound
from lms_graph.models import learning as rows
from lms_graph.outbox import idempotency
from lms_graph.outbox.unit_of_work import UnitOfWork


async def grant_access(
    *,
    caller: Caller,
    account_id: UUID | None,
    email: str | None,
    course_id: UUID | None,
    all_access: bool,
    kind: rows.EntitlementKind,
    source_reference: str | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    note: str | None,
    enroll: bool,
    idempotency_key: str,
) -> UUID:
    """Grant a course, published or not, or all access, to an account given by its id or address; gives the grant's id.

    The same `source_reference` again gives the grant there is, as it is now. With `enroll` a published course's run is opened in the same transaction, unless the grant is at its end.
    Raises SignedOut, NotAllowed, Invalid, NotFound, CourseNotFound, IdempotencyConflict. Records EntitlementGranted, EnrollmentOpened, and AccessChanged of older runs.
    """
    policies.require_may_grant(caller)
    begins = starts_at or caller.now
    issues = rules.issues_with_grant(kind=kind, source_reference=source_reference, starts_at=begins, ends_at=ends_at, note=note)
    if (account_id is None) == (email is None):
        issues.append(Issue("Give `memberId` or `email`: one of them.", ("memberId",)))
    if (course_id is None) == (not all_access):
        issues.append(Issue("Give `courseId`, or `allAccess: true`: one of them.", ("courseId",)))
    if all_access and enroll:
        issues.append(Issue("All access opens no run by itself: its learner begins the courses they choose.", ("enroll",)))
    if issues:
        raise Invalid(*issues)

    async def grant(_: UnitOfWork) -> UUID:
        if course_id is not None and await outline.course_terms(caller=caller, course_id=course_id) is None:
            raise catalog_errors.CourseNotFound()  # first: a request that has no effect must not tell whose an address is
        learner = await _learner(caller, account_id, email)
        id = await entitlements.grant_course(
            caller=caller, account_id=learner, course_id=course_id, kind=kind, source_reference=source_reference, starts_at=begins, ends_at=ends_at, note=note
        )
        if enroll and course_id is not None:
            await enrollments.open_granted(caller=caller, entitlement_id=id, account_id=learner, course_id=course_id)
        return id

    body = {
        "memberId": account_id,
        "email": email,
        "courseId": course_id,
        "allAccess": all_access,
        "kind": kind,
        "sourceReference": source_reference,
        "startsAt": starts_at,
        "endsAt": ends_at,
        "note": note,
        "enroll": enroll,
    }
    return await idempotency.once(caller, field="entitlementGrant", key=idempotency_key, body=body, run=grant)


async def _learner(caller: Caller, account_id: UUID | None, email: str | None) -> UUID:
    """Whose grant it is. A suspended account may be granted something, an erased one not."""
    if email is not None:
        account_id = await accounts.account_id_by_email(caller=caller, email=email)
    found = await accounts.profiles_by_ids(caller=caller, account_ids=[account_id]) if account_id else []
    if not found:
        raise NotFound("Nobody here has this address." if email is not None else "There is no such member here.", path=("email" if email is not None else "memberId",))
    id: UUID = found[0]["id"]
    return id

"""Writing, answering, hiding and deleting reviews. Locks in one order: the review, then the course's numbers."""

from typing import Any
from uuid import UUID

from lms_graph.domain.catalog import errors as catalog_errors
from lms_graph.domain.catalog.queries import browse, teams
from lms_graph.domain.community import errors, events, policies
from lms_graph.domain.community.operations import ratings
from lms_graph.domain.community.queries import reviews as queries
from lms_graph.domain.community.rules import reviews as rules
from lms_graph.domain.learning.queries import runs
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid
from lms_graph.models import community as rows
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import unit_of_work


async def save_review(*, caller: Caller, course_id: UUID, rating: int, body: str) -> UUID:
    """Say what one thinks of a course, or something else than before; gives the review's id. The same again changes nothing; a hidden review stays hidden.

    Raises SignedOut, NotAllowed for keys and the course's team, Invalid, CourseNotFound, ReviewNotEarned without a run that got anywhere. Records ReviewPosted or ReviewEdited,
    and CourseRatingChanged.
    """
    account_id = caller.account
    body = body.strip()
    if issues := [*rules.issues_with_review(rating=rating, body=body)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        run_id = await _earned(caller, course_id)
        await _take_turns(account_id, course_id)
        present = await queries.lock_own(caller=caller, course_id=course_id)
        if present is None:
            review = await rows.Review.create(
                tenant_id=caller.tenant_id, course_id=course_id, account_id=account_id, enrollment_id=run_id, rating=rating, body=body, created_at=caller.now
            )
            await ratings.count(work, caller=caller, course_id=course_id, plus=rating)
            work.record(events.ReviewPosted(review_id=review.id, course_id=course_id, account_id=account_id, rating=rating))
            return review.id
        id: UUID = present["id"]
        if (present["rating"], present["body"]) != (rating, body):
            await _change(caller, id, rating=rating, body=body, edited_at=caller.now)
            if present["hidden_at"] is None:
                await ratings.count(work, caller=caller, course_id=course_id, plus=rating, minus=present["rating"])
            work.record(events.ReviewEdited(review_id=id, course_id=course_id, account_id=account_id, rating=rating))
    return id


async def delete_review(*, caller: Caller, review_id: UUID) -> UUID:
    """Take one's own review back; gives the course's id. Raises SignedOut, ReviewNotFound, ReviewIsHidden. Records ReviewDeleted, CourseRatingChanged."""
    account_id = caller.account
    async with unit_of_work(caller) as work:
        review = await _lock(caller, review_id)
        if review["account_id"] != account_id:
            raise errors.ReviewNotFound()
        if review["hidden_at"] is not None:
            raise errors.ReviewIsHidden()
        await rows.Review.for_caller(caller, id=review_id).delete()
        await ratings.count(work, caller=caller, course_id=review["course_id"], minus=review["rating"])
        work.record(events.ReviewDeleted(review_id=review_id, course_id=review["course_id"], account_id=account_id))
    course_id: UUID = review["course_id"]
    return course_id


async def reply(*, caller: Caller, review_id: UUID, body: str | None) -> UUID:
    """Answer a review for the course's team, change the answer, or with None take it back; gives the review's id. The same again changes nothing.

    Raises SignedOut, Invalid, ReviewNotFound for a hidden one too, NotAllowed for others than the course's creator, its editors and those who manage all courses. Records ReviewReplied.
    """
    account_id = caller.account
    body = body.strip() if body is not None else None
    if issues := [*rules.issues_with_reply(body)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        review = await _lock(caller, review_id)
        policies.require_may_reply(caller, await teams.role_in_team(caller=caller, course_id=review["course_id"]))
        if review["hidden_at"] is not None:
            raise errors.ReviewNotFound()
        if review["reply_body"] != body:
            first = body is not None and review["reply_body"] is None
            await _change(
                caller,
                review_id,
                reply_body=body,
                reply_account_id=account_id if body is not None else None,
                reply_created_at=caller.now if first else review["reply_created_at"] if body is not None else None,
                reply_edited_at=caller.now if body is not None and not first else None,
            )
            work.record(events.ReviewReplied(review_id=review_id, course_id=review["course_id"], account_id=account_id))
    return review_id


async def hide(*, caller: Caller, review_id: UUID, reason: str) -> UUID:
    """Show a review no more, but to its author, with the reason; gives its id. One that is hidden stays as it is.

    Raises SignedOut, NotAllowed, Invalid, ReviewNotFound. Records ReviewHidden, CourseRatingChanged.
    """
    policies.require_may_moderate(caller)
    if issues := [*rules.issues_with_reason(reason)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        review = await _lock(caller, review_id)
        if review["hidden_at"] is None:
            await _change(caller, review_id, hidden_at=caller.now, hidden_reason=reason)
            await ratings.count(work, caller=caller, course_id=review["course_id"], minus=review["rating"])
            work.record(events.ReviewHidden(review_id=review_id, course_id=review["course_id"], account_id=review["account_id"]))
    return review_id


async def restore(*, caller: Caller, review_id: UUID) -> UUID:
    """Show a hidden review again, as it reads now; gives its id. One that is shown stays as it is. Raises SignedOut, NotAllowed, ReviewNotFound. Records ReviewRestored, CourseRatingChanged."""
    policies.require_may_moderate(caller)
    async with unit_of_work(caller) as work:
        review = await _lock(caller, review_id)
        if review["hidden_at"] is not None:
            await _change(caller, review_id, hidden_at=None, hidden_reason=None)
            await ratings.count(work, caller=caller, course_id=review["course_id"], plus=review["rating"])
            work.record(events.ReviewRestored(review_id=review_id, course_id=review["course_id"], account_id=review["account_id"]))
    return review_id


async def _earned(caller: Caller, course_id: UUID) -> UUID:
    """The run by which the caller may speak of the course."""
    run_id = await runs.run_with_progress(caller=caller, course_id=course_id)
    if run_id is None and not await browse.published_courses_by_ids(caller=caller, ids=[course_id]):
        raise catalog_errors.CourseNotFound()
    policies.require_no_part(await teams.role_in_team(caller=caller, course_id=course_id))
    if run_id is None:
        raise errors.ReviewNotEarned()
    return run_id


async def _take_turns(account_id: UUID, course_id: UUID) -> None:
    """Two tabs wait here, and the second finds the first one's review. The unique key is the last word."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"review{account_id}{course_id}")


async def _lock(caller: Caller, review_id: UUID) -> database.Record:
    review = await queries.lock_review(caller=caller, review_id=review_id)
    if review is None:
        raise errors.ReviewNotFound()
    return review


async def _change(caller: Caller, review_id: UUID, **values: Any) -> None:
    await rows.Review.for_caller(caller, id=review_id).update(**values)

"""Root fields about reviews."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.community.operations import reviews
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.community.reviews import (
    ReviewConnection,
    ReviewDeleteInput,
    ReviewDeletePayload,
    ReviewHideInput,
    ReviewHidePayload,
    ReviewReplyInput,
    ReviewReplyPayload,
    ReviewRestoreInput,
    ReviewRestorePayload,
    ReviewSaveInput,
    ReviewSavePayload,
    ReviewWhere,
)
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query


@strawberry.type
class ReviewsQuery:
    @query(
        description="All reviews of the tenant, hidden ones too, latest first: for those who moderate. A course's own are `Course.reviews`.", requires=[Permission.REVIEWS_MODERATE]
    )
    async def reviews(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[ReviewWhere | None, strawberry.argument(description="What they must be like.")] = None,
    ) -> ReviewConnection:
        wanted = (where or ReviewWhere()).as_arguments()
        page: ReviewConnection = await info.context.loaders.community.for_moderators.load((PageRequest(first, after, last, before), wanted["course_id"], wanted["is_hidden"]))
        return page


@strawberry.type
class ReviewsMutation:
    @mutation(
        description="Say what you think of a course, once; again changes it. Learners with some progress in a run of it, past or present. The same again changes nothing. Codes: NOT_FOUND, "
        "REVIEW_NOT_EARNED, INVALID; FORBIDDEN for the course's team."
    )
    async def review_save(self, info: Info, input: Annotated[ReviewSaveInput, strawberry.argument(description="What you say of which course.")]) -> ReviewSavePayload:
        given = input.as_arguments()
        return ReviewSavePayload(review_id=await reviews.save_review(caller=info.context.caller, **given), course_id=given["course_id"])

    @mutation(description="Take your own review back. Codes: NOT_FOUND, CONFLICT for one that the school has hidden.")
    async def review_delete(self, info: Info, input: Annotated[ReviewDeleteInput, strawberry.argument(description="Which one.")]) -> ReviewDeletePayload:
        return ReviewDeletePayload(course_id=await reviews.delete_review(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Answer a review for the course's team, change the answer, or take it back. Its creator and editors, and COURSES_MANAGE. The same again changes nothing. Codes: NOT_FOUND, INVALID."
    )
    async def review_reply(self, info: Info, input: Annotated[ReviewReplyInput, strawberry.argument(description="What you say to which review.")]) -> ReviewReplyPayload:
        return ReviewReplyPayload(review_id=await reviews.reply(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Show a review no more, but to its author with the reason; it counts nowhere. One that is hidden stays as it is. Codes: NOT_FOUND, INVALID.",
        requires=[Permission.REVIEWS_MODERATE],
    )
    async def review_hide(self, info: Info, input: Annotated[ReviewHideInput, strawberry.argument(description="Which one, and why.")]) -> ReviewHidePayload:
        return ReviewHidePayload(review_id=await reviews.hide(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Show a hidden review again; it counts again. One that is shown stays as it is. Codes: NOT_FOUND.", requires=[Permission.REVIEWS_MODERATE])
    async def review_restore(self, info: Info, input: Annotated[ReviewRestoreInput, strawberry.argument(description="Which one.")]) -> ReviewRestorePayload:
        return ReviewRestorePayload(review_id=await reviews.restore(caller=info.context.caller, **input.as_arguments()))

"""Reviews of courses, and what many of them come to."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.domain.community.rules.reviews import RATINGS, Rating
from lms_graph.kit.ids import public_id
from lms_graph.types.catalog.courses import BooleanFilter
from lms_graph.types.connections import Connection
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id, decode_or_none
from lms_graph.types.public import PRIVATE, WITHIN
from lms_graph.types.text import LONG

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.identity.accounts import Profile


@strawberry.type(description="How many shown reviews of a course give one rating.", directives=[WITHIN])
class RatingCount:
    rating: int = strawberry.field(description="From 1 to 5.")
    count: int = strawberry.field(description="How many give it.")


@strawberry.type(description="The numbers of a course's shown reviews.")
class CourseRating:
    average: float | None = strawberry.field(description="The average rating, to two places; null while there is none.")
    count: int = strawberry.field(description="How many there are.")
    histogram: list[RatingCount] = strawberry.field(description="By rating, 5 first.")

    @classmethod
    def of(cls, rating: Rating) -> Self:
        return cls(
            average=rating.hundredths / 100 if rating.count else None,
            count=rating.count,
            histogram=[RatingCount(rating=value, count=number) for value, number in sorted(zip(RATINGS, rating.counts, strict=True), reverse=True)],
        )


@strawberry.type(description="What the course's team says to a review. Whoever sees the review.", directives=[WITHIN])
class ReviewReply:
    body: str = strawberry.field(description="Plain text, 1 to 5,000 characters.", directives=[LONG])
    created_at: datetime = strawberry.field(description="When it was first given.")
    edited_at: datetime | None = strawberry.field(description="When it was last changed; null when it never was.")
    account_id: strawberry.Private[UUID | None]

    author: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", held=WITHIN, description="Who wrote it; null once their data were erased."
    )


@strawberry.type(
    description="What a learner says of a course. Everybody, while the course is published; a hidden one is seen by its author and by those who hold REVIEWS_MODERATE, and counts nowhere.",
    directives=[WITHIN],
)
class Review(Node):
    rating: int = strawberry.field(description="From 1, the worst, to 5, the best.")
    body: str = strawberry.field(description="Plain text, at most 5,000 characters; empty when there is a rating alone.", directives=[LONG])
    verified: bool = strawberry.field(description="Whether the author is known to have learned something of the course here. What is written over this API always is.")
    created_at: datetime = strawberry.field(description="When it was written.")
    edited_at: datetime | None = strawberry.field(description="When its author last changed it; null when they never did.")
    hidden_at: datetime | None = strawberry.field(directives=[PRIVATE], description="Since when the school hides it; null for one that is shown.")
    hidden_reason: str | None = strawberry.field(directives=[PRIVATE], description="Why, in the school's words to the author; at most 300 characters. Null for one that is shown.")
    reply: ReviewReply | None = strawberry.field(description="What the course's team says to it.")
    account_id: strawberry.Private[UUID]
    course_id: strawberry.Private[UUID]

    author: Annotated["Profile", strawberry.lazy("lms_graph.types.identity.accounts")] | None = child(
        "identity.profile", key="account_id", held=WITHIN, description="Who wrote it; null once their data were erased."
    )
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child("catalog.course", key="course_id", description="What it is about.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        reply = ReviewReply(body=row["reply_body"], created_at=row["reply_created_at"], edited_at=row["reply_edited_at"], account_id=row["reply_account_id"])
        return cls(
            id=strawberry.ID(public_id("rev", row["id"])),
            rating=row["rating"],
            body=row["body"],
            verified=row["enrollment_id"] is not None,
            created_at=row["created_at"],
            edited_at=row["edited_at"],
            hidden_at=row["hidden_at"],
            hidden_reason=row["hidden_reason"],
            reply=reply if row["reply_body"] is not None else None,
            account_id=row["account_id"],
            course_id=row["course_id"],
        )


@strawberry.type(description="A page of reviews.", directives=[WITHIN])
class ReviewConnection(Connection[Review]):
    pass


@strawberry.input(description="What the reviews must be like: all of what is given.")
class ReviewWhere:
    course_id: strawberry.ID | None = strawberry.field(default=None, description="Of this course.")
    hidden: BooleanFilter | None = strawberry.field(default=None, description="Hidden by the school, or shown.")

    def as_arguments(self) -> dict[str, Any]:
        course_id = (decode_or_none(self.course_id, "crs") or UUID(int=0)) if self.course_id is not None else None
        return {"course_id": course_id, "is_hidden": self.hidden.eq if self.hidden else None}


@strawberry.input(description="What somebody says of a course.")
class ReviewSaveInput:
    course_id: strawberry.ID = strawberry.field(description="The course, of which the viewer has a run with some progress.")
    rating: int = strawberry.field(description="From 1, the worst, to 5, the best.")
    body: str = strawberry.field(default="", description="Plain text, at most 5,000 characters; may be empty.")

    def as_arguments(self) -> dict[str, Any]:
        return {"course_id": decode_id(self.course_id, "crs", path="courseId"), "rating": self.rating, "body": self.body}


@strawberry.type(description="What `reviewSave` answers.")
class ReviewSavePayload(Payload):
    review_id: strawberry.Private[UUID | None] = None
    course_id: strawberry.Private[UUID | None] = None
    review: Review | None = child("community.review", key="review_id", description="The review as it stands.")
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.course", key="course_id", description="The course, with the numbers that this review made."
    )


@strawberry.input(description="Which review goes.")
class ReviewDeleteInput:
    review_id: strawberry.ID = strawberry.field(description="The viewer's own review.")

    def as_arguments(self) -> dict[str, Any]:
        return {"review_id": decode_id(self.review_id, "rev", path="reviewId")}


@strawberry.type(description="What `reviewDelete` answers.")
class ReviewDeletePayload(Payload):
    course_id: strawberry.Private[UUID | None] = None
    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.course", key="course_id", description="The course, with the numbers that are left."
    )


@strawberry.input(description="What a course's team says to a review.")
class ReviewReplyInput:
    review_id: strawberry.ID = strawberry.field(description="The review.")
    body: str | None = strawberry.field(default=None, description="Plain text, 1 to 5,000 characters; null takes the reply back.")

    def as_arguments(self) -> dict[str, Any]:
        return {"review_id": decode_id(self.review_id, "rev", path="reviewId"), "body": self.body}


@strawberry.type(description="What `reviewReply` answers.")
class ReviewReplyPayload(Payload):
    review_id: strawberry.Private[UUID | None] = None
    review: Review | None = child("community.review", key="review_id", description="The review with its reply.")


@strawberry.input(description="Which review is hidden, and why.")
class ReviewHideInput:
    review_id: strawberry.ID = strawberry.field(description="The review.")
    reason: str = strawberry.field(description="Why: one line of 1 to 300 characters, which its author reads.")

    def as_arguments(self) -> dict[str, Any]:
        return {"review_id": decode_id(self.review_id, "rev", path="reviewId"), "reason": self.reason}


@strawberry.type(description="What `reviewHide` answers.")
class ReviewHidePayload(Payload):
    review_id: strawberry.Private[UUID | None] = None
    review: Review | None = child("community.review", key="review_id", description="The review, hidden.")


@strawberry.input(description="Which review is shown again.")
class ReviewRestoreInput:
    review_id: strawberry.ID = strawberry.field(description="The review.")

    def as_arguments(self) -> dict[str, Any]:
        return {"review_id": decode_id(self.review_id, "rev", path="reviewId")}


@strawberry.type(description="What `reviewRestore` answers.")
class ReviewRestorePayload(Payload):
    review_id: strawberry.Private[UUID | None] = None
    review: Review | None = child("community.review", key="review_id", description="The review, shown again.")

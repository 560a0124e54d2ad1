"""Facts about what learners say in public."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class ReviewPosted(Event, about="review_id"):
    review_id: UUID
    course_id: UUID
    account_id: UUID
    rating: int


@dataclass(frozen=True, kw_only=True)
class ReviewEdited(Event, about="review_id"):
    review_id: UUID
    course_id: UUID
    account_id: UUID
    rating: int


@dataclass(frozen=True, kw_only=True)
class ReviewDeleted(Event, about="review_id"):
    """By its author."""

    review_id: UUID
    course_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReviewReplied(Event, about="review_id"):
    """The course's team answered it, changed its answer, or took it back."""

    review_id: UUID
    course_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReviewHidden(Event, about="review_id", audited="rev"):
    """The school shows it no more."""

    review_id: UUID
    course_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReviewRestored(Event, about="review_id", audited="rev"):
    """The school shows it again."""

    review_id: UUID
    course_id: UUID
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class CourseRatingChanged(Event, about="course_id"):
    """The numbers of a course's shown reviews are others."""

    course_id: UUID

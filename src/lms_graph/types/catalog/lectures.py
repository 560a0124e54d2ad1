"""Sections and lectures, as one version of a course has them."""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.models import catalog as rows
from lms_graph.types.enums import described
from lms_graph.types.nodes import Node, child
from lms_graph.types.public import WITHIN

if TYPE_CHECKING:
    from lms_graph.types.learning.access import AccessDecision
    from lms_graph.types.learning.content import LectureContent, LectureResource
    from lms_graph.types.learning.enrollments import LectureProgress

ContentType = described(rows.ContentType, "ContentType", "What a lecture shows.", VIDEO="A video to watch.", TEXT="A text to read.", QUIZ="A quiz to take.")


class Place(NamedTuple):
    """Where a lecture stands: in which version of which course, and from which run it is looked at (None: the viewer's latest)."""

    course_id: UUID
    version_id: UUID
    lecture_id: UUID
    enrollment_id: UUID | None

    @property
    def view(self) -> tuple[UUID, UUID, UUID | None]:
        """What all lectures have in common that are looked at together."""
        return self.course_id, self.version_id, self.enrollment_id


@strawberry.type(
    description="A lecture. Its id lasts across the versions of its course; its fields are those of the viewer's run's version, else of the latest published.", directives=[WITHIN]
)
class Lecture(Node):
    title: str = strawberry.field(description="1 to 200 characters. Everybody.")
    content_type: ContentType = strawberry.field(description="What it shows. Everybody.")
    sort_order: int = strawberry.field(description="Its place in the course, counted from 0 through all sections. Everybody.")
    duration_seconds: int = strawberry.field(description="Length of the video, or the author's estimate for reading; 0 when there is none. Everybody.")
    is_preview: bool = strawberry.field(description="Whether it is open to everybody while the course is published. Everybody.")
    is_required: bool = strawberry.field(description="Whether the course is complete only when this is done. Everybody.")
    place: strawberry.Private[Place]
    content_id: strawberry.Private[UUID]
    row: strawberry.Private[Any]
    before: strawberry.Private[tuple[UUID, int, UUID | None]]
    after: strawberry.Private[tuple[UUID, int, UUID | None]]

    access: Annotated["AccessDecision", strawberry.lazy("lms_graph.types.learning.access")] = child(
        "learning.lecture_access", key="self_", description="Whether the viewer may open it, and if not, why and what would open it."
    )
    previous: Annotated["Lecture", strawberry.lazy("lms_graph.types.catalog.lectures")] | None = child(
        "catalog.neighbor", key="before", description="The lecture before it in the course. Everybody."
    )
    next: Annotated["Lecture", strawberry.lazy("lms_graph.types.catalog.lectures")] | None = child(
        "catalog.neighbor", key="after", description="The lecture after it in the course. Everybody."
    )
    content: Annotated["LectureContent", strawberry.lazy("lms_graph.types.learning.content")] | None = child(
        "learning.content", key="self_", description="What it shows; null unless `access.allowed`."
    )
    resources: list[Annotated["LectureResource", strawberry.lazy("lms_graph.types.learning.content")]] | None = child(
        "learning.resources", key="self_", size=5, description="Files to download, at most 20; null unless `access.allowed`."
    )
    resource_count: int = child("catalog.resource_count", key="version_and_lecture", description="How many files there are to download, open or not; at most 20. Everybody.")
    viewer_progress: Annotated["LectureProgress", strawberry.lazy("lms_graph.types.learning.enrollments")] | None = child(
        "learning.lecture_progress",
        key="place",
        description="What the run from which it is looked at has seen of it: the enrollment's, else the viewer's latest; null without a run.",
    )

    @property
    def self_(self) -> Self:
        return self

    @property
    def version_and_lecture(self) -> tuple[UUID, UUID]:
        return self.place.version_id, self.place.lecture_id

    __hash__ = object.__hash__  # a loader's key: by itself, for a page has hundreds and none of them twice
    __eq__ = object.__eq__

    @classmethod
    def from_row(cls, row: Any, enrollment_id: UUID | None = None) -> Self:
        return cls(
            id=strawberry.ID(public_id("lec", row["lecture_id"])),
            title=row["title"],
            content_type=rows.ContentType[row["content_type"]],
            sort_order=row["position"],
            duration_seconds=row["duration_seconds"],
            is_preview=row["is_preview"],
            is_required=row["is_required"],
            place=Place(row["course_id"], row["version_id"], row["lecture_id"], enrollment_id),
            content_id=row["content_id"],
            row=row,
            before=(row["version_id"], row["position"] - 1, enrollment_id),
            after=(row["version_id"], row["position"] + 1, enrollment_id),
        )


@strawberry.type(description="A part of a course. Everybody may read its outline. Its id lasts across versions.", directives=[WITHIN])
class Section(Node):
    title: str = strawberry.field(description="1 to 200 characters.")
    sort_order: int = strawberry.field(description="Its place in the course, from 0.")
    whole: strawberry.Private[tuple[UUID, UUID, UUID | None]]
    lectures: list[Lecture] = child("catalog.lectures", key="whole", size=10, description="Its lectures in order; a course has at most 1,000.")

    @classmethod
    def from_row(cls, row: Any, enrollment_id: UUID | None = None) -> Self:
        return cls(
            id=strawberry.ID(public_id("sec", row["section_id"])),
            title=row["title"],
            sort_order=row["position"],
            whole=(row["version_id"], row["section_id"], enrollment_id),
        )

"""Learning paths."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.catalog.rules import PathStep
from lms_graph.kit.ids import public_id
from lms_graph.types.catalog.courses import BooleanFilter
from lms_graph.types.connections import Connection
from lms_graph.types.costs import usually
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.text import FormattedText

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import Course
    from lms_graph.types.commerce.offers import Offer
    from lms_graph.types.learning.access import AccessDecision


@strawberry.type(description="A course as a learning path has it. Whoever sees the path.")
class LearningPathCourse:
    position: int = strawberry.field(description="Its place in the path, from 1.")
    required: bool = strawberry.field(description="Whether who finishes the path must finish it.")
    course_id: strawberry.Private[UUID]

    course: Annotated["Course", strawberry.lazy("lms_graph.types.catalog.courses")] | None = child(
        "catalog.visible_course", key="course_id", description="The course; null while it is not in the catalog."
    )
    access: Annotated["AccessDecision", strawberry.lazy("lms_graph.types.learning.access")] = child(
        "learning.course_access", key="course_id", description="Whether the viewer may open its lectures, and if not, why and what would open them."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(position=row["position"], required=row["is_required"], course_id=row["course_id"])


@strawberry.type(description="Several courses in an order. Everybody, while it is published; those who hold COURSES_MANAGE always.")
class LearningPath(Node):
    slug: str = strawberry.field(description="Its name in addresses: at most 80 characters, unique in the tenant.")
    title: str = strawberry.field(description="1 to 200 characters.")
    description: FormattedText = strawberry.field(description="What it is about; at most 20,000 characters.")
    published: bool = strawberry.field(description="Whether it is in the catalog.")
    published_at: datetime | None = strawberry.field(description="Since when it is; null while it is not.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    uuid: strawberry.Private[UUID]

    courses: list[LearningPathCourse] = child("catalog.courses_of_path", key="uuid", size=5, description="Its courses in order; at most 50.")

    @strawberry.field(description="The ways to buy it that are on sale now, in the order in which they were made.", directives=[usually(2)])
    def offers(
        self,
        info: Info,
        market: Annotated[
            str | None, strawberry.argument(description="A country's two letters by ISO 3166, in capitals, for whose prices; those for everywhere when left out.")
        ] = None,
    ) -> list[Annotated["Offer", strawberry.lazy("lms_graph.types.commerce.offers")]]:
        return info.context.loaders.commerce.offers_of_subject.load((self.uuid, market))  # type: ignore[return-value]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("pth", row["id"])),
            slug=row["slug"],
            title=row["title"],
            description=FormattedText(markdown=row["description_markdown"], html=row["description_html"]),
            published=row["published_at"] is not None,
            published_at=row["published_at"],
            updated_at=row["updated_at"],
            uuid=row["id"],
        )


@strawberry.type(description="A page of learning paths.")
class LearningPathConnection(Connection[LearningPath]):
    pass


@strawberry.input(description="What the paths must be like: all of what is given.")
class LearningPathWhere:
    published: BooleanFilter | None = strawberry.field(default=None, description="In the catalog, or not. What is not is seen with COURSES_MANAGE.")


@strawberry.input(description="A course of a path.")
class LearningPathCourseInput:
    course_id: strawberry.ID = strawberry.field(description="The course, published or not; each at most once.")
    required: bool = strawberry.field(default=True, description="Whether who finishes the path must finish it.")


@strawberry.input(description="A learning path as it is to be, in whole.")
class LearningPathSaveInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The path to change; leave it out to make one.")
    slug: str = strawberry.field(description="Lower-case letters and digits with single hyphens, at most 80; unique in the tenant.")
    title: str = strawberry.field(description="1 to 200 characters.")
    description: str = strawberry.field(default="", description="Markdown, at most 20,000 characters.")
    courses: list[LearningPathCourseInput] = strawberry.field(description="Its courses in order: at most 50, and at least one to publish it.")
    published: bool = strawberry.field(default=False, description="Whether it is in the catalog.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "path_id": decode_id(self.id, "pth", path="id") if self.id is not None else None,
            "slug": self.slug,
            "title": self.title,
            "description": self.description,
            "steps": [PathStep(course_id=decode_id(each.course_id, "crs", path="courses"), is_required=each.required) for each in self.courses],
            "is_published": self.published,
        }


@strawberry.type(description="What `learningPathSave` answers.")
class LearningPathSavePayload(Payload):
    path_id: strawberry.Private[UUID | None] = None
    path: LearningPath | None = child("catalog.path", key="path_id", description="The path as it stands.")

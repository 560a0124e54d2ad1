"""Those who teach."""

from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import PageRequest
from lms_graph.types.connections import After, Before, First, Last, connection
from lms_graph.types.nodes import Node, child, file_url
from lms_graph.types.public import WITHIN
from lms_graph.types.text import FormattedText

if TYPE_CHECKING:
    from lms_graph.types.catalog.courses import CourseConnection


@strawberry.type(description="The public page of somebody who teaches. Everybody may read all of it.", directives=[WITHIN])
class Instructor(Node):
    slug: str = strawberry.field(description="The page's name in addresses, unique in the tenant: lower-case letters, digits and hyphens, 1 to 80.")
    name: str = strawberry.field(description="1 to 200 characters.")
    headline: str | None = strawberry.field(description="What they are, in a line of up to 200 characters.")
    bio: FormattedText = strawberry.field(description="Who they are; up to 20,000 characters of Markdown, perhaps none.")
    account_id: strawberry.Private[UUID]
    avatar_file_id: strawberry.Private[UUID | None]

    course_count: int = child("catalog.course_count", key="account_id", description="How many published courses they teach.")
    student_count: int = child("catalog.student_count", key="account_id", description="How many enrollments there have been in those; a moment behind.")

    avatar_url: str | None = file_url(key="avatar_file_id", description="Address of the picture; null when there is none.")

    @connection(description="The published courses they teach, newest first.")
    def courses(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Annotated["CourseConnection", strawberry.lazy("lms_graph.types.catalog.courses")]:
        return info.context.loaders.catalog.courses_of_instructor.load((self.account_id, PageRequest(first, after, last, before)))

    @classmethod
    def from_row(cls, row: Any, prefix: str = "") -> Self:
        """`prefix` stands before `id` and `slug` in the row."""
        id = row[f"{prefix}id"]
        return cls(
            id=strawberry.ID(public_id("ins", id)),
            slug=row[f"{prefix}slug"],
            name=row["name"],
            headline=row["headline"],
            bio=FormattedText(markdown=row["bio_markdown"], html=row["bio_html"]),
            account_id=id,
            avatar_file_id=row["avatar_file_id"],
        )

"""Categories."""

from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.nodes import Node, child
from lms_graph.types.public import WITHIN


@strawberry.type(description="A shelf of the catalog. Everybody may read all of it.", directives=[WITHIN])
class Category(Node):
    slug: str = strawberry.field(description="Its name in addresses and in `where`: at most 80 characters, unique in the tenant.")
    name: str = strawberry.field(description="Its name for people, at most 120 characters.")
    uuid: strawberry.Private[UUID]

    course_count: int = child("catalog.courses_in_category", key="uuid", description="How many published courses stand on it.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls.of(row["id"], row["slug"], row["name"])

    @classmethod
    def of(cls, id: UUID, slug: str, name: str) -> Self:
        return cls(id=strawberry.ID(public_id("cat", id)), slug=slug, name=name, uuid=id)

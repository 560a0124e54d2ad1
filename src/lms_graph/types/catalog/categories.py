"""Categories."""

from typing import Any, Self

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.nodes import Node
from lms_graph.types.public import WITHIN


@strawberry.type(description="A shelf of the catalog. Everybody may read all of it.", directives=[WITHIN])
class Category(Node):
    slug: str = strawberry.field(description="Its name in addresses and in `where`: at most 80 characters, unique in the tenant.")
    name: str = strawberry.field(description="Its name for people, at most 120 characters.")
    course_count: int = strawberry.field(description="How many published courses stand on it.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("cat", row["id"])), slug=row["slug"], name=row["name"], course_count=row["course_count"])

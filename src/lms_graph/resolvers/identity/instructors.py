"""Root fields about those who teach."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.queries import instructors as queries
from lms_graph.types.errors import query
from lms_graph.types.identity.instructors import Instructor
from lms_graph.types.public import PUBLIC


@strawberry.type
class InstructorsQuery:
    @query(description="The public page of somebody who teaches; null when there is none of this name. Everybody.", held=PUBLIC)
    async def instructor(self, info: Info, slug: Annotated[str, strawberry.argument(description="The page's `slug`, up to 80 characters.")]) -> Instructor | None:
        row = await queries.instructor_by_slug(caller=info.context.caller, slug=slug)
        return None if row is None else Instructor.from_row(row)

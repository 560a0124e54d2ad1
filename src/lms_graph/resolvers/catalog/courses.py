"""Root fields of the catalog."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.catalog.queries import browse
from lms_graph.kit.once import once
from lms_graph.kit.pages import PageRequest
from lms_graph.types.catalog.categories import Category
from lms_graph.types.catalog.courses import Course, CourseConnection, CourseWhere
from lms_graph.types.catalog.lectures import Lecture
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.costs import usually, weight
from lms_graph.types.errors import query
from lms_graph.types.nodes import decode_or_none
from lms_graph.types.ordering import CourseOrder, OrderDirection
from lms_graph.types.public import PUBLIC


@strawberry.type
class CatalogQuery:
    @query(description="The published courses. Everybody.", cost=5, held=PUBLIC)
    async def courses(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        search: Annotated[
            str | None,
            strawberry.argument(description="Words to find in title, tags and short description; typing errors are forgiven. At most 200 characters.", directives=[weight(10)]),
        ] = None,
        where: Annotated[CourseWhere | None, strawberry.argument(description="What they must be like.")] = None,
        order_by: Annotated[list[CourseOrder] | None, strawberry.argument(description="By default RELEVANCE of a search, else newest first. At most 5.")] = None,
    ) -> CourseConnection:
        caller, cursors = info.context.caller, info.context.adapters.cursors
        view = browse.Browse(caller=caller, search=(search or "").strip() or None, where=browse.CourseFilter(**where.as_arguments() if where else {}))
        order = [browse.Sort(term.field.value, term.direction is OrderDirection.DESC) for term in order_by or []]
        page, taught = await view.page(cursors, PageRequest(first, after, last, before), order, info.context.loaders.catalog.wanted())
        asks = info.context.asks
        summary = once(lambda: view.summary([name for name in browse.FACETS if asks(name)] if asks("facets") else []))

        async def count() -> int:
            return (await summary()).total

        connection = CourseConnection.of(page, Course.from_row, count, summary=summary)
        info.context.loaders.catalog.found(connection.nodes, taught)
        return connection

    @query(description="A published course by its slug or id; null when there is none. Everybody.", held=PUBLIC)
    async def course(
        self,
        info: Info,
        slug: Annotated[str | None, strawberry.argument(description="Its name in addresses.")] = None,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id, instead of `slug`.")] = None,
    ) -> Course | None:
        catalog = info.context.loaders.catalog
        if id is not None:
            course: Course | None = await catalog.visible_course.load(uuid) if (uuid := decode_or_none(id, "crs")) else None
            taught = None
        else:
            row, taught = await browse.course_by_slug(caller=info.context.caller, slug=slug or "", wanted=catalog.wanted(counts=True))
            course = Course.from_row(row) if row else None
        if course:
            catalog.found([course], taught)
        return course

    @query(description="The shelves of the catalog, in the school's order; at most 500. Everybody.", size=usually(50), held=PUBLIC)
    async def categories(self, info: Info) -> list[Category]:
        return [Category.from_row(row) for row in await browse.categories(caller=info.context.caller)]

    @query(description="A lecture: from the viewer's run's version, else from the latest published one; null when neither has it. What it shows is null unless `access.allowed`.")
    async def lecture(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id, the same in all versions.")]) -> Lecture | None:
        found: Lecture | None = await info.context.loaders.learning.lecture.load(uuid) if (uuid := decode_or_none(id, "lec")) else None
        return found

"""Root fields of learning paths."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.catalog.operations import paths
from lms_graph.domain.catalog.queries import paths as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.catalog.paths import LearningPath, LearningPathConnection, LearningPathSaveInput, LearningPathSavePayload, LearningPathWhere
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query


@strawberry.type
class PathsQuery:
    @query(description="The learning paths of the catalog, newest first. Everybody; with COURSES_MANAGE those that are not published too.")
    async def learning_paths(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[LearningPathWhere | None, strawberry.argument(description="What they must be like.")] = None,
    ) -> LearningPathConnection:
        caller = info.context.caller
        is_published = where.published.eq if where and where.published else None
        page = await queries.page_of_paths(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before), is_published=is_published)
        return LearningPathConnection.of(page, LearningPath.from_row, lambda: queries.count_paths(caller=caller, is_published=is_published))

    @query(description="A learning path by its slug; null when there is none. Everybody, while it is published.")
    async def learning_path(self, info: Info, slug: Annotated[str, strawberry.argument(description="Its name in addresses.")]) -> LearningPath | None:
        row = await queries.path_by_slug(caller=info.context.caller, slug=slug)
        return LearningPath.from_row(row) if row else None


@strawberry.type
class PathsMutation:
    @mutation(
        description="Make a learning path, or change it in whole. What somebody has bought of it stays theirs. The same again changes nothing. Codes: NOT_FOUND, INVALID.",
        requires=[Permission.COURSES_MANAGE],
    )
    async def learning_path_save(self, info: Info, input: Annotated[LearningPathSaveInput, strawberry.argument(description="The path as it is to be.")]) -> LearningPathSavePayload:
        return LearningPathSavePayload(path_id=await paths.save_path(caller=info.context.caller, **input.as_arguments()))

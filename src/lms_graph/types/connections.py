"""Relay connections over keyset pages."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, Self, TypeVar

import strawberry

from lms_graph.kit.pages import Page
from lms_graph.types.costs import PAGE, weight
from lms_graph.types.public import WITHIN

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many, from the start of what follows `after`: 0 to 100; 20 when neither `first` nor `last` is given.")]
After = Annotated[str | None, strawberry.argument(description="A cursor: give what comes after it.")]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end of what precedes `before`: 0 to 100. Not together with `first`.")]
Before = Annotated[str | None, strawberry.argument(description="A cursor: give what comes before it.")]


def connection(*, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A field that gives a page of a list: it takes First, After, Last and Before, and costs what it is asked for. Root fields are made with `query`, which sees to it by itself."""
    return strawberry.field(description=description, directives=[PAGE])


@strawberry.type(description="Where a page stands in its list.", directives=[weight(0), WITHIN])
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether something precedes this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the page's first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the page's last edge; null on an empty page.")


@strawberry.type(description="A node of a list and its place in it.", directives=[weight(0), WITHIN])
class Edge(Generic[T]):
    node: T = strawberry.field(description="The node.")
    cursor: str = strawberry.field(description="The node's place, for `after` and `before`. Stays good when others come and go.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The nodes of this page with their cursors, in order.")
    nodes: list[T] = strawberry.field(description="The nodes of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]] | None] = None

    @strawberry.field(description="How many the whole list has; counted only when asked. Null where counting would be dear.", directives=[weight(5)])
    async def total_count(self) -> int | None:
        return None if self.count is None else await self.count()

    @classmethod
    def of(cls, page: Page[Any], make: Callable[[Any], Any], count: Callable[[], Awaitable[int]] | None = None, **more: Any) -> Self:
        nodes = [make(row) for row in page.rows]
        return cls(
            edges=[Edge(node=node, cursor=cursor) for node, cursor in zip(nodes, page.cursors, strict=True)],
            nodes=nodes,
            page_info=PageInfo(
                has_next_page=page.has_next,
                has_previous_page=page.has_previous,
                start_cursor=page.cursors[0] if page.cursors else None,
                end_cursor=page.cursors[-1] if page.cursors else None,
            ),
            count=count,
            **more,
        )

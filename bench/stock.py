"""Stock Strawberry over asyncpg, as its documentation teaches it: a type per node, an async resolver per relation, a DataLoader per kind of row, caches of parsing and validation.

It answers `CoursePage` and `Catalog` for somebody signed in who has no run, and `Learn` for who has one, as the product does, from the same rows and under the same policies.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import strawberry
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

from bench.door import Door, opened
from bench.stock_loaders import Context, Loaders
from bench.stock_types import CASES, Query
from lms_graph.kit.pages import Cursors
from lms_graph.kit.secrets import SecretKeys


class Reading(SchemaExtension):
    """The operation's transaction."""

    async def on_operation(self) -> AsyncIterator[None]:
        context = self.execution_context.context
        async with context.door.reading(context.asker) as reads:
            context.reads, context.loaders = reads, Loaders(reads, context.asker)
            yield


schema = strawberry.Schema(query=Query, types=CASES, extensions=[Reading, lambda: ParserCache(maxsize=2000), lambda: ValidationCache(maxsize=2000)])


class Endpoint(GraphQL[Context, None]):
    def __init__(self, door: Door, cursors: Cursors) -> None:
        super().__init__(schema)
        self._door = door
        self._cursors = cursors

    async def get_context(self, request: Any, response: Any) -> Context:
        return Context(await self._door.identify(request.headers), self._door, self._cursors)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    cursors = Cursors(SecretKeys.parse(os.environ["LMS_SECRET_KEYS"]).derived("cursors"))
    async with opened(os.environ) as door:
        app.add_route("/graphql", Endpoint(door, cursors))  # type: ignore[arg-type]  # an ASGI application
        app.add_route("/bare", GraphQL(strawberry.Schema(query=Query, types=CASES)))  # type: ignore[arg-type]  # as it comes: nobody is asked who they are
        yield


app = Starlette(lifespan=_lifespan)

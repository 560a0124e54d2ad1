"""A small schema with every kind of cost, and its documents."""

from typing import Annotated, Optional

import strawberry
from graphql import GraphQLSchema

from lms_graph.limits.directives import Cost, ListSize
from lms_graph.types.costs import PAGE


@strawberry.type(directives=[Cost(weight="0")])
class ItemEdge:
    node: "Item"


@strawberry.type
class ItemConnection:
    edges: list[ItemEdge]
    nodes: list["Item"]
    others: list["Item"]
    total: int = strawberry.field(directives=[Cost(weight="5")])


@strawberry.type
class Item:
    name: str
    item: Optional["Item"]
    three: list["Item"] = strawberry.field(directives=[ListSize(assumed_size=3)])
    words: list[str]

    @strawberry.field(directives=[PAGE])
    def items(self, first: int | None = None, last: int | None = None) -> ItemConnection:
        raise NotImplementedError


@strawberry.input
class Where:
    names: list[str] | None = None
    also: Optional["Where"] = None


@strawberry.type
class Query:
    root: Item

    @strawberry.field(directives=[Cost(weight="7")])
    def find(self, text: Annotated[str | None, strawberry.argument(directives=[Cost(weight="10")])] = None, where: Where | None = None) -> Item:
        raise NotImplementedError

    @strawberry.field(directives=[ListSize(slicing_arguments=["ids"])])
    def by_ids(self, ids: list[strawberry.ID]) -> list[Item]:
        raise NotImplementedError


@strawberry.type
class Mutation:
    @strawberry.mutation(directives=[Cost(weight="10")])
    def change(self) -> Item:
        raise NotImplementedError


SCHEMA: GraphQLSchema = strawberry.Schema(Query, Mutation)._schema

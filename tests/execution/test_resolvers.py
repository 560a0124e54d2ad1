"""Resolvers that are called straight give what Strawberry's give, are given the same, and fail alike."""

import asyncio
from typing import Annotated, Any

import pytest
import strawberry
from graphql import execute, parse
from strawberry.extensions import FieldExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from lms_graph.execution import CompiledExecutor, compile_inputs
from lms_graph.execution.resolvers import straight
from lms_graph.schema import schema as product


@strawberry.input
class Box:
    wide: int = 2
    names: list[str] | None = None


class Told(FieldExtension):
    """Says what it is given."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return f"<{info.field_name} {kwargs} {next_(source, info, **kwargs)}>"

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return f"<{info.field_name} {kwargs} {await next_(source, info, **kwargs)}>"


class OnlyAsync(FieldExtension):
    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        return f"({await next_(source, info, **kwargs)})"


class Mapping(FieldExtension):
    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return dict.fromkeys(kwargs, 7)


class OwnField(strawberry.types.field.StrawberryField):
    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        return "own"


@strawberry.type
class Query:
    name: str = "root"

    @strawberry.field
    def alone(self) -> str:
        return self.name

    @strawberry.field
    def informed(self, info: strawberry.Info, first: int = 3) -> str:
        return f"{info.path.key} {info.context} {first} {self.name}"

    @strawberry.field(extensions=[Told(), Told()])
    def told(self, info: strawberry.Info, box: Box | None = None, called: Annotated[int | None, strawberry.argument(name="number")] = strawberry.UNSET) -> str:
        return f"{box} {called} {info.field_name}"

    @strawberry.field(extensions=[Told()])
    async def later(self, boxes: list[Box] | None = None, may: strawberry.Maybe[int | None] = None, must: strawberry.Maybe[int] = None) -> str:
        return f"{boxes} {may} {must}"

    @strawberry.field(extensions=[OnlyAsync()])
    def made_async(self) -> str:
        return "sync"

    @strawberry.field
    def parental(parent: strawberry.Parent["Query"], id: strawberry.ID = strawberry.ID("1")) -> str:  # noqa: N805
        return f"{parent.name} {id}"

    @strawberry.field
    def rooted(root) -> str:  # type: ignore[no-untyped-def]  # noqa: N805
        return str(root.name)

    @strawberry.field
    async def broken(self, box: Box | None = None) -> str | None:
        raise ValueError(f"broken {box}")

    @strawberry.field(extensions=[Mapping()])
    def mapped(self, number: int = 1) -> int:
        return number


Query.__strawberry_definition__.fields.append(OwnField(python_name="own", graphql_name=None, type_annotation=strawberry.annotation.StrawberryAnnotation(str), base_resolver=None))  # type: ignore[attr-defined]
schema = strawberry.Schema(Query)
compile_inputs(schema)
STRAIGHT = {"alone", "informed", "told", "later", "madeAsync", "parental", "rooted", "broken"}


@pytest.mark.parametrize(
    "asked",
    [
        "{ alone madeAsync rooted own mapped(number: 2) }",
        "{ a: informed b: informed(first: 4) }",
        '{ told a: told(box: {}) b: told(box: {wide: 3, names: ["x"]}, number: null) c: told(number: 5) }',
        "{ later a: later(boxes: [{}, {wide: 4}], may: null) b: later(may: 2, must: 3) c: later(must: null) }",
        "{ parental a: parental(id: 5) broken b: broken(box: {}) }",
    ],
)
def test_give_what_strawberrys_give(asked: str) -> None:
    def answered(executor: Any) -> Any:
        async def run() -> Any:
            made: Any = execute(schema._schema, parse(asked), root_value=Query(), context_value="context", executor_class=executor)
            return (await made if asyncio.iscoroutine(made) else made).formatted

        return asyncio.run(run())

    assert answered(CompiledExecutor) == answered(StrawberryGraphQLCoreExecutionContext)


def test_leave_to_strawberry_what_it_alone_knows() -> None:
    fields = schema._schema.type_map["Query"].fields  # type: ignore[attr-defined]

    assert {name for name, field in fields.items() if straight(field, schema._schema)} == STRAIGHT


def test_take_the_products_root_fields() -> None:
    for root in (product._schema.query_type, product._schema.mutation_type):
        assert root
        assert [name for name, field in root.fields.items() if straight(field, product._schema) is None] == []

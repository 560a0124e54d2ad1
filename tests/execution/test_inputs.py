"""Inputs that are built by compiled functions are those that Strawberry itself builds."""

import dataclasses
from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry import UNSET
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument

from lms_graph.execution import compile_inputs
from lms_graph.execution.inputs import _Builder
from lms_graph.schema import schema as product


@strawberry.enum
class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@strawberry.input
class Leaf:
    size: Size = Size.SMALL
    number: int | None = UNSET
    words: list[str] = strawberry.field(default_factory=lambda: ["a"])


@strawberry.input
class Tree:
    name: str = strawberry.field(name="called")
    id: strawberry.ID | None
    leaf: Leaf | None
    leaves: list[Leaf | None] | None = UNSET
    rows: list[list[Leaf]] | None = None
    maybe: strawberry.Maybe[Leaf | None] = None
    sizes: strawberry.Maybe[list[Size] | None] = None
    below: "Annotated[Tree, strawberry.lazy(__name__)] | None" = None


@strawberry.input
class Strict:
    """Strawberry must go on to see that `sure` is not null."""

    sure: strawberry.Maybe[int] = None


@strawberry.input
class Around:
    strict: Strict


@strawberry.type
class Query:
    @strawberry.field
    def tree(self, tree: Tree, around: Around | None = None) -> str:
        return repr((tree, around))


def values(type_: GraphQLInputType, depth: int = 0) -> st.SearchStrategy[Any]:
    """As graphql-core gives them after coercion."""
    if not isinstance(type_, GraphQLNonNull):
        return st.none() | values(GraphQLNonNull(type_), depth)
    inner = type_.of_type
    if isinstance(inner, GraphQLList):
        return st.lists(values(inner.of_type, depth + 1), max_size=2)
    if isinstance(inner, GraphQLInputObjectType):
        return objects(inner, depth)
    if isinstance(inner, GraphQLEnumType):
        return st.sampled_from([inner.coerce_input_value(name) for name in inner.values])
    return st.integers() if inner.name == "Int" else st.text(max_size=3)


def objects(type_: GraphQLInputObjectType, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    needed = {name: values(field.type, depth + 1) for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull) and field.default is None}
    rest = {name: values(field.type, depth + 1) for name, field in type_.fields.items() if name not in needed and depth < 4}
    return st.fixed_dictionaries(needed, optional=rest)


def input_types(schema: strawberry.Schema) -> list[GraphQLInputObjectType]:
    return [type_ for type_ in schema._schema.type_map.values() if isinstance(type_, GraphQLInputObjectType)]


def plainly(schema: strawberry.Schema, type_: GraphQLInputObjectType, value: Any) -> Any:
    """As Strawberry builds it when no type builds its own."""
    definitions = [each.extensions[GraphQLCoreConverter.DEFINITION_BACKREF] for each in input_types(schema)]
    kept = [definition.from_input for definition in definitions]
    try:
        for definition in definitions:
            definition.from_input = None
        return convert_argument(value, type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin, schema.schema_converter.scalar_registry, schema.config)
    finally:
        for definition, from_input in zip(definitions, kept, strict=True):
            definition.from_input = from_input


generated = strawberry.Schema(Query)
compile_inputs(generated)
TYPES = [pytest.param(schema, type_, id=type_.name) for schema in (generated, product) for type_ in input_types(schema) if type_.name not in ("Strict", "Around")]


@pytest.mark.parametrize(("schema", "type_"), TYPES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_are_what_strawberry_builds(schema: strawberry.Schema, type_: GraphQLInputObjectType, data: st.DataObject) -> None:
    value = data.draw(objects(type_, 0))
    origin = type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin

    built = convert_argument(value, origin, schema.schema_converter.scalar_registry, schema.config)

    assert type(built) is origin
    assert told(built) == told(plainly(schema, type_, value))


def told(value: Any) -> Any:
    """With the classes of all parts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), {field.name: told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return [told(each) for each in value]
    return type(value), repr(value.value) if isinstance(value, strawberry.Some) else value


def test_all_of_the_products_are_compiled() -> None:
    assert all(isinstance(type_.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].from_input, _Builder) for type_ in input_types(product))


def test_what_must_not_be_null_is_left_to_strawberry() -> None:
    strict = next(type_ for type_ in input_types(generated) if type_.name == "Strict")

    assert strict.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].from_input is None
    answer = generated.execute_sync('{ tree(tree: { called: "a" }, around: { strict: { sure: null } }) }')
    assert answer.errors
    assert generated.execute_sync('{ tree(tree: { called: "a" }, around: { strict: { sure: 1 } }) }').errors is None


def test_a_default_is_nobodys_to_change() -> None:
    first = convert_argument({"words": (shared := ["x"])}, Leaf, generated.schema_converter.scalar_registry, generated.config)
    assert isinstance(first, Leaf)
    first.words.append("y")

    assert shared == ["x"]

"""Variables that are coerced by compiled functions are those that graphql-core coerces; what it refuses is left to it."""

from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull, GraphQLSchema, build_schema, get_variable_values, parse
from graphql.execution.values import VariableValues
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_graph.execution.variables import NotTaken, Variables
from lms_graph.schema import schema as product

generated = build_schema("""
    enum Size { SMALL LARGE }
    input Leaf { size: Size = SMALL number: Int! words: [String!] = ["a"] rate: Float on: Boolean id: ID }
    input Tree { leaf: Leaf leaves: [Leaf]! rows: [[Leaf!]] below: [Tree!] }
    input Either @oneOf { leaf: Leaf number: Int }
    type Query { tree(tree: Tree): Int either(either: Either): Int }
""")
NOISE = st.sampled_from([None, True, 0, -1, 1.5, 2**40, "", "SMALL", "x", [], [None], [[1]], {}, {"size": "SMALL"}, {"nothing": 1}])
WRITTEN = ["", "!", "[]", "[!]!"]


def raw(type_: GraphQLInputType, depth: int = 0, *, noisy: bool) -> st.SearchStrategy[Any]:
    """As a client might send it; where it is `noisy`, only mostly right."""
    if isinstance(type_, GraphQLNonNull):
        return _right(type_.of_type, depth, noisy=noisy) | NOISE if noisy and depth else _right(type_.of_type, depth, noisy=noisy)
    return st.none() | _right(type_, depth, noisy=noisy)


def _right(type_: Any, depth: int, *, noisy: bool) -> st.SearchStrategy[Any]:
    if isinstance(type_, GraphQLList):
        return st.lists(raw(type_.of_type, depth + 1, noisy=noisy), max_size=2)
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from([*type_.values])
    if isinstance(type_, GraphQLInputObjectType):
        needed = {name: raw(field.type, depth + 1, noisy=noisy) for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull) and field.default is None}
        rest = {name: raw(field.type, depth + 1, noisy=noisy) for name, field in type_.fields.items() if name not in needed and depth < 4}
        return st.fixed_dictionaries(needed, optional=rest)
    right = {"Int": st.integers(-5, 5), "Float": st.floats(allow_nan=False), "Boolean": st.booleans(), "DateTime": st.just("2026-11-28T10:00:00Z"), "Decimal": st.just("1.50")}
    return right.get(type_.name, st.text(max_size=3))


def types(schema: GraphQLSchema) -> list[str]:
    return [name for name, type_ in schema.type_map.items() if isinstance(type_, GraphQLInputObjectType | GraphQLEnumType)]


def written(name: str, wrapped: str) -> str:
    return {"": name, "!": f"{name}!", "[]": f"[{name}]", "[!]!": f"[{name}!]!"}[wrapped]


@pytest.mark.parametrize(("schema", "name"), [pytest.param(schema, name, id=name) for schema in (generated, product._schema) for name in types(schema)])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_are_what_graphql_core_coerces(schema: GraphQLSchema, name: str, data: st.DataObject) -> None:
    wrapped = data.draw(st.sampled_from(WRITTEN))
    operation: Any = parse(f"query ($it: {written(name, wrapped)} $number: Int = 3 $text: String) {{ __typename }}").definitions[0]
    named: Any = schema.type_map[name]
    type_ = {"": named, "!": GraphQLNonNull(named), "[]": GraphQLList(named), "[!]!": GraphQLNonNull(GraphQLList(GraphQLNonNull(named)))}[wrapped]
    noisy = data.draw(st.booleans())
    sent = data.draw(st.fixed_dictionaries({}, optional={"it": raw(type_, noisy=noisy), "number": st.none() | st.integers(0, 9), "text": st.just("t"), "other": st.just(1)}))

    theirs = get_variable_values(schema, operation.variable_definitions, sent)
    ours = Variables(schema, operation).values(sent)

    if ours is None:
        assert isinstance(theirs, list) or noisy  # which may put one value in place of a list of one: right, and left to graphql-core
    else:
        assert told(ours) == told(theirs)


def told(found: Any) -> Any:
    assert isinstance(found, VariableValues), found
    return found.coerced, {name: (source.signature.name, str(source.signature.type), source.value) for name, source in found.sources.items()}


DEEP: dict[str, Any] = {"leaves": []}
for _ in range(150):
    DEEP = {"leaves": [], "below": [DEEP]}


@pytest.mark.parametrize(
    ("type_", "sent", "is_taken"),
    [
        ("Leaf!", {"it": {"number": 1}}, True),
        ("Leaf!", {}, False),
        ("Leaf!", {"it": None}, False),
        ("Leaf", {"it": None}, True),
        ("Leaf", {}, True),
        ("Leaf", {"it": {"number": 1, "other": 2}}, False),
        ("Leaf", {"it": {"number": "1"}}, False),
        ("[Leaf]", {"it": {"number": 1}}, False),
        ("Tree", {"it": {"leaves": [], "below": [{"leaves": [None]}]}}, True),
        ("Tree", {"it": DEEP}, False),
        ("Either", {"it": {"number": 1}}, True),
        ("Either", {"it": {"number": None}}, False),
        ("Either", {"it": {"number": 1, "leaf": None}}, False),
        ("Nothing", {}, False),
    ],
)
def test_takes(type_: str, sent: dict[str, Any], *, is_taken: bool) -> None:
    operation: Any = parse(f"query ($it: {type_}) {{ __typename }}").definitions[0]

    if type_ == "Nothing":
        with pytest.raises(NotTaken):
            Variables(generated, operation)
        return
    ours = Variables(generated, operation).values(sent)

    assert (ours is not None) is is_taken
    if ours is not None:
        assert told(ours) == told(get_variable_values(generated, operation.variable_definitions, sent))

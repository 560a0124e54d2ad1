"""The costs that our schema states."""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLNonNull, GraphQLObjectType, get_named_type, is_composite_type, is_list_type

from lms_graph.kit.pages import DEFAULT_SIZE
from lms_graph.limits.directives import ListSize, said
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from tests.fixtures.client import DOCUMENTS

SCHEMA = schema._schema
OURS = Documents(SCHEMA)


def fields() -> Iterator[tuple[str, GraphQLField]]:
    for name, kind in SCHEMA.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            yield from ((f"{name}.{field}", said) for field, said in kind.fields.items())


def test_a_connection_counts_as_what_it_is_asked_for() -> None:
    pages = {name: said(field, ListSize) for name, field in fields() if get_named_type(field.type).name.endswith("Connection")}

    assert "Query.courses" in pages
    for name, size in pages.items():
        assert size, name
        assert (size.slicing_arguments, size.sized_fields, size.assumed_size) == (["first", "last"], ["edges", "nodes"], DEFAULT_SIZE), name


def test_every_other_list_of_objects_states_its_size() -> None:
    unstated = []
    for name, field in fields():
        of = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        in_pages = name.split(".")[0].endswith("Connection") and name.split(".")[1] in ("edges", "nodes")
        if is_list_type(of) and is_composite_type(get_named_type(of)) and not in_pages and not said(field, ListSize):
            unstated.append(name)

    assert unstated == []


def test_every_list_that_is_sent_says_its_bound() -> None:
    inputs = [(f"{name}.{field}", its) for name, kind in SCHEMA.type_map.items() if isinstance(kind, GraphQLInputObjectType) for field, its in kind.fields.items()]
    arguments = [(f"{name}({argument}:)", its) for name, field in fields() for argument, its in field.args.items()]
    lists = {name: its.description or "" for name, its in [*inputs, *arguments] if is_list_type(its.type.of_type if isinstance(its.type, GraphQLNonNull) else its.type)}

    assert "Query.nodes(ids:)" in lists
    assert [name for name, description in lists.items() if not re.search(r"\d", description)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_of_clients_cost_less_than_half_of_the_limit(name: str) -> None:
    assert OURS.prepare(DOCUMENTS[name]).operation(None).cost({}) <= OURS.bounds.cost / 2


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ courses(first: 100) { nodes { instructors { instructor { courses(first: 100) { nodes { id } } } } } } }", {}),
        ("query ($n: Int) { courses(first: $n) { nodes { instructors { instructor { courses(first: $n) { nodes { id } } } } } } }", {"n": 100}),
        ("{ viewer { enrollments(first: 100) { nodes { course { sections { lectures { id } } } } } } }", {}),
        ("{" + " ".join(f"a{n}: courses(first: 100) {{ nodes {{ instructors {{ role }} }} }}" for n in range(20)) + "}", {}),
        (
            "{ a: __schema { types { fields { type { name } } } } b: __schema {"
            + " ".join(f"t{n}: types {{ fields {{ args {{ type {{ name }} }} }} }}" for n in range(50))
            + "} }",
            {},
        ),
    ],
)
def test_what_multiplies_is_beyond_the_limit(text: str, variables: dict[str, int]) -> None:
    assert OURS.prepare(text).operation(None).cost(variables) > OURS.bounds.cost

"""What operations cost, in a small schema."""

from typing import Any

import pytest

from lms_graph.limits.bounds import MAX_NUMBER, Bounds
from lms_graph.limits.documents import Documents
from tests.limits.small import SCHEMA

DOCUMENTS = Documents(SCHEMA, Bounds(depth=100, cost=1))


def cost(text: str, **variables: Any) -> int:
    return DOCUMENTS.prepare(text).operation(None).cost(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 0),
        ("{ root { name words } }", 1),
        ("{ root { item { item { name } } } }", 3),
        ("{ root { three { name } } }", 1 + 3),
        ("{ root { three { three { name } } } }", 1 + 3 * (1 + 3)),
        ("{ find { name } }", 7 + 1),
        ('{ find(text: "a") { name } }', 7 + 10 + 1),
        ("{ find(text: null) { name } }", 7 + 1),
        ("mutation { change { name } }", 10 + 1),
        ("{ root { a: name b: name name } }", 1 + 2),
        ("{ root { a: item { name } } }", 1 + 1),
        ("{ root { three { a: name } } }", 1 + 3 * (1 + 1)),
        ("{ root { items(first: 5) { a: edges { node { name } } } } }", 2 + 5 * 2),
        ("{ a: root { name } b: root { name } }", 2),
        ("{ root @skip(if: true) { name } }", 1),
    ],
)
def test_objects_and_weights_add_up(text: str, expected: int) -> None:
    assert cost(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ root { items { nodes { name } } } }", 2 + 20),
        ("{ root { items(first: 5) { nodes { name } } } }", 2 + 5),
        ("{ root { items(last: 5) { nodes { name } } } }", 2 + 5),
        ("{ root { items(first: 0) { nodes { name } } } }", 2),
        ("{ root { items(first: null) { nodes { name } } } }", 2 + 20),
        ("{ root { items(first: 3, last: 4) { nodes { name } } } }", 2 + 4),
        ("{ root { items(first: 5) { total } } }", 2 + 5),
        ("{ root { items(first: 5) { edges { node { name } } } } }", 2 + 5),
        ("{ root { items(first: 5) { edges { node { name } } nodes { item { name } } } } }", 2 + 5 + 5 * 2),
        ("{ root { items(first: 5) { nodes { items(first: 6) { nodes { name } } } } } }", 2 + 5 * (1 + 1 + 6)),
        ("{ root { items(first: 5) { others { name } } } }", 2 + 100),  # nobody has said how many these are
        ('{ byIds(ids: ["a", "b", "c"]) { name } }', 3),
        ('{ byIds(ids: "a") { name } }', 100),
    ],
)
def test_lists_count_as_many_as_are_asked_for(text: str, expected: int) -> None:
    assert cost(text) == expected


PAGE = "query ($n: Int = 7) { root { items(first: $n) { nodes { name } } } }"


@pytest.mark.parametrize(
    ("variables", "size"),
    [({}, 7), ({"n": 3}, 3), ({"n": None}, 20), ({"n": 0}, 0), ({"n": 100}, 100)],
)
def test_a_variable_decides(variables: dict[str, Any], size: int) -> None:
    assert cost(PAGE, **variables) == 2 + size


@pytest.mark.parametrize("nonsense", [-1, 101, 10**30, "5", 5.0, True, {}, {"n": 1}, float("nan"), "\ud800"])
def test_a_variable_that_makes_no_sense_counts_as_the_most(nonsense: Any) -> None:
    assert cost(PAGE, n=nonsense) == 2 + 100


@pytest.mark.parametrize("nonsense", ["-1", "101", "2147483647"])
def test_a_literal_that_makes_no_sense_counts_as_the_most(nonsense: str) -> None:
    assert cost(f"{{ root {{ items(first: {nonsense}) {{ nodes {{ name }} }} }} }}") == 2 + 100


def test_a_list_in_a_variable_counts_by_its_length() -> None:
    text = "query ($ids: [ID!]!) { byIds(ids: $ids) { name } }"

    assert [cost(text, ids=ids) for ids in ([], ["a"], ["a"] * 30, ["a"] * 300, "a")] == [0, 1, 30, 100, 100]


def test_variables_multiply_through_nesting() -> None:
    text = "query ($a: Int, $b: Int) { root { items(first: $a) { nodes { three { items(first: $b) { nodes { name } } } } } } }"

    assert cost(text, a=10, b=50) == 2 + 10 * (1 + 3 * (1 + 1 + 50))


def test_a_fragment_counts_wherever_it_is_spread() -> None:
    text = """
        query ($n: Int) { a: root { ...Page } b: root { three { ...Page } } }
        fragment Page on Item { items(first: $n) { ...Nodes } }
        fragment Nodes on ItemConnection { nodes { name } edges { node { item { name } } } }
    """

    page = 1 + 5 + 5 * 2
    assert cost(text, n=5) == 1 + page + 1 + 3 * (1 + page)


def test_operations_of_one_document_have_their_own_costs_and_defaults() -> None:
    document = DOCUMENTS.prepare(
        "query A($n: Int = 3) { root { ...Page } } query B($n: Int = 50) { root { ...Page } } query C { root { name } } fragment Page on Item { items(first: $n) { nodes { name } } }"
    )

    assert [operation.cost({}) for operation in document.operations] == [2 + 3, 2 + 50, 1]


def test_what_doubles_at_each_step_is_one_number() -> None:
    """Thirty fragments, each spreading the next one twice: unfolded, thousands of millions of fields."""
    chain = " ".join(f"fragment F{number} on Item {{ ...F{number + 1} ...F{number + 1} }}" for number in range(30))
    text = f"query ($n: Int) {{ root {{ ...F0 }} }} {chain} fragment F30 on Item {{ items(first: $n) {{ nodes {{ name }} }} }}"

    assert cost(text, n=1) == MAX_NUMBER
    assert len(DOCUMENTS.prepare(text).operations[0]._plan._steps) == 1

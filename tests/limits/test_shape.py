"""Depth, aliases, root fields and directives: counted once, as if every fragment were written where it is spread."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, OperationDefinitionNode, SelectionSetNode, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_graph.limits.bounds import Bounds, DocumentRefused
from lms_graph.limits.documents import Documents
from lms_graph.limits.shape import check_shape
from tests.limits.small import SCHEMA


def refusal(text: str, bounds: Bounds = Bounds()) -> dict[str, Any]:
    with pytest.raises(DocumentRefused) as refused:
        check_shape(parse(text), bounds)
    (error,) = refused.value.errors
    return error.extensions or {}


def deep(levels: int) -> str:
    return "{a" * levels + "}" * levels


class TestBounds:
    @pytest.mark.parametrize(
        ("passes", "refused", "limit"),
        [
            (deep(15), deep(16), 15),
            ("{ a { ...F } } fragment F on T " + deep(14), "{ a { ...F } } fragment F on T " + deep(15), 15),
            ("{" + " ".join(f"a{n}: b" for n in range(20)) + "}", "{ x {" + " ".join(f"a{n}: b" for n in range(101)) + "} }", 100),
            ("{ x {" + " ".join(f"a{n}: b" for n in range(100)) + "} }", "{ x { ...F ...F } } fragment F on T {" + " ".join(f"a{n}: b" for n in range(51)) + "}", 100),
            ("{" + "a " * 20 + "}", "{" + "a " * 21 + "}", 20),
            ("mutation {" + "a " * 10 + "}", "mutation {" + "a " * 11 + "}", 10),
            ("{ ...F ...F }  fragment F on Q {" + "a " * 10 + "}", "{ ...F ... { ...F } } fragment F on Q {" + "a " * 11 + "}", 20),
            ("{ a" + " @d" * 10 + "}", "{ a" + " @d" * 11 + "}", 10),
            ("{ x {" + "a @d " * 50 + "} }", "query @d { x {" + "a @d " * 50 + "} }", 50),
        ],
    )
    def test_the_bound_passes_and_one_more_is_refused(self, passes: str, refused: str, limit: int) -> None:
        check_shape(parse(passes), Bounds())

        extensions = refusal(refused)
        assert (extensions["code"], extensions["limit"]) == ("COST_EXCEEDED", limit)
        assert extensions.get("requested", limit + 1) > limit

    def test_each_operation_is_counted_by_itself(self) -> None:
        one = "{ x {" + " ".join(f"a{n}: b" for n in range(60)) + "} }"

        check_shape(parse(f"query A {one} query B {one}"), Bounds())

    @pytest.mark.parametrize("text", ["{ ...F } fragment F on Q { ...F a }", "{ ...F } fragment F on Q { ...G } fragment G on Q { a ...F ...G }", "{ ...Missing }"])
    def test_circles_and_unknown_fragments_are_left_to_validation(self, text: str) -> None:
        assert check_shape(parse(text), Bounds()) is False

    def test_whether_it_introspects(self) -> None:
        asked = ["{ a }", "{ __typename }", "{ __schema { a } }", "{ a { ...F } } fragment F on T { b { __type } }", "{ a } fragment F on T { __schema }"]

        assert [check_shape(parse(text), Bounds()) for text in asked] == [False, False, True, True, False]


class TestWork:
    def test_each_selection_is_visited_once(self) -> None:
        """However often fragments are spread: these unfold to more than a thousand million fields."""
        chain = " ".join(f"fragment F{number} on T {{ ...F{number + 1} ...F{number + 1} a {{ ...F{number + 1} }} }}" for number in range(30))
        document = parse(f"{{ ...F0 }} {chain} fragment F30 on T {{ a }}")
        visits = counted(document)

        with pytest.raises(DocumentRefused):
            check_shape(document, Bounds())

        assert set(visits.values()) == {1}
        assert len(visits) == 1 + 30 * 2 + 1

    def test_nesting_takes_no_stack(self) -> None:
        chain = " ".join(f"fragment F{number} on T {{ ...F{number + 1} }}" for number in range(5_000))

        assert refusal(f"{{ ...F0 }} {chain} fragment F5000 on T {deep(16)}")["requested"] == 16


def counted(document: DocumentNode) -> dict[int, int]:
    """How often the selections of each selection set are gone through from now on."""
    visits: dict[int, int] = {}

    class Watched(tuple[Any, ...]):
        def __iter__(self) -> Iterator[Any]:
            visits[id(self)] = visits.get(id(self), 0) + 1
            return super().__iter__()

    def watch(node: Any) -> None:
        for selection in node.selection_set.selections:
            if getattr(selection, "selection_set", None):
                watch(selection)
        object.__setattr__(node.selection_set, "selections", Watched(node.selection_set.selections))

    for definition in document.definitions:
        watch(definition)
    return visits


# --- Memory against plain unfolding. ---

FRAGMENTS = 4


def selections(first: int, levels: int) -> st.SearchStrategy[str]:
    """What may be asked of an item, spreading only fragments from `first` on. One alias always means the same field, so that everything merges."""
    leaves = [st.sampled_from(["name", "n: name", "words", "m: words"])]
    if first < FRAGMENTS:
        leaves.append(st.integers(first, FRAGMENTS - 1).map(lambda number: f"...F{number}"))
    if levels == 0:
        return st.lists(st.one_of(leaves), min_size=1, max_size=3).map(" ".join)
    inner = selections(first, levels - 1)
    nested = [
        inner.map(lambda text: f"item {{ {text} }}"),
        inner.map(lambda text: f"three {{ {text} }}"),
        inner.map(lambda text: f"... on Item {{ {text} }}"),
        inner.map(lambda text: f"four: items(first: 4) {{ nodes {{ {text} }} edges {{ node {{ {text} }} }} }}"),
        inner.map(lambda text: f"page: items(last: $n) {{ nodes {{ {text} }} total }}"),
    ]
    return st.lists(st.one_of(*leaves, *nested), min_size=1, max_size=4).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> str:
    fragments = [f"fragment F{number} on Item {{ {draw(selections(number + 1, 2))} }}" for number in range(FRAGMENTS)]
    spread = " ".join(f"...F{number}" for number in range(FRAGMENTS))
    return f"query ($n: Int) {{ root {{ {draw(selections(0, 2))} {spread} z: items(first: $n) {{ total }} }} }} {' '.join(fragments)}"


class Unfolded:
    """The same figures by writing every fragment out."""

    def __init__(self, text: str, n: int) -> None:
        document = parse(text)
        self.fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        self.n = n
        (operation,) = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        self.depth = 0
        self.aliases = 0
        self.cost = self._cost(operation.selection_set, 1, 1)

    def _cost(self, asked: SelectionSetNode, level: int, page: int) -> int:
        cost = 0
        for selection in asked.selections:
            if isinstance(selection, FragmentSpreadNode):
                cost += self._cost(self.fragments[selection.name.value].selection_set, level, page)
            elif isinstance(selection, InlineFragmentNode):
                cost += self._cost(selection.selection_set, level, page)
            elif isinstance(selection, FieldNode):
                self.depth = max(self.depth, level)
                self.aliases += selection.alias is not None
                cost += self._field(selection, level, page)
        return cost

    def _field(self, field: FieldNode, level: int, page: int) -> int:
        size = {"four": 4, "page": self.n, "z": self.n}.get(field.alias.value if field.alias else "", 1)
        inner = self._cost(field.selection_set, level + 1, size) if field.selection_set else 0
        return {
            "name": field.alias is not None,
            "words": field.alias is not None,
            "total": 5,
            "root": 1 + inner,
            "item": 1 + inner,
            "node": 1 + inner,
            "items": 1 + inner,
            "three": 3 * (1 + inner),
            "nodes": page * (1 + inner),
            "edges": page * inner,
        }[field.name.value]


@settings(deadline=None)
@given(documents(), st.integers(0, 100))
def test_what_is_remembered_equals_what_is_unfolded(text: str, n: int) -> None:
    unfolded = Unfolded(text, n)
    roomy = Bounds(depth=10_000, aliases=1_000_000, tokens=1_000_000, length=10_000_000)

    assert Documents(SCHEMA, roomy).prepare(text).operation(None).cost({"n": n}) == min(unfolded.cost, 1_000_000_000)
    check_shape(parse(text), replace(roomy, depth=unfolded.depth, aliases=unfolded.aliases))
    assert refusal(text, replace(roomy, depth=unfolded.depth - 1))["requested"] == unfolded.depth
    assert refusal(text, replace(roomy, aliases=unfolded.aliases - 1))["requested"] == unfolded.aliases

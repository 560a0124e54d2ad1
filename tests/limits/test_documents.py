"""From text to a document that may be executed, or a refusal."""

from typing import Any

import pytest
from graphql import OperationType, get_introspection_query

from lms_graph.limits.bounds import Bounds, DocumentRefused
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from tests.limits.small import SCHEMA

OURS = Documents(schema._schema)


def refusal(text: str, documents: Documents = OURS, **options: Any) -> list[Any]:
    with pytest.raises(DocumentRefused) as refused:
        documents.prepare(text, **options)
    return refused.value.errors


def codes(text: str, documents: Documents = OURS) -> set[str]:
    return {(error.extensions or {})["code"] for error in refusal(text, documents)}


class TestPrepare:
    def test_gives_the_document_with_its_hash(self) -> None:
        document = OURS.prepare("{ __typename }")

        assert document.sha256 == "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b"
        assert document.node.definitions
        assert not document.introspects

    @pytest.mark.parametrize(
        "options", [{}, {"type_depth": 9, "descriptions": True, "input_value_deprecation": True, "one_of": True, "specified_by_url": True, "schema_description": True}]
    )
    def test_takes_the_introspection_of_tools(self, options: dict[str, Any]) -> None:
        document = OURS.prepare(get_introspection_query(**options))

        assert document.introspects
        assert document.operation(None).cost({}) <= OURS.bounds.cost
        assert document.operation(None).name == "IntrospectionQuery"

    @pytest.mark.parametrize(
        "text",
        ["", " ", "#", "{", "{}}", "nonsense", "{ a(", "\ufeff", "\0", '"', "query Q($a) { b }", "{ a } \ud800", "{ __typename } type A { b: C }", "{ nothing }", "{ courses }"],
    )
    def test_tells_what_cannot_be_read_or_does_not_fit(self, text: str) -> None:
        assert codes(text) == {"BAD_USER_INPUT"}

    def test_keeps_the_locations(self) -> None:
        (error,) = refusal("{\n  storefront { id nothing }\n}")

        assert error.formatted["locations"] == [{"line": 2, "column": 19}]

    def test_suggests_names_only_where_it_may(self) -> None:
        assert "Did you mean 'storefront'?" in refusal("{ storefrnt { id } }")[0].message
        assert "Did you mean" not in refusal("{ storefrnt { id } }", suggestions=False)[0].message

    def test_strawberrys_own_inputs_are_validated(self) -> None:
        text = 'mutation { attemptAnswerSave(input: { attemptId: "a", questionId: "b", answer: { choice: [], trueFalse: true } }) { savedAt } }'

        assert "exactly one key" in refusal(text)[0].message


class TestOperation:
    DOCUMENT = Documents(SCHEMA).prepare("query A { root { name } } mutation B { change { name } }")

    def test_by_its_name(self) -> None:
        found = self.DOCUMENT.operation("B")

        assert (found.name, found.type, found.cost({})) == ("B", OperationType.MUTATION, 11)

    def test_the_only_one_needs_no_name(self) -> None:
        found = OURS.prepare("{ __typename }").operation(None)

        assert (found.name, found.type) == (None, OperationType.QUERY)

    @pytest.mark.parametrize(("name", "message"), [(None, "has 2 operations"), ("", "has 2 operations"), ("C", "no operation named `C`"), ("x" * 10_000, "no operation named")])
    def test_none_or_several(self, name: str | None, message: str) -> None:
        with pytest.raises(DocumentRefused, match=message) as refused:
            self.DOCUMENT.operation(name)

        assert refused.value.errors[0].extensions == {"code": "BAD_USER_INPUT"}
        assert len(str(refused.value)) < 300

    def test_a_document_of_fragments_has_none(self) -> None:
        assert codes("fragment F on Query { storefront { id } }") == {"BAD_USER_INPUT"}  # unused, so it does not even validate


class TestCache:
    def test_the_same_text_gives_the_same_document(self) -> None:
        documents = Documents(SCHEMA)

        assert documents.prepare("{ root { name } }") is documents.prepare("{ root { name } }")
        assert documents.prepare("{ root { name } }") is not documents.prepare("{ root { name  } }")

    def test_those_asked_last_stay(self) -> None:
        documents = Documents(SCHEMA, cache_size=2)
        first, second = documents.prepare("{ a: root { name } }"), documents.prepare("{ b: root { name } }")
        documents.prepare("{ a: root { name } }")

        documents.prepare("{ c: root { name } }")

        assert documents.prepare("{ a: root { name } }") is first
        assert documents.prepare("{ b: root { name } }") is not second

    @pytest.mark.parametrize("large", ["{ root {" + " name" * 90 + "} }", "{ root { name } }" + " " * 90_000])
    def test_large_ones_go_sooner(self, large: str) -> None:
        documents = Documents(SCHEMA, cache_bytes=110_000)
        first, second = documents.prepare("{ root { name } }"), documents.prepare("{ root { words } }")
        assert documents.prepare("{ root { name } }") is first

        documents.prepare(large)

        assert documents.prepare("{ root { words } }") is not second

    def test_what_was_refused_is_not_kept(self) -> None:
        documents = Documents(SCHEMA)
        refusal("{ nothing }", documents)

        assert documents._kept == {}


def fragments(count: int, body: str, on: str = "Viewer") -> str:
    return " ".join(f"fragment F{number} on {on} {{ {body.replace('NEXT', f'F{number + 1}')} }}" for number in range(count)) + f" fragment F{count} on {on} {{ id }}"


SPREADS = " ".join(f"...F{number}" for number in range(101))

TOO_MUCH = {
    "long": "{ __typename }" + " " * 100_000,
    "a long text": '{ courses(search: "' + "a" * 200_000 + '") { totalCount } }',
    "tokens": "{ viewer {" + " id" * 2_000 + "} }",
    "comments": "{ __typename" + "\n#" * 2_001 + "\n}",
    "commas": "{ __typename" + "," * 100_000 + "}",
    "deep fields": "{ viewer " + "{ id viewer " * 16 + "{ id }" + "}" * 17,
    "deeper fields": "{ viewer " * 400 + "}" * 400,
    "deep inline fragments": "{" + "... {" * 400 + "__typename" + "}" * 401,
    "deep lists": "{ courses(search: " + "[" * 900 + "]" * 900 + ") { totalCount } }",
    "deep objects": "{ courses(where: " + "{ a: " * 400 + "1" + "}" * 400 + ") { totalCount } }",
    "deep types": "query ($a: " + "[" * 400 + "Int" + "]" * 400 + ") { __typename }",
    "aliases": "{ viewer {" + " ".join(f"a{number}: id" for number in range(101)) + "} }",
    "one field again and again": "{ viewer { enrollments { nodes {" + "course { id } " * 400 + "} } } }",
    "one leaf again and again": "{ viewer {" + " id" * 1_900 + "} }",
    "inline fragments": "{ viewer {" + "... { sessions { id } } " * 230 + "} }",
    "fragments side by side": "{ viewer {" + SPREADS + "} } " + " ".join(f"fragment F{number} on Viewer {{ sessions {{ id }} }}" for number in range(101)),
    "fragments that double": "{ viewer { ...F0 } } " + fragments(100, "a: id ...NEXT ...NEXT"),
    "root fields that double": "{ ...F0 } " + fragments(30, "...NEXT ...NEXT", on="Query").replace("{ id }", "{ viewer { id } }"),
    "a long chain of fragments": "{ viewer { ...F0 } } " + fragments(210, "...NEXT"),
    "root fields": "{" + " ".join("viewer { id }" for _ in range(21)) + "}",
    "mutations": "mutation {" + " ".join(f'a{number}: signOut(input: {{}}) {{ ok }}' for number in range(11)) + "}",
    "directives": "{ viewer { id" + " @include(if: true)" * 11 + "} }",
}  # fmt: skip

CANNOT_BE_MEANT = {
    "unknown fields": "{ viewer {" + " ".join(f"unknown{number}" for number in range(1_900)) + "} }",
    "long names": "{ viewer {" + " ".join("n" * 9_000 + str(number) for number in range(10)) + "} }",
    "unknown arguments": "{ courses(" + " ".join(f"a{number}: 1" for number in range(600)) + ") { totalCount } }",
    "unused variables": "query (" + " ".join(f"$a{number}: Int" for number in range(400)) + ") { __typename }",
    "operations of one name": " ".join("query Q { __typename }" for _ in range(300)),
    "fragments in a circle": "{ viewer { ...F0 } } " + " ".join(f"fragment F{number} on Viewer {{ ...F{(number + 1) % 100} }}" for number in range(100)),
    "an unknown fragment, often": "{ viewer {" + "...Nobody " * 900 + "} }",
    "a text that does not end": '{ courses(search: "' + "a" * 90_000,
    "an unknown directive": "{ viewer { id @" + "d" * 90_000 + "} }",
    "a long enum": "{ courses(orderBy: { field: " + "F" * 90_000 + ", direction: ASC }) { totalCount } }",
    "a long number": "{ courses(first: " + "9" * 90_000 + ") { totalCount } }",
    "a long operation name": "query " + "Q" * 45_000 + " { __typename } query " + "Q" * 45_000 + " { __typename }",
}  # fmt: skip


class TestHostile:
    @pytest.mark.parametrize(
        ("text", "code"),
        [*((text, "COST_EXCEEDED") for text in TOO_MUCH.values()), *((text, "BAD_USER_INPUT") for text in CANNOT_BE_MEANT.values())],
        ids=[*TOO_MUCH, *CANNOT_BE_MEANT],
    )
    def test_is_refused_in_few_words(self, text: str, code: str) -> None:
        errors = refusal(text)

        assert {(error.extensions or {})["code"] for error in errors} == {code}
        assert len(errors) <= 11
        assert all(len(error.message) <= 300 for error in errors)
        assert sum(len(str(error.formatted)) for error in errors) < 50_000

    @pytest.mark.parametrize(
        "text",
        [
            "{ viewer {" + "... {" * 190 + "id" + "}" * 192,
            "{ viewer { ...F0 } } " + fragments(190, "...NEXT"),
            "{ viewer {" + " id" * 100 + "} }",
        ],
    )
    def test_what_is_odd_but_small_is_taken(self, text: str) -> None:
        assert OURS.prepare(text).operation(None).cost({}) == 1

    def test_more_bounds_than_the_default_can_be_set(self) -> None:
        deep = "{ root " + "{ item " * 20 + "{ name }" + "}" * 21

        assert codes(deep, Documents(SCHEMA)) == {"COST_EXCEEDED"}
        assert Documents(SCHEMA, Bounds(depth=30)).prepare(deep).operation(None).cost({}) == 21

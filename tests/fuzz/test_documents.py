"""Documents that mean harm, and cursors that were made for another list."""

from typing import Any

import pytest

from tests.factories.accounts import PASSWORD
from tests.fuzz.target import Target, errors

pytestmark = pytest.mark.xdist_group("fuzz-documents")

SHORT = "{ __typename }"
# What is sent, and how it is refused; None where it is simply answered.
DOCUMENTS: dict[str, tuple[str, dict[str, Any] | None, str | None]] = {
    "colliding names": ("{ a: storefront { id } a: viewer { id } }", None, "BAD_USER_INPUT"),
    "colliding arguments": ("{ courses(first: 1) { totalCount } courses(first: 2) { totalCount } }", None, "BAD_USER_INPUT"),
    "an alias for __typename": ("{ __typename: storefront { id } }", None, None),
    "an argument twice": ("{ courses(first: 1, first: 2) { totalCount } }", None, "BAD_USER_INPUT"),
    "a variable twice": ("query ($a: Int, $a: Int) { courses(first: $a) { totalCount } }", None, "BAD_USER_INPUT"),
    "a variable that nobody uses": ("query ($a: Int) { __typename }", None, "BAD_USER_INPUT"),
    "a variable of a kind of output": ("query ($a: Course) { node(id: $a) { id } }", None, "BAD_USER_INPUT"),
    "an operation name twice": ("query A { __typename } query A { __typename }", None, "BAD_USER_INPUT"),
    "skip without if": ("{ __typename @skip }", None, "BAD_USER_INPUT"),
    "skip if null": ("{ __typename @skip(if: null) }", None, "BAD_USER_INPUT"),
    "include if a null variable": ("query ($a: Boolean!) { __typename @include(if: $a) }", {"a": None}, "BAD_USER_INPUT"),
    "include if a default": ("query ($a: Boolean = true) { storefront @include(if: $a) { id } }", {"a": None}, "BAD_USER_INPUT"),
    "everything skipped": ("{ storefront @skip(if: true) { id } }", None, None),
    "a directive twice": ("{ __typename @skip(if: false) @skip(if: false) }", None, "BAD_USER_INPUT"),
    "a directive of the schema": ('{ __typename @cost(weight: "0") }', None, "BAD_USER_INPUT"),
    "a directive that nobody knows": ("{ __typename @defer }", None, "BAD_USER_INPUT"),
    "introspection": ("{ __schema { types { name } } }", None, "FORBIDDEN"),
    "introspection under another name": ('{ storefront: __type(name: "Query") { id: name } }', None, "FORBIDDEN"),
    "introspection in a fragment": ("{ ...A } fragment A on Query { ... on Query { ...B } } fragment B on Query { __schema { queryType { name } } }", None, "FORBIDDEN"),
    "introspection in the other operation": ("query A { __typename } query B { __schema { queryType { name } } }", None, "FORBIDDEN"),
    "introspection that is skipped": ("{ __schema @skip(if: true) { queryType { name } } __typename }", None, "FORBIDDEN"),
    "introspection in a mutation": ("mutation { __schema { queryType { name } } }", None, "BAD_USER_INPUT"),
    "a flood of __typename": ("{ " + "__typename " * 1_990 + "}", None, "COST_EXCEEDED"),
    "a flood of named __typename": ("{ " + " ".join(f"a{number}: __typename" for number in range(600)) + " }", None, "COST_EXCEEDED"),
    "a comment as long as can be": ("#" + "a" * 99_980 + f"\n{SHORT}", None, None),
    "a comment that is too long": ("#" + "a" * 900_000 + f"\n{SHORT}", None, "COST_EXCEEDED"),
    "many comments": ("#\n" * 40_000 + SHORT, None, "COST_EXCEEDED"),
    "commas as far as can be": ("," * 99_980 + SHORT, None, None),
    "spaces": (" " * 99_980 + SHORT, None, None),
    "a fragment that spreads itself": ("{ ...A } fragment A on Query { ...A }", None, "BAD_USER_INPUT"),
    "fragments that spread each other": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...A }", None, "BAD_USER_INPUT"),
    "fragments that double": (
        "{ ...F0 } " + " ".join(f"fragment F{number} on Query {{ ...F{number + 1} ...F{number + 1} }}" for number in range(60)) + " fragment F60 on Query { a: __typename }",
        None,
        "COST_EXCEEDED",
    ),
    "a fragment on no type": ("{ ...A } fragment A on String { id }", None, "BAD_USER_INPUT"),
    "a fragment that never fits": ("{ storefront { ... on Course { id } } }", None, "BAD_USER_INPUT"),
    "a subscription for two things": ('subscription { attemptUpdated(id: "a") { id } b: attemptUpdated(id: "a") { id } }', None, "BAD_USER_INPUT"),
    "a definition of a type": (f"{SHORT} type Query {{ a: Int }}", None, "BAD_USER_INPUT"),
    "an extension of a type": (f"extend type Query {{ a: Int }} {SHORT}", None, "BAD_USER_INPUT"),
    "names of the language itself": ("query __proto__ { constructor: storefront { __proto__: id toString: slug } }", None, None),
    "an escape of half a character": ('{ node(id: "\\uD800") { id } }', None, "BAD_USER_INPUT"),
    "an escape beyond all characters": ('{ node(id: "\\u{110000}") { id } }', None, "BAD_USER_INPUT"),
    "a block of text without end": ('{ node(id: """a) { id } }', None, "BAD_USER_INPUT"),
    "a number that runs on": ("{ courses(first: 1a) { totalCount } }", None, "BAD_USER_INPUT"),
    "a number that begins with 0": ("{ courses(first: 01) { totalCount } }", None, "BAD_USER_INPUT"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(target: Target, name: str) -> None:
    document, variables, code = DOCUMENTS[name]

    body = target.post({"query": document, "variables": variables, "operationName": "A" if "query B" in document else None}, target.headers("visitor"))

    assert {error["extensions"]["code"] for error in errors(body)} == ({code} if code else set())
    assert ("data" in body) is (code is None)


CONNECTIONS = {
    "courses": "query ($after: String) { courses(first: 1, after: $after) { edges { cursor } } }",
    "courses by title": "query ($after: String) { courses(first: 1, after: $after, orderBy: [{field: TITLE, direction: ASC}]) { edges { cursor } } }",
    "courses backward by title": "query ($after: String) { courses(first: 1, after: $after, orderBy: [{field: TITLE, direction: DESC}]) { edges { cursor } } }",
    "courses of an instructor": "query ($after: String, $slug: String!) { instructor(slug: $slug) { courses(first: 1, after: $after) { edges { cursor } } } }",
    "runs": "query ($after: String) { viewer { enrollments(first: 1, after: $after) { edges { cursor } } } }",
    "certificates": "query ($after: String) { viewer { certificates(first: 1, after: $after) { edges { cursor } } } }",
}


class TestCursors:
    def ask(self, target: Target, who: str, name: str, after: str | None) -> Any:
        variables = {"after": after} | ({"slug": target.school.words["slug"][1]} if "$slug" in CONNECTIONS[name] else {})
        return target.post({"query": CONNECTIONS[name], "variables": variables}, target.headers(who))

    def cursors(self, target: Target) -> dict[str, str]:
        found = {}
        for name in CONNECTIONS:
            value = self.ask(target, "student", name, None)["data"]
            while "edges" not in value:
                (value,) = value.values()
            found[name] = value["edges"][0]["cursor"]
        return found

    @pytest.mark.parametrize("name", CONNECTIONS)
    def test_are_good_for_their_own_list_only(self, target: Target, name: str) -> None:
        for made_for, cursor in self.cursors(target).items():
            codes = [error["extensions"]["code"] for error in errors(self.ask(target, "student", name, cursor))]

            assert codes == ([] if made_for == name else ["BAD_USER_INPUT"]), made_for

    @pytest.mark.parametrize("name", ["runs", "certificates"])
    def test_are_good_for_their_own_person_only(self, target: Target, name: str) -> None:
        body = self.ask(target, "admin", name, self.cursors(target)[name])

        assert [error["extensions"]["code"] for error in errors(body)] == ["BAD_USER_INPUT"]

    @pytest.mark.parametrize("name", CONNECTIONS)
    def test_are_good_as_they_were_given_only(self, target: Target, name: str) -> None:
        cursor = self.cursors(target)[name]
        changed = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(0, len(cursor) - 1, 3)]
        for other in [*changed, "", "=", "====", "A", cursor[:-4], cursor[16:], "\u0660" * 20, "A" * 100_000, "eyJhIjogMX0", PASSWORD]:
            codes = [error["extensions"]["code"] for error in errors(self.ask(target, "student", name, other))]

            assert codes == ["BAD_USER_INPUT"], other

"""What variables and literals may hold."""

from typing import Any

import pytest

from lms_graph.limits.bounds import Bounds, DocumentRefused
from lms_graph.limits.documents import Documents
from lms_graph.limits.values import check_variables
from tests.limits.small import SCHEMA

NAUGHTY = ["\0", "a\0b", "\ud800", "a\udfff", "\udc00\ud800"]
DEEP_LIST: list[Any] = []
for _ in range(100_000):
    DEEP_LIST = [DEEP_LIST]


def refused(variables: dict[str, Any]) -> str:
    with pytest.raises(DocumentRefused) as refusal:
        check_variables(variables)
    (error,) = refusal.value.errors
    assert error.extensions == {"code": "BAD_USER_INPUT"}
    assert len(error.message) <= 300
    assert error.message.encode()
    return error.message


class TestVariables:
    @pytest.mark.parametrize(
        "variables",
        [
            {},
            {"a": None, "b": True, "c": 1.5, "d": 2**63, "e": "", "f": "é 😀 \n\t\x7f"},
            {"a": ["x"] * 250},
            {"a": [["x"] * 250] * 30},
            {"input": {"events": [{"a": 1, "b": [1, 2]}] * 100}},
            {"a": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]},
        ],
    )
    def test_are_taken(self, variables: dict[str, Any]) -> None:
        check_variables(variables)

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"a": [1] * 251}, "`a` has 251 items; a list takes at most 250."),
            ({"input": {"events": [{"ids": ["x"] * 1_000}]}}, "`input.events.0.ids` has 1000 items; a list takes at most 250."),
            ({"a": {f"k{n}": n for n in range(251)}}, "`a` has 251 items; a list takes at most 250."),
            ({f"k{n}": n for n in range(251)}, "There are 251 variables; at most 250 are taken."),
            ({"a": [[1] * 250] * 100}, "The variables have more than 10000 values together. Send them in several requests."),
        ],
    )
    def test_are_too_many(self, variables: dict[str, Any], message: str) -> None:
        assert refused(variables) == message

    def test_are_nested_too_deeply(self) -> None:
        assert refused({"a": DEEP_LIST}).endswith("is nested too deeply; at most 20 levels are taken.")

    @pytest.mark.parametrize("text", NAUGHTY)
    def test_hold_what_no_text_may_have(self, text: str) -> None:
        assert refused({"input": {"names": ["fine", text]}}).startswith("`input.names.1` has a NUL character")
        assert refused({"input": {text: 1}}).startswith("A name in `input` has a NUL character")
        assert refused({text: 1}).startswith("A name in `variables` has a NUL character")

    def test_a_long_way_in_is_told_shortly(self) -> None:
        inner: Any = "\0"
        for _ in range(15):
            inner = {"k" * 1_000: inner}

        refused({"a": inner})


class TestLiterals:
    @pytest.mark.parametrize(
        "text",
        [
            r'{ find(text: "a\u0000b") { name } }',
            '{ find(text: "a\0b") { name } }',
            '{ find(text: """a\0b""") { name } }',
            r'{ find(where: { names: ["a", "\u{0}"] }) { name } }',
            r'query ($a: String = "\u0000") { find(text: $a) { name } }',
            '{ find(where: { names: [' + '"a" ' * 251 + "] }) { name } }",
            "{ find(where: " + "{ also: " * 25 + "{}" + "}" * 25 + ") { name } }",
            "{ root { items(first: " + "9" * 5_000 + ") { total } } }",
            "{ root { items(first: 1." + "9" * 5_000 + ") { total } } }",
            r'{ root @include(if: "\u0000") { name } }',
            '{ find(text: "\ud800") { name } }',
            r'{ find(text: "\ud800") { name } }',
        ],
    )  # fmt: skip
    def test_are_refused(self, text: str) -> None:
        with pytest.raises(DocumentRefused) as refusal:
            Documents(SCHEMA).prepare(text)

        assert {(error.extensions or {})["code"] for error in refusal.value.errors} == {"BAD_USER_INPUT"}
        assert all(len(error.message) <= 300 and error.message.encode() for error in refusal.value.errors)

    def test_are_taken_up_to_the_bound(self) -> None:
        Documents(SCHEMA, Bounds()).prepare("{ find(where: { names: [" + '"a" ' * 250 + "] also: " + "{ also: " * 10 + "{}" + "}" * 10 + " }) { name } }")

"""The reader sees where an answer is not what a page says."""

import json
from typing import Any

import pytest

from tests.docs.pages import Block
from tests.docs.reader import assert_alike, assert_told

SAID = {"data": {"title": "One", "nodes": [{"id": 1, "at": "2026-11-23T09:30:00Z"}], "access": None, "open": True}}


@pytest.mark.parametrize(
    "given",
    [
        SAID | {"extensions": {}},
        {"data": SAID["data"] | {"nodes": [{"id": 1, "at": "2027-01-02T03:04:05.678Z"}]}},
    ],
)
def test_an_answer_is_alike(given: Any) -> None:
    assert_alike(SAID, given, "a.md:1")


@pytest.mark.parametrize(
    "other",
    [{"title": "Two"}, {"nodes": []}, {"nodes": [{"id": 2, "at": "2026-11-23T09:30:00Z"}]}, {"nodes": [{"id": 1, "at": "now"}]}, {"access": {}}, {"open": 1}, {"more": 1}],
    ids=json.dumps,
)
def test_an_answer_is_not_alike(other: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"a\.md:1"):
        assert_alike(SAID, {"data": SAID["data"] | other}, "a.md:1")


def test_a_part_of_an_answer_is_enough_at_the_top_only() -> None:
    with pytest.raises(AssertionError, match="`data` is"):
        assert_alike({"data": {"title": "One"}}, SAID, "a.md:1")


@pytest.mark.parametrize(
    ("said", "told", "is_told"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\n", "one\ntwo\n", False),
        ("…\ntwo\n", "zero\none\ntwo\n", True),
        ("…\none\n", "one\ntwo\n", False),
        ("data: {…}\n", 'data: {"a": 1}\n\n', True),
        ("(a.b)\n", "(a-b)\n", False),
    ],
)
def test_what_a_command_tells(said: str, told: str, is_told: bool) -> None:
    block = Block("a.md", 1, "text", said, "", None, None)
    if is_told:
        assert_told(block, told)
    else:
        with pytest.raises(AssertionError, match=r"a\.md:1"):
            assert_told(block, told)

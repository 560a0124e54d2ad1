"""`schema.graphql` is what the code says."""

import difflib

from lms_graph.schema import sdl
from tests.architecture.sources import ROOT


def test_the_schema_checked_in_is_the_schema_of_the_code() -> None:
    checked_in, present = (ROOT / "schema.graphql").read_text(), sdl()

    difference = "\n".join(difflib.unified_diff(checked_in.splitlines(), present.splitlines(), "schema.graphql", "the code", lineterm="", n=1))
    assert checked_in == present, f"{difference}\n\nIf this is meant, write it with `lms-graph schema export`, and read the difference: renaming or removing breaks clients."

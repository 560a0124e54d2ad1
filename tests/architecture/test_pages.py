"""`docs/enums.md` and `docs/ids.md` say what the schema says."""

import pytest
from graphql import build_schema

from lms_graph.schema import sdl
from tests.architecture.pages import PAGES, WRITE
from tests.architecture.sources import ROOT


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_the_one_of_the_code(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](build_schema(sdl())), f"{path} is behind the code. {WRITE}"

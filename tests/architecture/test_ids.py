"""One prefix per type, for every node, and in `docs/ids.md`."""

import ast
import re

from graphql import build_schema

from lms_graph.resolvers.nodes import LOADERS
from lms_graph.schema import sdl
from lms_graph.types.nodes import PREFIXES
from tests.architecture.pages import nodes
from tests.architecture.sources import ROOT, modules

# Ids that stand in objects only: a file's in addresses of `/files/`, a question's in an attempt.
NO_NODES = {"File", "Question"}


def test_a_prefix_belongs_to_one_type() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)
    assert [prefix for prefix in PREFIXES.values() if not re.fullmatch("[a-z]{3}", prefix)] == []


def test_every_node_has_a_prefix_and_every_prefix_a_node() -> None:
    assert set(nodes(build_schema(sdl()))) == set(PREFIXES) - NO_NODES


def test_node_resolves_every_node() -> None:
    assert set(LOADERS) == {PREFIXES[name] for name in nodes(build_schema(sdl()))}


def test_ids_are_made_and_read_with_known_prefixes_only() -> None:
    used = {prefix for _, tree in modules() for prefix in re.findall(r"(?:public_id|decode_id|decode_or_none)\([^()]*?'([a-z]{2,4})'", ast.unparse(tree))}

    assert used
    assert used - set(PREFIXES.values()) == set()


def test_the_page_lists_them_all() -> None:
    listed = dict(re.findall(r"^\| (\w+) \| `(\w+)_` \|", (ROOT / "docs" / "ids.md").read_text(), re.MULTILINE))

    assert listed == PREFIXES

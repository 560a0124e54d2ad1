"""The schema and the documents as @graphql-eslint wants them; the rules are in `eslint.config.js`."""

import json
import shutil
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.clients.conftest import MODULES, Run

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]


# A list that can be paged one way only, without `pageInfo` and cursors, of what has no id; and a type that nothing leads to.
FIELDS = "\n  stamps(first: Int): StampConnection!\n"
TYPES = '''
type StampConnection { edges: [StampEdge!]! }
"""A stamp in a list."""
type StampEdge { node: Stamp! }
"""A stamp."""
type Stamp { number: Int! }
"""Never asked for."""
type Envelope { id: ID! }
'''


class TestLint:
    async def test_finds_nothing(self, program: Run) -> None:
        done = await program("eslint", "--max-warnings", "0", "schema.graphql", "tests/operations")

        assert (done.status, done.told) == (0, "")

    async def test_finds_breaches(self, program: Run, tmp_path: Path) -> None:
        schema = (ROOT / "schema.graphql").read_text()
        (tmp_path / "schema.graphql").write_text(schema.replace("type Query {", "type Query {" + FIELDS) + TYPES)
        for name in ("eslint.config.js", "package.json"):
            shutil.copy(ROOT / name, tmp_path)
        shutil.copytree(ROOT / "tests" / "operations", tmp_path / "tests" / "operations")
        (tmp_path / "node_modules").symlink_to(MODULES)

        done = await program("eslint", "--format", "json", "schema.graphql", cwd=tmp_path)

        (found,) = json.loads(done.told)
        assert done.status == 1
        assert {message["ruleId"].removeprefix("@graphql-eslint/") for message in found["messages"]} == {
            "no-unreachable-types",
            "relay-arguments",
            "relay-connection-types",
            "relay-edge-types",
            "require-description",
            "strict-id-in-types",
        }

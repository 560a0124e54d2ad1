"""The schema and the documents as @graphql-eslint wants them; the rules are in `eslint.config.js`."""

import pytest

from tests.clients.conftest import Run

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.xdist_group("clients")]


class TestLint:
    async def test_finds_nothing(self, program: Run) -> None:
        done = await program("eslint", "--max-warnings", "0", "schema.graphql", "tests/operations")

        assert (done.status, done.told) == (0, "")

"""Typed documents for TypeScript: made by `codegen.yml`, compiled under `strict` and then some, together with the clients that use them."""

import pytest

from lms_graph.limits import manifests
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from tests.architecture.sources import ROOT
from tests.clients.conftest import Run
from tests.fixtures.client import DOCUMENTS

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]


class TestTypedDocuments:
    async def test_compile(self, documents: None, program: Run) -> None:
        """What must not compile is in `refused.ts`."""
        done = await program("tsc", "--project", "tests/clients")

        assert (done.status, done.told) == (0, "")

    async def test_are_there_for_every_operation(self, documents: None) -> None:
        made = (ROOT / "tests" / "clients" / "gql" / "graphql.ts").read_text()

        assert [name for name in DOCUMENTS if f"export const {name}Document = " not in made] == []

    async def test_know_no_value_of_any_type(self, documents: None) -> None:
        """A scalar that `codegen.yml` does not map would be `any`, and everything would compile."""
        made = (ROOT / "tests" / "clients" / "gql" / "graphql.ts").read_text()

        assert ": any" not in made

    async def test_stand_in_a_manifest_that_the_server_takes(self, documents: None) -> None:
        trusted, made = Documents(schema._schema), ROOT / "tests" / "clients" / "gql" / "persisted-documents.json"
        found = manifests.read([made])
        for id, (text, _) in found.items():
            trusted.trust(id, text)

        assert {manifests.called(text) for text, _ in found.values()} == set(DOCUMENTS)
        assert all(trusted.named(id) for id in found)

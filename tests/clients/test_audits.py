"""GraphQL over HTTP: the audits of the specification, as npm's `graphql-http` has them."""

import json

import pytest

from lms_graph.domain.tenancy.operations import tenants as operations
from tests.clients.conftest import Run
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]


class TestGraphQLOverHttp:
    async def test_passes_every_audit(self, node: Run, house: House, school: School) -> None:
        await operations.update_tenant(caller=school.system, changes={"is_introspection_open": True})  # some of the audits ask `__type`
        done = await node("audits.ts", environment={"LMS_URL": f"{house.url}/graphql", "LMS_TENANT": school.slug})

        assert done.status == 0, done.told
        found = json.loads(done.told)
        assert len(found) >= 61
        assert {audit["name"]: audit["reason"] for audit in found if audit["reason"] is not None} == {}

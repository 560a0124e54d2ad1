"""What nobody expected: masked towards the client, in the log under its trace id."""

import logging
from unittest.mock import patch

import pytest

from lms_graph.domain.tenancy import queries
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def test_a_surprise_is_masked_and_can_be_found_by_its_trace_id(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with patch.object(queries, "storefront", side_effect=ZeroDivisionError("the inner word")):
        body = await visitor.send("Storefront")

    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "the inner word" not in str(body)
    assert error["extensions"]["traceId"] in caplog.text
    assert "the inner word" in caplog.text


async def test_expected_failures_and_bad_documents_are_not_logged(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lms_graph")

    assert await visitor.codes("{ nothing }") == ["BAD_USER_INPUT"]
    assert await visitor.codes("SignOut", input={}) == ["UNAUTHENTICATED"]

    assert [record for record in caplog.records if record.name.startswith(("lms_graph", "strawberry"))] == []

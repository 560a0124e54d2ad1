"""What nobody expected: masked towards the client, in the log under its trace id."""

from unittest.mock import patch

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from lms_graph.domain.tenancy import queries
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def test_a_surprise_is_masked_and_can_be_found_by_its_trace_id(visitor: Client) -> None:
    surprise = ZeroDivisionError("the inner word")

    with patch.object(queries, "storefront", side_effect=surprise), capture_logs(processors=[merge_contextvars]) as lines:
        body = await visitor.send("Storefront")

    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "the inner word" not in str(body)
    (logged,) = [line for line in lines if line["event"] == "operation.failed"]
    assert logged["exc_info"] is surprise
    assert logged["trace_id"] == error["extensions"]["traceId"]


async def test_expected_failures_and_bad_documents_are_told_by_their_code_alone(visitor: Client) -> None:
    with capture_logs() as lines:
        assert await visitor.codes("{ nothing }") == ["BAD_USER_INPUT"]
        assert await visitor.codes("SignOut", input={}) == ["UNAUTHENTICATED"]

    assert [(line["event"], line["log_level"], line["codes"]) for line in lines] == [("operation", "info", ["BAD_USER_INPUT"]), ("operation", "info", ["UNAUTHENTICATED"])]

"""What nobody expected: masked towards the client, in the log under its trace id."""

from collections.abc import MutableMapping
from typing import Any
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from lms_graph.domain.identity.queries import accounts as identity
from lms_graph.domain.tenancy.queries import tenants as queries
from lms_graph.telemetry import bound, redaction
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

SECRET = 'two "words" 7'


async def test_a_surprise_is_masked_and_can_be_found_by_its_trace_id(visitor: Client) -> None:
    surprise = ZeroDivisionError("the inner word")

    with patch.object(queries, "storefront", side_effect=surprise), capture_logs(processors=[bound.merged]) as lines:
        body = await visitor.send("Storefront")

    (error,) = body["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "the inner word" not in str(body)
    (logged,) = [line for line in lines if line["event"] == "operation.failed"]
    assert logged["exc_info"] is surprise
    assert logged["trace_id"] == error["extensions"]["traceId"]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("mutation($input: SignInInput!) { signIn(input: $input) { errors { code } } }", {"input": {"email": "ada@school.example", "password": SECRET}}),
        ('mutation($harmless: String!) { signIn(input: {email: "ada@school.example", password: $harmless}) { errors { code } } }', {"harmless": SECRET}),
        ('mutation { signIn(input: {email: "ada@school.example", password: "two \\"words\\" 7"}) { errors { code } } }', {}),
        ('mutation($input: SignInInput! = {email: "ada@school.example", password: "two \\"words\\" 7"}) { signIn(input: $input) { errors { code } } }', {}),
    ],
    ids=["in a variable", "in a variable under a harmless name", "in the document", "in a default"],
)
async def test_a_surprise_that_quotes_what_was_sent_is_logged_without_its_secrets(visitor: Client, document: str, variables: dict[str, Any]) -> None:
    def as_text(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return line | {"shown": redaction.text_redacted(f"{line.get('exc_info')!r}")}

    async def fail(*, email: str, **_: Any) -> None:
        raise ZeroDivisionError(f"kept, {SECRET}")

    with patch.object(identity, "credentials_or_none", fail), capture_logs(processors=[as_text]) as lines:
        assert await visitor.codes(document, **variables) == ["INTERNAL"]

    (logged,) = [line for line in lines if line["event"] == "operation.failed"]
    assert logged["shown"] == "ZeroDivisionError('kept, [redacted]')"


async def test_expected_failures_and_bad_documents_are_told_by_their_code_alone(visitor: Client) -> None:
    with capture_logs() as lines:
        assert await visitor.codes("{ nothing }") == ["BAD_USER_INPUT"]
        assert await visitor.codes("SignOut", input={}) == ["UNAUTHENTICATED"]

    assert [(line["event"], line["log_level"], line["codes"]) for line in lines] == [("operation", "info", ["BAD_USER_INPUT"]), ("operation", "info", ["UNAUTHENTICATED"])]

"""GraphQL over HTTP: media types, statuses, methods; and whatever else is sent."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lms_graph.kit.budget import MemoryBudget, Rate
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
MUTATION = 'mutation { signIn(input: {email: "ada@example.com", password: "long enough for this"}) { errors { code } } }'
SUBSCRIPTION = 'subscription { attemptUpdated(id: "att_x") { id } }'


@pytest.fixture
async def frugal(house: House) -> AsyncIterator[House]:
    """The house behind a door where every caller has a budget of 1,000, and one more each second."""
    adapters = replace(house.adapters, budget=MemoryBudget(Rate(1000, 1)))
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema)), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint)])) as url:
        yield House(url, adapters)


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


async def post(client: Client, body: bytes | str | dict[str, Any], content_type: str | None = JSON, **headers: str) -> httpx.Response:
    content = json.dumps(body) if isinstance(body, dict) else body
    return await client.http.post("/graphql", content=content, headers=({"Content-Type": content_type} if content_type else {}) | headers)


class TestMediaTypes:
    @pytest.mark.parametrize(
        ("accept", "answered"),
        [
            (GRAPHQL, GRAPHQL),
            (JSON, JSON),
            ("*/*", JSON),
            ("application/*", JSON),
            (f"{GRAPHQL}, {JSON}", GRAPHQL),
            (f"{JSON}, {GRAPHQL}", GRAPHQL),
            (f"{GRAPHQL};q=0.5, {JSON}", JSON),
            (f"{GRAPHQL}; charset=utf-8, {JSON}; q=0.9", GRAPHQL),
            ("application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", GRAPHQL),
            ("text/html, */*;q=0.1", JSON),
            ("TEXT/HTML, APPLICATION/JSON", JSON),
        ],
    )
    async def test_the_best_of_what_is_accepted(self, visitor: Client, accept: str, answered: str) -> None:
        answer = await post(visitor, {"query": "{ __typename }"}, Accept=accept)

        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{answered}; charset=utf-8")
        assert answer.json()["data"] == {"__typename": "Query"}

    @pytest.mark.parametrize("accept", ["text/html", "image/*", f"{JSON};q=0", f"{JSON};q=x", ","])
    async def test_nothing_that_is_accepted(self, visitor: Client, accept: str) -> None:
        answer = await post(visitor, {"query": "{ __typename }"}, Accept=accept)

        assert (answer.status_code, codes(answer)) == (406, ["BAD_USER_INPUT"])

    @pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", 'APPLICATION/JSON; Charset="UTF-8"', "application/json; foo=bar"])
    async def test_takes_json_in_utf_8(self, visitor: Client, content_type: str) -> None:
        assert (await post(visitor, {"query": "{ __typename }"}, content_type)).status_code == 200

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/json; charset=utf-16",
            "application/json, text/plain",
        ],
    )
    async def test_takes_nothing_that_a_form_can_send(self, visitor: Client, content_type: str | None) -> None:
        answer = await post(visitor, {"query": "{ __typename }"}, content_type)

        assert (answer.status_code, codes(answer)) == (415, ["BAD_USER_INPUT"])


class TestStatuses:
    @pytest.mark.parametrize(
        "query",
        ["{", "{ nothing }", "query A { __typename } query B { __typename }", "query ($a: Int!) { courses(first: $a) { totalCount } }", "fragment F on Query { __typename }"],
    )
    async def test_what_was_not_run_has_no_data(self, visitor: Client, query: str) -> None:
        new, old = await post(visitor, {"query": query}, Accept=GRAPHQL), await post(visitor, {"query": query}, Accept=JSON)

        assert (new.status_code, old.status_code) == (400, 200)
        assert "data" not in new.json()
        assert "data" not in old.json()
        assert codes(new) == codes(old) == ["BAD_USER_INPUT"]

    async def test_what_was_run_is_200_though_it_has_errors(self, visitor: Client) -> None:
        answer = await post(visitor, {"query": "{ courses(first: 101) { totalCount } }"}, Accept=GRAPHQL)

        assert (answer.status_code, answer.json()["data"], codes(answer)) == (200, None, ["BAD_USER_INPUT"])

    async def test_an_operation_is_chosen_by_name(self, visitor: Client) -> None:
        both = "query A { a: __typename } query B { b: __typename }"

        assert (await post(visitor, {"query": both, "operationName": "B"})).json()["data"] == {"b": "Query"}
        assert codes(await post(visitor, {"query": both, "operationName": "C"})) == ["BAD_USER_INPUT"]


class TestCost:
    async def test_every_answer_says_what_it_cost(self, student: Client) -> None:
        answers = [await post(student, {"query": query}) for query in ("{ viewer { name } }", "{ viewer { name } courses(first: 5) { nodes { id } } }", "{ nothing }", "{")]

        costs = [answer.json()["extensions"]["cost"] for answer in answers]
        assert [set(cost) for cost in costs] == [{"requested", "limit", "remaining", "resetAt"}] * 4
        assert costs[0]["requested"] < costs[1]["requested"]
        assert [cost["requested"] for cost in costs[2:]] == [0, 0]

    async def test_what_is_too_dear_is_refused_before_anything_is_read(self, visitor: Client, statements: list[str]) -> None:
        dear = "{ courses(first: 100) { nodes { instructors { instructor { courses(first: 100) { nodes { id } } } } } } }"

        answer = await post(visitor, {"query": dear}, Accept=GRAPHQL)

        assert (answer.status_code, codes(answer)) == (400, ["COST_EXCEEDED"])
        extensions = answer.json()["errors"][0]["extensions"]
        assert extensions["requested"] > extensions["limit"] == answer.json()["extensions"]["cost"]["limit"]
        assert not any("courses" in statement for statement in statements)

    async def test_an_empty_bucket_is_told_with_the_time_to_wait(self, student: Client, sign_in: SignIn, frugal: House) -> None:
        first, second = Client(frugal, student.tenant, student.token), Client(frugal, student.tenant, (await sign_in()).token)

        spent = [await post(first, {"query": "{ courses(first: 100) { nodes { id } } }"}) for _ in range(12)]
        other = await post(second, {"query": "{ courses(first: 100) { nodes { id } } }"})
        await asyncio.gather(first.http.aclose(), second.http.aclose())

        remaining = [answer.json()["extensions"]["cost"]["remaining"] for answer in spent]
        assert remaining == sorted(remaining, reverse=True)
        assert (spent[0].status_code, spent[-1].status_code, codes(spent[-1])) == (200, 429, ["RATE_LIMITED"])
        assert int(spent[-1].headers["retry-after"]) == spent[-1].json()["errors"][0]["extensions"]["retryAfter"] > 0
        assert other.status_code == 200, "a bucket is its caller's own"

    async def test_refusals_are_paid_for(self, student: Client, frugal: House) -> None:
        client = Client(frugal, student.tenant, student.token)

        remaining = [(await post(client, {"query": "{ nothing }"})).json()["extensions"]["cost"]["remaining"] for _ in range(3)]
        await client.http.aclose()

        assert remaining[0] > remaining[1] > remaining[2]


class TestMethods:
    async def test_get_takes_queries(self, visitor: Client) -> None:
        parameters = {"query": "query Q($n: Int) { courses(first: $n) { nodes { id } } }", "variables": '{"n": 1}', "operationName": "Q", "extensions": "{}"}

        answer = await visitor.http.get("/graphql", params=parameters)

        assert (answer.status_code, answer.json()["data"]) == (200, {"courses": {"nodes": []}})

    async def test_get_takes_no_mutation(self, visitor: Client) -> None:
        answer = await visitor.http.get("/graphql", params={"query": MUTATION})

        assert (answer.status_code, answer.headers["allow"], codes(answer)) == (405, "POST", ["BAD_USER_INPUT"])

    @pytest.mark.parametrize(
        "parameters", ["", "query=", "variables={}", "query={__typename}&variables=[1]", "query={__typename}&variables={", "query={__typename}&query={__typename}", "query=%ff%fe{"]
    )
    async def test_get_with_parameters_that_make_no_sense(self, visitor: Client, parameters: str) -> None:
        answer = await visitor.http.get(f"/graphql?{parameters}", headers={"Accept": GRAPHQL})

        assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])

    async def test_a_subscription_needs_a_stream(self, visitor: Client) -> None:
        posted, got = await post(visitor, {"query": SUBSCRIPTION}), await visitor.http.get("/graphql", params={"query": SUBSCRIPTION})

        assert (posted.status_code, codes(posted)) == (got.status_code, codes(got)) == (406, ["BAD_USER_INPUT"])

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
    async def test_no_other_method(self, visitor: Client, method: str) -> None:
        answer = await visitor.http.request(method, "/graphql")

        assert (answer.status_code, answer.headers["allow"], codes(answer)) == (405, "GET, HEAD, POST, OPTIONS", ["BAD_USER_INPUT"])


QUERY = b'{"query": "{ __typename }"'
BODIES = {
    "nothing": b"",
    "spaces": b"   ",
    "null": b"null",
    "a number": b"1",
    "a string": b'"x"',
    "an empty array": b"[]",
    "a batch": b"[" + QUERY + b"}]",
    "an empty object": b"{}",
    "a query that is a number": b'{"query": 5}',
    "a query that is null": b'{"query": null}',
    "a query that is blank": b'{"query": " \\n"}',
    "a query in an array": b'{"query": ["{ __typename }"]}',
    "an operation name that is a number": QUERY + b', "operationName": 5}',
    "variables in an array": QUERY + b', "variables": []}',
    "variables as text": QUERY + b', "variables": "{}"}',
    "extensions as a number": QUERY + b', "extensions": 1}',
    "cut short": QUERY,
    "two objects": QUERY + b"}{}",
    "a name twice": QUERY + b', "query": "{ viewer { id } }"}',
    "a name twice, far inside": QUERY + b', "variables": {"a": [{"b": 1, "b": 2}]}}',
    "not a number": QUERY + b', "variables": {"a": NaN}}',
    "infinity": QUERY + b', "variables": {"a": -Infinity}}',
    "5,000 digits": QUERY + b', "variables": {"a": ' + b"9" * 5000 + b"}}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets inside": QUERY + b', "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "invalid UTF-8": b'{"query": "{ __typename }\xff"}',
    "UTF-16": '{"query": "{ __typename }"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + QUERY + b"}",
    "half of a surrogate pair": b'{"query": "{ __typename } #\\ud800"}',
    "half of a surrogate pair in a name": QUERY + b', "operationName": "\\udc00"}',
    "half of a surrogate pair in a variable": QUERY + b', "variables": {"a": "\\ud800"}}',
    "a NUL in a variable": QUERY + b', "variables": {"a": "\\u0000"}}',
    "a NUL in the document": b'{"query": "{ __typename \\u0000 }"}',
    "NUL bytes": b"\0" * 1000,
    "251 variables in a list": QUERY + b', "variables": {"a": [' + b",".join([b"1"] * 251) + b"]}}",
    "a form": b"query=%7B__typename%7D",
}


class TestBodies:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
    async def test_any_bytes_get_a_coded_answer(self, visitor: Client, body: bytes) -> None:
        answer = await post(visitor, body, Accept=GRAPHQL)

        assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])
        assert "data" not in answer.json()
        assert len(answer.content) < 1000
        assert (await post(visitor, {"query": "{ __typename }"})).status_code == 200

    async def test_a_hash_alone_names_no_document(self, visitor: Client) -> None:
        answer = await post(visitor, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, Accept=GRAPHQL)

        assert (answer.status_code, codes(answer)) == (400, ["DOCUMENT_UNKNOWN"])

    async def test_unknown_names_are_let_be(self, visitor: Client) -> None:
        answer = await post(visitor, {"query": "{ __typename }", "id": 7, "variables": None, "operationName": None, "extensions": None})

        assert answer.json()["data"] == {"__typename": "Query"}

    async def test_compressed_bodies_are_not_taken(self, visitor: Client) -> None:
        answer = await post(visitor, gzip.compress(b'{"query": "{ __typename }"}'), **{"Content-Encoding": "gzip"})

        assert (answer.status_code, codes(answer)) == (415, ["BAD_USER_INPUT"])

    async def test_a_megabyte_at_most(self, visitor: Client) -> None:
        async def parts() -> Any:
            for _ in range(20):
                yield b" " * 100_000

        told = await visitor.http.post("/graphql", content=b" " * 1_000_001, headers={"Content-Type": JSON})
        untold = await visitor.http.post("/graphql", content=parts(), headers={"Content-Type": JSON})
        just = await visitor.http.post("/graphql", content=(QUERY + b"}").ljust(1_000_000), headers={"Content-Type": JSON})

        assert (told.status_code, codes(told)) == (untold.status_code, codes(untold)) == (413, ["BAD_USER_INPUT"])
        assert just.status_code == 200

    @pytest.mark.slow
    async def test_a_body_that_does_not_come_is_not_waited_for(self, house: House, school: School) -> None:
        host = house.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nX-Tenant: {school.slug}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())

        answer = await asyncio.wait_for(reader.read(), 15)

        writer.close()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"BAD_USER_INPUT"' in answer

    async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(self, house: House, visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
        host = house.url.removeprefix("http://")
        _, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0.1)

        writer.transport.abort()
        await asyncio.sleep(0.1)

        assert (await post(visitor, {"query": "{ __typename }"})).status_code == 200
        assert "Traceback" not in caplog.text

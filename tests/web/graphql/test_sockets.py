"""graphql-transport-ws: its close codes, odd frames, limits, and an end with the right to it."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from lms_graph.models import database
from tests.factories.accounts import account, signed_in, suspend, take_role
from tests.factories.courses import course, text
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import DOCUMENTS, Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, opened, say

pytestmark = pytest.mark.anyio

TYPENAME = {"query": "{ __typename }"}


async def closed(socket: ClientConnection, within: float = 5) -> tuple[int, str]:
    """With what the server closes, whatever it says before."""
    async with asyncio.timeout(within):
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as error:
            return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")


async def nothing_in_use() -> None:
    """Until every connection is back in its pool."""
    async with asyncio.timeout(10):
        while (await database.connections())["app", "used"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class TestOpening:
    @pytest.mark.parametrize("protocol", ["graphql-ws", "something-else"])
    async def test_4406_for_another_subprotocol(self, house: House, protocol: str) -> None:
        async with opened(house.url, subprotocols=None, additional_headers={"Sec-WebSocket-Protocol": protocol}) as socket:
            assert await closed(socket) == (4406, "Subprotocol not acceptable")

    async def test_4408_when_nobody_says_who_it_is(self, house: House) -> None:
        async with opened(house.url) as socket:
            await say(socket, type="ping")
            assert await closed(socket, within=12) == (4408, "Connection initialisation timeout")

    async def test_4429_for_a_second_init(self, visitor: Client) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            await say(socket, type="connection_init")
            assert await closed(socket) == (4429, "Too many initialisation requests")

    async def test_4401_for_an_operation_before_init(self, house: House) -> None:
        async with opened(house.url) as socket:
            await say(socket, type="subscribe", id="1", payload=TYPENAME)
            assert (await closed(socket))[0] == 4401

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"tenant": "no-such-school"},
            {"tenant": 5},
            {"authorization": ["x"]},
            {"authorization": "Bearer nonsense"},
            {"authorization": "Basic x"},
            {"authorization": "Bearer \ud800"},
        ],
    )
    async def test_4403_for_who_cannot_be_identified(self, visitor: Client, payload: dict[str, Any]) -> None:
        async with opened(visitor.house.url) as socket:
            await say(socket, type="connection_init", payload=({"tenant": visitor.tenant} if "authorization" in payload else {}) | payload)
            assert (await closed(socket))[0] == 4403

    async def test_a_header_on_the_socket_is_not_looked_at(self, student: Client) -> None:
        headers = {"Authorization": "Bearer nonsense"}
        async with greeted(student.house.url, student.tenant, additional_headers=headers) as socket:
            await say(socket, type="subscribe", id="1", payload=TYPENAME)
            assert (await hear(socket))["type"] == "next"


class TestFrames:
    @pytest.mark.parametrize(
        "frame",
        [
            "",
            "x",
            "null",
            "5",
            '"x"',
            "[]",
            "{}",
            '{"type": null}',
            '{"type": 5}',
            '{"type": "start"}',
            '{"type": "connection_terminate"}',
            '{"type": "ping", "type": "ping"}',
            '{"type": "ping", "payload": 5}',
            '{"type": "pong", "payload": []}',
            '{"type": "complete"}',
            '{"type": "complete", "id": 1}',
            '{"type": "subscribe"}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "1", "payload": null}',
            '{"type": "subscribe", "id": "1", "payload": "{ __typename }"}',
            '{"type": "subscribe", "id": "1", "payload": {}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "operationName": {}}}',
            '{"type": "subscribe", "id": {}, "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "id": "\\ud800", "payload": {"query": "{ __typename }"}}',
            '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
            "[" * 100_000,
            b'{"type": "ping"}',
        ],
    )
    async def test_4400_for_what_the_protocol_does_not_know(self, visitor: Client, frame: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            await socket.send(frame)
            assert (await closed(socket))[0] == 4400
        assert "Traceback" not in caplog.text

    async def test_4400_for_an_init_that_is_no_object(self, house: House) -> None:
        async with opened(house.url) as socket:
            await say(socket, type="connection_init", payload=[])
            assert (await closed(socket))[0] == 4400

    async def test_1009_for_a_message_of_more_than_a_mebibyte(self, visitor: Client) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            await socket.send("x" * 1_048_577)
            assert (await closed(socket))[0] == 1009

    @pytest.mark.parametrize("payload", ['{"a": 99999999999999999999}', '{"a": "\\ud800"}', '{"a": ' + "[" * 300 + "]" * 300 + "}"])
    async def test_4400_for_a_ping_that_cannot_be_sent_back(self, house: House, payload: str, caplog: pytest.LogCaptureFixture) -> None:
        async with opened(house.url) as socket:
            await socket.send(f'{{"type": "ping", "payload": {payload}}}')
            assert (await closed(socket))[0] == 4400
        assert "Traceback" not in caplog.text

    async def test_ping_is_answered_with_its_payload(self, house: House) -> None:
        async with opened(house.url) as socket:
            await say(socket, type="ping")
            assert await hear(socket) == {"type": "pong"}
            await say(socket, type="ping", payload={"n": 1})
            assert await hear(socket) == {"type": "pong", "payload": {"n": 1}}
            await say(socket, type="pong", payload={})
            await say(socket, type="ping")
            assert await hear(socket) == {"type": "pong"}


class TestOperations:
    async def test_a_query_is_answered_and_completed(self, student: Client) -> None:
        async with greeted(student.house.url, student.tenant, student.token) as socket:
            await say(socket, type="subscribe", id="q", payload={"query": "{ viewer { name } }"})
            answer = await hear(socket)
            assert (answer["id"], answer["type"], answer["payload"]["data"]) == ("q", "next", {"viewer": {"name": "Ada Example"}})
            assert await hear(socket) == {"id": "q", "type": "complete"}

    @pytest.mark.parametrize(
        "payload",
        [{"query": "{"}, {"query": "{ nothing }"}, {"query": "query A { __typename }", "operationName": "B"}, {"query": "query ($a: Int!) { courses(first: $a) { totalCount } }"}],
    )
    async def test_what_is_not_run_is_an_error_and_the_socket_goes_on(self, visitor: Client, payload: dict[str, Any]) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            await say(socket, type="subscribe", id="1", payload=payload)
            answer = await hear(socket)
            assert (answer["id"], answer["type"], [error["extensions"]["code"] for error in answer["payload"]]) == ("1", "error", ["BAD_USER_INPUT"])

            await say(socket, type="subscribe", id="1", payload=TYPENAME)
            assert (await hear(socket))["payload"]["data"] == {"__typename": "Query"}

    async def test_4409_for_an_id_that_is_in_use(self, visitor: Client) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            for _ in range(2):
                await say(socket, type="subscribe", id="twice", payload=TYPENAME)
            assert await closed(socket) == (4409, "Subscriber for twice already exists")

    async def test_a_completed_id_can_be_used_again_at_once(self, visitor: Client) -> None:
        async with greeted(visitor.house.url, visitor.tenant, visitor.token) as socket:
            await say(socket, type="subscribe", id="1", payload=TYPENAME)
            await say(socket, type="complete", id="1")
            await say(socket, type="complete", id="never begun")
            await say(socket, type="subscribe", id="1", payload={"query": "{ again: __typename }"})
            while (answer := await hear(socket))["type"] != "next" or "again" not in answer["payload"]["data"]:
                pass

    async def test_a_hundred_at_once(self, student: Client, school: School) -> None:
        made = await course(school.system, text())
        run = await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        payload = {"query": DOCUMENTS["MyProgress"], "variables": {"enrollmentId": run["enrollment"]["id"]}}
        async with greeted(student.house.url, student.tenant, student.token) as socket:
            for number in range(101):
                await say(socket, type="subscribe", id=str(number), payload=payload)
            answers = {(answer["id"], answer["type"]): answer for answer in [await hear(socket, 20) for _ in range(101)]}

        assert answers["100", "error"]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert {id for id, type in answers if type == "next"} == {str(number) for number in range(100)}


class TestCutShort:
    async def test_reading_gives_its_connections_back(self, student: Client, school: School) -> None:
        made = await course(school.system, text())
        await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        query = "query { viewer { enrollments { nodes { course { title instructors { instructor { name } } sections { lectures { title } } } } } } }"
        subscription = f"subscription {{ {query[8:-2].strip()} }}"  # no such field: an error among the others
        async with greeted(student.house.url, student.tenant, student.token) as socket:
            for number in range(60):
                await say(socket, type="subscribe", id=str(number), payload={"query": subscription if number % 10 == 0 else query})
                await asyncio.sleep(number % 8 / 200)
                await say(socket, type="complete", id=str(number))

        await nothing_in_use()

    async def test_a_mutation_that_has_begun_is_brought_to_its_end(self, house: House, student: Client, school: School) -> None:
        made = [await course(school.system, text()) for _ in range(5)]
        async with greeted(student.house.url, student.tenant, student.token) as socket:
            for number, each in enumerate(made):
                payload = {"query": DOCUMENTS["Enroll"], "variables": {"input": {"courseId": each.public_id, "idempotencyKey": each.public_id}}}
                await say(socket, type="subscribe", id=str(number), payload=payload)
                await asyncio.sleep(number / 50)
                await say(socket, type="complete", id=str(number))
            await say(socket, type="ping")
            while (await hear(socket))["type"] != "pong":
                pass

        await nothing_in_use()
        for each in made:  # done or not, but never by half: asked again with the same key, it is done
            again = await student.data("Enroll", input={"courseId": each.public_id, "idempotencyKey": each.public_id})
            assert again["errors"] == []
            assert again["enrollment"]["runNumber"] == 1


class TestTheRightToIt:
    async def test_ends_when_the_token_expires(self, house: House, school: School, clients: list[Client]) -> None:
        session = await signed_in(school.system.at(datetime.now(UTC) - timedelta(minutes=15) + timedelta(seconds=3)))
        client = Client(house, school.slug, session.access_token, session.account_id)
        clients.append(client)
        async with greeted(client.house.url, client.tenant, client.token) as socket:
            assert (await closed(socket, within=8))[0] == 4403
        assert datetime.now(UTC) >= session.expires_at

    async def test_ends_when_the_session_is_signed_out(self, sign_in: SignIn) -> None:
        client = await sign_in()
        other = await sign_in()
        async with greeted(client.house.url, client.tenant, client.token) as socket, greeted(other.house.url, other.tenant, other.token) as going_on:
            await client.data("SignOut", input={})

            code, reason = await closed(socket)
            assert (code, reason) == (4403, "UNAUTHENTICATED: the access token, its session or the API key has ended")
            await say(going_on, type="ping")
            assert await hear(going_on) == {"type": "pong"}

    async def test_ends_when_the_account_is_suspended(self, school: School, sign_in: SignIn) -> None:
        client = await sign_in(await account(school.system))
        async with greeted(client.house.url, client.tenant, client.token) as socket:
            assert client.account_id
            await suspend(school.system, client.account_id)

            assert (await closed(socket))[0] == 4403

    async def test_ends_when_a_role_is_taken_away(self, school: School, sign_in: SignIn) -> None:
        client = await sign_in(roles=("STUDENT", "TENANT_ADMIN"))
        async with greeted(client.house.url, client.tenant, client.token) as socket:
            assert client.account_id
            await take_role(school.system, client.account_id, "TENANT_ADMIN")

            assert (await closed(socket))[0] == 4403


async def test_three_hundred_idle_sockets_are_harmless(visitor: Client) -> None:
    async with asyncio.timeout(60), AsyncExitStack() as sockets:
        await asyncio.gather(*(sockets.enter_async_context(opened(visitor.house.url)) for _ in range(300)))
        assert await visitor.data("{ __typename }") == "Query"

"""Answers that anybody may hold: by the headers of a GET, and by the house itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lms_graph.asgi import _heard
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.domain.tenancy.rules.origins import ApiSettings
from lms_graph.integrations.redis_shelf import RedisShelf
from lms_graph.jobs import registered, runtime  # noqa: F401  # `registered` makes the jobs known
from lms_graph.jobs.relay import Relay
from lms_graph.kit.budget import MemoryBudget, Rate
from lms_graph.kit.caller import Caller
from lms_graph.kit.live import shown, topic
from lms_graph.limits.documents import Documents
from lms_graph.limits.holding import Holding
from lms_graph.models import database
from lms_graph.models.catalog import EnrollmentPolicy
from lms_graph.outbox.store import Message
from lms_graph.schema import schema
from lms_graph.settings import Settings
from lms_graph.web.graphql.callers import Visit
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.held import ASK_AGAIN_SECONDS, BYTES_AN_ANSWER, Held, Question, question
from lms_graph.web.graphql.known import Known
from lms_graph.web.graphql.operations import Operations
from tests.factories.courses import course, text
from tests.factories.offers import offer
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House, served
from tests.fixtures.serving import Serve

pytestmark = pytest.mark.anyio

STOREFRONT = "query School { storefront { name } }"
COURSES = "query Shelf($first: Int = 5) { courses(first: $first) { nodes { title offers { title } } } }"
Settle = Callable[[], Awaitable[list[str]]]


async def get(client: Client, query: str = STOREFRONT, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
    return await client.http.get("/graphql", params={"query": query, "variables": json.dumps(variables)}, headers=headers)


async def rename(school: School, name: str) -> None:
    await tenants.update_tenant(caller=school.system, changes={"name": name})


async def rename_unheard(school: School, name: str) -> None:
    """So that nothing tells of it."""
    async with database.writing(school.system):
        await database.fetch("UPDATE tenants SET name = $2 WHERE tenant_id = $1", school.id, name)


@asynccontextmanager
async def process(house: House, adapters: Any = None, **options: Any) -> AsyncIterator[tuple[House, Held]]:
    """A `serve` process of its own, as `asgi` makes it, that holds answers."""
    adapters = adapters or house.adapters
    held = Held(adapters.answers, **options)
    adapters.live.overhear(lambda topics: _heard(topics, Known(), held))
    endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema), held=held), default_tenant=None, base_url=adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint)])) as url:
        yield House(url, adapters), held


@pytest.fixture
async def held_house(house: House) -> AsyncIterator[House]:
    async with process(house) as (made, _):
        yield made


@pytest.fixture
def guest(held_house: House, school: School, clients: list[Client]) -> Client:
    """A visitor of a house that holds answers."""
    clients.append(Client(held_house, school.slug))
    return clients[-1]


class TestHeaders:
    async def test_what_visitors_see_alike_is_public(self, visitor: Client, school: School) -> None:
        answer = await get(visitor)

        assert answer.headers["cache-control"] == "public, max-age=60"
        assert {each.strip() for each in answer.headers["vary"].split(",")} == {"Accept", "Authorization", "X-Api-Key", "X-Tenant", "Origin"}
        assert answer.json() == {"data": {"storefront": {"name": "A School"}}, "extensions": {"cost": {"requested": 1, "limit": 5000}}}  # and nothing of a bucket

    async def test_its_tag_is_that_of_its_bytes(self, visitor: Client, school: School) -> None:
        first, second = await get(visitor), await get(visitor)
        await rename(school, "Another")
        third = await get(visitor)

        assert first.headers["etag"] == second.headers["etag"] != third.headers["etag"]

    @pytest.mark.parametrize("tag", ["{}", "W/{}", '"other", {}', "*"])
    async def test_who_has_it_is_told_so_alone(self, visitor: Client, tag: str) -> None:
        known = (await get(visitor)).headers["etag"]

        answer = await get(visitor, headers={"If-None-Match": tag.format(known)})

        assert (answer.status_code, answer.content, answer.headers["etag"], answer.headers["cache-control"]) == (304, b"", known, "public, max-age=60")

    async def test_who_has_another_gets_it(self, visitor: Client) -> None:
        assert (await get(visitor, headers={"If-None-Match": '"other"'})).status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            "{ viewer { name } }",
            "{ courses(first: 1) { nodes { title access { allowed } } } }",
            "{ storefront { name } viewer { name } }",
            "{ storefront { name } courses(first: 1) { nodes { viewerPermissions } } }",
            "{ offers(first: 1) { totalCount } }",
            "{ __typename }",
        ],
    )
    async def test_what_depends_on_who_asks_is_nobody_elses(self, visitor: Client, query: str) -> None:
        answer = await get(visitor, query)

        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
        assert "etag" not in answer.headers
        assert "remaining" in answer.json()["extensions"]["cost"]

    async def test_nor_is_anything_that_somebody_signed_in_asks(self, student: Client) -> None:
        answer = await get(student, headers={"If-None-Match": "*"})

        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
        assert "Authorization" in answer.headers["vary"]

    async def test_nor_is_one_with_errors(self, visitor: Client) -> None:
        answer = await get(visitor, COURSES, first=101)

        assert "errors" in answer.json()
        assert answer.headers["cache-control"] == "private, no-store"

    async def test_refusals_and_posts_are_not_held(self, visitor: Client) -> None:
        refused, posted = await get(visitor, "{ nothing }"), await visitor.http.post("/graphql", json={"query": STOREFRONT})

        assert (refused.headers["cache-control"], posted.headers["cache-control"]) == ("no-store", "no-store")
        assert "etag" not in posted.headers


class TestEverybodySeesTheSame:
    """The second wall: whatever the schema calls public is the same for whoever asks, though it is given to visitors alone."""

    @pytest.mark.parametrize("name", ["Storefront", "Catalog"])
    async def test_visitors_students_and_those_who_run_the_school(self, name: str, visitor: Client, student: Client, sign_in: SignIn, school: School) -> None:
        made = await course(school.system, text())
        await offer(school.system, made.course_id)
        await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
        admin = await sign_in(roles=("TENANT_ADMIN", "INSTRUCTOR"))

        answers = [await client.data(name) for client in (visitor, student, admin)]

        assert answers[0] == answers[1] == answers[2]


class TestHeldAnswers:
    async def test_are_made_once(self, guest: Client, school: School, statements: list[str]) -> None:
        first = await guest.send(STOREFRONT)
        await rename_unheard(school, "Another")
        statements.clear()
        second, third = await guest.send(STOREFRONT), await get(guest)

        assert statements == []
        assert first["data"] == second["data"] == third.json()["data"] == {"storefront": {"name": "A School"}}

    async def test_each_who_asks_pays_and_is_told_what_is_left(self, house: House, school: School, clients: list[Client]) -> None:
        async with process(house, replace(house.adapters, budget=MemoryBudget(Rate(1000, 0.001)))) as (frugal, _):
            clients.append(Client(frugal, school.slug))
            costs = [(await clients[-1].send(STOREFRONT))["extensions"]["cost"] for _ in range(3)]

        assert [(cost["requested"], cost["remaining"]) for cost in costs] == [(1, 999), (1, 998), (1, 997)]

    async def test_are_apart_by_tenant_document_operation_and_variables(
        self, guest: Client, held_house: House, school: School, other_school: School, clients: list[Client]
    ) -> None:
        await rename(other_school, "Another")
        await course(school.system, text())
        elsewhere = Client(held_house, other_school.slug)
        clients.append(elsewhere)
        both = "query A { storefront { name } } query B { storefront { slug } }"

        names = [await client.data(STOREFRONT) for client in (guest, elsewhere)]
        operations = [(await guest.http.post("/graphql", json={"query": both, "operationName": name})).json()["data"]["storefront"] for name in "AB"]
        sizes = [len((await guest.data("query ($n: Int) { courses(first: $n) { nodes { id } } }", n=n))["nodes"]) for n in (0, 1)]

        assert names == [{"name": "A School"}, {"name": "Another"}]
        assert operations == [{"name": "A School"}, {"slug": school.slug}]
        assert sizes == [0, 1]

    async def test_variables_that_are_not_declared_make_no_difference(self, guest: Client, school: School, statements: list[str]) -> None:
        await guest.send(STOREFRONT)
        made = len(statements)
        await guest.send(STOREFRONT, nothing=1)

        assert len(statements) == made

    async def test_nobody_who_is_signed_in_gets_one(self, guest: Client, held_house: House, sign_in: SignIn, school: School, clients: list[Client]) -> None:
        student = await sign_in()
        clients.append(Client(held_house, school.slug, student.token))
        await guest.send(STOREFRONT)
        await rename_unheard(school, "Another")

        assert await clients[-1].data(STOREFRONT) == {"name": "Another"}
        assert await guest.data(STOREFRONT) == {"name": "A School"}

    async def test_an_answer_with_errors_is_not_held(self, guest: Client, statements: list[str]) -> None:
        for _ in range(2):
            body = await guest.send("query ($n: Int) { storefront { name } courses(first: $n) { nodes { id } } }", n=101)
            assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]

    async def test_twenty_who_ask_at_once_are_answered_by_one(self, guest: Client, school: School, statements: list[str]) -> None:
        made = await course(school.system, text())

        alone = [statement async for statement in _statements_of(guest, statements, "query One { courses { nodes { title } } }")]
        statements.clear()
        answers = await asyncio.gather(*(guest.send(COURSES) for _ in range(20)))
        together = len(statements)
        statements.clear()

        assert {json.dumps(answer["data"]) for answer in answers} == {json.dumps(answers[0]["data"])}
        assert answers[0]["data"]["courses"]["nodes"][0]["title"]
        assert 0 < together <= len(alone) + 1  # the offers' statement
        assert made

    async def test_two_processes_make_it_once(self, house: House, school: School, clients: list[Client], statements: list[str]) -> None:
        async with process(house) as (one, _), process(house) as (two, _):
            clients.extend([Client(one, school.slug), Client(two, school.slug)])
            for client in clients:
                client.http.headers["Host"] = "shop.example"  # as a balancer hands it on
            await clients[0].send(STOREFRONT)
            made = len(statements)
            second = await clients[1].data(STOREFRONT)

        assert len(statements) == made
        assert second == {"name": "A School"}


async def _statements_of(client: Client, statements: list[str], query: str) -> AsyncIterator[str]:
    statements.clear()
    await client.send(query)
    for statement in statements:
        yield statement


class TestChanges:
    async def test_a_fact_drops_what_it_concerns_in_every_process_within_a_second(self, house: House, school: School, settle: Settle, clients: list[Client]) -> None:
        async with process(house) as (one, _), process(house) as (two, _):
            clients.extend([Client(one, school.slug), Client(two, school.slug)])
            shown = [[await client.data(COURSES) for client in clients]]
            made = await course(school.system, text(), title="Bread")
            await settle()
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            shown.append([await client.data(COURSES) for client in clients])
            await offer(school.system, made.course_id, title="By itself")
            await settle()
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            shown.append([await client.data(COURSES) for client in clients])

        assert shown == [[{"nodes": nodes}] * 2 for nodes in ([], [{"title": "Bread", "offers": []}], [{"title": "Bread", "offers": [{"title": "By itself"}]}])]

    async def test_a_job_that_follows_does_too(self, guest: Client, school: School, settle: Settle) -> None:
        """What the fact had dropped was asked again before its job had told the catalog."""
        prices = "{ courses { facets { price { value count } } } }"
        made = await course(school.system, text(), enrollment_policy=EnrollmentPolicy.BY_GRANT)
        await offer(school.system, made.course_id)
        waiting: list[Message] = []
        adapters = guest.house.adapters
        await Relay(live=adapters.live, answers=adapters.answers, send=waiting.append, resend_after=60, sweep_every=1).drain()
        between = await guest.data(prices)

        for message in waiting:
            await runtime.run(adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload)
        await asyncio.sleep(ASK_AGAIN_SECONDS)

        assert between == {"facets": {"price": []}}
        assert await guest.data(prices) == {"facets": {"price": [{"value": "PAID", "count": 1}]}}

    async def test_and_nothing_else(self, guest: Client, school: School, settle: Settle, statements: list[str]) -> None:
        await guest.send(STOREFRONT)
        await course(school.system, text())
        await settle()
        await asyncio.sleep(0.1)
        statements.clear()

        await guest.send(STOREFRONT)

        assert statements == []

    async def test_nor_at_another_school(self, guest: Client, other_school: School, settle: Settle, statements: list[str]) -> None:
        await guest.send(STOREFRONT)
        await rename(other_school, "Another")
        await settle()
        await asyncio.sleep(0.1)
        statements.clear()

        await guest.send(STOREFRONT)

        assert statements == []


class TestServe:
    async def test_a_process_hears_of_changes_that_others_make(self, serve: Serve, school: School, settle: Settle) -> None:
        serving = await serve(LMS_HOLD_ANSWERS="true")
        async with httpx.AsyncClient(base_url=serving.url, headers={"X-Tenant": school.slug}) as client:

            async def name() -> str:
                told: str = (await client.get("/graphql", params={"query": STOREFRONT})).json()["data"]["storefront"]["name"]
                return told

            first = await name()
            await rename_unheard(school, "Unheard")
            unheard = await name()
            await rename(school, "Heard")
            await settle()
            await asyncio.sleep(ASK_AGAIN_SECONDS)

            assert (first, unheard, await name()) == ("A School", "A School", "Heard")


class TestQuestion:
    DOCUMENTS = Documents(schema._schema)

    def asked(self, school: School, query: str = COURSES, base_url: str = "https://a.example", variables: dict[str, Any] | None = None, **who: Any) -> Question | None:
        caller = Caller(**({"tenant_id": school.id, "now": datetime.now(UTC)} | who))
        document = self.DOCUMENTS.prepare(query)
        return question(Visit(caller, ApiSettings(False, False, []), base_url), document, document.operation(None), variables or {})

    def test_is_one_for_all_visitors(self, school: School) -> None:
        assert self.asked(school, address="192.0.2.1") == self.asked(school, address="192.0.2.2", user_agent="curl")

    def test_is_another_at_another_address_of_the_house_and_in_another_school(self, school: School, other_school: School) -> None:
        asked = [
            self.asked(school),
            self.asked(school, base_url="https://b.example"),
            self.asked(other_school),
            self.asked(school, variables={"first": 5}),
            self.asked(school, STOREFRONT),
        ]

        assert len({each.digest for each in asked if each}) == 5

    def test_is_none_of_who_is_signed_in_or_a_server(self, school: School) -> None:
        assert self.asked(school, account_id=uuid4()) is None
        assert self.asked(school, key_id=uuid4()) is None

    def test_is_none_with_numbers_that_nobody_means(self, school: School) -> None:
        assert self.asked(school, variables={"first": 10**30}) is None


@pytest.fixture
async def shelf(settings: Settings) -> AsyncIterator[RedisShelf]:
    shelf = RedisShelf(settings.redis_url.get_secret_value(), name="test-answers", seconds=60, most=100, most_bytes=100_000)
    yield shelf
    await shelf.aclose()


class Made:
    """Counts how often it was made."""

    def __init__(self, data: bytes | None = b"1") -> None:
        self.data = data
        self.times = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> bytes | None:
        self.times += 1
        self.begun.set()
        await self.go.wait()
        return self.data


def asked(**differs: Any) -> Question:
    return Question(**({"tenant_id": uuid4(), "digest": uuid4().hex, "holding": Holding(60, frozenset({"Course"}))} | differs))


class TestHeld:
    async def test_no_longer_than_its_document_says(self, shelf: RedisShelf) -> None:
        seconds = [0.0]
        held, question, made = Held(shelf, clock=lambda: seconds[0]), asked(holding=Holding(0, frozenset())), Made()

        await held.answer(question, made)
        await held.answer(question, made)

        assert made.times == 2

    async def test_a_message_that_was_lost_is_noticed_after_a_second(self, shelf: RedisShelf) -> None:
        seconds = [0.0]
        held, question, made = Held(shelf, clock=lambda: seconds[0]), asked(), Made()
        await held.answer(question, made)
        await shelf.changed(question.tenant_id, {"Course"})

        await held.answer(question, made)
        before = made.times
        seconds[0] = 1.0
        await held.answer(question, made)

        assert (before, made.times) == (1, 2)

    async def test_one_that_came_at_once(self, shelf: RedisShelf) -> None:
        held, question, made = Held(shelf), asked(), Made()
        await held.answer(question, made)
        await shelf.changed(question.tenant_id, {"Course"})
        _heard([shown(question.tenant_id), topic(question.tenant_id, uuid4())], Known(), held)

        await held.answer(question, made)

        assert made.times == 2

    async def test_after_a_lost_connection_everything_is_asked_anew(self, shelf: RedisShelf) -> None:
        held, question, made = Held(shelf), asked(), Made()
        await held.answer(question, made)
        await shelf.changed(question.tenant_id, {"Course"})
        _heard(None, Known(), held)

        await held.answer(question, made)

        assert made.times == 2

    async def test_a_change_of_other_types_leaves_it(self, shelf: RedisShelf) -> None:
        held, question, made = Held(shelf), asked(), Made()
        await held.answer(question, made)
        await shelf.changed(question.tenant_id, {"Storefront"})
        held.changed(question.tenant_id)

        await held.answer(question, made)

        assert made.times == 1

    async def test_what_was_begun_before_a_change_is_not_given_to_who_asks_after_it(self, shelf: RedisShelf) -> None:
        held, question, old, new = Held(shelf), asked(), Made(b"old"), Made(b"new")
        old.go.clear()
        begun = asyncio.create_task(held.answer(question, old))
        await old.begun.wait()
        await shelf.changed(question.tenant_id, {"Course"})
        held.changed(question.tenant_id)

        after = await held.answer(question, new)
        old.go.set()

        assert (await begun, after, await held.answer(question, new)) == (b"old", b"new", b"new")

    async def test_who_asked_first_may_leave(self, shelf: RedisShelf) -> None:
        held, question, made = Held(shelf), asked(), Made()
        made.go.clear()
        first, second = (asyncio.create_task(held.answer(question, made)) for _ in range(2))
        await made.begun.wait()
        first.cancel()
        made.go.set()

        assert (await second, made.times) == (b"1", 1)

    async def test_what_cannot_be_held_each_makes_anew(self, shelf: RedisShelf) -> None:
        held, question, made = Held(shelf), asked(), Made(None)

        assert [await held.answer(question, made) for _ in range(2)] == [None, None]
        assert made.times == 2

    async def test_a_failure_is_told_and_not_kept(self, shelf: RedisShelf) -> None:
        held, question = Held(shelf), asked()

        async def fail() -> bytes | None:
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            await held.answer(question, fail)
        assert await held.answer(question, Made()) == b"1"

    async def test_without_the_shelf_nothing_is_held(self) -> None:
        away = RedisShelf("redis://127.0.0.1:1/0", name="test", seconds=60, most=1, most_bytes=1)
        held, question, made = Held(away), asked(), Made()

        assert [await held.answer(question, made) for _ in range(2)] == [b"1", b"1"]
        assert made.times == 2
        await away.aclose()

    async def test_so_many_bytes_in_a_process_the_oldest_go_first(self, shelf: RedisShelf) -> None:
        held = Held(shelf, most_bytes=10 * (BYTES_AN_ANSWER + 100))
        questions = [asked() for _ in range(12)]
        for each in questions:
            await held.answer(each, Made(b"x" * 100))
        await held.answer(asked(), Made(b"x" * 1000))  # too large to drive out others

        assert list(held._kept) == [each.digest for each in questions[2:]]
        assert held._bytes == 10 * (BYTES_AN_ANSWER + 100)

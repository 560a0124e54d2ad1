"""Documents by their ids: those that the server was told of at its start, and those that were sent before."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from lms_graph.asgi import application
from lms_graph.domain.tenancy.operations import tenants
from lms_graph.integrations.redis_shelf import RedisShelf
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.settings import Settings
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House, served
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

JSON, GRAPHQL = "application/json", "application/graphql-response+json"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


NAME = "query Name($n: Boolean = true) { storefront { slug @include(if: $n) __typename } }"
CHANGE = 'mutation Change { signIn(input: { email: "ada@example.com", password: "long enough for this" }) { errors { code } } }'
WATCH = 'subscription Watch { attemptUpdated(id: "att_x") { id } }'
OTHER = "{ storefront { slug } }"


def apollo(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


async def behind(house: House, **options: Any) -> AsyncIterator[Client]:
    documents = Documents(schema._schema, cache_size=1)
    for text in (NAME, CHANGE, WATCH):
        documents.trust(sha256(text), text)
    documents.trust("x-shop:name", NAME)
    endpoint = Endpoint(Operations(schema, house.adapters, documents, **options), default_tenant=None, base_url=house.adapters.base_url)
    async with served(Starlette(routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)])) as url:
        yield House(url, house.adapters)


@pytest.fixture
async def open_house(house: House) -> AsyncIterator[Any]:
    async for each in behind(house):
        yield each


@pytest.fixture
async def strict_house(house: House) -> AsyncIterator[Any]:
    async for each in behind(house, only_trusted=True):
        yield each


@pytest.fixture
def visitor(open_house: House, school: School, clients: list[Client]) -> Client:
    clients.append(Client(open_house, school.slug))
    return clients[-1]


@pytest.fixture
def strict(strict_house: House, school: School, clients: list[Client]) -> Client:
    clients.append(Client(strict_house, school.slug))
    return clients[-1]


async def post(client: Client, accept: str = GRAPHQL, **body: Any) -> httpx.Response:
    return await client.http.post("/graphql", json=body, headers={"Accept": accept})


async def get(client: Client, accept: str = GRAPHQL, **asked: Any) -> httpx.Response:
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
    return await client.http.get("/graphql", params=params, headers={"Accept": accept})


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


class TestById:
    @pytest.mark.parametrize(
        "asked",
        [
            {"documentId": f"sha256:{sha256(NAME)}"},
            {"documentId": sha256(NAME)},
            {"documentId": "x-shop:name"},
            {"extensions": apollo(NAME)},
            {"query": None, "extensions": apollo(NAME)},
        ],
    )
    async def test_by_post_and_get(self, visitor: Client, asked: dict[str, Any]) -> None:
        posted = await post(visitor, **asked, variables={"n": False})
        got = await get(visitor, **{name: value for name, value in asked.items() if value})

        assert posted.json()["data"] == {"storefront": {"__typename": "Storefront"}}
        assert got.json()["data"] == {"storefront": {"slug": visitor.tenant, "__typename": "Storefront"}}
        assert got.json()["extensions"]["cost"]["requested"] == 1

    async def test_by_server_sent_events(self, visitor: Client) -> None:
        answer = await get(visitor, accept="text/event-stream", documentId=sha256(NAME))

        assert '"slug":' in answer.text

    async def test_over_a_socket(self, open_house: House, school: School) -> None:
        async with greeted(open_house.url, school.slug) as socket:
            await say(socket, id="1", type="subscribe", payload={"documentId": f"sha256:{sha256(NAME)}"})
            first = await hear(socket)
            await hear(socket)
            await say(socket, id="2", type="subscribe", payload={"extensions": apollo(OTHER)})
            second = await hear(socket)

        assert first["payload"]["data"]["storefront"]["slug"] == school.slug
        assert (second["type"], second["payload"][0]["extensions"]["code"]) == ("error", "DOCUMENT_UNKNOWN")

    async def test_trusted_ones_are_never_driven_out(self, visitor: Client) -> None:
        for n in range(3):
            await post(visitor, query=f"query Q{n} {{ __typename }}")

        assert "data" in (await post(visitor, documentId=sha256(NAME))).json()

    async def test_mutations_by_post_only(self, visitor: Client) -> None:
        assert (await get(visitor, documentId=sha256(CHANGE))).status_code == 405
        assert (await post(visitor, documentId=sha256(CHANGE))).status_code == 200

    async def test_a_subscription_by_its_id(self, visitor: Client) -> None:
        assert (await post(visitor, documentId=sha256(WATCH))).status_code == 406

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"documentId": sha256(OTHER)}, "No document is known"),
            ({"documentId": "sha256:short"}, "No document is known"),
            ({"extensions": apollo(OTHER)}, "PersistedQueryNotFound"),
        ],
    )
    async def test_an_unknown_one(self, visitor: Client, asked: dict[str, Any], message: str) -> None:
        new, old = await post(visitor, **asked), await post(visitor, accept=JSON, **asked)

        assert (new.status_code, old.status_code) == (400, 200)  # as of every well-formed request that is not run
        assert codes(new) == codes(old) == ["DOCUMENT_UNKNOWN"]
        assert new.json()["errors"][0]["message"].startswith(message)
        assert new.headers.get("cache-control") in (None, "no-store")

    @pytest.mark.parametrize(
        "asked",
        [
            {"documentId": ""},
            {"documentId": 7},
            {"documentId": "a" * 201},
            {"documentId": "a\0"},
            {"documentId": sha256(NAME), "query": 7},
            {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": sha256(NAME)}}},
            {"extensions": {"persistedQuery": {"version": 1}}},
            {"extensions": {"persistedQuery": []}},
        ],
    )
    async def test_what_is_no_id(self, visitor: Client, asked: dict[str, Any]) -> None:
        answer = await post(visitor, **asked)

        assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])


class TestSentOnce:
    async def test_its_hash_is_enough_from_then_on(self, visitor: Client) -> None:
        before = await post(visitor, extensions=apollo(OTHER))
        await post(visitor, query=OTHER, extensions=apollo(OTHER))
        after = await get(visitor, extensions=apollo(OTHER))

        assert codes(before) == ["DOCUMENT_UNKNOWN"]
        assert after.json()["data"] == {"storefront": {"slug": visitor.tenant}}

    async def test_a_hash_of_another_text_is_refused(self, visitor: Client) -> None:
        answer = await post(visitor, query=OTHER, extensions=apollo(OTHER + " "))

        assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])
        assert codes(await post(visitor, extensions=apollo(OTHER + " "))) == codes(await post(visitor, extensions=apollo(OTHER))) == ["DOCUMENT_UNKNOWN"]

    async def test_what_is_not_valid_is_not_kept(self, visitor: Client) -> None:
        await post(visitor, query="{ nothing }", extensions=apollo("{ nothing }"))

        assert codes(await post(visitor, extensions=apollo("{ nothing }"))) == ["DOCUMENT_UNKNOWN"]


class TestShared:
    """Between two processes."""

    @pytest.fixture
    async def processes(self, house: House, settings: Settings) -> AsyncIterator[list[House]]:
        shelf = RedisShelf(settings.redis_url.get_secret_value(), name="test-documents", seconds=60, most=10, most_bytes=10_000)
        adapters = replace(house.adapters, documents=shelf)
        async with AsyncExitStack() as stack:
            found = []
            for _ in range(2):
                endpoint = Endpoint(Operations(schema, adapters, Documents(schema._schema)), default_tenant=None, base_url=adapters.base_url)
                found.append(House(await stack.enter_async_context(served(Starlette(routes=[Route("/graphql", endpoint)]))), adapters))
            yield found
        await shelf.aclose()

    async def test_one_is_sent_it_and_the_other_knows_it_at_that_school_alone(self, processes: list[House], school: School, other_school: School, clients: list[Client]) -> None:
        one, two, elsewhere = Client(processes[0], school.slug), Client(processes[1], school.slug), Client(processes[1], other_school.slug)
        clients.extend([one, two, elsewhere])

        await post(one, query=OTHER, documentId=sha256(OTHER))

        assert codes(await post(elsewhere, documentId=sha256(OTHER))) == ["DOCUMENT_UNKNOWN"]
        assert (await post(two, extensions=apollo(OTHER))).json()["data"] == {"storefront": {"slug": school.slug}}

    async def test_what_is_refused_is_not_shared(self, processes: list[House], school: School, clients: list[Client]) -> None:
        one, two = (Client(process, school.slug) for process in processes)
        clients.extend([one, two])

        for text in ("{ nothing }", "{ __schema { types { name } } }"):
            await post(one, query=text, documentId=sha256(text))
            assert codes(await post(two, documentId=sha256(text))) == ["DOCUMENT_UNKNOWN"]

    async def test_what_somebody_put_there_in_its_place_is_not_run(self, processes: list[House], school: School, clients: list[Client]) -> None:
        clients.append(Client(processes[0], school.slug))
        shelf = processes[0].adapters.documents
        assert shelf

        await shelf.put(school.id, sha256(OTHER), b"{ storefront { name } }")

        assert codes(await post(clients[-1], documentId=sha256(OTHER))) == ["BAD_USER_INPUT"]


class TestOnlyTrusted:
    async def test_trusted_ones_by_id_and_by_text(self, strict: Client) -> None:
        assert "data" in (await post(strict, documentId=sha256(NAME))).json()
        assert "data" in (await post(strict, query=NAME)).json()
        assert "data" in (await post(strict, query=NAME, extensions=apollo(NAME))).json()

    @pytest.mark.parametrize("text", [OTHER, "{", "a" * 200_000])
    async def test_no_other_text_is_even_read(self, strict: Client, text: str) -> None:
        answer = await post(strict, query=text)

        assert (answer.status_code, codes(answer)) == (403, ["FORBIDDEN"])
        assert codes(await post(strict, extensions=apollo(text))) == ["DOCUMENT_UNKNOWN"]

    @pytest.mark.parametrize("opened", [{"is_introspection_open": True}, {"is_explorer_served": True}])
    async def test_a_school_must_open_both(self, strict: Client, school: School, opened: dict[str, bool]) -> None:
        await tenants.update_tenant(caller=school.system, changes=opened)

        assert codes(await post(strict, query=OTHER)) == ["FORBIDDEN"]

    async def test_where_a_school_serves_its_explorer_any_is_taken_there_alone(self, strict: Client, strict_house: House, school: School, other_school: School) -> None:
        await tenants.update_tenant(caller=school.system, changes={"is_introspection_open": True, "is_explorer_served": True})

        assert "data" in (await post(strict, query=OTHER)).json()
        elsewhere = Client(strict_house, other_school.slug)
        assert codes(await post(elsewhere, query=OTHER)) == ["FORBIDDEN"]
        assert codes(await post(elsewhere, documentId=sha256(OTHER))) == ["DOCUMENT_UNKNOWN"]
        await elsewhere.http.aclose()


class TestStart:
    def test_a_document_that_does_not_fit_stops_it_and_is_named(self, settings: Settings, tmp_path: Path) -> None:
        text = "query Broken { storefront { nothing } }"
        path = tmp_path / "persisted-documents.json"
        path.write_text(json.dumps({sha256(NAME): NAME, sha256(text): text}))

        with pytest.raises(SystemExit) as stopped:
            application(settings.model_copy(update={"trusted_documents": (path,)}))

        assert str(stopped.value) == f"{path}: the trusted document {sha256(text)} (Broken) cannot be taken: Cannot query field 'nothing' on type 'Storefront'."

    def test_so_does_a_manifest_that_is_none(self, settings: Settings, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match="no manifest"):
            application(settings.model_copy(update={"trusted_documents": (tmp_path / "nowhere.json",)}))

    def test_the_setting_takes_several(self, settings: Settings, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
        for name, value in (environment | {"LMS_TRUSTED_DOCUMENTS": "a.json, shops", "LMS_ONLY_TRUSTED_DOCUMENTS": "true"}).items():
            monkeypatch.setenv(name, value)

        read = Settings.from_env()

        assert (read.trusted_documents, read.only_trusted_documents) == ((Path("a.json"), Path("shops")), True)

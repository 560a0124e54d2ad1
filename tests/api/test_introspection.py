"""A school's schema is shown where the school says so; else neither asked for nor guessed."""

import json
from typing import Any

import pytest

from lms_graph.domain.tenancy.operations import tenants as operations
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.serving import Serve
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio

ASKS = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Course") { name } }',
    'query { storefront { slug } ...Hidden } fragment Hidden on Query { type: __type(name: "Course") { name } }',
    'query ($no: Boolean = false) { __type(name: "Course") @include(if: $no) { name } }',
]
# Misspelled: a field, a type, an argument, an enum's value, an input's field; written out and in variables.
GUESSES: list[tuple[str, dict[str, Any]]] = [
    ("{ storefrnt { slug } }", {}),
    ("{ storefront { ... on Storefrnt { slug } } }", {}),
    ("{ courses(frst: 1) { totalCount } }", {}),
    ("{ courses(where: { level: { eq: BEGINER } }) { totalCount } }", {}),
    ("{ courses(where: { levl: { eq: BEGINNER } }) { totalCount } }", {}),
    ("query ($where: CourseWhere) { courses(where: $where) { totalCount } }", {"where": {"level": {"eq": "BEGINER"}}}),
    ("query ($where: CourseWhere) { courses(where: $where) { totalCount } }", {"where": {"levl": {"eq": "BEGINNER"}}}),
]


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def opens(school: School) -> None:
    await operations.update_tenant(caller=school.system, changes={"is_introspection_open": True})


class TestIntrospection:
    @pytest.mark.parametrize("document", ASKS)
    async def test_is_closed_at_first(self, visitor: Client, document: str) -> None:
        body = await visitor.send(document)

        assert codes(body) == ["FORBIDDEN"]
        assert "data" not in body

    @pytest.mark.parametrize("document", ASKS)
    async def test_is_open_where_the_school_opens_it(self, visitor: Client, school: School, document: str) -> None:
        await opens(school)

        assert "errors" not in await visitor.send(document)

    async def test_of_one_school_opens_no_others(self, visitor: Client, other_school: School) -> None:
        await opens(other_school)

        assert codes(await visitor.send(ASKS[0])) == ["FORBIDDEN"]

    async def test_is_closed_by_get_and_on_sockets_too(self, visitor: Client, house: House, school: School) -> None:
        got = await visitor.http.get("/graphql", params={"query": ASKS[0]})
        async with greeted(house.url, school.slug) as socket:
            await say(socket, id="1", type="subscribe", payload={"query": ASKS[0]})
            told = await hear(socket)

        assert codes(got.json()) == ["FORBIDDEN"]
        assert told["type"] == "error"
        assert [error["extensions"]["code"] for error in told["payload"]] == ["FORBIDDEN"]

    async def test_asks_for_the_name_of_a_type_at_any_time(self, visitor: Client) -> None:
        assert await visitor.data("{ storefront { __typename } }") == {"__typename": "Storefront"}

    async def test_is_open_in_development_whatever_the_school_says(self, serve: Serve, house: House, school: School, clients: list[Client]) -> None:
        developing = Client(House((await serve(LMS_DEVELOPMENT="true")).url, house.adapters), school.slug)
        clients.append(developing)

        assert "errors" not in await developing.send(ASKS[0])


class TestSuggestions:
    @pytest.mark.parametrize(("document", "variables"), GUESSES)
    async def test_are_made_only_where_the_schema_is_shown(self, visitor: Client, school: School, document: str, variables: dict[str, Any]) -> None:
        closed = await visitor.send(document, **variables)
        await opens(school)
        opened = await visitor.send(document, **variables)

        assert codes(closed) == codes(opened) == ["BAD_USER_INPUT"]
        assert "Did you mean" not in json.dumps(closed)
        assert "Did you mean" in json.dumps(opened)

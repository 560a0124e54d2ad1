"""Who is asked and by whom: headers that make no sense get coded answers."""

import asyncio

import httpx2 as httpx
import pytest

from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("headers", [{"X-Tenant": "No Such!"}, {"X-Tenant": ""}, {"X-Tenant": "x" * 64}, {"Host": "[", "X-Tenant": "nowhere"}])
async def test_a_tenant_that_makes_no_sense_is_not_found(house: House, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{house.url}/graphql", json={"query": "{ storefront { slug } }"}, headers=headers)

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("authorization", ["Bearer", "Basic abc", "Bearer ü", "Bearer x y"])
async def test_a_token_that_makes_no_sense_is_refused(house: House, school: School, authorization: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{house.url}/graphql", json={"query": "{ storefront { slug } }"}, headers={"X-Tenant": school.slug, "Authorization": authorization.encode("latin-1")}
        )

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_many_documents_of_two_mutations_do_not_starve_each_other(visitor: Client) -> None:
    document = """mutation ($email: String!) {
      a: signUp(input: {email: $email, name: "Ada", password: "long enough for this"}) { viewer { id } errors { code } }
      b: signIn(input: {email: $email, password: "wrong and long enough"}) { errors { code } } }"""

    answers = await asyncio.wait_for(asyncio.gather(*(visitor.send(document, email=f"ada{number}@example.com") for number in range(25))), 30)

    assert [answer["data"]["b"]["errors"][0]["code"] for answer in answers] == ["CREDENTIALS_WRONG"] * 25

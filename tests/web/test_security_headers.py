"""What every answer tells a browser not to do with it."""

import asyncio
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx2 as httpx
import pytest

from lms_graph.domain.media import operations as media
from lms_graph.embedded.postgres import database_url
from lms_graph.kit.ids import public_id
from tests.fixtures.callers import School
from tests.fixtures.house import House
from tests.fixtures.processes import until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/graphql", "/verify", "/verify/none", "/keys/none", "/files/none", "/healthz", "/nothing-here"])
async def test_every_answer_is_fenced(house: House, path: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(house.url + path)

    headers = answer.headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers.get_list("cross-origin-opener-policy") == ["same-origin"]
    assert len(headers.get_list("content-security-policy")) == 1
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "strict-transport-security" not in headers


async def test_an_answer_of_the_api_runs_loads_and_frames_nothing(house: House, school: School) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{house.url}/graphql", json={"query": "{ __typename }"}, headers={"X-Tenant": school.slug})

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_public_file_can_be_shown_on_every_page_and_kept(house: House, school: School) -> None:
    id = await media.store_file(caller=school.system, objects=house.adapters.objects, body=b"<svg/>", content_type="image/svg+xml", key_hint="logo", is_public=True)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{house.url}/files/{public_id('fil', id)}", headers={"Origin": "https://shop.example"})

    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_an_answer_that_nobody_thought_of_is_fenced_and_says_nothing(house: House, environment: dict[str, str], servers: dict[str, str]) -> None:
    """The statement that a route waits for is canceled under it."""
    superuser = await asyncpg.connect(database_url(servers["SUPERUSER_URL"], urlsplit(environment["DATABASE_URL"]).path.lstrip("/")))
    waiting = "FROM pg_locks WHERE NOT granted AND relation = 'signing_keys'::regclass"

    async def waits() -> bool:
        return bool(await superuser.fetchval(f"SELECT count(*) {waiting}"))

    try:
        async with httpx.AsyncClient(timeout=30) as client, superuser.transaction():
            await superuser.execute("LOCK TABLE signing_keys IN ACCESS EXCLUSIVE MODE")
            asked = asyncio.create_task(client.get(f"{house.url}/keys/{uuid4()}"))
            await until(waits)
            await superuser.execute(f"SELECT pg_cancel_backend(pid) {waiting}")
            answer = await asked
    finally:
        await superuser.close()

    assert (answer.status_code, answer.text) == (500, "Something went wrong on our side. Try again.")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"

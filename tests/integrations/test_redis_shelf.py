"""The shared shelf on a real Valkey."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.embedded.processes import free_port
from lms_graph.integrations.redis_shelf import RedisShelf

pytestmark = pytest.mark.anyio


@pytest.fixture
def tenant_id() -> UUID:
    return uuid4()


@asynccontextmanager
async def shelf_at(url: str, **differs: Any) -> AsyncIterator[RedisShelf]:
    shelf = RedisShelf(url, **({"name": "test", "seconds": 60, "most": 3, "most_bytes": 1000} | differs))
    yield shelf
    await shelf.aclose()


@pytest.fixture
async def shelf(environment: dict[str, str]) -> AsyncIterator[RedisShelf]:
    async with shelf_at(environment["REDIS_URL"]) as shelf:
        yield shelf


async def held(shelf: RedisShelf, tenant_id: UUID, names: str) -> str:
    return "".join([name for name in names if await shelf.get(tenant_id, name) is not None])


class TestContents:
    async def test_come_back_as_they_were_put(self, shelf: RedisShelf, tenant_id: UUID) -> None:
        await shelf.put(tenant_id, "a", "ß\0".encode())

        assert await shelf.get(tenant_id, "a") == "ß\0".encode()
        assert await shelf.get(tenant_id, "b") is None

    async def test_are_each_tenants_apart(self, shelf: RedisShelf, tenant_id: UUID) -> None:
        other = uuid4()
        await shelf.put(tenant_id, "a", b"1")
        for name in "bcde":
            await shelf.put(other, name, b"2")

        assert await shelf.get(other, "a") is None
        assert await held(shelf, tenant_id, "abcde") == "a"

    async def test_the_oldest_make_room(self, shelf: RedisShelf, tenant_id: UUID) -> None:
        for name in "abcd":
            await shelf.put(tenant_id, name, b"1")

        assert await held(shelf, tenant_id, "abcd") == "bcd"

    async def test_so_many_bytes_at_most(self, environment: dict[str, str], tenant_id: UUID) -> None:
        async with shelf_at(environment["REDIS_URL"], most=1000) as shelf:
            for name in "abcdefghijkl":
                await shelf.put(tenant_id, name, b"x" * 100)
            await shelf.put(tenant_id, "l", b"y" * 100)  # once more takes no more room

            assert await held(shelf, tenant_id, "abcdefghijkl") == "cdefghijkl"

    async def test_what_is_too_large_drives_out_nothing(self, shelf: RedisShelf, tenant_id: UUID) -> None:
        await shelf.put(tenant_id, "a", b"1")
        await shelf.put(tenant_id, "b", b"x" * 101)

        assert await held(shelf, tenant_id, "ab") == "a"

    async def test_are_gone_after_their_time(self, environment: dict[str, str], tenant_id: UUID) -> None:
        async with shelf_at(environment["REDIS_URL"]) as shelf, shelf_at(environment["REDIS_URL"], seconds=0) as short:
            await shelf.put(tenant_id, "a", b"1")

            assert await short.get(tenant_id, "a") is None
            assert await shelf.get(tenant_id, "a") == b"1"


class TestGenerations:
    async def test_count_each_kind(self, shelf: RedisShelf, tenant_id: UUID) -> None:
        before = await shelf.generations(tenant_id)
        await shelf.changed(tenant_id, {"Course", "Offer"})
        await shelf.changed(tenant_id, {"Course"})

        assert (before, await shelf.generations(tenant_id)) == ({}, {"Course": 2, "Offer": 1})
        assert await shelf.generations(uuid4()) == {}


class TestAway:
    async def test_it_is_empty_and_nobody_knows_the_generations(self, tenant_id: UUID) -> None:
        async with shelf_at(f"redis://127.0.0.1:{free_port()}/0") as shelf:
            await shelf.put(tenant_id, "a", b"1")
            await shelf.changed(tenant_id, {"Course"})

            assert await shelf.get(tenant_id, "a") is None
            assert await shelf.generations(tenant_id) is None

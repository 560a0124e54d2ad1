"""Connections are lent in order, one after the other, each transaction apart from the last; none is lost, whatever becomes of who has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from lms_graph.models import database
from lms_graph.models.identity import Account
from lms_graph.models.lending import KEPT_SECONDS, Connection, Lender, begin
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

SIZE = 2


@pytest.fixture
async def lender(environment: dict[str, str], school: School) -> AsyncIterator[Lender]:
    async with asyncpg.create_pool(environment["DATABASE_URL"], min_size=0, max_size=SIZE) as pool:
        lender = Lender(pool)
        yield lender
        await lender.close()
        assert pool.get_idle_size() == pool.get_size(), "all came back"


async def take(lender: Lender, *, seconds: float = 5) -> Connection:
    return await lender.take(seconds=seconds)


async def read(connection: Connection, tenant: str) -> None:
    await begin(connection, f"SELECT set_config('app.tenant', '{tenant}', true)", read_only=True)


async def seen(connection: Connection) -> tuple[str, str, str]:
    row = await connection.fetchrow("SELECT current_setting('app.tenant'), current_setting('transaction_read_only'), now()::text")
    assert row
    return tuple(row)


class TestLending:
    async def test_the_next_one_ends_the_last_ones_transaction(self, lender: Lender) -> None:
        first = await take(lender)
        await read(first, "one")
        tenant, is_read_only, moment = await seen(first)
        lender.give(first)
        second = await take(lender)
        await begin(second, "SELECT set_config('app.tenant', 'two', true)")

        assert second is first
        assert (tenant, is_read_only) == ("one", "on")
        other, is_still_read_only, later = await seen(second)
        assert (other, is_still_read_only) == ("two", "off")
        assert later > moment
        await lender.undo(second)

    async def test_what_nobody_takes_is_ended_and_goes_back_to_the_pool(self, lender: Lender) -> None:
        connection = await take(lender)
        await read(connection, "one")
        lender.give(connection)
        assert (lender.idle(), lender.pool.get_idle_size()) == (1, 0)

        await asyncio.sleep(KEPT_SECONDS * 4)

        assert (lender.idle(), lender.pool.get_idle_size()) == (0, 1)
        async with lender.pool.acquire() as again:
            assert not again.is_in_transaction()

    async def test_who_comes_first_is_lent_first_and_never_more_than_there_are(self, lender: Lender) -> None:
        order: list[int] = []
        lent = 0

        async def use(number: int) -> None:
            nonlocal lent
            connection = await take(lender)
            lent += 1
            assert lent <= SIZE
            order.append(number)
            await read(connection, str(number))
            assert (await seen(connection))[0] == str(number)
            lent -= 1
            lender.give(connection)

        await asyncio.gather(*(use(number) for number in range(20)))

        assert set(order[:SIZE]) == set(range(SIZE))  # those had to be connected first
        assert order[SIZE:] == list(range(SIZE, 20))

    async def test_who_has_waited_too_long_is_told(self, lender: Lender) -> None:
        lent = [await take(lender) for _ in range(SIZE)]

        with pytest.raises(TimeoutError):
            await take(lender, seconds=0.05)

        for connection in lent:
            lender.give(connection)
        lender.give(await take(lender))

    async def test_what_comes_to_somebody_who_has_gone_is_the_next_ones(self, lender: Lender) -> None:
        lent = [await take(lender) for _ in range(SIZE)]
        gone, waiting = asyncio.create_task(take(lender)), asyncio.create_task(take(lender))
        await asyncio.sleep(0)

        lender.give(lent[0])  # it is the first one's, who leaves before the loop comes to it
        gone.cancel()

        assert await asyncio.wait_for(waiting, 5) is lent[0]
        for connection in lent:
            lender.give(connection)

    async def test_a_failed_transaction_is_undone(self, lender: Lender) -> None:
        connection = await take(lender)
        await read(connection, "one")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("SELECT 1 / 0")

        await lender.undo(connection)

        assert await take(lender) is connection
        assert not connection.is_in_transaction()
        lender.give(connection)

    async def test_a_read_that_is_canceled_leaves_nothing_behind(self, school: School) -> None:
        async def read() -> None:
            async with database.reading(school.system):
                await database.fetch("SELECT pg_sleep(60)")

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.3)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reading, 5)

        async with unit_of_work(school.system):
            assert await account(school.system)
        assert (await database.connections())["app", "used"] == 0

    async def test_what_is_broken_is_replaced(self, lender: Lender) -> None:
        lent = [await take(lender) for _ in range(SIZE)]
        waiting = asyncio.create_task(take(lender))
        await asyncio.sleep(0)
        pid = await lent[0].fetchval("SELECT pg_backend_pid()")
        lent[0].terminate()

        lender.give(lent[0])

        new = await asyncio.wait_for(waiting, 5)
        assert await new.fetchval("SELECT pg_backend_pid()") != pid
        await lender.undo(lent[1])
        lender.give(new)
        assert {await take(lender), await take(lender)} == {lent[1], new}
        lender.give(new)
        lender.give(lent[1])


class TestWriting:
    async def test_an_error_that_was_swallowed_is_no_commit(self, school: School) -> None:
        async def write() -> None:
            async with database.writing(school.system) as connection:
                with suppress(asyncpg.PostgresError):
                    await connection.execute("SELECT 1 / 0")

        with pytest.raises(RuntimeError, match="nothing was committed"):
            await write()

    async def test_a_transaction_inside_is_undone_by_itself(self, school: School) -> None:
        async def undone() -> None:
            async with in_transaction("app"):
                await account(school.system)
                async with in_transaction("app"):
                    await account(school.system)
                raise LookupError

        async with unit_of_work(school.system):
            kept = await account(school.system)
            with pytest.raises(LookupError):
                await undone()
            async with in_transaction("app"):
                also_kept = await account(school.system)

        async with unit_of_work(school.system):
            assert {row.id for row in await Account.for_caller(school.system)} == {kept, also_kept}

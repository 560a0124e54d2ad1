"""Facts: sequences without gaps, positions that no cursor skips."""

import asyncio
from uuid import uuid4

import pytest

from lms_graph.kit.errors import Conflict
from lms_graph.models import database
from lms_graph.outbox import store
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.domain.outbox.happenings import Happened, happen, rows, tell_all
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


class TestSequences:
    async def test_have_no_gap_under_parallel_writers(self, school: School) -> None:
        thing = uuid4()

        await asyncio.gather(*(happen(school, thing, thing, thing) for _ in range(20)))

        assert [row["sequence"] for row in await rows("SELECT sequence FROM facts WHERE aggregate_id = $1 ORDER BY 1", thing)] == list(range(1, 61))

    async def test_writers_of_the_same_two_things_in_either_order_never_block_each_other_for_good(self, school: School) -> None:
        one, two = uuid4(), uuid4()

        await asyncio.gather(*(happen(school, *((one, two) if number % 2 else (two, one))) for number in range(20)))

        for thing in (one, two):
            assert [row["sequence"] for row in await rows("SELECT sequence FROM facts WHERE aggregate_id = $1 ORDER BY 1", thing)] == list(range(1, 21))

    async def test_what_was_undone_leaves_no_gap(self, school: School) -> None:
        thing = uuid4()
        await happen(school, thing)

        async def fail() -> None:
            async with unit_of_work(school.system) as work:
                work.record(Happened(thing_id=thing))
                raise Conflict("No.")

        with pytest.raises(Conflict):
            await fail()
        await happen(school, thing)

        async with database.reading(school.system):
            assert [fact.sequence for fact in await store.facts_since(school.system, thing, 0)] == [1, 2]
            assert await store.last_sequence(school.system, thing) == 2

    async def test_are_another_tenants_own(self, school: School, other_school: School) -> None:
        thing = uuid4()
        await happen(school, thing)

        async with database.reading(other_school.system):
            assert await store.facts_since(other_school.system, thing, 0) == []
            assert await store.last_sequence(other_school.system, thing) == 0


class TestPositions:
    async def test_of_one_thing_stand_in_its_sequence(self, school: School) -> None:
        things = [uuid4(), uuid4()]

        async def tell_meanwhile() -> None:
            for _ in range(10):
                await tell_all(school)

        await asyncio.gather(*(happen(school, *things) for _ in range(20)), tell_meanwhile(), tell_meanwhile())
        await tell_all(school)

        for thing in things:
            found = await rows("SELECT position FROM facts WHERE aggregate_id = $1 ORDER BY sequence", thing)
            positions = [row["position"] for row in found]
            assert None not in positions
            assert positions == sorted(positions)

    async def test_of_what_commits_late_come_late(self, school: School) -> None:
        """A reader who has seen the last position misses nothing, however long a transaction took."""
        slow, quick = uuid4(), uuid4()
        written, go_on = asyncio.Event(), asyncio.Event()

        async def write_slowly() -> None:
            async with unit_of_work(school.system) as work:
                work.record(Happened(thing_id=slow))
                await work._write_facts()
                work.forget()
                written.set()
                await go_on.wait()

        writing = asyncio.create_task(write_slowly())
        await written.wait()
        await happen(school, quick)
        first = await tell_all(school)
        go_on.set()
        await writing
        second = await tell_all(school)

        assert [fact.aggregate_id for fact in first] == [quick]
        assert [fact.aggregate_id for fact in second] == [slow]
        placed = {row["aggregate_id"]: row["position"] for row in await rows("SELECT aggregate_id, position FROM facts WHERE tenant_id = $1", school.id)}
        assert placed[quick] < placed[slow]

    async def test_a_relay_is_not_held_up_by_another(self, school: School) -> None:
        thing = uuid4()
        await happen(school, thing)
        async with database.as_system() as other:
            await other.execute("SELECT pg_advisory_xact_lock(7020191)")
            assert await asyncio.wait_for(tell_all(school), 1) == []

        assert [fact.aggregate_id for fact in await tell_all(school)] == [thing]

"""Deliveries: each reaction owes one to each fact, and pays once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.kit.errors import Conflict
from lms_graph.models import database
from lms_graph.outbox import store
from lms_graph.outbox.store import MAX_ATTEMPTS, MAX_DOUBLINGS, AlreadyDone, Delivery
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.domain.outbox.happenings import REACTION, deliveries, happen, make_due, once_each, rows, tell_all
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def owed(school: School, many: int = 1) -> list[Delivery]:
    """Deliveries that wait to be sent."""
    await happen(school, *(uuid4() for _ in range(many)))
    await tell_all(school)
    return [Delivery(row["tenant_id"], row["id"]) for row in await deliveries(school)]


async def claim(school: School, *, resend_after: float = 60) -> list[store.Message]:
    return [message for message in await store.claim_due(resend_after=resend_after) if message.delivery.tenant_id == school.id]


class TestTell:
    async def test_two_relays_at_once_owe_each_reaction_once(self, school: School) -> None:
        await happen(school, *(uuid4() for _ in range(30)))

        await asyncio.gather(*(store.tell(once_each, limit=7) for _ in range(12)))
        await tell_all(school)

        assert len(await deliveries(school)) == 30

    async def test_what_is_due_later_is_not_sent_before_nor_counted(self, school: School) -> None:
        await happen(school, uuid4())

        def tomorrow(name: str, payload: dict[str, Any]) -> list[tuple[str, datetime | None]]:
            return [(REACTION, datetime.now(UTC) + timedelta(days=1))] if name == "Happened" else []

        await store.tell(tomorrow)

        assert await claim(school) == []
        assert await store.unfinished() == 0
        await make_due(school)
        assert await store.unfinished() == 1
        assert len(await claim(school)) == 1


class TestClaimDue:
    async def test_two_relays_share(self, school: School) -> None:
        await owed(school, 40)

        claimed = await asyncio.gather(*(store.claim_due(resend_after=60, limit=15) for _ in range(6)))

        ids = [message.delivery.id for messages in claimed for message in messages]
        assert len(ids) == len(set(ids))
        assert set(ids) == {row["id"] for row in await deliveries(school)}
        assert {row["attempts"] for row in await deliveries(school)} == {1}

    async def test_waits_twice_as_long_each_time_up_to_a_bound(self, school: School) -> None:
        await owed(school)
        waits = []
        for _ in range(MAX_ATTEMPTS):
            assert len(await claim(school, resend_after=6)) == 1
            assert await claim(school, resend_after=6) == []
            ((row),) = await deliveries(school)
            waits.append(float(row["wait"]))
            await make_due(school)

        assert waits == [pytest.approx(6 * 2 ** min(number, MAX_DOUBLINGS), abs=2) for number in range(MAX_ATTEMPTS)]

    async def test_buries_what_was_tried_often_enough_and_says_why(self, school: School) -> None:
        first, second = await owed(school, 2)
        await claim(school)
        await store.note_failure(first, "OSError: no", final=False)
        await make_due(school, attempts=MAX_ATTEMPTS)

        assert await claim(school) == []

        dead = {row.id: row for row in await store.dead() if row.tenant_id == school.id}
        assert {id: (row.reaction, row.fact, row.attempts, row.error) for id, row in dead.items()} == {
            first.id: (REACTION, "Happened", MAX_ATTEMPTS, "OSError: no"),
            second.id: (REACTION, "Happened", MAX_ATTEMPTS, "never finished: the worker died or hung each time"),
        }
        assert await store.unfinished() == 0

    async def test_passes_by_what_a_job_is_closing(self, school: School) -> None:
        (delivery,) = await owed(school)
        async with unit_of_work(school.system, closes=delivery):
            assert await asyncio.wait_for(claim(school), 1) == []
            await make_nothing_wait(delivery)


async def make_nothing_wait(delivery: Delivery) -> None:
    assert not await asyncio.wait_for(store.hold(delivery, seconds=5), 1)


class TestUnsend:
    async def test_counts_as_no_attempt_and_comes_again_soon(self, school: School) -> None:
        await owed(school)
        messages = await claim(school)

        await store.unsend(messages, wait=3)

        ((row),) = await deliveries(school)
        assert row["attempts"] == 0
        assert float(row["wait"]) == pytest.approx(3, abs=1)
        assert await store.unfinished() == 1
        await make_due(school)
        assert len(await claim(school)) == 1


class TestHold:
    async def test_keeps_it_from_being_sent_again(self, school: School) -> None:
        (delivery,) = await owed(school)
        await claim(school, resend_after=0.001)

        assert await store.hold(delivery, seconds=30)

        assert await claim(school) == []
        await make_due(school)
        assert len(await claim(school)) == 1

    async def test_never_shortens_the_wait(self, school: School) -> None:
        (delivery,) = await owed(school)
        await claim(school, resend_after=100)

        await store.hold(delivery, seconds=1)

        ((row),) = await deliveries(school)
        assert float(row["wait"]) > 90

    @pytest.mark.parametrize("end", ["finish", "bury"])
    async def test_tells_when_nothing_is_owed(self, school: School, end: str) -> None:
        (delivery,) = await owed(school)
        await (store.finish(delivery) if end == "finish" else store.note_failure(delivery, "no", final=True))

        assert not await store.hold(delivery, seconds=30)


class TestCloses:
    async def test_done_commits_with_the_effect(self, school: School) -> None:
        (delivery,) = await owed(school)
        with pytest.raises(Conflict):
            async with unit_of_work(school.system, closes=delivery):
                raise Conflict("No.")
        assert (await deliveries(school))[0]["state"] == "PENDING"

        async with unit_of_work(school.system, closes=delivery):
            pass

        assert (await deliveries(school))[0]["state"] == "DONE"

    async def test_ten_at_once_have_one_effect(self, school: School) -> None:
        (delivery,) = await owed(school)
        effects = 0

        async def job() -> None:
            nonlocal effects
            async with unit_of_work(school.system, closes=delivery):
                effects += 1
                await asyncio.sleep(0.01)

        results = await asyncio.gather(*(job() for _ in range(10)), return_exceptions=True)

        assert effects == 1
        assert [type(result) for result in results if result is not None] == [AlreadyDone] * 9

    async def test_another_tenant_cannot(self, school: School, other_school: School) -> None:
        (delivery,) = await owed(school)

        with pytest.raises(AlreadyDone):
            async with unit_of_work(other_school.system, closes=delivery):
                pass

        assert (await deliveries(school))[0]["state"] == "PENDING"


class TestNoteFailure:
    async def test_keeps_the_reason_and_the_turn(self, school: School) -> None:
        (delivery,) = await owed(school)
        await claim(school)

        await store.note_failure(delivery, "x" * 5000, final=False)

        ((row),) = await deliveries(school)
        assert (row["state"], len(row["error"])) == ("SENT", 2000)

    async def test_a_final_one_buries(self, school: School) -> None:
        (delivery,) = await owed(school)

        await store.note_failure(delivery, "NOT_FOUND: gone", final=True)

        assert [row.error for row in await store.dead() if row.tenant_id == school.id] == ["NOT_FOUND: gone"]

    async def test_never_undoes_what_is_done(self, school: School) -> None:
        (delivery,) = await owed(school)
        await store.finish(delivery)

        await store.note_failure(delivery, "late", final=True)

        ((row),) = await deliveries(school)
        assert (row["state"], row["error"]) == ("DONE", None)


class TestRequeue:
    async def test_the_named_or_all(self, school: School) -> None:
        first, second, third = await owed(school, 3)
        for delivery in (first, second, third):
            await store.note_failure(delivery, "no", final=True)

        assert await store.requeue([first.id]) == 1
        assert [message.delivery for message in await claim(school)] == [first]
        assert await store.requeue() == 2
        assert {message.delivery for message in await claim(school)} == {second, third}
        assert {row["attempts"] for row in await deliveries(school)} == {1}
        assert await store.requeue() == 0


class TestSweep:
    async def test_forgets_what_is_old_and_done_and_keeps_the_feed(self, school: School) -> None:
        old, recent, open_one, buried = await owed(school, 4)
        for delivery in (old, recent):
            await store.finish(delivery)
        await store.note_failure(buried, "no", final=True)
        await rows("UPDATE deliveries SET done_at = now() - interval '31 days' WHERE id = $1", old.id)
        await rows("UPDATE deliveries SET due_at = now() - interval '31 days' WHERE id = ANY($1)", [open_one.id, buried.id])
        async with unit_of_work(school.system):
            for key, age in (("old", 49), ("new", 47)):
                await database.fetch(
                    "INSERT INTO idempotency_keys (tenant_id, id, scope, field, key, body_sha256, created_at) VALUES ($1, $2, 's', 'f', $3, 'x', now() - make_interval(hours => $4))",
                    school.id,
                    uuid4(),
                    key,
                    age,
                )

        await store.sweep()

        assert {row["id"] for row in await deliveries(school)} == {recent.id, open_one.id, buried.id}
        assert len(await rows("SELECT id FROM facts WHERE tenant_id = $1 AND name = 'Happened'", school.id)) == 4
        async with database.reading(school.system):
            assert [row["key"] for row in await database.fetch("SELECT key FROM idempotency_keys WHERE tenant_id = $1", school.id)] == ["new"]

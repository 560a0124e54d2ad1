"""Running one delivery: whatever a job meets, the row says it and nothing is raised."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from lms_graph.jobs import runtime
from lms_graph.jobs.relay import Relay
from lms_graph.jobs.runtime import Job
from lms_graph.kit.errors import NotFound, Unavailable
from lms_graph.outbox import store
from lms_graph.outbox.store import Message
from lms_graph.outbox.unit_of_work import unit_of_work
from lms_graph.outbox.wake import WakeUp
from tests.domain.outbox.happenings import REACTION, Happened, deliveries, happen, make_due, once_each, rows, tell_all
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Register = Callable[[Callable[..., Awaitable[None]]], None]


@pytest.fixture
def register() -> Iterator[Register]:
    """Make a function the job of `tests.react`."""

    def put(function: Callable[..., Awaitable[None]]) -> None:
        runtime.JOBS[REACTION] = function

    yield put
    runtime.JOBS.pop(REACTION, None)


async def owed(school: School) -> Message:
    await happen(school, uuid4())
    await tell_all(school)
    (message,) = [message for message in await store.claim_due(resend_after=60) if message.delivery.tenant_id == school.id]
    return message


async def run(house: House, message: Message, **differs: Any) -> None:
    await runtime.run(house.adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload, **differs)


class TestRun:
    async def test_what_came_to_nothing_is_done(self, house: House, school: School, register: Register) -> None:
        things: list[UUID] = []

        async def react(job: Job, *, thing_id: UUID) -> None:
            things.append(thing_id)

        register(react)
        message = await owed(school)

        await run(house, message)
        await run(house, message)

        assert [str(thing) for thing in things] == [message.payload["thing_id"]]
        assert (await deliveries(school))[0]["state"] == "DONE"

    @pytest.mark.parametrize(
        ("error", "state", "said"),
        [
            (Unavailable("The store does not answer."), "SENT", "The store does not answer."),
            (NotFound("Gone."), "BURIED", "NOT_FOUND: Gone."),
            (KeyError("surprise"), "SENT", "KeyError: 'surprise'"),
        ],
        ids=["a part of the world is away", "it can never be done", "a surprise"],
    )
    async def test_what_failed_says_why(self, house: House, school: School, register: Register, error: Exception, state: str, said: str) -> None:
        async def react(job: Job) -> None:
            raise error

        register(react)

        await run(house, await owed(school))

        (row,) = await deliveries(school)
        assert (row["state"], row["error"]) == (state, said)

    async def test_a_job_that_nobody_knows_waits_for_those_who_do(self, house: House, school: School) -> None:
        await run(house, await owed(school))

        (row,) = await deliveries(school)
        assert (row["state"], row["error"]) == ("SENT", f"KeyError: '{REACTION}'")

    async def test_a_job_that_hangs_is_cut_off(self, house: House, school: School, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
        async def react(job: Job) -> None:
            async with unit_of_work(job.caller, closes=job.delivery):
                await asyncio.Event().wait()

        register(react)
        monkeypatch.setattr(runtime, "TIME_LIMIT_SECONDS", 0.2)

        await asyncio.wait_for(run(house, await owed(school)), 5)

        (row,) = await deliveries(school)
        assert (row["state"], row["error"]) == ("SENT", "took longer than 0.2 s")

    async def test_a_job_that_its_stopping_worker_cuts_short_comes_again_and_has_run_once_in_effect(self, house: House, school: School, register: Register) -> None:
        effect, written, never = uuid4(), asyncio.Event(), asyncio.Event()

        async def react(job: Job) -> None:
            async with unit_of_work(job.caller, closes=job.delivery) as work:
                work.record(Happened(thing_id=effect))
                if not written.is_set():
                    written.set()
                    await never.wait()

        register(react)
        message = await owed(school)
        first = asyncio.create_task(run(house, message, hold=0.01))
        await written.wait()
        first.cancel()
        await asyncio.wait({first})
        assert [(row["state"], row["error"]) for row in await deliveries(school)] == [("SENT", None)]

        await make_due(school)
        (again,) = [message for message in await store.claim_due(resend_after=60) if message.delivery.tenant_id == school.id]
        await run(house, again)
        await run(house, again)

        assert again.delivery == message.delivery
        assert await rows("SELECT name FROM facts WHERE aggregate_id = $1", effect) == [("Happened",)]
        assert [row["state"] for row in await deliveries(school)] == ["DONE"]

    async def test_a_message_that_comes_again_meanwhile_runs_nothing(self, house: House, school: School, register: Register) -> None:
        begun, go_on, runs = asyncio.Event(), asyncio.Event(), 0

        async def react(job: Job) -> None:
            nonlocal runs
            runs += 1
            begun.set()
            await go_on.wait()

        register(react)
        message = await owed(school)
        first = asyncio.create_task(run(house, message))
        await begun.wait()

        await run(house, message)
        go_on.set()
        await first

        assert runs == 1

    async def test_while_it_runs_it_is_held(self, house: House, school: School, register: Register) -> None:
        async def react(job: Job) -> None:
            await rows("UPDATE deliveries SET due_at = now() WHERE tenant_id = $1", school.id)
            for _ in range(100):
                await asyncio.sleep(0.02)
                if (await deliveries(school))[0]["wait"] > 0:
                    return
            raise AssertionError("nobody holds it")

        register(react)

        await run(house, await owed(school), hold=0.6)

        assert (await deliveries(school))[0]["state"] == "DONE"

    async def test_a_database_that_is_away_raises_nothing(self, house: House, school: School, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
        async def react(job: Job) -> None:
            raise OSError("no route")

        async def away(*_: Any, **__: Any) -> None:
            raise OSError("no database")

        register(react)
        message = await owed(school)
        monkeypatch.setattr(store, "note_failure", away)
        await run(house, message)
        monkeypatch.setattr(store, "hold", away)
        await run(house, message)

        (row,) = await deliveries(school)
        assert (row["state"], row["error"]) == ("SENT", None)


class TestRelay:
    @pytest.fixture
    def reacting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lms_graph.jobs.relay.reactions_to", once_each)

    async def test_a_queue_that_is_away_costs_no_attempt_and_one_failure(self, house: House, school: School, reacting: None) -> None:
        asked = 0

        def send(message: Message) -> None:
            nonlocal asked
            asked += 1
            raise ConnectionError("no Redis")

        relay = Relay(live=house.adapters.live, answers=house.adapters.answers, send=send, resend_after=60, sweep_every=5)
        await happen(school, *(uuid4() for _ in range(10)))

        while await relay.drain():
            pass

        assert asked == 1
        assert {(row["state"], row["attempts"]) for row in await deliveries(school)} == {("SENT", 0)}
        assert all(0 < row["wait"] <= 5 for row in await deliveries(school))

    async def test_is_woken_by_a_commit_and_outlives_its_troubles(self, house: House, school: School, reacting: None, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: asyncio.Queue[Message] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        relay = Relay(
            live=house.adapters.live,
            answers=house.adapters.answers,
            send=lambda message: loop.call_soon_threadsafe(sent.put_nowait, message) and None,
            resend_after=60,
            sweep_every=60,
        )
        claim, troubles = store.claim_due, 1

        async def troubled(**arguments: Any) -> list[Message]:
            nonlocal troubles
            if troubles:
                troubles -= 1
                raise OSError("no database")
            return await claim(**arguments)

        monkeypatch.setattr(store, "claim_due", troubled)
        running = asyncio.create_task(relay.run())
        try:
            for _ in range(3):
                await happen(school, uuid4())
                message = await asyncio.wait_for(sent.get(), 3)
                while message.delivery.tenant_id != school.id:
                    message = await asyncio.wait_for(sent.get(), 3)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class TestWakeUp:
    async def test_hears_commits_listens_anew_when_cut_off_and_leaves_nothing_behind(self, house: House, school: School, recwarn: pytest.WarningsRecorder) -> None:
        async with WakeUp() as wake:
            await wake.wait(60)  # begins to listen
            await happen(school, uuid4())
            await asyncio.wait_for(wake.wait(60), 2)

            listening = wake._connection
            await listening.execute("SELECT 1")
            await asyncio.to_thread(listening._con.terminate)
            await asyncio.wait_for(wake.wait(60), 2)
            assert wake._connection is not listening
            await happen(school, uuid4())
            await asyncio.wait_for(wake.wait(60), 2)

        assert not [warning for warning in recwarn if "listener" in str(warning.message)]

    async def test_ends_with_who_waits_though_something_is_said_at_that_moment(self, house: House) -> None:
        async with WakeUp() as wake:
            await wake.wait(60)
            waiting = asyncio.create_task(wake.wait(60))
            await asyncio.sleep(0)

            wake._hear()
            waiting.cancel()

            with pytest.raises(asyncio.CancelledError):
                await waiting

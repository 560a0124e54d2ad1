"""What dies, and what follows all the same: real API and worker processes, killed at chosen moments. Each time there is exactly one certificate.

A moment is chosen by holding what the process needs next: a row it must lock, or the browser, stopped.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2 as httpx
import pytest
import websockets

from lms_graph.outbox.store import MAX_ATTEMPTS
from tests.fixtures.client import DOCUMENTS
from tests.fixtures.databases import own_database
from tests.fixtures.processes import Process, until, with_no_process
from tests.journeys.town import Learner, Town, seed, town

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("crashes")]

RECOVERY_SECONDS = 10  # of what has no process to start first
START_SECONDS = 30  # starting one takes seconds of a processor, and tests share it
ISSUE, RENDER = "certificates.issue_certificate", "certificates.render_certificate"


@pytest.fixture(scope="module")
def outset(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[tuple[dict[str, str], str, Path]]:
    folder = tmp_path_factory.mktemp("town")
    with own_database(servers, environment, f"town_{worker_id}_{folder.name}") as (own, superuser_url):
        yield own, superuser_url, folder


@pytest.fixture(scope="module")
async def place(outset: tuple[dict[str, str], str, Path], anyio_backend: str) -> AsyncIterator[Town]:
    own, superuser_url, folder = outset
    async with town(own, superuser_url, folder, await asyncio.to_thread(seed, own)) as made:
        await made.start_api()
        yield made


@pytest.fixture
async def worker(place: Town) -> AsyncIterator[Process]:
    """A worker that may be killed: the one that the test before left running, for starting one takes time."""
    running = workers(place)
    yield running[0] if running else place.start_worker()
    for more in workers(place)[1:]:
        more.end()


def workers(place: Town) -> list[Process]:
    return [process for process in place.processes if process.name == "worker" and process.exit_code is None]


@pytest.fixture
def report(record_property: object, capsys: pytest.CaptureFixture[str]) -> object:
    def say(what: str, seconds: float) -> None:
        record_property(what, round(seconds, 2))  # type: ignore[operator]
        with capsys.disabled():
            print(f" [{what}: {seconds:.2f} s]", end="", flush=True)

    return say


@asynccontextmanager
async def row_held(place: Town, table: str, learner: Learner) -> AsyncIterator[None]:
    """Somebody else has locked the row."""
    column = {"certificates": "subject_id", "enrollments": "id"}[table]
    connection = await asyncpg.connect(**_address(place))
    try:
        async with connection.transaction():
            assert await connection.fetchval(f"SELECT count(*) FROM (SELECT FROM {table} WHERE {column} = $1 FOR UPDATE) AS held", learner.run_id) == 1
            yield
    finally:
        await connection.close()


def _address(place: Town) -> dict[str, object]:
    host, port = place.database._addr
    return {"host": host, "port": port, "user": "postgres", "database": place.database._params.database}


async def has_certificate(place: Town, learner: Learner) -> None:
    async def issued() -> bool:
        return bool(await place.certificates(learner))

    await until(issued, every=0.002, else_tell=place.tails)


async def render_begun(place: Town, learner: Learner) -> None:
    async def held() -> bool:
        row = await place.delivery(learner, RENDER)
        return row is not None and row["state"] == "SENT" and row["attempts"] > 0

    await until(held, every=0.005, else_tell=place.tails)


async def browser_of(worker: Process) -> list[int]:
    async def runs() -> bool:
        return bool(worker.descendants("--headless"))

    await until(runs, every=0.01)
    return worker.descendants("--headless")


async def settled(place: Town, *learners: Learner, within: float = RECOVERY_SECONDS) -> float:
    took = await place.quiet(seconds=within)
    for learner in learners:
        await place.require_one_certificate(learner)
    return took


class TestWorkerKilled:
    async def test_while_it_prints(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        await place.complete(learner)
        browser = await browser_of(worker)  # there is none before the first certificate: it is being printed
        for number in browser:
            with_no_process(number, signal.SIGSTOP)
        await render_begun(place, learner)
        assert (await place.certificates(learner))[0]["pdf_file_id"] is None

        worker.kill()
        for number in browser:
            with_no_process(number, signal.SIGKILL)
        began = time.monotonic()
        place.start_worker()

        await settled(place, learner, within=START_SECONDS)
        report("killed while printing", time.monotonic() - began)
        assert (await place.delivery(learner, RENDER))["attempts"] > 1

    async def test_between_issuing_and_printing(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        await place.complete(learner)
        await has_certificate(place, learner)

        worker.kill()
        began = time.monotonic()
        assert (await place.certificates(learner))[0]["pdf_file_id"] is None
        place.start_worker()

        await settled(place, learner, within=START_SECONDS)
        report("killed before printing", time.monotonic() - began)

    async def test_when_the_pdf_lies_in_the_store_and_no_row_says_so(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        await place.complete(learner)
        await has_certificate(place, learner)
        async with row_held(place, "certificates", learner):
            await until(place.waiting_for_locks, else_tell=place.tails)  # it has put the object and wants to write
            worker.kill()

        began = time.monotonic()
        place.start_worker()

        await settled(place, learner, within=START_SECONDS)
        report("killed before settling", time.monotonic() - began)

    async def test_again_and_again(self, place: Town, worker: Process, report) -> None:
        """At moments that nobody chose."""
        learners = [await place.learner() for _ in range(3)]
        began = time.monotonic()
        for learner, moment in zip(learners, (0.0, 0.25, 0.6), strict=True):
            await place.complete(learner)
            await asyncio.sleep(moment)
            worker.kill()
            worker = place.start_worker()

        await settled(place, *learners, within=START_SECONDS)
        report("three kills in a row", time.monotonic() - began)


class TestTwoWorkers:
    async def test_share_the_work_and_do_nothing_twice(self, place: Town, worker: Process, report) -> None:
        place.start_worker()
        learners = [await place.learner() for _ in range(6)]
        began = time.monotonic()

        await asyncio.gather(*(place.complete(learner) for learner in learners))

        await settled(place, *learners, within=START_SECONDS)
        report("six certificates", time.monotonic() - began)
        assert await place.value("SELECT sum(enrollment_count) FROM courses") == await place.value("SELECT count(*) FROM enrollments")


class TestRedis:
    async def test_forgets_what_was_sent(self, place: Town, worker: Process, report) -> None:
        learners = [await place.learner() for _ in range(3)]
        await place.quiet()
        emptying = True

        def empty() -> None:
            while emptying:
                place.redis("FLUSHALL")

        async def sent() -> bool:
            rows = [await place.delivery(learner, ISSUE) for learner in learners]
            return all(row is not None and row["attempts"] > 0 for row in rows)

        flood = asyncio.create_task(asyncio.to_thread(empty))
        await asyncio.gather(*(place.complete(learner) for learner in learners))
        await until(sent, every=0.005)
        emptying = False
        await flood
        began = time.monotonic()

        await settled(place, *learners)
        report("queue emptied", time.monotonic() - began)
        sends = [row["attempts"] for learner in learners if (row := await place.delivery(learner, ISSUE))]
        assert max(sends) > 1  # at least one was lost, and sent again

    async def test_dies_and_comes_back_empty(self, place: Town, worker: Process, report) -> None:
        before, learner = await place.learner(), await place.learner()
        await place.complete(before)
        await settled(place, before)
        async with place.progress(learner) as live:
            assert (await live.next())["sequence"] == 1
            place.running("valkey").kill()
            await place.complete(learner)
            assert [(await live.next(within=RECOVERY_SECONDS))["sequence"] for _ in range(2)] == [2, 3]  # found without being told
            await self.comes_back(place, learner, place.start_redis, report)
            assert [(await live.next(within=RECOVERY_SECONDS))["sequence"] for _ in range(2)] == [4, 5]

    async def test_hangs(self, place: Town, worker: Process, report) -> None:
        """It takes connections and says nothing: worse than being dead."""
        learner = await place.learner()
        await place.quiet()
        place.running("valkey").send(signal.SIGSTOP)
        try:
            await place.complete(learner)
        finally:
            asyncio.get_running_loop().call_later(5, place.running("valkey").send, signal.SIGCONT)

        began = time.monotonic()
        await settled(place, learner, within=15)
        report("Redis hung for 5 s, done", time.monotonic() - began)

    async def comes_back(self, place: Town, learner: Learner, start: Callable[[], object], report) -> None:

        async def tried() -> bool:
            row = await place.delivery(learner, ISSUE)
            return row is not None and row["state"] == "SENT" and row["attempts"] == 0

        await until(tried, else_tell=place.tails)
        assert await place.certificates(learner) == []
        start()
        began = time.monotonic()

        await settled(place, learner)
        report("Redis back", time.monotonic() - began)


class TestApiKilled:
    @pytest.mark.parametrize("moment", ["before the commit", "at the commit", "after the answer"])
    async def test_what_was_committed_is_followed_and_nothing_else(self, moment: str, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        api = place.running("serve")

        async def completed() -> bool:
            return bool(await place.value("SELECT count(*) FROM facts WHERE name = 'CourseCompleted' AND aggregate_id = $1", learner.run_id))

        if moment == "before the commit":
            async with row_held(place, "enrollments", learner):
                sent = asyncio.create_task(place.complete(learner))
                await until(place.waiting_for_locks)
                api.kill()
                with pytest.raises(httpx.TransportError):
                    await sent
        elif moment == "at the commit":
            sent = asyncio.create_task(place.complete(learner))
            await until(completed, every=0)
            api.kill()
            await asyncio.gather(sent, return_exceptions=True)
        else:
            await place.complete(learner)
            api.kill()

        began = time.monotonic()
        assert await completed() == (moment != "before the commit")
        await place.start_api()
        report("API back", time.monotonic() - began)
        await place.complete(learner)  # the client did not hear, and asks again

        await settled(place, learner, within=START_SECONDS)


class TestDatabaseConnectionsLost:
    async def test_api_and_worker_find_their_way_back(self, place: Town, worker: Process, report) -> None:
        before, learner = await place.learner(), await place.learner()
        await place.complete(before)
        await settled(place, before)

        async def cut() -> int:
            return int(await place.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'lms%'"))

        assert await cut() >= 4
        began = time.monotonic()
        refused = 0
        while True:
            try:
                await place.complete(learner)
                break
            except AssertionError:
                refused += 1
                assert time.monotonic() - began < RECOVERY_SECONDS
        report(f"API back after {refused} refusals", time.monotonic() - began)

        await settled(place, learner)
        report("worker back", time.monotonic() - began)

    async def test_cut_while_a_job_settles(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        await place.complete(learner)
        await has_certificate(place, learner)
        async with row_held(place, "certificates", learner):
            await until(place.waiting_for_locks, else_tell=place.tails)
            await place.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'lms%'")
        began = time.monotonic()

        await settled(place, learner)
        report("job done", time.monotonic() - began)


class TestStopped:
    async def test_a_worker_lets_a_running_job_finish(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        await place.complete(learner)
        await has_certificate(place, learner)
        said_before = len(worker.log.read_text())
        async with row_held(place, "certificates", learner):
            await until(place.waiting_for_locks, else_tell=place.tails)
            worker.send(signal.SIGTERM)
            await asyncio.sleep(0.3)  # it has heard; the job is still in its hands
            assert worker.exit_code is None
        began = time.monotonic()

        async def ended() -> bool:
            return worker.exit_code is not None

        await until(ended, else_tell=place.tails)
        report("worker ended", time.monotonic() - began)
        assert worker.exit_code == 0
        assert (await place.delivery(learner, RENDER))["state"] == "DONE"
        said = worker.log.read_text()[said_before:]
        assert "worker.stopped" in said
        assert not any(word in said for word in ("Traceback", "active connection listeners", "cut_short"))
        place.start_worker()
        await settled(place, learner, within=START_SECONDS)

    async def test_the_api_answers_what_it_has_begun(self, place: Town, worker: Process, report) -> None:
        learner = await place.learner()
        api = place.running("serve")
        async with row_held(place, "enrollments", learner):
            sent = asyncio.create_task(place.complete(learner))
            await until(place.waiting_for_locks)
            api.send(signal.SIGTERM)
            await asyncio.sleep(0.3)
            assert api.exit_code is None
        began = time.monotonic()

        assert (await sent)["enrollment"]["status"] == "COMPLETED"

        async def ended() -> bool:
            return api.exit_code is not None

        await until(ended, seconds=25)
        report("API ended", time.monotonic() - began)
        await place.start_api()
        await settled(place, learner, within=START_SECONDS)

    async def test_the_api_does_not_wait_for_those_who_only_listen(self, place: Town, report) -> None:
        learner = await place.learner()
        api = place.running("serve")
        body = {"query": DOCUMENTS["MyProgress"], "variables": {"enrollmentId": learner.run}}
        headers = {"X-Tenant": place.seed["tenant"], "Authorization": f"Bearer {learner.token}", "Accept": "text/event-stream"}
        async with place.progress(learner) as live, place.http.stream("POST", f"{place.url}/graphql", json=body, headers=headers) as stream:
            await live.next()
            lines = stream.aiter_lines()
            while "data:" not in await anext(lines):
                pass
            api.send(signal.SIGTERM)
            began = time.monotonic()

            with pytest.raises(websockets.ConnectionClosed) as closed:
                await live.next(within=25)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code in (1001, 1012)

            async def ended() -> bool:
                return api.exit_code is not None

            await until(ended, seconds=25)
            assert [line async for line in lines if "complete" in line] == []  # cut short, not finished: a client comes again
        took = time.monotonic() - began
        report("API ended with listeners", took)
        assert took < 5
        await place.start_api()


class TestGivenUp:
    async def test_is_listed_and_can_be_tried_again(self, place: Town, worker: Process) -> None:
        worker.end()
        learner = await place.learner()
        unable = place.start_worker(CHROMIUM_PATH="/no/such/program")
        await place.complete(learner)

        async def failed() -> bool:
            row = await place.delivery(learner, RENDER)
            return row is not None and row["error"] is not None

        await until(failed, seconds=30, else_tell=place.tails)
        await place.value("UPDATE deliveries SET attempts = $1, due_at = now() WHERE reaction = $2 AND state = 'SENT'", MAX_ATTEMPTS, RENDER)

        async def buried() -> bool:
            row = await place.delivery(learner, RENDER)
            return row is not None and row["state"] == "BURIED"

        await until(buried, else_tell=place.tails)
        unable.end()
        row = await place.delivery(learner, RENDER)
        assert row is not None

        told = await asyncio.to_thread(place.command, "jobs", "dead", "list")
        assert f"{row['id']}  {RENDER}  after CertificateIssued  {MAX_ATTEMPTS} tries  CHROMIUM_PATH is" in told
        place.start_worker()
        assert "1 will be tried again." in await asyncio.to_thread(place.command, "jobs", "dead", "requeue", str(row["id"]))

        await settled(place, learner, within=START_SECONDS)

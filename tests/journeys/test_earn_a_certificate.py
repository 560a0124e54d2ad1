"""A learner's whole way, from the catalog to a certificate that anybody can check; and live streams that lose nothing on it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import redis

from lms_graph.settings import Settings
from tests.factories.accounts import PASSWORD, address, instructor
from tests.factories.courses import course, quiz_lecture, text, video
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.journeys.live import Socket, socket, stream

pytestmark = pytest.mark.anyio


def key() -> str:
    return uuid4().hex


def empty(client: redis.Redis) -> None:
    client.flushdb()


def cut_off(client: redis.Redis) -> None:
    """Whoever listens, in this process's part of Redis."""
    own = client.client_info()["db"]
    for each in client.client_list(_type="pubsub"):
        if int(each["db"]) == own:
            client.client_kill_filter(_id=each["id"])


@dataclass
class Way:
    """A learner in a run of the course."""

    client: Client
    run: str
    lectures: dict[str, dict[str, Any]]

    async def read(self, title: str) -> dict[str, Any]:
        input = {"enrollmentId": self.run, "lectureId": self.lectures[title]["id"]}
        answer = await self.client.data("CompleteLecture", input=input)
        assert answer["errors"] == []
        done: dict[str, Any] = answer["enrollment"]
        return done

    async def watch(self, number: int, start: int, end: int, *, title: str = "Lecture video") -> tuple[str, int]:
        beat = {"clientEventId": number, "lectureId": self.lectures[title]["id"], "fromSeconds": start, "toSeconds": end, "occurredAt": datetime.now(UTC).isoformat()}
        answer = await self.client.data("RecordProgress", input={"enrollmentId": self.run, "deviceId": "phone", "events": [beat]})
        assert answer["errors"] == []
        return answer["results"][0]["status"], answer["enrollment"]["progressPercent"]

    async def sit(self, title: str, right: set[str]) -> dict[str, Any]:
        input = {"enrollmentId": self.run, "lectureId": self.lectures[title]["id"], "idempotencyKey": key()}
        attempt = (await self.client.data("StartAttempt", input=input))["attempt"]
        for question in attempt["questions"]:
            if question["__typename"] == "TrueFalsePrompt":
                said: dict[str, Any] = {"trueFalse": "true" in right}
            else:
                said = {"choice": [option["id"] for option in question["options"] if option["text"] in right]}
            saved = await self.client.data("SaveAnswer", input={"attemptId": attempt["id"], "questionId": question["id"], "answer": said})
            assert saved["errors"] == []
        submitted = await self.client.data("SubmitAttempt", input={"attemptId": attempt["id"]})
        assert submitted["errors"] == []
        result: dict[str, Any] = submitted["attempt"]["result"]
        return result


async def enroll(client: Client, slug: str) -> Way:
    page = await client.data("CoursePage", slug=slug)
    enrolled = await client.data("Enroll", input={"courseId": page["id"], "idempotencyKey": key()})
    assert enrolled["errors"] == []
    return Way(client, enrolled["enrollment"]["id"], {lecture["title"]: lecture for section in page["sections"] for lecture in section["lectures"]})


@pytest.fixture
async def following(follow: Callable[[], Awaitable[object]]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """What follows, followed beside the test: relay and jobs, until the test ends."""
    tasks: list[asyncio.Task[None]] = []
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            await follow()
            await asyncio.sleep(0.02)

    async def start() -> None:
        tasks.append(asyncio.create_task(go_on()))

    yield start
    over.set()
    await asyncio.gather(*tasks)  # not canceled: a library may lose that, and it would go on beside the tests that come


async def test_from_the_catalog_to_a_certificate_that_anybody_can_check(
    house: House, school: School, visitor: Client, clients: list[Client], following: Callable[[], Awaitable[None]]
) -> None:
    teacher = await instructor(school.system, name="Zoë Øster")
    slug = f"light-{key()[:8]}"
    await course(
        school.system,
        text(is_preview=True),
        await video(school.system, seconds=100, opens_after=("text",)),
        await quiz_lecture(school.system, opens_after=("video",)),
        slug=slug,
        title="Light and Shade",
        instructors=((teacher, "LEAD"),),
    )
    await following()

    # A visitor finds it and sees what is closed, and what would open it.
    found = await visitor.data("Catalog", search="ligth shade")
    assert [edge["node"]["slug"] for edge in found["edges"]] == [slug]
    page = await visitor.data("CoursePage", slug=slug)
    assert (page["access"]["__typename"], page["viewerEnrollment"]) == ("SignInRequired", None)
    assert [lecture["access"]["__typename"] for lecture in page["sections"][0]["lectures"]] == ["AccessGranted", "SignInRequired", "SignInRequired"]

    # They sign up and enroll.
    signed_up = await visitor.data("SignUp", input={"email": address(), "name": "Šárka Łukasiewicz", "password": PASSWORD})
    assert signed_up["errors"] == []
    learner = Client(house, school.slug, signed_up["session"]["accessToken"])
    clients.append(learner)
    way = await enroll(learner, slug)

    async with socket(learner, "MyProgress", enrollmentId=way.run) as live, stream(learner, "CertificateReady", enrollmentId=way.run) as paper:
        first = await live.next()
        assert (first["sequence"], first["enrollment"]["progressPercent"], first["certificate"]) == (1, 0, None)

        # One lecture opens the next.
        assert (await way.client.codes("StartAttempt", input={"enrollmentId": way.run, "lectureId": way.lectures["Lecture quiz"]["id"], "idempotencyKey": key()})) == [
            "ACCESS_DENIED"
        ]
        assert (await way.read("Lecture text"))["progressPercent"] == 33
        assert await way.watch(1, 0, 50) == ("ACCEPTED", 51)
        assert await way.watch(1, 0, 50) == ("DUPLICATE", 51)
        assert await way.watch(2, 50, 100) == ("ACCEPTED", 66)
        result = await way.sit("Lecture quiz", {"Paris", "true"})
        assert (float(result["score"]), result["passed"]) == (100, True)

        events = [await live.next() for _ in range(7)]
        assert [event["sequence"] for event in events] == [2, 3, 4, 5, 6, 7, 8]
        assert [event["lectureCompleted"] for event in events] == [True, False, True, True, False, False, False]
        assert events[-1]["enrollment"]["status"] == "COMPLETED"
        assert await live.silent()

        # The certificate comes by itself, first issued and then printed.
        certificate = await paper.next()
        while certificate["pdfUrl"] is None:
            certificate = await paper.next(within=20)
        assert events[-1]["certificate"]["code"] == certificate["code"]

    shown = await visitor.data("VerifyCertificate", code=certificate["code"].lower())
    assert (shown["status"], shown["studentName"], shown["courseTitle"], shown["instructorNames"]) == ("VALID", "Šárka Łukasiewicz", "Light and Shade", ["Zoë Øster"])
    async with httpx.AsyncClient() as anybody:
        pdf = (await anybody.get(certificate["pdfUrl"])).content
        assert pdf.startswith(b"%PDF")
        assert hashlib.sha256(pdf).hexdigest() == shown["pdfSha256"]
        public = await anybody.get(f"{house.url}/verify/{certificate['code']}", headers={"X-Tenant": school.slug})
        assert public.status_code == 200
        assert "Šárka Łukasiewicz" in public.text
    learned = await learner.data("Learn", id=way.run)
    assert (learned["status"], learned["progressPercent"], learned["certificate"]["code"]) == ("COMPLETED", 100, certificate["code"])


class TestLive:
    @pytest.fixture
    async def way(self, school: School, student: Client, following: Callable[[], Awaitable[None]]) -> Way:
        slug = f"c-{key()[:12]}"
        await course(school.system, *(text(f"t{number:02}") for number in range(12)), slug=slug)
        await following()
        return await enroll(student, slug)

    async def read(self, way: Way, *numbers: int) -> None:
        for number in numbers:
            await way.read(f"Lecture t{number:02}")

    async def sequences(self, live: Socket, many: int) -> list[int]:
        return [(await live.next())["sequence"] for _ in range(many)]

    async def test_after_a_dropped_socket_what_was_missed_comes_first(self, way: Way) -> None:
        async with socket(way.client, "MyProgress", enrollmentId=way.run) as live:
            assert await self.sequences(live, 1) == [1]
            await self.read(way, 0, 1)
            assert await self.sequences(live, 2) == [2, 3]
            live.drop()
        await self.read(way, 2, 3, 4)

        async with socket(way.client, "MyProgress", enrollmentId=way.run, after=3) as live:
            await self.read(way, 5)

            assert await self.sequences(live, 4) == [4, 5, 6, 7]
            assert await live.silent()

    async def test_a_socket_and_a_stream_hear_the_same_at_once(self, way: Way) -> None:
        async with socket(way.client, "MyProgress", enrollmentId=way.run) as one, stream(way.client, "MyProgress", enrollmentId=way.run) as other:
            assert (await one.next())["sequence"] == (await other.next())["sequence"] == 1

            await asyncio.gather(*(way.read(f"Lecture t{number:02}") for number in range(8)))

            heard = [[(await client.next())["sequence"] for _ in range(8)] for client in (one, other)]
            assert heard == [list(range(2, 10))] * 2

    @pytest.mark.parametrize("disaster", [empty, cut_off])
    async def test_redis_loses_nothing(self, disaster: Callable[[redis.Redis], None], way: Way, settings: Settings) -> None:
        with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
            async with socket(way.client, "MyProgress", enrollmentId=way.run) as live:
                assert await self.sequences(live, 1) == [1]
                await self.read(way, 0)
                assert await self.sequences(live, 1) == [2]

                disaster(client)
                await self.read(way, 1, 2)
                disaster(client)
                await self.read(way, 3)

                assert await self.sequences(live, 3) == [3, 4, 5]

    async def test_who_was_away_for_hundreds_of_events_hears_them_all_at_once(self, way: Way, school: School) -> None:
        from lms_graph.domain.learning.events import ProgressAdvanced
        from lms_graph.kit.ids import parse_id
        from lms_graph.outbox.unit_of_work import unit_of_work

        parsed = parse_id(way.run)
        assert parsed
        async with unit_of_work(school.system) as work:
            for percent in range(250):
                work.record(ProgressAdvanced(enrollment_id=parsed[1], lecture_id=None, progress_percent=percent % 100))

        async with socket(way.client, "MyProgress", enrollmentId=way.run, after=1) as live:
            assert await self.sequences(live, 250) == list(range(2, 252))

    async def test_is_nobody_elses(self, way: Way, sign_in: SignIn, other_school: School) -> None:
        for somebody in (await sign_in(), await sign_in(at=other_school)):
            async with socket(somebody, "MyProgress", enrollmentId=way.run) as live:
                with pytest.raises(AssertionError, match="NOT_FOUND"):
                    await live.next()

"""`progressRecord`: batches of client-numbered events, each counted once, in any order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lms_graph.models import database
from lms_graph.models.catalog import CompletionKind
from tests.factories.courses import MadeCourse, course, text, video
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


class Player:
    """A device that plays a course's video."""

    def __init__(self, client: Client, made: MadeCourse, run: str, device: str = "phone") -> None:
        self.client, self.made, self.run, self.device = client, made, run, device

    def watched(self, number: int, start: float, end: float, **differs: Any) -> dict[str, Any]:
        event = {"clientEventId": number, "lectureId": self.made.lecture("video"), "fromSeconds": start, "toSeconds": end, "occurredAt": datetime.now(UTC).isoformat()}
        return event | differs

    async def send(self, *events: dict[str, Any]) -> Any:
        payload = await self.client.data("RecordProgress", input={"enrollmentId": self.run, "deviceId": self.device, "events": list(events)})
        assert payload["errors"] == []
        return payload

    async def statuses(self, *events: dict[str, Any]) -> list[tuple[str, str | None]]:
        return [(result["status"], result["reason"]) for result in (await self.send(*events))["results"]]

    async def coverage(self) -> Any:
        return (await self.client.data("LecturePlayer", id=self.made.lecture("video")))["viewerProgress"]


@pytest.fixture
async def made(school: School) -> MadeCourse:
    return await course(school.system, await video(school.system, seconds=100), text())


@pytest.fixture
async def player(student: Client, made: MadeCourse) -> Player:
    run = await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"})
    return Player(student, made, run["enrollment"]["id"])


async def test_coverage_is_the_union_of_ranges(player: Player) -> None:
    await player.send(player.watched(1, 0, 20), player.watched(2, 10, 30), player.watched(3, 50, 60))

    seen = await player.coverage()

    assert (seen["coveragePercent"], seen["watchTimeSeconds"], seen["lastPositionSeconds"], seen["completed"]) == (40, 50.0, 60.0, False)


async def test_completes_the_lecture_at_its_target(player: Player) -> None:
    before = await player.send(player.watched(1, 0, 89.9))
    after = await player.send(player.watched(2, 89.9, 90))

    assert before["enrollment"]["progressPercent"] == 49
    assert after["enrollment"]["progressPercent"] == 50
    assert after["enrollment"]["requirements"][0] | {"lecture": None} == {"kind": "VIDEO_WATCHED", "met": True, "value": 90, "target": 90, "lecture": None}
    assert after["enrollment"]["resume"]["lecture"]["id"] == player.made.lecture("text")
    assert after["nextHeartbeatSeconds"] > 0


async def test_each_number_counts_once(player: Player) -> None:
    batch = [player.watched(1, 0, 10), player.watched(2, 10, 20)]
    first = await player.statuses(*batch)
    again = await player.statuses(*batch, player.watched(2, 50, 60), player.watched(3, 20, 30), player.watched(3, 70, 80))

    assert first == [("ACCEPTED", None)] * 2
    assert again == [("DUPLICATE", None)] * 3 + [("ACCEPTED", None), ("DUPLICATE", None)]
    assert (await player.coverage())["coveragePercent"] == 30


async def test_numbers_come_in_any_order_and_from_several_devices(player: Player) -> None:
    tablet = Player(player.client, player.made, player.run, "tablet")

    await player.send(player.watched(5, 40, 50))
    await player.send(player.watched(1, 0, 10), player.watched(3, 20, 30))
    await tablet.send(tablet.watched(1, 90, 100))

    assert await player.statuses(player.watched(3, 60, 70), player.watched(2, 10, 20)) == [("DUPLICATE", None), ("ACCEPTED", None)]
    assert (await player.coverage())["coveragePercent"] == 50


async def test_the_position_is_the_latest_by_the_devices_clock(player: Player) -> None:
    earlier = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    await player.send(player.watched(1, 30, 40))
    await player.send(player.watched(2, 80, 90, occurredAt=earlier))

    assert (await player.coverage())["lastPositionSeconds"] == 40.0


async def test_a_position_is_kept_without_coverage(player: Player) -> None:
    await player.send(player.watched(1, 33, None, kind="POSITION", toSeconds=None))

    seen = await player.coverage()

    assert (seen["lastPositionSeconds"], seen["coveragePercent"], seen["watchTimeSeconds"]) == (33.0, 0, 0.0)


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({"lectureId": "nonsense"}, "LECTURE_UNKNOWN"),
        ({"lectureId": "lec_00000000000000000000000000"}, "LECTURE_UNKNOWN"),
        ({"fromSeconds": 10, "toSeconds": 10}, "RANGE_INVALID"),
        ({"fromSeconds": 10, "toSeconds": 5}, "RANGE_INVALID"),
        ({"fromSeconds": -1, "toSeconds": 5}, "RANGE_INVALID"),
        ({"fromSeconds": 0, "toSeconds": 601}, "RANGE_INVALID"),
        ({"fromSeconds": 100, "toSeconds": 110}, "RANGE_INVALID"),
        ({"fromSeconds": 1e300, "toSeconds": 1.5e300}, "RANGE_INVALID"),
        ({"toSeconds": None}, "RANGE_INVALID"),
        ({"kind": "POSITION", "fromSeconds": -5, "toSeconds": None}, "RANGE_INVALID"),
        ({"occurredAt": "2126-01-01T00:00:00Z"}, "CLOCK_AHEAD"),
    ],
)
async def test_a_refused_event_says_why_and_counts_for_nothing(player: Player, differs: dict[str, Any], reason: str) -> None:
    assert await player.statuses(player.watched(1, 0, 10, **differs), player.watched(2, 0, 10)) == [("REJECTED", reason), ("ACCEPTED", None)]
    assert (await player.coverage())["coveragePercent"] == 10


async def test_too_many_gaps_wait_for_the_earlier_numbers(player: Player) -> None:
    await player.send(*(player.watched(number, 0, 1) for number in range(2, 130, 2)))

    assert await player.statuses(player.watched(200, 0, 10)) == [("REJECTED", "OUT_OF_ORDER")]
    await player.send(*(player.watched(number, 0, 1) for number in range(1, 101, 2)))
    assert await player.statuses(player.watched(200, 0, 10)) == [("ACCEPTED", None)]


@pytest.mark.parametrize(("count", "device"), [(0, "phone"), (101, "phone"), (1, ""), (1, "x" * 65)])
async def test_refuses_a_batch_out_of_bounds(player: Player, count: int, device: str) -> None:
    events = [player.watched(number + 1, 0, 1) for number in range(count)]

    assert set(await player.client.codes("RecordProgress", input={"enrollmentId": player.run, "deviceId": device, "events": events})) == {"INVALID"}


async def test_is_for_the_runs_learner_only(player: Player, visitor: Client, sign_in: SignIn, school: School, other_school: School) -> None:
    batch = {"enrollmentId": player.run, "deviceId": "phone", "events": [player.watched(1, 0, 10)]}

    assert await (await sign_in()).codes("RecordProgress", input=batch) == ["NOT_FOUND"]
    assert await (await sign_in(at=other_school)).codes("RecordProgress", input=batch) == ["NOT_FOUND"]
    assert await visitor.codes("RecordProgress", input=batch) == ["UNAUTHENTICATED"]
    assert (await player.coverage())["coveragePercent"] == 0


async def test_raw_events_are_kept_for_the_record(player: Player, school: School) -> None:
    await player.send(player.watched(1, 0, 10), player.watched(2, 5, 25.5))

    async with database.reading(school.system):
        rows = await database.fetch("SELECT client_event_id, from_ms, to_ms, tableoid::regclass::text AS partition FROM progress_events WHERE tenant_id = $1 ORDER BY 1", school.id)
    assert [(row["client_event_id"], row["from_ms"], row["to_ms"]) for row in rows] == [(1, 0, 10_000), (2, 5_000, 25_500)]
    assert rows[0]["partition"] == f"progress_events_{datetime.now(UTC):%Y_%m}"


async def test_a_finished_run_stays_finished(player: Player) -> None:
    await player.send(player.watched(1, 0, 100))
    await player.client.data("CompleteLecture", input={"enrollmentId": player.run, "lectureId": player.made.lecture("text")})

    after = await player.send(player.watched(2, 0, 50))

    assert (after["enrollment"]["status"], after["enrollment"]["progressPercent"]) == ("COMPLETED", 100)


@pytest.mark.parametrize("differs", [{"occurredAt": "2026-11-23T09:30:00"}, {"occurredAt": "yesterday"}, {"occurredAt": "0001-01-01T00:00:00+23:59"}])
async def test_a_moment_needs_a_zone(player: Player, differs: dict[str, Any]) -> None:
    batch = {"enrollmentId": player.run, "deviceId": "phone", "events": [player.watched(1, 0, 10, **differs)]}

    assert await player.client.codes("RecordProgress", input=batch) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("device", ["a\0b", "\ud800"])
async def test_a_text_that_cannot_be_kept_is_refused(player: Player, device: str) -> None:
    batch = {"enrollmentId": player.run, "deviceId": device, "events": [player.watched(1, 0, 10)]}

    assert await player.client.codes("RecordProgress", input=batch) == ["BAD_USER_INPUT"]
    assert (await player.coverage())["coveragePercent"] == 0


async def test_a_position_looks_at_its_place_only(player: Player) -> None:
    assert await player.statuses(player.watched(1, 12, -1, kind="POSITION"), player.watched(2, 13, 999_999, kind="POSITION")) == [("ACCEPTED", None)] * 2
    assert (await player.coverage())["lastPositionSeconds"] == 13.0


async def test_watching_ahead_opens_nothing_and_counts_once_its_turn_comes(student: Client, school: School) -> None:
    made = await course(school.system, text("first"), await video(school.system, seconds=100, opens_after=("first",)))
    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    player = Player(student, made, run)

    ahead = await player.send(player.watched(1, 0, 100))
    closed = await student.data("LecturePlayer", id=made.lecture("video"))
    opened = await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("first")})

    assert ahead["enrollment"]["status"] == "ACTIVE"
    assert (closed["access"]["__typename"], closed["content"], closed["viewerProgress"]["completed"]) == ("PrerequisiteUnmet", None, False)
    assert (opened["enrollment"]["progressPercent"], opened["enrollment"]["status"]) == (100, "COMPLETED")


async def test_a_video_of_any_length_can_be_watched_whole(student: Client, school: School) -> None:
    clip = await video(school.system, milliseconds=1_050, completion=(CompletionKind.WATCHED, 100))
    made = await course(school.system, clip)
    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    player = Player(student, made, run)

    watched = await player.send(player.watched(1, 0, 1.05))

    assert watched["enrollment"]["status"] == "COMPLETED"


async def test_where_to_go_on_is_the_latest_by_the_devices_clocks(student: Client, school: School) -> None:
    made = await course(school.system, await video(school.system), await video(school.system, "second"))
    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]
    phone, desk = Player(student, made, run, "phone"), Player(student, made, run, "desk")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    await desk.send(desk.watched(1, 0, 10, lectureId=made.lecture("second")))
    after = await phone.send(phone.watched(1, 0, 10, occurredAt=yesterday))

    assert after["enrollment"]["resume"]["lecture"]["id"] == made.lecture("second")


async def test_without_required_lectures_all_are_due(student: Client, school: School) -> None:
    made = await course(school.system, text("one", is_required=False), text("two", is_required=False))
    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "k"}))["enrollment"]["id"]

    half = (await student.data("CompleteLecture", input={"enrollmentId": run, "lectureId": made.lecture("one")}))["enrollment"]

    assert (half["progressPercent"], half["status"], len(half["requirements"])) == (50, "ACTIVE", 2)

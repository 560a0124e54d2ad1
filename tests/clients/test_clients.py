"""Clients as storefronts use them, in TypeScript, against the running house: each `*.test.ts` of this folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from lms_graph.jobs.relay import Relay
from tests.clients.conftest import Run
from tests.factories.courses import course, text, video
from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]


@pytest.fixture
async def relay(house: House) -> AsyncIterator[None]:
    """Tells facts to whoever watches, as `lms-graph worker` does; what would follow from them is not done."""
    running = asyncio.create_task(Relay(live=house.adapters.live, answers=house.adapters.answers, send=lambda message: None, resend_after=60, sweep_every=1).run())
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("name", sorted(path.name for path in Path(__file__).parent.glob("*.test.ts")))
async def test_a_client_works(name: str, node: Run, documents: None, house: House, relay: None, school: School, student: Client) -> None:
    """In a school of three courses, with a student's run of the first."""
    made = await course(school.system, text(), await video(school.system))
    for _ in range(2):
        await course(school.system, text())
    run = (await student.data("Enroll", input={"courseId": made.public_id, "idempotencyKey": "a"}))["enrollment"]

    told = {
        "LMS_URL": f"{house.url}/graphql",
        "LMS_TENANT": school.slug,
        "LMS_TOKEN": student.token,
        "LMS_ENROLLMENT": run["id"],
        "LMS_TEXT": made.lecture("text"),
        "LMS_VIDEO": made.lecture("video"),
        "LMS_COURSE": made.slug,
        "LMS_COURSE_ID": made.public_id,
    }
    done = await node("--test", "--test-reporter=spec", name, environment=told)

    assert done.status == 0, done.told

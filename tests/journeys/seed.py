"""Fills an empty database with a school, a course that takes everybody, and learners who are signed in; tells them as JSON."""

import asyncio
import json

from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models.catalog import Lecture
from lms_graph.outbox.unit_of_work import unit_of_work
from lms_graph.settings import Settings
from lms_graph.wiring import running
from tests.factories.accounts import signed_in
from tests.factories.courses import course, text
from tests.factories.tenants import tenant

LEARNERS = 60


async def main() -> None:
    async with running(Settings.from_env()):
        tenant_id, slug = await tenant()
        caller = Caller.system(tenant_id)
        published = await course(caller, text())
        async with unit_of_work(caller):
            lecture = await Lecture.for_caller(caller, course_id=published.course_id).get()
        tokens = [(await signed_in(caller, name=f"Learner {number}")).access_token for number in range(LEARNERS)]
    print(json.dumps({"tenant": slug, "course": public_id("crs", published.course_id), "lecture": public_id("lec", lecture.id), "tokens": tokens}))


if __name__ == "__main__":
    asyncio.run(main())

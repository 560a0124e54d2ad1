"""From a finished course to the printed certificate, through outbox, relay and jobs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.certificates.ports import CertificateDocument
from lms_graph.jobs import runtime
from lms_graph.jobs.relay import Relay
from lms_graph.kit.errors import Unavailable
from lms_graph.outbox.store import Message
from tests.factories import certificates as factory
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


async def due(house: House, school: School) -> Message:
    """The one message that is due for the school."""
    waiting: list[Message] = []
    await Relay(live=house.adapters.live, answers=house.adapters.answers, send=waiting.append, resend_after=0.5, sweep_every=1).drain()
    (message,) = [message for message in waiting if message.delivery.tenant_id == school.id]
    return message


async def states(school: School) -> list[tuple[str, str]]:
    rows = await factory.value(school, "SELECT array_agg(ARRAY[reaction, state] ORDER BY id) FROM deliveries WHERE tenant_id = $1")
    return [tuple(row) for row in rows]


async def test_one_completion_gives_one_printed_certificate(school: School, settle: Settle) -> None:
    run = await factory.run(school)

    await factory.complete(school, run)
    await settle()

    assert await states(school) == [("certificates.issue_certificate", "DONE"), ("certificates.render_certificate", "DONE")]
    (row,) = await factory.rows(school, run)
    assert row.pdf_file_id


async def test_ten_completions_at_once_give_one(school: School, settle: Settle) -> None:
    run = await factory.run(school)

    await asyncio.gather(*(factory.complete(school, run) for _ in range(10)))
    await settle()

    ran = [reaction for reaction, _ in await states(school)]
    assert ran.count("certificates.issue_certificate") == 10
    assert ran.count("certificates.render_certificate") == 1
    assert len(await factory.rows(school, run)) == 1
    assert await factory.value(school, "SELECT count(*) FROM files WHERE tenant_id = $1") == 1


async def test_one_delivery_that_comes_ten_times_at_once_gives_one(school: School, house: House) -> None:
    run = await factory.run(school)
    await factory.complete(school, run)
    for _ in range(2):  # the issue, then the print
        message = await due(house, school)
        run_it = (house.adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload)
        await asyncio.gather(*(runtime.run(*run_it) for _ in range(10)))

    assert len(await factory.rows(school, run)) == 1
    assert await factory.value(school, "SELECT count(*) FROM files WHERE tenant_id = $1") == 1
    assert {state for _, state in await states(school)} == {"DONE"}


async def test_without_a_browser_the_delivery_stays_and_succeeds_later(school: School, house: House) -> None:
    run = await factory.run(school)
    await factory.complete(school, run)

    class Dead:
        async def render(self, document: CertificateDocument) -> bytes:
            raise Unavailable("no browser")

    async def once(adapters: Adapters) -> None:
        message = await due(house, school)
        await runtime.run(adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload, hold=0.5)

    await once(house.adapters)
    await once(replace(house.adapters, certificate_renderer=Dead()))
    assert ("certificates.render_certificate", "SENT") in await states(school)
    assert await factory.value(school, "SELECT error FROM deliveries WHERE tenant_id = $1 AND state = 'SENT'") == "no browser"

    await asyncio.sleep(0.6)
    await once(house.adapters)

    (row,) = await factory.rows(school, run)
    assert row.pdf_file_id
    assert {state for _, state in await states(school)} == {"DONE"}

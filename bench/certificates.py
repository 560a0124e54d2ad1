"""Certificates: finished runs, through relay and jobs as a worker runs them, to PDFs in the object store, on a browser that is warm."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bench.figures import quantile
from bench.house import House
from lms_graph.jobs import registered, runtime  # noqa: F401  # `registered` makes the jobs known
from lms_graph.jobs.relay import Relay
from lms_graph.outbox.store import Message
from lms_graph.worker import THREADS
from tests.factories import certificates as factory
from tests.fixtures.callers import School

WARM_UP = 3


async def measure(house: House, *, count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """`count` certificates at a worker's width. Raises RuntimeError when one of them was not printed."""
    school = School(house.school.tenant_id, "bench")
    say("Warming the browser up …")
    await _print(house, school, WARM_UP)
    say(f"Printing {count} certificates …")
    seconds, milliseconds = await _print(house, school, count)
    return {
        "count": count,
        "threads": THREADS,
        "per_minute": count / seconds * 60,
        "p50": quantile(milliseconds["certificates.render_certificate"], 0.5),
        "p95": quantile(milliseconds["certificates.render_certificate"], 0.95),
        "issue_p50": quantile(milliseconds["certificates.issue_certificate"], 0.5),
    }


async def _print(house: House, school: School, count: int) -> tuple[float, dict[str, list[float]]]:
    """Runs that are finished all at once; gives how long it took until all was printed, and how long each job ran."""
    runs = [await factory.run(school, student=f"Šárka Łukasiewicz {number}") for number in range(count)]
    messages: list[Message] = []
    relay = Relay(live=house.adapters.live, answers=house.adapters.answers, send=messages.append, resend_after=600, sweep_every=60)
    while await relay.drain():
        messages.clear()  # what followed from making the school
    for run in runs:
        await factory.complete(school, run)
    milliseconds: dict[str, list[float]] = {}
    threads = asyncio.Semaphore(THREADS)

    async def work(message: Message) -> None:
        async with threads:
            began = time.perf_counter()
            await runtime.run(house.adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload)
            milliseconds.setdefault(message.reaction, []).append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    while await relay.drain() or messages:
        jobs, messages[:] = list(messages), []
        await asyncio.gather(*(work(message) for message in jobs))
    seconds = time.perf_counter() - began
    printed = await factory.value(school, "SELECT count(*) FROM certificates WHERE tenant_id = $1 AND subject_id = ANY($2) AND pdf_file_id IS NOT NULL", [run.id for run in runs])
    if printed != count:
        raise RuntimeError(f"{printed} of {count} certificates were printed; the log above says why")
    return seconds, milliseconds

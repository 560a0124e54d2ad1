"""What a job is, and how one runs: on the worker's loop, idempotent, its delivery closed with its effect.

A job is a keyword-only coroutine `area.verb_noun`: first a `Job`, then the ids it wants from the fact's payload; other keys of the payload are ignored.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from lms_graph.adapters import Adapters
from lms_graph.jobs import shown
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, Unavailable
from lms_graph.models import database
from lms_graph.outbox import store
from lms_graph.outbox.store import AlreadyDone, Delivery
from lms_graph.telemetry import jobs as telemetry

TIME_LIMIT_SECONDS = 600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """What a job is handed: for whom it acts, the delivery that its effect closes, and the ports."""

    caller: Caller
    delivery: Delivery
    adapters: Adapters


Function = Callable[..., Awaitable[None]]
JOBS: dict[str, Function] = {}


def job(function: Function) -> Function:
    """Register `jobs/<area>.py: verb_noun` as the job `area.verb_noun`."""
    area = function.__module__.rsplit(".", 1)[-1]
    JOBS[f"{area}.{function.__name__}"] = function
    return function


_running: set[UUID] = set()


async def run(adapters: Adapters, reaction: str, tenant_id: UUID, delivery_id: UUID, payload: dict[str, Any], *, hold: float = 60) -> None:
    """Run one delivery. Never raises: what failed is kept on the row, and comes again when it is due.

    Meanwhile it is held, so that it is not sent again until `hold` seconds after this process died. A message that comes twice runs once.
    """
    if delivery_id in _running:
        return
    _running.add(delivery_id)
    delivery = Delivery(tenant_id, delivery_id)
    try:
        if await store.hold(delivery, seconds=hold):
            holding = asyncio.create_task(_hold(delivery, hold))
            try:
                await _run(adapters, reaction, delivery, payload)
            finally:
                holding.cancel()
    except Exception:  # the database is away: the row comes again when it is due
        log.exception("job.not_noted", reaction=reaction, delivery=str(delivery_id))
    finally:
        _running.discard(delivery_id)


async def _hold(delivery: Delivery, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds / 3)
        with contextlib.suppress(Exception):  # the next time may work; and it is only that the job would run twice
            await store.hold(delivery, seconds=seconds)


async def _run(adapters: Adapters, reaction: str, delivery: Delivery, payload: dict[str, Any]) -> None:
    caller = Caller.system(delivery.tenant_id)
    limit = asyncio.timeout(TIME_LIMIT_SECONDS)
    with telemetry.job(reaction, tenant_id=delivery.tenant_id, delivery_id=delivery.id) as seen:
        try:
            function = JOBS[reaction]
            async with limit, database.reading(caller):
                await function(Job(caller, delivery, adapters), **_arguments(function, payload))
            await store.finish(delivery)
            await shown.tell([(delivery.tenant_id, reaction)], answers=adapters.answers, live=adapters.live)
        except AlreadyDone:
            seen.outcome = "already_done"
        except Unavailable as error:
            seen.outcome = "unavailable"
            log.warning("job.unavailable", error=str(error))
            await store.note_failure(delivery, str(error), final=False)
        except DomainError as error:
            seen.outcome = "refused"
            log.error("job.refused", error=str(error))
            await store.note_failure(delivery, f"{error.code}: {error}", final=True)
        except Exception as error:  # the loop must go on, whatever a job meets
            seen.outcome = "failed"
            log.exception("job.failed")
            why = f"took longer than {TIME_LIMIT_SECONDS:g} s" if limit.expired() else f"{type(error).__name__}: {error}"
            await store.note_failure(delivery, why, final=False)


def _arguments(function: Function, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload's values that the job names, ids as UUIDs."""
    wanted = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            value = payload[name]
            wanted[name] = UUID(value) if value is not None and parameter.annotation in (UUID, UUID | None) else value
    return wanted

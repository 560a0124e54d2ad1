"""What a job is, and how one runs: on the worker's loop, idempotent, its delivery closed with its effect.

A job is a keyword-only coroutine `area.verb_noun`: first a `Job`, then the ids it wants from the fact's payload; other keys of the payload are ignored.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from lms_graph.adapters import Adapters
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, Unavailable
from lms_graph.models import database
from lms_graph.outbox import store
from lms_graph.outbox.store import AlreadyDone, Delivery

TIME_LIMIT_SECONDS = 600

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


async def run(adapters: Adapters, reaction: str, tenant_id: UUID, delivery_id: UUID, payload: dict[str, Any]) -> None:
    """Run one delivery. Never raises: what failed is kept on the row, and comes again when it is due."""
    delivery = Delivery(tenant_id, delivery_id)
    caller = Caller.system(tenant_id)
    try:
        function = JOBS[reaction]
        async with asyncio.timeout(TIME_LIMIT_SECONDS), database.reading(caller):
            await function(Job(caller, delivery, adapters), **_arguments(function, payload))
        await store.finish(delivery)
    except AlreadyDone:
        log.info("job.already_done", reaction=reaction, delivery=str(delivery_id))
    except Unavailable as error:
        log.warning("job.unavailable", reaction=reaction, delivery=str(delivery_id), error=str(error))
        await store.note_failure(delivery, str(error), final=False)
    except DomainError as error:
        log.error("job.refused", reaction=reaction, delivery=str(delivery_id), error=str(error))
        await store.note_failure(delivery, f"{error.code}: {error}", final=True)
    except Exception as error:  # the loop must go on, whatever a job meets
        log.exception("job.failed", reaction=reaction, delivery=str(delivery_id))
        await store.note_failure(delivery, f"{type(error).__name__}: {error}", final=False)


def _arguments(function: Function, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload's values that the job names, ids as UUIDs."""
    wanted = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            value = payload[name]
            wanted[name] = UUID(value) if parameter.annotation is UUID else value
    return wanted

"""The worker process: Dramatiq's threads take messages from Redis and run their jobs on one loop, beside the relay."""

import asyncio
import contextlib
import signal
from typing import Any
from uuid import UUID

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker

from lms_graph.jobs import reactions, registered, runtime  # noqa: F401  # `registered` makes the jobs known
from lms_graph.jobs.relay import Relay, keep_house
from lms_graph.outbox.store import Message
from lms_graph.settings import Settings
from lms_graph.wiring import running

QUEUE = "lms-graph"
THREADS = 8

log = structlog.get_logger(__name__)


async def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT: jobs that run are let finish, the others stay in the outbox."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as adapters:
        broker = RedisBroker(url=settings.redis_url.get_secret_value(), middleware=[])

        def run(*, reaction: str, tenant_id: str, delivery_id: str, payload: dict[str, Any]) -> None:
            coroutine = runtime.run(adapters, reaction, UUID(tenant_id), UUID(delivery_id), payload)
            asyncio.run_coroutine_threadsafe(coroutine, loop).result()

        actor = dramatiq.actor(run, broker=broker, actor_name="run", queue_name=QUEUE)

        def send(message: Message) -> None:
            try:
                actor.send(reaction=message.reaction, tenant_id=str(message.delivery.tenant_id), delivery_id=str(message.delivery.id), payload=message.payload)
            except Exception as error:  # noqa: BLE001  # Redis is away: the row comes again when it is due
                log.warning("relay.not_sent", reaction=message.reaction, error=str(error))

        relay = Relay(live=adapters.live, send=send, resend_after=settings.resend_after_seconds, sweep_every=settings.sweep_every_seconds)
        worker = dramatiq.Worker(broker, worker_threads=THREADS)
        worker.start()
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(keep_house(progress_event_months=settings.progress_event_months))]
        log.info("worker.ready", jobs=sorted(runtime.JOBS), reactions=len(reactions.REACTIONS))
        try:
            await stop.wait()
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(worker.stop)
            broker.close()

"""The worker process: Dramatiq's threads take messages from Redis and run their jobs on one loop, beside the relay."""

import asyncio
import contextlib
import signal
from typing import Any
from uuid import UUID

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from lms_graph.integrations.no_mailer import MEND
from lms_graph.jobs import reactions, registered, runtime  # noqa: F401  # `registered` makes the jobs known
from lms_graph.jobs.relay import Relay, keep_house
from lms_graph.jobs.tenancy import keep_domains
from lms_graph.outbox.store import Message
from lms_graph.settings import Settings
from lms_graph.wiring import CONNECTIONS, DELIVERIES, observed, running

QUEUE = "lms-graph"
THREADS = 8
POLL_MILLISECONDS = 200  # how long a job may lie in an idle queue
STOP_SECONDS = 25  # less than the half minute that most who stop a process grant it

log = structlog.get_logger(__name__)


async def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT: jobs that run are let finish, the others stay in the outbox."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with observed(settings, service="lms-graph-worker", readings=[CONNECTIONS, DELIVERIES]), running(settings) as adapters:
        broker = _broker(settings)
        jobs: set[asyncio.Task[None]] = set()

        async def run_one(reaction: str, tenant_id: str, delivery_id: str, payload: dict[str, Any]) -> None:
            task = asyncio.current_task()
            assert task
            jobs.add(task)
            try:
                await runtime.run(adapters, reaction, UUID(tenant_id), UUID(delivery_id), payload, hold=settings.resend_after_seconds)
            finally:
                jobs.discard(task)

        def run(*, reaction: str, tenant_id: str, delivery_id: str, payload: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(run_one(reaction, tenant_id, delivery_id, payload), loop).result()

        actor = dramatiq.actor(run, broker=broker, actor_name="run", queue_name=QUEUE)

        def send(message: Message) -> None:
            actor.send(reaction=message.reaction, tenant_id=str(message.delivery.tenant_id), delivery_id=str(message.delivery.id), payload=message.payload)

        relay = Relay(live=adapters.live, answers=adapters.answers, send=send, resend_after=settings.resend_after_seconds, sweep_every=settings.sweep_every_seconds)
        worker = dramatiq.Worker(broker, worker_threads=THREADS, worker_timeout=POLL_MILLISECONDS)
        worker.start()
        stopped = asyncio.create_task(stop.wait())
        clocks = {asyncio.create_task(keep_house(progress_event_months=settings.progress_event_months)), asyncio.create_task(keep_domains(adapters))}
        drains = {asyncio.create_task(relay.run()), *clocks}
        if settings.mail_url is None:
            log.warning("mail.not_set", mend=MEND)
        log.info("worker.ready", jobs=sorted(runtime.JOBS), reactions=len(reactions.REACTIONS))
        try:
            await asyncio.wait({stopped, *drains}, return_when=asyncio.FIRST_COMPLETED)  # a drain never ends by itself: when one does, so must the process
        finally:
            await _cancel({stopped, *drains})
            with contextlib.suppress(redis.RedisError):  # away: what it still held is sent again when due
                await asyncio.to_thread(worker.stop, STOP_SECONDS * 1000)
            if jobs:
                log.warning("worker.jobs_cut_short", jobs=len(jobs))
            await _cancel(set(jobs))
            broker.close()
        if not stop.is_set():
            raise SystemExit("The relay has ended; the log says why.")
        log.info("worker.stopped")


def _broker(settings: Settings) -> RedisBroker:
    """One that fails soon when Redis is away: the outbox tries again, and better."""
    client = redis.Redis.from_url(settings.redis_url.get_secret_value(), socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 1))
    return RedisBroker(client=client, middleware=[])


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            log.error("worker.task_failed", error=repr(result))

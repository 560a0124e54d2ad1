"""The live bus on Redis: one subscribing connection per process, fanned out to local watchers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

HEARTBEAT_SECONDS = 5.0
PUBLISH_SECONDS = 1.0
_CHANNEL = "lms-graph-live"

log = structlog.get_logger(__name__)


class RedisLiveBus:
    """Fulfills LiveBus. Everything goes over one channel as lists of topics; each process keeps those somebody watches."""

    def __init__(self, url: str) -> None:
        self._publisher = redis.Redis.from_url(url, socket_timeout=PUBLISH_SECONDS, socket_connect_timeout=PUBLISH_SECONDS, retry=Retry(NoBackoff(), 1))
        self._subscriber = redis.Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0))  # redis-py's default of 5 s would break every quiet wait
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._overhearing: list[Callable[[list[str] | None], None]] = []
        self._task: asyncio.Task[None] | None = None

    def overhear(self, hear: Callable[[list[str] | None], None]) -> None:
        self._overhearing.append(hear)
        self._begin()

    async def publish(self, topics: list[str]) -> None:
        if topics:
            with contextlib.suppress(RedisError, OSError, TimeoutError):  # a wake-up only: watchers catch up by themselves
                await self._publisher.publish(_CHANNEL, "\n".join(topics))

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[None]]:
        self._begin()
        event = asyncio.Event()
        event.set()
        self._watchers.setdefault(topic, set()).add(event)
        try:
            yield self._wake_ups(event)
        finally:
            watchers = self._watchers[topic]
            watchers.discard(event)
            if not watchers:
                del self._watchers[topic]

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._pump(), name="live bus")

    @staticmethod
    async def _wake_ups(event: asyncio.Event) -> AsyncIterator[None]:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await event.wait()
            event.clear()
            yield

    async def _pump(self) -> None:
        while True:
            try:
                async with self._subscriber.pubsub() as pubsub:
                    await pubsub.subscribe(_CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "subscribe":  # at the start and after each reconnect: something may have been missed
                            self._wake(list(self._watchers))
                            self._tell(None)
                        elif message["type"] == "message":
                            topics = message["data"].decode().split("\n")
                            self._wake(topics)
                            self._tell(topics)
            except Exception as error:  # noqa: BLE001  # heartbeats wake the watchers meanwhile
                log.warning("live.no_redis", error=str(error))
                await asyncio.sleep(0.5)

    def _wake(self, topics: list[str]) -> None:
        for topic in topics:
            for event in self._watchers.get(topic, ()):
                event.set()

    def _tell(self, topics: list[str] | None) -> None:
        for hear in self._overhearing:
            hear(topics)

    async def aclose(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._publisher.aclose()
        await self._subscriber.aclose()

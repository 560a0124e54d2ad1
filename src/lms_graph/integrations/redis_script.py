"""A script on Redis for which nobody waits long: when Redis does not answer in time, it counts as away and is asked again every second."""

import time
from typing import Any

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

ANSWER_SECONDS = 0.1
AWAY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Away(Exception):
    """Redis did not answer in time, now or less than a second ago."""


class RedisScript:
    def __init__(self, url: str, lua: str, *, name: str) -> None:
        self.redis = redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0))
        self._script = self.redis.register_script(lua)
        self._name = name
        self._away_until: float | None = None

    def is_away(self) -> bool:
        """Whether Redis is left alone for now. Once a second it says no to one who asks: that one tries, the others need not wait for it."""
        if self._away_until is None:
            return False
        now = time.monotonic()
        if now < self._away_until:
            return True
        self._away_until = now + AWAY_SECONDS
        return False

    async def run(self, keys: list[str], args: list[Any]) -> Any:
        """What the script answers. Raises Away."""
        try:
            answer = await self._script(keys=keys, args=args)
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody may wait for it
            if self._away_until is None:
                log.warning(f"{self._name}.no_redis", error=str(error))
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise Away() from None
        if self._away_until is not None:
            self._away_until = None
            log.info(f"{self._name}.redis_is_back")
        return answer

    async def aclose(self) -> None:
        await self.redis.aclose()

"""Budgets on Redis, by its clock; in this process while Redis is away or slow."""

import asyncio
import time

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from lms_graph.kit.budget import Allowance, MemoryBudget, Rate

ANSWER_SECONDS = 0.1
AWAY_SECONDS = 1.0
AT_ONCE = 500
_PREFIX = "lms-graph-budget:"

log = structlog.get_logger(__name__)

# A bucket is one number: the moment, in microseconds, at which it is full again. A clock that is set back cannot make it wait longer than an empty bucket takes.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local span = tonumber(ARGV[1])
local answers = {}
for index, key in ipairs(KEYS) do
    local missing = math.min(math.max((tonumber(redis.call('GET', key)) or 0) - now, 0), span)
    local after = missing + ARGV[index + 1]
    if after > span then
        answers[index] = {0, missing}
    else
        if after > missing then redis.call('SET', key, string.format('%.0f', now + after), 'PX', math.ceil(after / 1000)) end
        answers[index] = {1, after}
    end
end
return answers
"""

_Asked = tuple[str, int, "asyncio.Future[Allowance]"]


class RedisBudget:
    """Fulfills Budget. What is asked while an answer is on its way goes together in the next round trip: one by one, they would cost ten times the processor time.

    When Redis does not answer in time, this process counts by itself from what it last heard, and asks again every second.
    """

    def __init__(self, url: str, rate: Rate) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0))
        self._script = self._redis.register_script(_TAKE)
        self._rate = rate
        self._here = MemoryBudget(rate)
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._away_until: float | None = None

    async def take(self, key: str, cost: int) -> Allowance:
        if self._away_until is not None:
            now = time.monotonic()
            if now < self._away_until:
                return self._here.taken(key, cost)
            self._away_until = now + AWAY_SECONDS  # this one tries; the others need not wait for it
        answer: asyncio.Future[Allowance] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, cost, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="budget")
        return await answer

    def refusal(self, key: str, cost: int) -> Allowance | None:
        return self._here.refusal(key, cost)

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: list[_Asked]) -> None:
        per_second = self._rate.per_second
        try:
            args = [round(self._rate.span * 1_000_000), *(round(cost * 1_000_000 / per_second) for _, cost, _ in asked)]
            answers = await self._script(keys=[_PREFIX + key for key, _, _ in asked], args=args)
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody may wait for it
            if self._away_until is None:
                log.warning("budget.no_redis", error=str(error))
            self._away_until = time.monotonic() + AWAY_SECONDS
            allowances = [self._here.taken(key, cost) for key, cost, _ in asked]
        else:
            if self._away_until is not None:
                self._away_until = None
                log.info("budget.redis_is_back")
            allowances = []
            for (key, cost, _), (granted, missing) in zip(asked, answers, strict=True):
                self._here.note(key, missing / 1_000_000)
                allowances.append(self._rate.allowance(granted=bool(granted), missing=missing / 1_000_000, cost=cost))
        for (_, _, answer), allowance in zip(asked, allowances, strict=True):
            if not answer.done():  # its request may have been given up
                answer.set_result(allowance)

    async def aclose(self) -> None:
        if self._asking:
            await self._asking
        await self._redis.aclose()

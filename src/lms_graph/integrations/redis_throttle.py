"""Throttles on Redis, by its clock; in this process, and more strictly, while Redis is away or slow."""

import asyncio

from lms_graph.integrations.redis_script import Away, RedisScript
from lms_graph.kit.throttle import AWAY_COST, Bucket, MemoryThrottle, too_many

_PREFIX = "lms-graph-throttle:"

# A bucket is one number: the moment, in microseconds, at which it is full again (GCRA). All buckets of an attempt are looked at before one is changed.
# Answers for how many microseconds it is refused, then for each bucket how much is missing. ARGV: how many attempts (-1 gives one back), then per bucket the cost of one, and the span.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local attempts = tonumber(ARGV[1])
local refused = 0
local answers = {}
local afters = {}
for index, key in ipairs(KEYS) do
    local span = tonumber(ARGV[index * 2 + 1])
    local missing = math.min(math.max((tonumber(redis.call('GET', key)) or 0) - now, 0), span)
    local after = missing + attempts * ARGV[index * 2]
    if attempts > 0 then refused = math.max(refused, after - span) end
    answers[index + 1] = math.floor(missing)
    afters[index] = math.max(after, 0)
end
answers[1] = math.ceil(refused)
if refused > 0 then return answers end
for index, key in ipairs(KEYS) do
    answers[index + 1] = math.floor(afters[index])
    if afters[index] > 0 then redis.call('SET', key, string.format('%.0f', now + afters[index]), 'PX', math.ceil(afters[index] / 1000))
    else redis.call('DEL', key) end
end
return answers
"""


class RedisThrottle:
    """Fulfills Throttle. `factor` times as many attempts as the limits say."""

    def __init__(self, url: str, *, factor: float = 1) -> None:
        self._script = RedisScript(url, _TAKE, name="throttle")
        self._factor = factor
        self._here = MemoryThrottle(factor=factor, cost=AWAY_COST)
        self._turn = asyncio.Lock()  # one connection: many that are made at once are slow to come, and Redis would seem to be away

    async def take(self, *buckets: Bucket) -> None:
        try:
            refused = await self._run(1, buckets)
        except Away:
            await self._here.take(*buckets)
            return
        if refused > 0:
            raise too_many(refused)

    async def give(self, *buckets: Bucket) -> None:
        try:
            await self._run(-1, buckets)
        except Away:
            await self._here.give(*buckets)

    async def clear(self, *buckets: Bucket) -> None:
        try:
            await self._run(-1_000_000, buckets)
        except Away:
            await self._here.clear(*buckets)

    async def _run(self, attempts: int, buckets: tuple[Bucket, ...]) -> float:
        """For how many seconds it is refused. This process keeps in mind how the buckets stand, should Redis go. Raises Away."""
        per_attempt = [round(bucket.limit.every * 1_000_000 / self._factor) for bucket in buckets]
        args = [attempts, *(value for bucket, cost in zip(buckets, per_attempt, strict=True) for value in (cost, round(bucket.limit.span * 1_000_000)))]
        async with self._turn:
            if self._script.is_away():
                raise Away()
            refused, *missing = await self._script.run([_PREFIX + bucket.key for bucket in buckets], args)
        for bucket, microseconds in zip(buckets, missing, strict=True):
            self._here.note(bucket, microseconds / 1_000_000)
        return float(refused) / 1_000_000

    async def aclose(self) -> None:
        await self._script.aclose()

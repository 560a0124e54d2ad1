"""Budgets on Redis, by its clock; in this process while Redis is away or slow."""

import asyncio

from lms_graph.integrations.redis_script import Away, RedisScript
from lms_graph.kit.budget import Allowance, MemoryBudget, Rate

AT_ONCE = 500
_PREFIX = "lms-graph-budget:"

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
        self._script = RedisScript(url, _TAKE, name="budget")
        self._rate = rate
        self._here = MemoryBudget(rate)
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def take(self, key: str, cost: int) -> Allowance:
        if self._script.is_away():
            return self._here.taken(key, cost)
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
            answers = await self._script.run([_PREFIX + key for key, _, _ in asked], args)
        except Away:
            allowances = [self._here.taken(key, cost) for key, cost, _ in asked]
        else:
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
        await self._script.aclose()

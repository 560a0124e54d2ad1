"""The shared shelf on Redis, by its clock."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from lms_graph.integrations.redis_script import Away, RedisScript

LARGEST = 10  # of what a tenant may keep, one thing takes at most this part

# Of a tenant there are its contents by name, when each was put there, and a generation for each kind. Redis ends no field of a hash by itself in the versions that we take, hence the times.
_SCRIPT = """
local contents, times, generations = KEYS[1], KEYS[2], KEYS[3]
local what, seconds = ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
if what == 'get' then
    local put_at = redis.call('ZSCORE', times, ARGV[3])
    return put_at and tonumber(put_at) > now - seconds and redis.call('HGET', contents, ARGV[3])
elseif what == 'generations' then
    return redis.call('HGETALL', generations)
elseif what == 'changed' then
    for index = 3, #ARGV do redis.call('HINCRBY', generations, ARGV[index], 1) end
    return 1
end
local name, content, most, most_bytes = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local bytes = tonumber(redis.call('HGET', contents, '') or 0)
local function drop(each)
    bytes = bytes - redis.call('HSTRLEN', contents, each)
    redis.call('HDEL', contents, each)
    redis.call('ZREM', times, each)
end
drop(name)
while true do
    local oldest = redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')
    if not oldest[1] or (tonumber(oldest[2]) > now - seconds and redis.call('ZCARD', times) < most and bytes + #content <= most_bytes) then break end
    drop(oldest[1])
end
redis.call('HSET', contents, name, content, '', bytes + #content)
redis.call('ZADD', times, now, name)
redis.call('EXPIRE', contents, seconds)
redis.call('EXPIRE', times, seconds)
return 1
"""


class RedisShelf:
    """Fulfills Shelf. `seconds`, `most` and `most_bytes` are those of each tenant's part."""

    def __init__(self, url: str, *, name: str, seconds: int, most: int, most_bytes: int) -> None:
        self._script = RedisScript(url, _SCRIPT, name=name)
        self._name = name
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes

    async def get(self, tenant_id: UUID, name: str) -> bytes | None:
        try:
            return await self._run(tenant_id, "get", name) or None
        except Away:
            return None

    async def put(self, tenant_id: UUID, name: str, content: bytes) -> None:
        if len(content) <= self._most_bytes // LARGEST:
            with suppress(Away):
                await self._run(tenant_id, "put", name, content, self._most, self._most_bytes)

    async def generations(self, tenant_id: UUID) -> Mapping[str, int] | None:
        try:
            found = await self._run(tenant_id, "generations")
        except Away:
            return None
        return {kind.decode(): int(number) for kind, number in zip(found[::2], found[1::2], strict=True)}

    async def changed(self, tenant_id: UUID, kinds: Collection[str]) -> None:
        with suppress(Away):
            await self._run(tenant_id, "changed", *kinds)

    async def _run(self, tenant_id: UUID, what: str, *args: Any) -> Any:
        if self._script.is_away():
            raise Away()
        keys = [f"lms-graph-{self._name}:{tenant_id}{part}" for part in ("", ":times", ":generations")]
        return await self._script.run(keys, [what, self._seconds, *args])

    async def aclose(self) -> None:
        await self._script.aclose()

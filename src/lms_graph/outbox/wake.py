"""The relay's wake-up: PostgreSQL says at commit that there are new facts. A hint only; the sweeper asks anyway."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

import asyncpg

from lms_graph.models import database

CHANNEL = "outbox"


class WakeUp:
    """Holds one connection of the system pool and listens on it; listens anew when it was lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._stack = contextlib.AsyncExitStack()
        self._connection: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    async def wait(self, seconds: float) -> None:
        """Until something is said or the time is over. Begun to listen anew, it does not wait: something may have been said meanwhile."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if not self._listens():
                await self._stack.aclose()
                self._connection = await self._stack.enter_async_context(database.system_connection())
                await self._connection.add_listener(CHANNEL, self._hear)
                self._stack.push_async_callback(self._hush)
                return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # `wait_for` loses, before Python 3.12, a cancellation that comes with what it waits for
                await self._event.wait()
        self._event.clear()

    def _listens(self) -> bool:
        try:
            return self._connection is not None and not self._connection.is_closed()
        except asyncpg.InterfaceError:  # it was cut off, and the pool has taken it back
            return False

    def _hear(self, *_: Any) -> None:
        self._event.set()

    async def _hush(self) -> None:
        if self._listens():
            await self._connection.remove_listener(CHANNEL, self._hear)

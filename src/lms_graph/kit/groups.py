"""Calls that come while others are under way go together, next: a group grows with the load, nothing waits for a timer, and a lone call goes at once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

SECOND_WHEN = 4
"""Calls: while the first group waits for its commit, nothing else would be done for them; one begun for fewer would cost more than it saves."""

Key = TypeVar("Key", bound=Hashable)
Call = TypeVar("Call")
Outcome = TypeVar("Outcome")


class Groups(Generic[Key, Call, Outcome]):
    """`run` is given all calls of a key that have come meanwhile, at most `at_most`, and gives an outcome for each. Of a key one group runs at a time, and a second beside it once `SECOND_WHEN` wait.

    It runs apart from whoever called: in no caller's context, and to its end when callers leave. What it raises, all callers of the group are told.
    """

    def __init__(self, run: Callable[[Key, Sequence[Call]], Awaitable[Sequence[Outcome]]], *, at_most: int) -> None:
        self._run = run
        self._at_most = at_most
        self._waiting: dict[Key, list[tuple[Call, asyncio.Future[Outcome]]]] = {}
        self._running: dict[Key, set[asyncio.Task[None]]] = {}

    async def __call__(self, key: Key, call: Call) -> Outcome:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        waiting, running = self._waiting.setdefault(key, []), self._running.setdefault(key, set())
        waiting.append((call, answer))
        if not running or (len(running) == 1 and len(waiting) >= SECOND_WHEN):
            running.add(loop.create_task(self._work(key), name="group", context=Context()))
        return await answer

    async def _work(self, key: Key) -> None:
        try:
            while waiting := self._waiting.pop(key, None):
                group, later = waiting[: self._at_most], waiting[self._at_most :]
                if later:
                    self._waiting[key] = later
                await self._answer(key, [(call, answer) for call, answer in group if not answer.done()])  # who has left before it began is not asked for
        finally:
            running = self._running[key]
            running.discard(asyncio.current_task())
            if not running:
                del self._running[key]
                for _, answer in self._waiting.pop(key, ()):  # only where the process stops
                    answer.cancel()

    async def _answer(self, key: Key, group: list[tuple[Call, "asyncio.Future[Outcome]"]]) -> None:
        if not group:
            return
        try:
            outcomes = await self._run(key, [call for call, _ in group])
        except Exception as error:  # noqa: BLE001  # it is raised where the calls came from
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        except BaseException:
            for _, answer in group:
                answer.cancel()
            raise
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)

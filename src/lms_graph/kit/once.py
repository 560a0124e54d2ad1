"""Ask once, however many want the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def once(ask: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """A function that asks at the first call and gives every caller that answer."""
    asked: asyncio.Future[T] | None = None

    def call() -> Awaitable[T]:
        nonlocal asked
        if asked is None:
            asked = asyncio.ensure_future(ask())
        return asked

    return call

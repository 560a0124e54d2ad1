"""A coroutine begun at once, without a task: most that send something have nothing to wait for."""

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


def begin(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Run it up to where it waits. Gives what is left to be awaited, None when it is done; raises what it raises. It must not ask which task it is in."""
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return _rest(work, waits_for)


@coroutine
def _wait(waits_for: Any) -> Generator[Any, Any, Any]:
    return (yield waits_for)


async def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> None:
    try:
        while True:
            try:
                value = await _wait(waits_for)
            except BaseException as error:  # noqa: BLE001  # it is for the coroutine, which may answer it
                waits_for = work.throw(error)
            else:
                waits_for = work.send(value)
    except StopIteration:
        return
    finally:
        work.close()

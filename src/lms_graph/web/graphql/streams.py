"""Server-sent events in distinct connections, as https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md says: one operation, one response."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from starlette.types import Receive, Scope, Send

from lms_graph.web.graphql.answers import EVENTS, encode
from lms_graph.web.graphql.fanout import Message
from lms_graph.web.graphql.operations import Admitted
from lms_graph.web.graphql.refusals import internal, refused

HEARTBEAT_SECONDS = 12.0
SEND_SECONDS = 30.0  # who does not read for so long is given up


class EventStream:
    """An answer in parts. It ends with `complete`, but when the process stops: then its client comes again, to another."""

    def __init__(self, admitted: Admitted, watched: AbstractContextManager[asyncio.Event], stopping: asyncio.Event) -> None:
        """`watched` gives the event that the right to the stream has ended."""
        self._admitted = admitted
        self._watched = watched
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._watched as ended:
            await self._stream(receive, send, ended)

    async def _stream(self, receive: Receive, send: Send, right_ended: asyncio.Event) -> None:
        headers = [(b"content-type", f"{EVENTS}; charset=utf-8".encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def write(event: str, payload: object = None) -> None:
            data = b"" if payload is None else encode(payload)
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": b"event: " + event.encode() + b"\ndata: " + data + b"\n\n", "more_body": True})

        deaf = asyncio.Event()
        telling = asyncio.create_task(self._tell(send, write, deaf))
        ended = asyncio.create_task(right_ended.wait())
        others = {asyncio.create_task(work) for work in (_gone(receive), _beat(send), self._stopping.wait(), deaf.wait())}
        try:
            done, _ = await asyncio.wait({telling, ended, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(telling, ended, *others)
        with suppress(OSError, TimeoutError):
            if ended in done and telling not in done:
                await write(
                    "next",
                    refused(401, "UNAUTHENTICATED", "The access token, its session or the API key has ended, or a right with it. Refresh the session, then subscribe again.").body,
                )
                await write("complete")
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send, write: Callable[..., Awaitable[None]], deaf: asyncio.Event) -> None:
        with suppress(OSError, TimeoutError):  # gone, or does not read: the stream ends
            try:
                if self._admitted.is_subscription:
                    last = await self._admitted.listen(lambda message: _send(send, message), deaf=deaf)
                else:
                    last = await self._admitted.result_at_any_rate()
                if last is not None:
                    await write("next", last)
            except (OSError, TimeoutError):
                raise
            except Exception:  # noqa: BLE001  # told and logged under a trace id
                await write("next", internal("stream.failed").body)
            await write("complete")


async def _send(send: Send, message: Message) -> None:
    await send({"type": "http.response.body", "body": message.event, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _beat(send: Send) -> None:
    """A comment now and then, so that nothing in between takes the silence for the end."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

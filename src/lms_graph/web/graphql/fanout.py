"""Subscriptions that go on alike go on as one: each event is loaded, executed and encoded once, and sent to all of them.

After each message a subscription stands at a place: the event's `sequence`, or what it has just told where there is none. Where another of the same document, variables and caller stands at the same place, what
follows is the same for both, so its listeners go over to that one and it ends. To have told nothing yet is a place too: when many come at once, they begin as one. Nothing is told twice or left out, whoever comes
when: at the same place nothing has been told that the other has not.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import aclosing
from functools import cached_property
from typing import Any, Protocol

from lms_graph.kit.eager import begin
from lms_graph.web.graphql.answers import encode
from lms_graph.web.graphql.refusals import Refused

SEND_SECONDS = 30.0  # who does not read for so long is given up
_BEGINNING = object()
MAX_BEHIND = 250  # messages that wait for one reader while others go on


class Message:
    """One message, encoded once. What is sent to each differs by what stands around it."""

    def __init__(self, json: bytes) -> None:
        self.json = json
        self._frames: dict[str, str] = {}

    def frame(self, id: str) -> str:
        """For a socket, on which the subscription has this id, written as JSON."""
        if (frame := self._frames.get(id)) is None:
            frame = self._frames[id] = f'{{"id":{id},"type":"next","payload":{self._text}}}'
        return frame

    @cached_property
    def event(self) -> bytes:
        """For a stream of server-sent events."""
        return b"event: next\ndata: " + self.json + b"\n\n"

    @cached_property
    def _text(self) -> str:
        return self.json.decode()


def code_of(error: Mapping[str, Any]) -> str:
    """Of an error as it is told."""
    code: str = (error.get("extensions") or {}).get("code", "INTERNAL")
    return code


class Source(Protocol):
    """A subscription that was admitted: what it tells, and what that costs."""

    def alike(self) -> Hashable:
        """Equal for those to whom the same is told, and who pay from the same budget."""
        ...

    def events(self) -> AsyncGenerator[Any, None]:
        """What is told, as payloads but for their `extensions`: without `data` it was not run, or has ended, and nothing follows."""
        ...

    def place(self, payload: Mapping[str, Any]) -> Hashable:
        """Where it stands, having told this; None where it never stands at a place of others."""
        ...

    def pay(self, times: int) -> Awaitable[dict[str, Any]]:
        """For a message to so many. Gives its `extensions`. Raises Refused."""
        ...


class Listener:
    """Somebody to whom messages are sent, one after another, whatever the others do."""

    def __init__(self, send: Callable[[Message], Coroutine[Any, Any, None]], *, deaf: asyncio.Event, met: Callable[[str], None]) -> None:
        """`deaf` is set when they do not read; `met` is told the codes of errors."""
        self.stream: _Stream | None = None
        self.met = met
        self.ended: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self.sending: asyncio.Task[None] | None = None
        self._send = send
        self._deaf = deaf
        self._behind: deque[Message] = deque()

    def tell(self, message: Message) -> None:
        if self.sending is not None:
            self._behind.append(message)
            if len(self._behind) > MAX_BEHIND:
                self._deaf.set()
            return
        try:
            rest = begin(self._send(message))
        except Exception:  # noqa: BLE001  # closed meanwhile: nobody listens, and who reads from it sees that
            return
        if rest is not None:
            self.sending = asyncio.create_task(self._go_on(rest))

    async def _go_on(self, rest: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await rest
            while self._behind:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(self._behind.popleft())
        except TimeoutError:
            self._deaf.set()
        except Exception:  # noqa: BLE001  # closed meanwhile
            self._behind.clear()
        finally:
            self.sending = None

    def end(self, last: dict[str, Any] | Exception | None) -> None:
        if self.ended.done():
            return
        if isinstance(last, Exception):
            self.ended.set_exception(last)
        else:
            self.ended.set_result(last)


class Fanout:
    """All subscriptions of this process."""

    def __init__(self) -> None:
        self._standing: dict[tuple[Hashable, Hashable], _Stream] = {}

    async def listen(self, source: Source, listener: Listener, extensions: dict[str, Any]) -> dict[str, Any] | None:
        """Until the subscription ends: gives the payload with which it was refused or broke, None when it is complete. The first message is paid for already, by these `extensions`."""
        beginning = (source.alike(), _BEGINNING)
        if (stream := self._standing.get(beginning)) is None:
            stream = _Stream(source, self._standing, beginning, extensions)
        stream.join(listener)
        try:
            last = await listener.ended
            if listener.sending:
                await asyncio.wait({listener.sending})
            return last
        finally:
            if listener.stream:
                listener.stream.leave(listener)
            if listener.sending:
                listener.sending.cancel()


class _Stream:
    """One run of a subscription, for all who listen to it."""

    def __init__(self, source: Source, standing: "dict[tuple[Hashable, Hashable], _Stream]", beginning: tuple[Hashable, Hashable], extensions: dict[str, Any]) -> None:
        self._source = source
        self._standing = standing
        self._at: tuple[Hashable, Hashable] | None = None
        self._listeners: dict[Listener, None] = {}
        self._alike = beginning[0]
        self._stand_at(beginning)
        self._joined = asyncio.Event()
        self._paid: dict[str, Any] | None = extensions
        self._task = asyncio.create_task(self._work(), name="subscription")

    def join(self, listener: Listener) -> None:
        self._listeners[listener] = None
        listener.stream = self
        self._joined.set()

    def leave(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)
        listener.stream = None
        if not self._listeners:
            self._stand_at(None)
            self._task.cancel()

    async def _work(self) -> None:
        last: dict[str, Any] | Exception | None = None
        try:
            last = await self._tell_all()
        except Exception as error:  # noqa: BLE001  # told where they listen
            last = error
        finally:
            self._stand_at(None)
            for listener in self._listeners:
                listener.stream = None
                listener.end(last)

    async def _tell_all(self) -> dict[str, Any] | None:
        async with aclosing(self._source.events()) as events:
            async for payload in events:
                self._stand_at(None)  # who comes to where we stood must not go over while this is on its way
                extensions, self._paid = self._paid or await self._pay(), None
                payload |= {"extensions": extensions}
                for error in payload.get("errors", ()):
                    for listener in self._listeners:
                        listener.met(code_of(error))
                if "data" not in payload:
                    return payload
                message = Message(encode(payload))
                for listener in self._listeners:
                    listener.tell(message)
                if not self._listeners or self._went_over(self._source.place(payload)):
                    break
                await self._keep_pace()
        return None

    async def _keep_pace(self) -> None:
        """The quickest reader sets it, and who comes new may be quicker."""
        behind = [listener.sending for listener in self._listeners if listener.sending]
        if len(behind) == len(self._listeners):
            self._joined.clear()
            joined = asyncio.create_task(self._joined.wait())
            try:
                await asyncio.wait({joined, *behind}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                joined.cancel()

    async def _pay(self) -> dict[str, Any]:
        """For all at once; where that is too much, for one after another, as far as it goes."""
        try:
            return await self._source.pay(len(self._listeners))
        except Refused:
            extensions: dict[str, Any] = {}
            for listener in list(self._listeners):
                try:
                    extensions = await self._source.pay(1)
                except Refused as refusal:
                    listener.met(refusal.code)
                    self._listeners.pop(listener, None)
                    listener.stream = None
                    listener.end(refusal.body)
            return extensions

    def _went_over(self, place: Hashable) -> bool:
        """Whether another stands at this place, and goes on for all who listened here."""
        if place is None:
            return False
        at = (self._alike, place)
        other = self._standing.get(at)
        if other is None:
            self._stand_at(at)
            return False
        for listener in self._listeners:
            other.join(listener)
        self._listeners.clear()
        return True

    def _stand_at(self, at: tuple[Hashable, Hashable] | None) -> None:
        if self._at is not None:
            del self._standing[self._at]
        self._at = at
        if at is not None:
            self._standing[at] = self

"""Answers that are the same for every visitor are made once: kept in this process, and behind it on a shelf that all processes share, until something changes that they show."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from lms_graph.kit.shelf import Shelf
from lms_graph.limits.documents import Document, Operation
from lms_graph.limits.holding import Holding
from lms_graph.web.graphql.callers import Visit

ASK_AGAIN_SECONDS = 1.0
BYTES_AN_ANSWER = 500  # of what is kept beside it
LARGEST = 10  # of what is kept, one answer takes at most this part

Make = Callable[[], Awaitable[bytes | None]]
_Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """Everything on which an answer to a visitor depends, but for what it shows."""

    tenant_id: UUID
    digest: str
    holding: Holding


def question(visit: Visit, document: Document, operation: Operation, variables: Mapping[str, Any]) -> Question | None:
    """None where the answer is for nobody else: the document asks for more than everybody sees alike, or somebody is signed in."""
    if operation.holding is None or not visit.is_visitor:
        return None
    declared = {name: variables[name] for each in operation.node.variable_definitions or () if (name := each.variable.name.value) in variables}
    try:
        asked = orjson.dumps([str(visit.caller.tenant_id), visit.base_url, visit.caller.locale, document.sha256, operation.name, declared], option=orjson.OPT_SORT_KEYS)
    except TypeError:  # numbers of more than 64 bits
        return None
    return Question(visit.caller.tenant_id, hashlib.sha256(asked).hexdigest(), operation.holding)


class Held:
    """An answer is good while each type that it shows has the generation on the shelf that it had when it was asked, and no longer than its document says.

    Generations are asked once a second, and anew as soon as `changed` is told that one has grown: a message that is lost costs a second. Where the shelf does not answer, nothing is held.
    """

    def __init__(self, shelf: Shelf, *, most_bytes: int = 50_000_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._shelf = shelf
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, tuple[_Stamp, float, bytes]] = OrderedDict()
        self._bytes = 0
        self._generations: dict[UUID, tuple[float, Mapping[str, int]]] = {}
        self._asking: dict[UUID, asyncio.Task[Mapping[str, int] | None]] = {}
        self._making: dict[tuple[str, _Stamp], asyncio.Task[bytes | None]] = {}

    async def answer(self, question: Question, make: Make) -> bytes | None:
        """The answer's data as JSON: held, or made, by one for all who ask meanwhile. None when it cannot be held: whoever made it knows why, and others make their own."""
        generations = await self._present(question.tenant_id)
        if generations is None:
            return await make()
        stamp = tuple(generations.get(kind, 0) for kind in sorted(question.holding.kinds))
        kept = self._kept.get(question.digest)
        if kept is not None and kept[0] == stamp and self._clock() < kept[1]:
            self._kept.move_to_end(question.digest)
            return kept[2]
        key = question.digest, stamp
        if (making := self._making.get(key)) is None:
            making = self._making[key] = asyncio.create_task(self._find(question, stamp, make), name="held answer")
            making.add_done_callback(lambda _: self._making.pop(key))
        return await asyncio.shield(making)  # whoever asked first may leave

    def changed(self, tenant_id: UUID) -> None:
        """A generation of the tenant has grown."""
        self._generations.pop(tenant_id, None)
        self._asking.pop(tenant_id, None)  # its answer may be older

    def forget(self) -> None:
        """Any may have."""
        self._generations.clear()
        self._asking.clear()

    async def _present(self, tenant_id: UUID) -> Mapping[str, int] | None:
        known = self._generations.get(tenant_id)
        if known is not None and self._clock() < known[0]:
            return known[1]
        if (asking := self._asking.get(tenant_id)) is None:
            asking = self._asking[tenant_id] = asyncio.create_task(self._ask(tenant_id), name="generations")
        return await asyncio.shield(asking)

    async def _ask(self, tenant_id: UUID) -> Mapping[str, int] | None:
        found = await self._shelf.generations(tenant_id)
        if self._asking.get(tenant_id) is asyncio.current_task():  # else something has changed meanwhile
            del self._asking[tenant_id]
            if found is not None:
                self._generations[tenant_id] = self._clock() + ASK_AGAIN_SECONDS, found
        return found

    async def _find(self, question: Question, stamp: _Stamp, make: Make) -> bytes | None:
        name = f"{question.digest}:{'.'.join(map(str, stamp))}"
        now = time.time()
        if shelved := await self._shelf.get(question.tenant_id, name):
            until, _, data = shelved.partition(b"\n")
            if (left := int(until) - now) > 0:
                self._keep(question.digest, stamp, left, data)
                return data
        made = await make()
        if made is not None:
            self._keep(question.digest, stamp, question.holding.seconds, made)
            await self._shelf.put(question.tenant_id, name, f"{int(now + question.holding.seconds)}\n".encode() + made)
        return made

    def _keep(self, digest: str, stamp: _Stamp, seconds: float, data: bytes) -> None:
        self._drop(digest)
        if len(data) > self._most_bytes // LARGEST:
            return
        self._kept[digest] = stamp, self._clock() + seconds, data
        self._bytes += len(data) + BYTES_AN_ANSWER
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, digest: str) -> None:
        if (kept := self._kept.pop(digest, None)) is not None:
            self._bytes -= len(kept[2]) + BYTES_AN_ANSWER

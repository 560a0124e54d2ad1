"""What a resolver knows besides its arguments: who asks, the loaders of this operation, and the ports."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import strawberry
from graphql import DocumentNode

from lms_graph.adapters import Adapters
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.models import database

if TYPE_CHECKING:
    from uuid import UUID

    from lms_graph.dataloaders import Loaders


@dataclass
class Place:
    """Where a subscription stands: it has told all facts up to this sequence. For those whose every message has one."""

    sequence: int | None = None


@dataclass
class Context:
    """Of one request, or of one operation on a socket."""

    caller: Caller
    adapters: Adapters
    make_loaders: Callable[["Context"], "Loaders"]
    base_url: str
    trace_id: str
    document: DocumentNode | None = field(default=None, repr=False)
    asked: Collection[str] | None = field(default=None, repr=False)  # names of fields
    place: Place = field(default_factory=Place)
    reads: database.ReadScope | None = field(default=None, repr=False)
    _loaders: "Loaders | None" = field(default=None, repr=False)

    @property
    def loaders(self) -> "Loaders":
        if self._loaders is None:
            self._loaders = self.make_loaders(self)
        return self._loaders

    def asks(self, *names: str) -> bool:
        """Whether a field of one of these names, as the schema has them, stands anywhere in the document: what nobody can be given need not be read. True where the document is not known."""
        return self.asked is None or any(name in self.asked for name in names)

    def who_and_where(self) -> tuple[object, ...]:
        """All that this context can change in an answer, but for the moment: equal for those to whom the same is told at the same time."""
        return tuple(self.caller.at(EPOCH) if each.name == "caller" else getattr(self, each.name) for each in fields(self) if each.name not in _OF_ONE_RUN)

    def fresh(self) -> "Context":
        """The same caller at the present moment, with loaders that have read nothing yet."""
        fresh = copy(self)
        fresh.caller, fresh.reads, fresh._loaders = self.caller.at(datetime.now(UTC)), None, None
        return fresh

    def renew(self) -> None:
        """Forget what was loaded: before each mutation and each event of a subscription."""
        self.caller = self.caller.at(datetime.now(UTC))
        self._forget()

    def _forget(self) -> None:
        """Loaders know the context, and it knows them: what they have read would stay until a garbage collection finds it, and those stop the loop."""
        if self._loaders is not None:
            self._loaders.close()
            self._loaders = None

    def become(self, caller: Caller) -> None:
        """Go on as another caller: who has just signed up sees what is theirs."""
        self.caller = caller
        self._loaders = None

    def file_url(self, file_id: "UUID | None") -> str | None:
        """The address of a public file."""
        return None if file_id is None else f"{self.base_url}/files/{public_id('fil', file_id)}"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        async with database.reading(self.caller) as scope:
            self.reads = scope
            try:
                yield
            finally:
                self._forget()


EPOCH = datetime.fromtimestamp(0, UTC)
# What belongs to one run and is in no answer, but for the trace id of an unexpected error; the document is known by its hash.
_OF_ONE_RUN = {"document", "asked", "trace_id", "place", "reads", "_loaders", "adapters"}

Info = strawberry.Info[Context, None]

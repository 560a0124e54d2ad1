"""The live bus: a wake-up for whoever watches something. Messages carry no state; watchers reload what they may see."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID


def topic(tenant_id: UUID, aggregate_id: UUID) -> str:
    """The topic on which the facts about one aggregate are announced."""
    return f"live:{tenant_id}:{aggregate_id}"


def aggregate_of(topic: str) -> UUID:
    """The aggregate that a topic is about."""
    return UUID(topic.rpartition(":")[2])


def shown(tenant_id: UUID) -> str:
    """The topic on which it is announced that something which visitors see has changed."""
    return f"shown:{tenant_id}"


def is_shown(topic: str) -> bool:
    return topic.startswith("shown:")


def tenant_of(topic: str) -> UUID:
    """The tenant that a topic belongs to."""
    return UUID(topic.split(":")[1])


class LiveBus(Protocol):
    """Announces to every process of the deployment. May lose messages; watchers catch up from the outbox by sequence."""

    async def publish(self, topics: list[str]) -> None: ...

    def overhear(self, hear: Callable[[list[str] | None], None]) -> None:
        """Be told every list of topics that is announced, watched or not, and None when announcements may have been missed. Never ends; `hear` must be quick."""
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        """Wake-ups on a topic: one at once, one per announcement (several may fall together), and one at least every few seconds."""
        ...

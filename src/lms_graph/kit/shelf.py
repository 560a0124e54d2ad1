"""A shelf that all processes of the deployment share, for what can be made again: each tenant has its own part of it, with bounds of its own."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID


class Shelf(Protocol):
    """May lose everything at any time. Where it does not answer in time it is as if it were empty."""

    async def get(self, tenant_id: UUID, name: str) -> bytes | None: ...

    async def put(self, tenant_id: UUID, name: str, content: bytes) -> None:
        """Keep it for a while. Others of the same tenant make room for it, the oldest first; what is too large is not kept."""
        ...

    async def generations(self, tenant_id: UUID) -> Mapping[str, int] | None:
        """How often `changed` was told each kind, as far as it was told any; None where it does not answer."""
        ...

    async def changed(self, tenant_id: UUID, kinds: Collection[str]) -> None:
        """Something of these kinds is other than it was."""
        ...

"""What media needs of the world."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class StoredObject:
    """What the store knows of an object. `sha256` is hexadecimal."""

    size_bytes: int
    content_type: str


class ObjectStore(Protocol):
    """Object storage. Every call raises Unavailable when the store does not answer."""

    async def put(self, key: str, body: bytes, *, content_type: str) -> None: ...

    async def get(self, key: str) -> bytes:
        """Raises NotFound."""
        ...

    async def stat(self, key: str) -> StoredObject | None: ...

    async def delete(self, key: str) -> None: ...

    async def signed_url(self, key: str, *, seconds: int, file_name: str | None = None) -> str:
        """An address from which anybody who has it may read the object for a while; `file_name` makes browsers save it under that name."""
        ...


class VideoProbe(Protocol):
    async def duration_ms(self, path: Path) -> int:
        """The length of a video file. Raises Invalid when it is none."""
        ...

"""What is known of files. Rights are the asker's to check: whoever may see what a file belongs to may see the file."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file as other areas see it. `sha256` is hexadecimal."""

    id: UUID
    object_key: str
    content_type: str
    size_bytes: int
    sha256: str
    is_public: bool


_COLUMNS = "id, object_key, content_type, size_bytes, sha256, is_public"


async def files_by_ids(*, caller: Caller, file_ids: list[UUID]) -> list[StoredFile]:
    """The tenant's files among the ids, in no order."""
    rows = await database.fetch(f"SELECT {_COLUMNS} FROM files WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, file_ids)
    return [StoredFile(**row) for row in rows]


async def public_file(*, file_id: UUID) -> StoredFile | None:
    """A public file of any tenant: its address has no tenant in it. As the system role, which sees public files only."""
    async with database.as_system() as connection:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM files WHERE id = $1 AND is_public", file_id)
    return StoredFile(**row) if row else None


@dataclass(frozen=True, kw_only=True)
class StoredVideo:
    """A video as other areas see it: chapters `{title, startSeconds}` in order, captions `{language, label, fileId}`."""

    id: UUID
    status: str
    duration_ms: int
    chapters: list[dict[str, Any]]
    captions: list[dict[str, Any]]


async def videos_by_ids(*, caller: Caller, ids: list[UUID]) -> list[StoredVideo]:
    """The tenant's videos among the ids, in no order."""
    rows = await database.fetch("SELECT id, status, duration_ms, chapters, captions FROM videos WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids)
    return [StoredVideo(**{**row, "chapters": database.from_json(row["chapters"]), "captions": database.from_json(row["captions"])}) for row in rows]


async def video_lengths(*, caller: Caller, ids: list[UUID]) -> dict[UUID, int]:
    """How long each video is, in milliseconds."""
    rows = await database.fetch("SELECT id, duration_ms FROM videos WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, ids)
    return {row["id"]: row["duration_ms"] for row in rows}

"""Putting objects into the store and keeping account of them.

An object is put first and its row written after it, in the caller's unit of work: no network inside a transaction, and no row without its object. A
crash in between leaves an object that no row names; the retry puts the same object at the same place.
"""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lms_graph.domain.media.ports import ObjectStore
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import media as rows
from lms_graph.outbox.unit_of_work import unit_of_work


@dataclass(frozen=True, kw_only=True)
class PutObject:
    """An object that lies in the store and has no row yet. `sha256` is hexadecimal."""

    key: str
    content_type: str
    size_bytes: int
    sha256: str
    is_public: bool


async def put_object(*, caller: Caller, objects: ObjectStore, body: bytes, content_type: str, key_hint: str, is_public: bool = False) -> PutObject:
    """Put a body into the store. Call it outside a unit of work, and `record_file` inside one.

    The key is made from the tenant, `key_hint` and the body: a retry overwrites the same object, and no other body ever takes its place, so that what
    a row says of its object stays true. The hint should hold something random (an id, a code) where the body alone could be guessed. Raises
    Unavailable.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    key = object_key(tenant_id=caller.tenant_id, key_hint=key_hint, sha256=sha256)
    await objects.put(key, body, content_type=content_type)
    return PutObject(key=key, content_type=content_type, size_bytes=len(body), sha256=sha256, is_public=is_public)


def object_key(*, tenant_id: UUID, key_hint: str, sha256: str) -> str:
    """Where a body lies. Tells nothing of the hint."""
    name = hashlib.sha256(f"{key_hint}\n{sha256}".encode()).hexdigest()
    return f"{tenant_id}/{name}"


async def record_file(*, caller: Caller, file: PutObject) -> UUID:
    """The row of an object that was put, and its id; of one that has a row already, that row's. Joins the unit of work around it."""
    async with unit_of_work(caller):
        id: UUID = await database.fetch_value(
            "INSERT INTO files (tenant_id, id, object_key, content_type, size_bytes, sha256, is_public, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
            "ON CONFLICT (tenant_id, object_key) DO UPDATE SET content_type = excluded.content_type, is_public = excluded.is_public RETURNING id",
            caller.tenant_id,
            new_id(),
            file.key,
            file.content_type,
            file.size_bytes,
            file.sha256,
            file.is_public,
            caller.now,
        )
    return id


async def store_file(*, caller: Caller, objects: ObjectStore, body: bytes, content_type: str, key_hint: str, is_public: bool = False) -> UUID:
    """Both steps for a file that nothing else must be written with. Gives the file's id; the same hint and body give the same file. Raises Unavailable."""
    file = await put_object(caller=caller, objects=objects, body=body, content_type=content_type, key_hint=key_hint, is_public=is_public)
    return await record_file(caller=caller, file=file)


async def record_video(*, caller: Caller, file_id: UUID, duration_ms: int, chapters: list[dict[str, Any]], captions: list[dict[str, Any]]) -> UUID:
    """A video whose file can be played as it is; the same file with the same chapters and captions gives the same video. Joins the unit of work around it."""
    async with unit_of_work(caller):
        for video in await rows.Video.for_caller(caller, file_id=file_id):
            if video.chapters == chapters and video.captions == captions:
                return video.id
        video = await rows.Video.create(tenant_id=caller.tenant_id, file_id=file_id, status=rows.VideoStatus.READY, duration_ms=duration_ms, chapters=chapters, captions=captions)
    return video.id

"""Files in the object store and the videos made of them."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class VideoStatus(StrEnum):
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class File(TenantRow):
    """An object in the store. Public files (covers, logos) are served to anybody who has the address; others only after an access check."""

    object_key = fields.CharField(255)
    content_type = fields.CharField(127)
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(64)
    is_public = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "files"
        unique_together = (("tenant_id", "object_key"),)


class Video(TenantRow):
    """A video: its source file, length, chapters `[{title, startSeconds}]` and captions `[{language, label, fileId}]`."""

    file_id = fields.UUIDField()
    status = fields.CharEnumField(VideoStatus, max_length=16)
    duration_ms = fields.IntField()
    chapters = fields.JSONField(default=list)
    captions = fields.JSONField(default=list)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "videos"

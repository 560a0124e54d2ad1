"""Long work that a person watches: its state, progress and result."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class JobState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Job(TenantRow):
    kind = fields.CharField(64)
    state = fields.CharEnumField(JobState, max_length=16, default=JobState.QUEUED)
    account_id = fields.UUIDField(null=True)
    progress_percent = fields.IntField(default=0)
    result = fields.JSONField(null=True)
    errors = fields.JSONField(default=list)
    created_at = fields.DatetimeField(auto_now_add=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "jobs"

"""Entitlements, runs, and what has been watched and done in them. Raw progress events live in `progress_events`, partitioned by month, in SQL only."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import MultirangeField, TenantRow


class SubjectKind(StrEnum):
    COURSE = "COURSE"
    ALL_ACCESS = "ALL_ACCESS"


class EntitlementKind(StrEnum):
    ORDER = "ORDER"
    SUBSCRIPTION = "SUBSCRIPTION"
    INSTALLMENT_PLAN = "INSTALLMENT_PLAN"
    BUNDLE = "BUNDLE"
    SEAT = "SEAT"
    GIFT = "GIFT"
    MANUAL = "MANUAL"
    OPEN = "OPEN"
    PREVIEW = "PREVIEW"
    EXTERNAL = "EXTERNAL"


class EntitlementState(StrEnum):
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    PAUSED = "PAUSED"


class EnrollmentStatus(StrEnum):
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class Entitlement(TenantRow):
    """A grant: what opens, for whom, from where it came, and its window. Access is the union of live grants and is never stored.

    Its source is one of our own rows (`source_id`) or what another system calls it (`source_reference`).
    """

    account_id = fields.UUIDField()
    subject_kind = fields.CharEnumField(SubjectKind, max_length=16)
    subject_id = fields.UUIDField(null=True)
    kind = fields.CharEnumField(EntitlementKind, max_length=24)
    source_id = fields.UUIDField(null=True)
    source_reference = fields.CharField(200, null=True)
    state = fields.CharEnumField(EntitlementState, max_length=16, default=EntitlementState.ACTIVE)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField(null=True)
    grace_until = fields.DatetimeField(null=True)
    terms = fields.JSONField(default=dict)
    revoked_at = fields.DatetimeField(null=True)
    revoked_reason = fields.CharField(200, null=True)
    granted_by_account_id = fields.UUIDField(null=True)
    granted_by_key_id = fields.UUIDField(null=True)
    note = fields.CharField(1000, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "entitlements"


class Enrollment(TenantRow):
    """A run of a course by a learner, pinned to a version. A finished run never becomes unfinished."""

    account_id = fields.UUIDField()
    course_id = fields.UUIDField()
    version_id = fields.UUIDField()
    run_number = fields.IntField()
    status = fields.CharEnumField(EnrollmentStatus, max_length=16, default=EnrollmentStatus.ACTIVE)
    entitlement_id = fields.UUIDField(null=True)
    progress_percent = fields.IntField(default=0)
    enrolled_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)
    last_activity_at = fields.DatetimeField(null=True)
    resume_lecture_id = fields.UUIDField(null=True)
    resume_position_ms = fields.IntField(default=0)

    class Meta:
        table = "enrollments"
        unique_together = (("tenant_id", "account_id", "course_id", "run_number"),)


class LectureProgress(TenantRow):
    """What a run has seen of a lecture: the union of watched ranges in milliseconds, and whether it is done."""

    enrollment_id = fields.UUIDField()
    lecture_id = fields.UUIDField()
    ranges = MultirangeField("int4multirange")
    covered_ms = fields.IntField(default=0)
    watch_time_ms = fields.BigIntField(default=0)
    last_position_ms = fields.IntField(default=0)
    last_event_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "lecture_progress"
        unique_together = (("tenant_id", "enrollment_id", "lecture_id"),)


class ProgressDevice(TenantRow):
    """Which client-numbered events of one device have been taken: all up to `high_water`, and the small set `ahead` of it."""

    enrollment_id = fields.UUIDField()
    device_id = fields.CharField(64)
    high_water = fields.BigIntField(default=0)
    ahead = MultirangeField("int8multirange")

    class Meta:
        table = "progress_devices"
        unique_together = (("tenant_id", "enrollment_id", "device_id"),)

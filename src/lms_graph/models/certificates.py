"""Certificates and the keys that sign them."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class CertificateSubject(StrEnum):
    COURSE_RUN = "COURSE_RUN"


class Certificate(TenantRow):
    """One current certificate per subject. `snapshot` is what it says, frozen at issue; `signature` is Ed25519 over its canonical JSON."""

    subject_kind = fields.CharEnumField(CertificateSubject, max_length=16)
    subject_id = fields.UUIDField()
    account_id = fields.UUIDField()
    course_id = fields.UUIDField(null=True)
    code = fields.CharField(32)
    number = fields.CharField(32)
    snapshot = fields.JSONField()
    snapshot_sha256 = fields.CharField(64)
    signing_key_id = fields.UUIDField()
    signature = fields.BinaryField()
    open_badge = fields.TextField()
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    revocation_reason = fields.CharField(300, null=True)
    superseded_at = fields.DatetimeField(null=True)
    supersedes_id = fields.UUIDField(null=True)
    pdf_file_id = fields.UUIDField(null=True)
    pdf_ready_at = fields.DatetimeField(null=True)

    class Meta:
        table = "certificates"
        unique_together = (("tenant_id", "number"),)


class SigningKey(TenantRow):
    """An Ed25519 key of a tenant. The private half is sealed under `LMS_SECRET_KEYS`; the public half stays for ever."""

    public_key = fields.BinaryField()
    sealed_private_key = fields.BinaryField()
    created_at = fields.DatetimeField(auto_now_add=True)
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "signing_keys"

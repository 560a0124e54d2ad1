"""Tenants, the hosts under which they are reached, and the domains from which they send mail."""

from enum import StrEnum

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from lms_graph.models.base import TenantRow, TextArrayField


class TenantKind(StrEnum):
    TENANT = "TENANT"
    PLATFORM = "PLATFORM"


class DomainStatus(StrEnum):
    PENDING = "PENDING"
    VERIFIED = "VERIFIED"
    LAPSED = "LAPSED"


class DomainProblem(StrEnum):
    PROOF_MISSING = "PROOF_MISSING"
    DNS_UNREACHABLE = "DNS_UNREACHABLE"
    TAKEN = "TAKEN"


class Tenant(TenantRow):
    """A school with its own brand, prices and sign-in. `tenant_id` equals `id`."""

    slug = fields.CharField(63, unique=True)
    name = fields.CharField(200)
    kind = fields.CharEnumField(TenantKind, max_length=16, default=TenantKind.TENANT)
    logo_file_id = fields.UUIDField(null=True)
    primary_color = fields.CharField(7, default="#1f2937")
    locale = fields.CharField(35, default="en")
    currency = fields.CharField(3, default="USD")
    support_email = fields.CharField(254, null=True)
    settings = fields.JSONField(default=dict)
    is_introspection_open = fields.BooleanField(db_default=False)
    is_explorer_served = fields.BooleanField(db_default=False)
    allowed_origins = TextArrayField(db_default=SqlDefault("'{}'"))
    platform_fee_bps = fields.SmallIntField(db_default=0)
    refund_days = fields.SmallIntField(db_default=0)
    refund_max_progress_percent = fields.SmallIntField(db_default=100)
    is_refund_automatic = fields.BooleanField(db_default=False)
    is_access_suspended_by_dispute = fields.BooleanField(db_default=False)
    storefront_url = fields.CharField(300, null=True)
    from_name = fields.CharField(100, null=True)
    mail_from = fields.CharField(254, null=True)
    mail_from_verified_at = fields.DatetimeField(null=True)
    suspended_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "tenants"


class ProvenRow(TenantRow):
    """A name in DNS that a tenant proves to be its own, by a TXT record with `verification_token`. It is looked up again each day while it is verified."""

    host = fields.CharField(253)
    status = fields.CharEnumField(DomainStatus, max_length=16, default=DomainStatus.PENDING)
    verification_token = fields.CharField(64, null=True)
    verified_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)
    missing_since = fields.DatetimeField(null=True)
    missed_checks = fields.IntField(db_default=0)
    problem = fields.CharEnumField(DomainProblem, max_length=16, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Domain(ProvenRow):
    """A host name that selects a tenant, once its DNS proof stands. Many may claim one, only one has it verified. Without a token the platform vouches for it, and nothing is looked up."""

    is_primary = fields.BooleanField(default=False)

    class Meta:
        table = "domains"
        unique_together = (("tenant_id", "host"),)


class MailDomain(ProvenRow):
    """The domain of the address from which a tenant's mails come. One per tenant; two tenants of one owner may share one, each with a proof of its own."""

    class Meta:
        table = "mail_domains"
        unique_together = (("tenant_id",),)

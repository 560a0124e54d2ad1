"""Tenants and the domains under which they are reached."""

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
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "tenants"


class Domain(TenantRow):
    """A host name that selects a tenant, once its DNS proof stands."""

    host = fields.CharField(253, unique=True)
    is_primary = fields.BooleanField(default=False)
    status = fields.CharEnumField(DomainStatus, max_length=16, default=DomainStatus.PENDING)
    verification_token = fields.CharField(64, null=True)
    verified_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "domains"

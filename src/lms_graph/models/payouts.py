"""Accounts at the payment provider, and whom a sale's money belongs to."""

from tortoise import fields

from lms_graph.models.base import TenantRow


class ProviderAccount(TenantRow):
    """The keys of a school that has its own account at the payment provider; at most one row of a tenant. Without one it sells through the deployment's."""

    sealed_secret_key = fields.BinaryField()
    sealed_webhook_secrets = fields.BinaryField()
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "provider_accounts"
        unique_together = (("tenant_id",),)

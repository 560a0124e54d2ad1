"""The school's own account at the payment provider, and what the platform keeps."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from lms_graph.domain.payouts.rules.commissions import Tier
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import child, decode_id
from lms_graph.types.payouts.payees import CommissionTierInput
from lms_graph.types.tenancy.tenants import Tenant


@strawberry.type(description="Through which account at the payment provider the school sells. Its administrators.")
class PaymentProvider:
    is_own: bool = strawberry.field(description="Whether it is the school's own account, not the deployment's.")
    webhook_url: str = strawberry.field(description="Where the provider has to send its events: of the account, and of connected accounts.")
    account: str | None = strawberry.field(description="What the provider calls the school's own account; null for the deployment's.")
    updated_at: datetime | None = strawberry.field(description="When its keys were last set; null for the deployment's.")


@strawberry.input(description="The keys of the school's own account at the payment provider.")
class PaymentProviderSetInput:
    secret_key: str = strawberry.field(description="A secret or restricted key (`sk_live_…`, `rk_live_…`). It is tried, kept sealed, and never shown again.")
    webhook_secrets: list[str] = strawberry.field(description="The signing secrets of its webhook endpoints (`whsec_…`), 1 to 4. Kept sealed, and never shown again.")

    def as_arguments(self) -> dict[str, Any]:
        return {"secret_key": self.secret_key, "webhook_secrets": self.webhook_secrets}


@strawberry.type(description="What `paymentProviderSet` answers.")
class PaymentProviderSetPayload(Payload):
    provider: PaymentProvider | None = strawberry.field(default=None, description="Through which account the school sells now.")


@strawberry.input(description="That the school sells through the deployment's account again.")
class PaymentProviderRemoveInput:
    account: str = strawberry.field(description="What the provider calls the account that is left (`PaymentProvider.account`), so that no other one is.")

    def as_arguments(self) -> dict[str, Any]:
        return {"account_id": self.account}


@strawberry.type(description="What `paymentProviderRemove` answers.")
class PaymentProviderRemovePayload(Payload):
    provider: PaymentProvider | None = strawberry.field(default=None, description="Through which account the school sells now.")


@strawberry.input(description="What the platform keeps of a tenant's sales beside `platformFeePercent`. All of it is set at once.")
class CommissionSetInput:
    tenant_id: strawberry.ID = strawberry.field(description="Whose sales.")
    premium_percent: Decimal | None = strawberry.field(
        default=None, description="Its share of the courses of premium instructors, 0 to 100 with two decimals, where that is lower; null for the same as of others."
    )
    fee_tax_percent: Decimal = strawberry.field(default=Decimal(0), description="Tax on the platform's share, added to it; 0 to 100 with four decimals.")
    tiers: list[CommissionTierInput] = strawberry.field(default_factory=list, description="Lower shares from so much sold in a month; at most 50.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "tenant_id": decode_id(self.tenant_id, "tnt", path="tenantId"),
            "premium_percent": self.premium_percent,
            "fee_tax_percent": self.fee_tax_percent,
            "tiers": [Tier(currency=tier.currency, from_amount=tier.from_, rate_percent=tier.rate_percent) for tier in self.tiers],
        }


@strawberry.type(description="What `commissionSet` answers.")
class CommissionSetPayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    tenant: Tenant | None = child("tenancy.tenant", key="tenant_id", description="The tenant.")

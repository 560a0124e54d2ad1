"""Which account at the payment provider a school sells through."""

from typing import Any

import orjson

from lms_graph.domain.payouts.ports import OwnProvider, PaymentGateway, Payments
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database


async def own_provider(*, caller: Caller, secret_keys: SecretKeys) -> OwnProvider | None:
    """The school's own keys, opened; None where it sells through the deployment's account."""
    row = await database.fetch_one("SELECT sealed_secret_key, sealed_webhook_secrets FROM provider_accounts WHERE tenant_id = $1", caller.tenant_id)
    if row is None:
        return None
    return OwnProvider(
        tenant_id=caller.tenant_id,
        secret_key=secret_keys.open(row["sealed_secret_key"], about=f"provider key of {caller.tenant_id}").decode(),
        webhook_secrets=orjson.loads(secret_keys.open(row["sealed_webhook_secrets"], about=f"provider webhooks of {caller.tenant_id}")),
    )


async def gateway_of(*, caller: Caller, payments: Payments, secret_keys: SecretKeys) -> PaymentGateway:
    """The gateway that the school's money goes through. Raises PaymentsNotConfigured."""
    return payments.gateway(await own_provider(caller=caller, secret_keys=secret_keys))


async def has_own(*, caller: Caller) -> bool:
    """Whether the school sells through an account of its own."""
    return bool(await database.fetch_value("SELECT true FROM provider_accounts WHERE tenant_id = $1", caller.tenant_id))


async def shown(*, caller: Caller, base_url: str) -> dict[str, Any]:
    """What the school's administrators may see of it: never a key. Raises SignedOut, NotAllowed."""
    caller.require(Permission.TENANT_MANAGE)
    brand = await tenants.storefront(caller=caller)
    row = await database.fetch_one("SELECT provider_account_id, updated_at FROM provider_accounts WHERE tenant_id = $1", caller.tenant_id)
    return {
        "is_own": row is not None,
        "webhook_url": f"{base_url}/webhooks/stripe/{brand['slug']}" if row else f"{base_url}/webhooks/stripe",
        "account": row["provider_account_id"] if row else None,
        "updated_at": row["updated_at"] if row else None,
    }

"""Which account at the payment provider a school sells through."""

import orjson

from lms_graph.domain.payouts.ports import OwnProvider, PaymentGateway, Payments
from lms_graph.kit.caller import Caller
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import payouts as rows


async def own_provider(*, caller: Caller, secret_keys: SecretKeys) -> OwnProvider | None:
    """The school's own keys, opened; None where it sells through the deployment's account."""
    row = await rows.ProviderAccount.for_caller(caller).first()
    if row is None:
        return None
    return OwnProvider(
        tenant_id=caller.tenant_id,
        secret_key=secret_keys.open(row.sealed_secret_key, about=f"provider key of {caller.tenant_id}").decode(),
        webhook_secrets=orjson.loads(secret_keys.open(row.sealed_webhook_secrets, about=f"provider webhooks of {caller.tenant_id}")),
    )


async def gateway_of(*, caller: Caller, payments: Payments, secret_keys: SecretKeys) -> PaymentGateway:
    """The gateway that the school's money goes through. Raises PaymentsNotConfigured."""
    return payments.gateway(await own_provider(caller=caller, secret_keys=secret_keys))

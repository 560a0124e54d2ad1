"""The school's own account at the payment provider. Its keys are sealed, and never shown again."""

from collections.abc import Sequence
from typing import Any

import orjson

from lms_graph.domain.payouts import events
from lms_graph.domain.payouts.ports import OwnProvider, Payments
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.rules import providers as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid, Issue, NotAllowed, NotFound, Unavailable
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.outbox.unit_of_work import unit_of_work


async def set_provider(*, caller: Caller, secret_key: str, webhook_secrets: Sequence[str], payments: Payments, secret_keys: SecretKeys) -> None:
    """Sell through the school's own account from now on, once the provider has taken its key. New keys of the same account may come at any time.

    Raises SignedOut, NotAllowed, for API keys too; Invalid, also for a key that the provider does not take; Conflict for another account while money of sales lies in the one before.
    Records PaymentProviderSet.
    """
    _require(caller)
    if issues := [*rules.issues_with_keys(secret_key=secret_key, webhook_secrets=webhook_secrets)]:
        raise Invalid(*issues)
    own = OwnProvider(tenant_id=caller.tenant_id, secret_key=secret_key, webhook_secrets=tuple(webhook_secrets))
    try:
        account_id = await payments.gateway(own).own_account_id()
    except Unavailable as failure:
        raise Invalid(Issue(f"The provider did not take this key: {failure.message}", ("secretKey",))) from None
    values: dict[str, Any] = {
        "sealed_secret_key": secret_keys.seal(secret_key.encode(), about=f"provider key of {caller.tenant_id}"),
        "sealed_webhook_secrets": secret_keys.seal(orjson.dumps(list(webhook_secrets)), about=f"provider webhooks of {caller.tenant_id}"),
        "provider_account_id": account_id,
        "updated_at": caller.now,
    }
    async with unit_of_work(caller) as work:
        await _lock(caller)
        before = await rows.ProviderAccount.for_caller(caller).first()
        if before is None or before.provider_account_id != account_id:
            await _leave(caller)
        if before is None:
            await rows.ProviderAccount.create(tenant_id=caller.tenant_id, created_at=caller.now, **values)
        else:
            await rows.ProviderAccount.for_caller(caller).update(**values)
        work.record(events.PaymentProviderSet(tenant_id=caller.tenant_id))


async def remove_provider(*, caller: Caller, account_id: str) -> None:
    """Sell through the deployment's account again; the keys are forgotten. Raises SignedOut, NotAllowed, NotFound, Conflict while money of sales lies in it. Records PaymentProviderRemoved."""
    _require(caller)
    async with unit_of_work(caller) as work:
        await _lock(caller)
        before = await rows.ProviderAccount.for_caller(caller).first()
        if before is None or before.provider_account_id not in (account_id, None):
            raise NotFound("The school does not sell through this account of its own.", path=("account",))
        await _leave(caller)
        await rows.ProviderAccount.for_caller(caller).delete()
        work.record(events.PaymentProviderRemoved(tenant_id=caller.tenant_id))


def _require(caller: Caller) -> None:
    caller.require(Permission.TENANT_MANAGE)
    if caller.key_id is not None:
        raise NotAllowed("Where the school's money goes is for its administrators to say, not for API keys: send an administrator's access token.")


async def _lock(caller: Caller) -> None:
    """Two who set it at once come one after another."""
    await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", str(caller.tenant_id))


async def _leave(caller: Caller) -> None:
    """Leave the account that was sold through: nobody is known to the other one. Raises Conflict while it holds money, which could not be paid out from there any more."""
    if await queries.owed_at_provider(caller=caller):
        raise Conflict("Money of the school's sales lies in the account that it sells through now. Pay everybody out first, then change it.")
    await rows.Payee.for_caller(caller).update(provider_account_id=None, charges_enabled=False, payouts_enabled=False, details_submitted=False, requirements=[], next_due_at=None)

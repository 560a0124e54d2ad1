"""Authenticator apps, recovery codes, and sign-ins that wait for them."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


async def device_or_none(*, caller: Caller, account_id: UUID) -> database.Record | None:
    """An account's authenticator app, whether it is on (`confirmed_at`) or waits for its first code."""
    return await database.fetch_one(
        "SELECT id, sealed_secret, created_at, confirmed_at, last_step FROM totp_devices WHERE tenant_id = $1 AND account_id = $2", caller.tenant_id, account_id
    )


async def is_on(*, caller: Caller, account_id: UUID) -> bool:
    return bool(await database.fetch_value("SELECT true FROM totp_devices WHERE tenant_id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL", caller.tenant_id, account_id))


async def waiting_or_none(*, caller: Caller, token_hash: bytes, network: str) -> database.Record | None:
    """The sign-in that waits for its second factor under this token, from this network."""
    return await database.fetch_one(
        "SELECT id, account_id, tries FROM second_factor_tokens WHERE tenant_id = $1 AND token_hash = $2 AND network = $3 AND expires_at > $4",
        caller.tenant_id,
        token_hash,
        network,
        caller.now,
    )

"""Challenges: links in mails that wait to be followed."""

from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database

_CHALLENGE = "SELECT id, account_id, kind, email, salt, created_at, expires_at, used_at FROM challenges "


async def challenge_or_none(*, caller: Caller, challenge_id: UUID) -> database.Record | None:
    """One that can still be redeemed, for the mail that carries its link."""
    return await database.fetch_one(_CHALLENGE + "WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $3", caller.tenant_id, challenge_id, caller.now)


async def challenge_for_update(*, caller: Caller, challenge_id: UUID) -> database.Record | None:
    """Locked: of two who redeem it at once, the second finds it used."""
    return await database.fetch_one(_CHALLENGE + "WHERE tenant_id = $1 AND id = $2 FOR UPDATE", caller.tenant_id, challenge_id)

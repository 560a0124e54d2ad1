"""Accounts, as others and their owners read them."""

from typing import Any
from uuid import UUID

from lms_graph.domain.identity.rules.devices import KNOWN_FOR
from lms_graph.kit.caller import Caller
from lms_graph.kit.text import email_key, is_storable
from lms_graph.kit.throttle import network_of
from lms_graph.models import database

_ACCOUNT = (
    "SELECT a.id, a.email, a.name, a.avatar_file_id, a.email_verified_at, a.locale, a.status, a.created_at, "
    "ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id ORDER BY r.role) AS roles FROM accounts a "
)

_OWN_ACCOUNT = _ACCOUNT.replace(
    "SELECT a.id, ",
    "SELECT a.id, EXISTS(SELECT FROM totp_devices t WHERE t.tenant_id = a.tenant_id AND t.account_id = a.id AND t.confirmed_at IS NOT NULL) AS two_factor_enabled, "
    "(SELECT count(*) FROM recovery_codes c WHERE c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.used_at IS NULL) AS recovery_codes_left, ",
)


async def accounts_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Accounts with address and roles. What of it may be shown to whom is the asker's to decide."""
    return await database.fetch(_ACCOUNT + "WHERE a.tenant_id = $1 AND a.id = ANY($2)", caller.tenant_id, account_ids)


async def own_account(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Of these accounts the caller's own, if it is among them."""
    own = [id for id in account_ids if id == caller.account_id]
    return await owned_accounts(caller=caller, account_ids=own) if own else []


async def owned_accounts(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Accounts as their owners see them. That it is the owner who asks is for the asker to have seen."""
    return await database.fetch(_OWN_ACCOUNT + "WHERE a.tenant_id = $1 AND a.id = ANY($2)", caller.tenant_id, account_ids)


async def viewer_or_none(*, caller: Caller) -> database.Record | None:
    """The caller's own account; None when nobody is signed in."""
    rows = await own_account(caller=caller, account_ids=[caller.account_id]) if caller.account_id else []
    return rows[0] if rows else None


async def profiles_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """What everybody of the tenant may know of a person."""
    return await database.fetch("SELECT id, name, avatar_file_id FROM accounts WHERE tenant_id = $1 AND id = ANY($2) AND status <> 'ERASED'", caller.tenant_id, account_ids)


async def names_of_accounts(*, caller: Caller, account_ids: list[UUID]) -> dict[UUID, str]:
    """Names by account; unknown ones are left out."""
    rows: list[Any] = await database.fetch("SELECT id, name FROM accounts WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, account_ids)
    return {row["id"]: row["name"] for row in rows}


async def is_active(*, caller: Caller, account_id: UUID) -> bool:
    """Whether there is such an account, neither suspended nor erased."""
    return bool(await database.fetch_value("SELECT true FROM accounts WHERE tenant_id = $1 AND id = $2 AND status = 'ACTIVE'", caller.tenant_id, account_id))


async def account_id_by_email(*, caller: Caller, email: str) -> UUID | None:
    """Whose address this is, however it is spelled."""
    if not is_storable(email):
        return None
    id: UUID | None = await database.fetch_value("SELECT id FROM accounts WHERE tenant_id = $1 AND email_key = $2", caller.tenant_id, email_key(email))
    return id


async def has_verified(*, caller: Caller, account_id: UUID, email: str) -> bool:
    """Whether the address is the account's, however it is spelled, and was verified."""
    if not is_storable(email):
        return False
    return bool(
        await database.fetch_value(
            "SELECT true FROM accounts WHERE tenant_id = $1 AND id = $2 AND email_key = $3 AND email_verified_at IS NOT NULL", caller.tenant_id, account_id, email_key(email)
        )
    )


async def credentials_or_none(*, caller: Caller, email: str) -> database.Record | None:
    """`id` and `password_hash` of an account, for signing in, and `is_known_network`: whether its owner has used it from the caller's network lately."""
    if not is_storable(email):
        return None
    return await database.fetch_one(
        f"SELECT a.id, a.password_hash, {_KNOWN_NETWORK} AS is_known_network FROM accounts a WHERE a.tenant_id = $1 AND a.email_key = $2",
        caller.tenant_id,
        email_key(email),
        network_of(caller.address),
        caller.now - KNOWN_FOR,
    )


# A session that somebody else had, or that its owner has thrown out, makes nothing known.
_KNOWN_NETWORK = (
    "EXISTS(SELECT FROM sessions s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.kind = 'SIGN_IN' AND s.network = $3 AND s.last_seen_at > $4 "
    "AND (s.revoked_at IS NULL OR s.revoked_reason IN ('SIGNED_OUT', 'CROWDED_OUT')))"
)


async def password_or_none(*, caller: Caller, account_id: UUID) -> database.Record | None:
    """`email` and `password_hash` of an active account."""
    return await database.fetch_one("SELECT email, password_hash FROM accounts WHERE tenant_id = $1 AND id = $2 AND status = 'ACTIVE'", caller.tenant_id, account_id)


async def active_account_for_update(*, caller: Caller, account_id: UUID) -> database.Record | None:
    """Locked before anything else of the account: what changes how one gets in comes one after another, and in one order."""
    return await database.fetch_one(
        "SELECT id, email, email_key, password_hash, email_verified_at FROM accounts WHERE tenant_id = $1 AND id = $2 AND status = 'ACTIVE' FOR UPDATE",
        caller.tenant_id,
        account_id,
    )

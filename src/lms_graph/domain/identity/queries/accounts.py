"""Accounts, as others and their owners read them."""

from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.text import email_key, is_storable
from lms_graph.models import database

_ACCOUNT = (
    "SELECT a.id, a.email, a.name, a.avatar_file_id, a.email_verified_at, a.locale, a.status, a.created_at, "
    "ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id ORDER BY r.role) AS roles FROM accounts a "
)


async def accounts_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Accounts with address and roles. What of it may be shown to whom is the asker's to decide."""
    return await database.fetch(_ACCOUNT + "WHERE a.tenant_id = $1 AND a.id = ANY($2)", caller.tenant_id, account_ids)


async def own_account(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Of these accounts the caller's own, if it is among them."""
    own = [id for id in account_ids if id == caller.account_id]
    return await accounts_by_ids(caller=caller, account_ids=own) if own else []


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


async def credentials_or_none(*, caller: Caller, email: str) -> database.Record | None:
    """`id` and `password_hash` of an account, for signing in."""
    if not is_storable(email):
        return None
    return await database.fetch_one("SELECT id, password_hash FROM accounts WHERE tenant_id = $1 AND email_key = $2", caller.tenant_id, email_key(email))

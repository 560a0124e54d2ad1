"""Accounts, sessions and instructors' pages, as others and their owners read them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.kit.text import email_key, is_storable
from lms_graph.models import database

_ACCOUNT = (
    "SELECT a.id, a.email, a.name, a.avatar_file_id, a.email_verified_at, a.locale, a.status, a.created_at, "
    "ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id ORDER BY r.role) AS roles FROM accounts a "
)
_INSTRUCTOR = (
    "SELECT i.id, i.slug, i.headline, i.bio_markdown, i.bio_html, a.name, a.avatar_file_id FROM instructors i "
    "JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.id AND a.status <> 'ERASED' "
)
_SESSION = "SELECT id, account_id, created_at, last_seen_at, ip_address, user_agent FROM sessions "


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


async def sessions_of_accounts(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """The caller's own live sessions, last seen first; nobody else's."""
    return await database.fetch(
        _SESSION + "WHERE tenant_id = $1 AND account_id = ANY($2) AND account_id = $3 AND revoked_at IS NULL AND expires_at > $4 ORDER BY last_seen_at DESC, id DESC",
        caller.tenant_id,
        account_ids,
        caller.account_id,
        caller.now,
    )


async def sessions_by_ids(*, caller: Caller, session_ids: list[UUID]) -> list[database.Record]:
    """Of these sessions the caller's own live ones."""
    return await database.fetch(
        _SESSION + "WHERE tenant_id = $1 AND id = ANY($2) AND account_id = $3 AND revoked_at IS NULL AND expires_at > $4",
        caller.tenant_id,
        session_ids,
        caller.account_id,
        caller.now,
    )


async def surplus_sessions(*, caller: Caller, account_id: UUID, keep: int) -> list[UUID]:
    """The account's live sessions beyond the `keep` last seen."""
    rows: list[Any] = await database.fetch(
        "SELECT id FROM sessions WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY last_seen_at DESC, id DESC OFFSET $4",
        caller.tenant_id,
        account_id,
        caller.now,
        keep,
    )
    return [row["id"] for row in rows]


async def refresh_token_for_update(*, caller: Caller, token_hash: bytes) -> database.Record | None:
    """A refresh token with its session, both locked: uses of one session's tokens come one after another."""
    return await database.fetch_one(
        """
        SELECT t.id, t.session_id, s.account_id, t.used_at,
               t.expires_at > $3 AND s.expires_at > $3 AND s.revoked_at IS NULL AND a.status = 'ACTIVE' AS is_live
        FROM session_tokens t
        JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
        JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
        WHERE t.tenant_id = $1 AND t.token_hash = $2 AND t.kind = 'REFRESH'
        FOR UPDATE OF s, t
        """,
        caller.tenant_id,
        token_hash,
        caller.now,
    )


async def tokens_made_at(*, caller: Caller, session_id: UUID, made_at: datetime) -> list[database.Record]:
    """The pair that a rotation made, newest last."""
    return await database.fetch(
        "SELECT id, kind, expires_at, used_at FROM session_tokens WHERE tenant_id = $1 AND session_id = $2 AND created_at = $3 ORDER BY id",
        caller.tenant_id,
        session_id,
        made_at,
    )


async def instructors_by_ids(*, caller: Caller, account_ids: list[UUID]) -> list[database.Record]:
    """Public pages; an instructor's id is the account's."""
    return await database.fetch(_INSTRUCTOR + "WHERE i.tenant_id = $1 AND i.id = ANY($2)", caller.tenant_id, account_ids)


async def instructor_by_slug(*, caller: Caller, slug: str) -> database.Record | None:
    if not is_storable(slug):
        return None
    return await database.fetch_one(_INSTRUCTOR + "WHERE i.tenant_id = $1 AND i.slug = $2", caller.tenant_id, slug)

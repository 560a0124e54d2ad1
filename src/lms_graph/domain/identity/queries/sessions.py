"""Sessions and their tokens."""

from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database

_SESSION = "SELECT id, account_id, kind, created_at, last_seen_at, expires_at, is_read_only, is_masked, impersonator_id, ip_address, user_agent FROM sessions "


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


async def surplus_sessions(*, caller: Caller, account_id: UUID, kind: str, keep: int) -> list[UUID]:
    """The account's live sessions of a kind beyond the `keep` last seen."""
    rows: list[Any] = await database.fetch(
        "SELECT id FROM sessions WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > $3 AND kind = $5 ORDER BY last_seen_at DESC, id DESC OFFSET $4",
        caller.tenant_id,
        account_id,
        caller.now,
        keep,
        kind,
    )
    return [row["id"] for row in rows]


async def own_kind_or_none(*, caller: Caller) -> str | None:
    """The kind of the caller's session; None for who has none of ours, such as an account that shows another provider's token."""
    kind: str | None = await database.fetch_value("SELECT kind FROM sessions WHERE tenant_id = $1 AND id = $2", caller.tenant_id, caller.session_id)
    return kind


async def impersonations_by(*, caller: Caller) -> list[UUID]:
    """The live sessions in which the caller looks at the school as somebody else."""
    found: list[Any] = await database.fetch(
        "SELECT id FROM sessions WHERE tenant_id = $1 AND impersonator_id = $2 AND revoked_at IS NULL AND expires_at > $3", caller.tenant_id, caller.account_id, caller.now
    )
    return [row["id"] for row in found]


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


async def is_known_device(*, caller: Caller, account_id: UUID, network: str, agent: str, since: datetime) -> bool:
    """Whether the account was used by this kind of client from this network; what somebody else had, or its owner has thrown out, makes nothing known."""
    return bool(
        await database.fetch_value(
            "SELECT EXISTS(SELECT FROM sessions WHERE tenant_id = $1 AND account_id = $2 AND kind = 'SIGN_IN' AND network = $3 AND agent = $4 AND last_seen_at > $5 "
            "AND (revoked_at IS NULL OR revoked_reason IN ('SIGNED_OUT', 'CROWDED_OUT')))",
            caller.tenant_id,
            account_id,
            network,
            agent,
            since,
        )
    )


async def own_session(*, caller: Caller, session_id: UUID) -> bool:
    """Whether this is a session of the caller's account, living or not."""
    return bool(await database.fetch_value("SELECT true FROM sessions WHERE tenant_id = $1 AND id = $2 AND account_id = $3", caller.tenant_id, session_id, caller.account_id))


async def live_session_ids(*, caller: Caller, account_id: UUID) -> list[UUID]:
    """Sessions of an account that have not ended, in one order, so that two who end them never wait in a ring."""
    rows: list[Any] = await database.fetch(
        "SELECT id FROM sessions WHERE tenant_id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY id", caller.tenant_id, account_id, caller.now
    )
    return [row["id"] for row in rows]


async def opened_at(*, caller: Caller, session_id: UUID) -> datetime | None:
    """When a sign-in was made; None for other kinds of sessions, which whoever holds a token can open at any time."""
    value: datetime | None = await database.fetch_value("SELECT created_at FROM sessions WHERE tenant_id = $1 AND id = $2 AND kind = 'SIGN_IN'", caller.tenant_id, session_id)
    return value


async def session_or_none(*, caller: Caller, session_id: UUID) -> database.Record | None:
    """A session, ended or not, for what the house tells its owner."""
    return await database.fetch_one(_SESSION + "WHERE tenant_id = $1 AND id = $2", caller.tenant_id, session_id)

"""Which tenant a request is for, and who asks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.domain.tenancy.rules.origins import ANY_ORIGIN, ApiSettings
from lms_graph.models import database

# By host, slug, hash of the access token, and the present.
IDENTIFY = """
    SELECT named.tenant_id, t.kind = 'PLATFORM' AS in_platform, t.suspended_at IS NOT NULL AS is_suspended, t.is_introspection_open, t.is_explorer_served,
           t.allowed_origins || ARRAY(SELECT 'https://' || d.host FROM domains d WHERE d.tenant_id = t.tenant_id) AS origins, s.*
    FROM (SELECT coalesce((SELECT tenant_id FROM domains WHERE host = $1), (SELECT tenant_id FROM tenants WHERE slug = $2)) AS tenant_id) AS named
    LEFT JOIN LATERAL (
        SELECT t.tenant_id AS session_tenant_id, s.id AS session_id, s.account_id, t.expires_at, a.locale,
               ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles
        FROM session_tokens t
        JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
        JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
        WHERE t.token_hash = $3 AND t.kind = 'ACCESS' AND t.expires_at > $4 AND s.revoked_at IS NULL AND s.expires_at > $4 AND a.status = 'ACTIVE'
    ) AS s ON true
    LEFT JOIN tenants t ON t.tenant_id = coalesce(named.tenant_id, s.session_tenant_id)
"""


@dataclass(frozen=True)
class Identified:
    """The first step of a request: the tenant that the host or header names, the session that the token names, and the API settings of the first of these that there is."""

    tenant_id: UUID | None
    api: ApiSettings | None = None
    session_tenant_id: UUID | None = None
    session_id: UUID | None = None
    account_id: UUID | None = None
    token_expires_at: datetime | None = None
    roles: frozenset[str] = frozenset()
    locale: str | None = None
    in_platform: bool = False
    is_suspended: bool = False


async def identify(*, host: str | None, slug: str | None, token_hash: bytes | None, now: datetime) -> Identified:
    """One statement as the system role. A session counts while neither it nor its access token has ended and its account is active."""
    (row,) = await database.fetch_as_system(IDENTIFY, host, slug, token_hash, now)
    return Identified(
        tenant_id=row["tenant_id"],
        api=None if row["origins"] is None else ApiSettings(row["is_introspection_open"], row["is_explorer_served"], row["origins"]),
        session_tenant_id=row["session_tenant_id"],
        session_id=row["session_id"],
        account_id=row["account_id"],
        token_expires_at=row["expires_at"],
        roles=frozenset(row["roles"] or ()),
        locale=row["locale"],
        in_platform=bool(row["in_platform"]),
        is_suspended=bool(row["is_suspended"]),
    )


async def roles_of_living_sessions(*, sessions: Collection[tuple[UUID, UUID]], now: datetime) -> dict[UUID, frozenset[str]]:
    """Of these sessions, each named by its tenant and id, those that have not ended and whose account is active, with the account's roles. As the system role."""
    rows = await database.fetch_as_system(
        """
        SELECT s.id, ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles
        FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
        JOIN sessions s ON s.tenant_id = asked.tenant_id AND s.id = asked.id
        JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
        WHERE s.revoked_at IS NULL AND s.expires_at > $3 AND a.status = 'ACTIVE'
        """,
        [tenant_id for tenant_id, _ in sessions],
        [id for _, id in sessions],
        now,
    )
    return {row["id"]: frozenset(row["roles"]) for row in rows}


async def is_origin_known(*, origin: str, host: str | None) -> bool:
    """Whether the tenant that the host names lists a browser's origin or has it as its domain; where the host names none, whether any tenant does. One statement as the system role.

    For what is asked before a tenant is known: a preflight and a WebSocket's handshake carry neither header nor token. The system role sees verified domains only.
    """
    ((known,),) = await database.fetch_as_system(
        """
        WITH here AS (SELECT tenant_id FROM domains WHERE host = $1)
        SELECT EXISTS (
            SELECT FROM tenants t
            WHERE (t.allowed_origins && $2 OR t.tenant_id = (SELECT tenant_id FROM domains WHERE host = $3))
              AND (t.tenant_id = (SELECT tenant_id FROM here) OR NOT EXISTS (SELECT FROM here))
        )
        """,
        host,
        [origin, ANY_ORIGIN],
        origin.removeprefix("https://") if origin.startswith("https://") else None,
    )
    return bool(known)

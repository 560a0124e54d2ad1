"""Which tenant a request is for, and who asks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lms_graph.domain.tenancy.rules.origins import ANY_ORIGIN, ApiSettings
from lms_graph.models import database


def _conditions(now: str) -> dict[str, str]:
    """What of sessions (`s`) and keys (`k`, their makers `a`) both the first step of a request and the watch over what is open ask. `now` is the parameter that holds the present."""
    return {
        "opener_lives": f"NOT EXISTS (SELECT FROM sessions o WHERE o.tenant_id = s.tenant_id AND o.id = s.opener_id AND (o.revoked_at IS NOT NULL OR o.expires_at <= {now}))",
        "impersonator_roles": "ARRAY(SELECT r.role FROM account_roles r JOIN accounts i ON i.tenant_id = r.tenant_id AND i.id = r.account_id AND i.status = 'ACTIVE' "
        "WHERE r.tenant_id = s.tenant_id AND r.account_id = s.impersonator_id) AS impersonator_roles",
        "maker_roles": "ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id AND a.status = 'ACTIVE') AS maker_roles",
        # A publishable key holds nothing of its maker's, and so stands in the shop's pages for longer than they stay.
        "key_lives": f"k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > {now}) AND (a.status <> 'ERASED' OR k.kind = 'PUBLISHABLE')",
    }


# By host, slug, hash of the access token, the present, and hash of the API key.
IDENTIFY = """
    SELECT named.tenant_id, named.domain_id, t.kind = 'PLATFORM' AS in_platform, t.suspended_at IS NOT NULL AS is_suspended, t.is_introspection_open, t.is_explorer_served,
           t.allowed_origins || ARRAY(SELECT 'https://' || d.host FROM domains d WHERE d.tenant_id = t.tenant_id) AS origins, s.*, k.*
    FROM (
        SELECT d.id AS domain_id, coalesce(d.tenant_id, (SELECT tenant_id FROM tenants WHERE slug = $2)) AS tenant_id
        FROM (VALUES (1)) AS one LEFT JOIN domains d ON d.host = $1
    ) AS named
    LEFT JOIN LATERAL (
        SELECT t.tenant_id AS session_tenant_id, s.id AS session_id, s.account_id, t.expires_at, a.locale, s.is_read_only, s.is_masked, s.impersonator_id, s.opener_id,
               ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles, {impersonator_roles}
        FROM session_tokens t
        JOIN sessions s ON s.tenant_id = t.tenant_id AND s.id = t.session_id
        JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
        WHERE t.token_hash = $3 AND t.kind = 'ACCESS' AND t.expires_at > $4 AND s.revoked_at IS NULL AND s.expires_at > $4 AND a.status = 'ACTIVE' AND {opener_lives}
    ) AS s ON true
    LEFT JOIN LATERAL (
        SELECT k.tenant_id AS key_tenant_id, k.id AS key_id, k.account_id AS key_maker_id, k.kind AS key_kind, k.scopes AS key_scopes, k.expires_at AS key_expires_at, k.last_used_at AS key_used_at, {maker_roles}
        FROM api_keys k
        JOIN accounts a ON a.tenant_id = k.tenant_id AND a.id = k.account_id
        WHERE k.key_hash = $5 AND {key_lives}
    ) AS k ON true
    LEFT JOIN tenants t ON t.tenant_id = coalesce(named.tenant_id, k.key_tenant_id, s.session_tenant_id)
""".format(**_conditions("$4"))


@dataclass(frozen=True, kw_only=True)
class FoundKey:
    """A living API key, and the roles that its maker has now: none when suspended."""

    tenant_id: UUID
    id: UUID
    maker_id: UUID
    is_secret: bool
    scopes: frozenset[str]
    maker_roles: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class Identified:
    """The first step of a request: the tenant that the host or header names, the session that the token names, the API key, and the API settings of the tenant that is named by the host, else by
    the key, else by the session."""

    tenant_id: UUID | None
    api: ApiSettings | None = None
    session_tenant_id: UUID | None = None
    session_id: UUID | None = None
    account_id: UUID | None = None
    token_expires_at: datetime | None = None
    roles: frozenset[str] = frozenset()
    locale: str | None = None
    is_read_only: bool = False
    is_masked: bool = False
    impersonator_id: UUID | None = None
    impersonator_roles: frozenset[str] = frozenset()
    opener_id: UUID | None = None
    key: FoundKey | None = None
    domain_id: UUID | None = None
    in_platform: bool = False
    is_suspended: bool = False


async def identify(*, host: str | None, slug: str | None, token_hash: bytes | None, now: datetime, key_hash: bytes | None = None) -> Identified:
    """One statement as the system role. A session counts while neither it nor its access token nor the session that opened it has ended and its account is active."""
    (row,) = await database.fetch_as_system(IDENTIFY, host, slug, token_hash, now, key_hash)
    return Identified(
        tenant_id=row["tenant_id"],
        api=None if row["is_introspection_open"] is None else ApiSettings(row["is_introspection_open"], row["is_explorer_served"], row["origins"]),
        session_tenant_id=row["session_tenant_id"],
        session_id=row["session_id"],
        account_id=row["account_id"],
        token_expires_at=row["expires_at"],
        roles=frozenset(row["roles"] or ()),
        locale=row["locale"],
        is_read_only=bool(row["is_read_only"]),
        is_masked=bool(row["is_masked"]),
        impersonator_id=row["impersonator_id"],
        impersonator_roles=frozenset(row["impersonator_roles"] or ()),
        opener_id=row["opener_id"],
        key=_found_key(row),
        domain_id=row["domain_id"],
        in_platform=bool(row["in_platform"]),
        is_suspended=bool(row["is_suspended"]),
    )


def _found_key(row: database.Record) -> FoundKey | None:
    if row["key_id"] is None:
        return None
    return FoundKey(
        tenant_id=row["key_tenant_id"],
        id=row["key_id"],
        maker_id=row["key_maker_id"],
        is_secret=row["key_kind"] == "SECRET",
        scopes=frozenset(row["key_scopes"]),
        maker_roles=frozenset(row["maker_roles"]),
        expires_at=row["key_expires_at"],
        last_used_at=row["key_used_at"],
    )


async def roles_of_living_sessions(*, sessions: Collection[tuple[UUID, UUID]], now: datetime) -> dict[UUID, tuple[frozenset[str], frozenset[str]]]:
    """Of these sessions, each named by its tenant and id, those that have not ended, nor the one that opened them, and whose account is active: with the roles of the account and of its
    impersonator. As the system role."""
    rows = await database.fetch_as_system(_LIVING_SESSIONS, *_asked(sessions), now)
    return {row["id"]: (frozenset(row["roles"]), frozenset(row["impersonator_roles"])) for row in rows}


async def maker_roles_of_living_keys(*, keys: Collection[tuple[UUID, UUID]], now: datetime) -> dict[UUID, frozenset[str]]:
    """Of these API keys, each named by its tenant and id, those that are good, with the roles that their makers have now. As the system role."""
    rows = await database.fetch_as_system(_LIVING_KEYS, *_asked(keys), now)
    return {row["id"]: frozenset(row["maker_roles"]) for row in rows}


def _asked(places: Collection[tuple[UUID, UUID]]) -> tuple[list[UUID], list[UUID]]:
    return [tenant_id for tenant_id, _ in places], [id for _, id in places]


_LIVING_SESSIONS = """
    SELECT s.id, ARRAY(SELECT r.role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles, {impersonator_roles}
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
    JOIN sessions s ON s.tenant_id = asked.tenant_id AND s.id = asked.id
    JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
    WHERE s.revoked_at IS NULL AND s.expires_at > $3 AND a.status = 'ACTIVE' AND {opener_lives}
""".format(**_conditions("$3"))
_LIVING_KEYS = """
    SELECT k.id, {maker_roles}
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
    JOIN api_keys k ON k.tenant_id = asked.tenant_id AND k.id = asked.id
    JOIN accounts a ON a.tenant_id = k.tenant_id AND a.id = k.account_id
    WHERE {key_lives}
""".format(**_conditions("$3"))


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

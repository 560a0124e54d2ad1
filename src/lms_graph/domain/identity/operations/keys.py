"""API keys: made, revoked, and noted as used."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from lms_graph.domain.identity import events, policies
from lms_graph.domain.identity.queries import keys as queries
from lms_graph.domain.identity.queries import sessions as session_queries
from lms_graph.domain.identity.rules import keys as rules
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, LimitReached, NotFound
from lms_graph.kit.permissions import Permission
from lms_graph.kit.secrets import token_hash
from lms_graph.models import database
from lms_graph.models import identity as rows
from lms_graph.models.identity import ApiKeyKind
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """A key, and its secret in clear: None for a request that was repeated."""

    id: UUID
    secret: str | None = field(repr=False)


async def create_key(*, caller: Caller, name: str, kind: ApiKeyKind, scopes: Collection[Permission], expires_at: datetime | None, key: str) -> CreatedKey:
    """Make an API key of the one who is signed in. Its scopes are kept sorted, each once.

    Raises SignedOut, NotAllowed (without the right, for an API key, and for scopes beyond the caller's own rights), Invalid with every issue, LimitReached for the 101st of a kind, and what `once`
    raises. Records ApiKeyCreated.
    """
    policies.require_may_make_key(caller, scopes)
    name, scopes, secret = name.strip(), sorted(set(scopes)), None
    body = {"name": name, "kind": kind, "scopes": scopes, "expires_at": expires_at}
    if issues := [*rules.issues_with_key(name=name, kind=kind, scopes=scopes, expires_at=expires_at, now=caller.now)]:
        raise Invalid(*issues)

    async def create(work: UnitOfWork) -> UUID:
        nonlocal secret
        policies.require_sign_in(await session_queries.own_kind_or_none(caller=caller))
        # Of many at once, each counts those before it.
        await database.fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 7020195))", f"{caller.tenant_id}:{kind}")
        if await queries.count_living_keys(caller=caller, kind=kind) >= rules.MAX_KEYS:
            raise LimitReached(f"A school has at most {rules.MAX_KEYS} living {kind.lower()} keys. Revoke one that is not used any more.")
        made = rules.new_key(kind)
        row = await rows.ApiKey.create(
            tenant_id=caller.tenant_id,
            name=name,
            kind=kind,
            scopes=[scope.value for scope in scopes],
            key_hash=token_hash(made),
            last_four=made[-4:],
            account_id=caller.account,
            created_at=caller.now,
            expires_at=rules.expiry(kind, expires_at, now=caller.now),
        )
        work.record(events.ApiKeyCreated(key_id=row.id, account_id=caller.account, kind=kind, scopes=tuple(scope.value for scope in scopes)))
        secret = made
        return row.id

    id = await once(caller, field="apiKeyCreate", key=key, body=body, run=create)
    return CreatedKey(id=id, secret=secret)


async def revoke_key(*, caller: Caller, key_id: UUID) -> None:
    """End a key at once; nothing happens to one that was revoked before. Raises SignedOut, NotAllowed, NotFound. Records ApiKeyRevoked."""
    policies.require_may_manage_keys(caller)
    async with unit_of_work(caller) as work:
        key = await rows.ApiKey.for_caller(caller, id=key_id).select_for_update().get_or_none()
        if key is None:
            raise NotFound("There is no such key.", path=("id",))
        if key.revoked_at is None:
            await rows.ApiKey.for_caller(caller, id=key_id).update(revoked_at=caller.now)
            work.record(events.ApiKeyRevoked(key_id=key_id))


async def note_use(*, caller: Caller, key_id: UUID) -> None:
    """Keep when a key was last used, to a minute: of many that come at once, one writes."""
    async with unit_of_work(caller):
        await database.fetch(
            "UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at <= $4)",
            caller.tenant_id,
            key_id,
            caller.now,
            caller.now - rules.USE_NOTED_EVERY,
        )

"""The same request twice gives one effect and the same answer.

The key is scoped to tenant, caller and field, and bound to the body. Its outcome (ids, or the error) is stored in the unit of work that made it. A
repeat while the first one runs waits for it. Kept two days.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import DomainError, IdempotencyConflict, Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

MAX_KEY = 255


class Replayed(DomainError):
    """An expected failure told again from the stored outcome, in the words and code of the first time."""

    def __init__(self, code: str, message: str, path: tuple[str, ...], issues: list[dict[str, Any]], data: dict[str, Any]) -> None:
        super().__init__(message, path=path, data=data)
        self.code = code  # type: ignore[misc]  # the first time's code, not the class's
        self.issues = tuple(Issue(issue["message"], tuple(issue["path"]), issue["code"]) for issue in issues)


async def once(caller: Caller, *, field: str, key: str, body: dict[str, Any], run: Callable[[UnitOfWork], Awaitable[UUID]], guest: str | None = None) -> UUID:
    """Run `run` in a unit of work, once per key; give the id of what it made, also on a repeat. A visitor's keys belong to `guest`, a word that only they can say again.

    Raises IdempotencyConflict for another body under the same key or a first request that still runs after the lock time-out, Invalid for a
    key that is empty or over 255 characters, and whatever `run` raised, on a repeat too.
    """
    if not 1 <= len(key) <= MAX_KEY:
        raise Invalid(Issue(f"`idempotencyKey` must have from 1 to {MAX_KEY} characters.", ("idempotencyKey",)))
    digest = hashlib.sha256(orjson.dumps(body, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
    scope = f"guest:{hashlib.sha256(guest.encode()).hexdigest()}" if guest is not None and caller.account_id is None and caller.key_id is None else caller.identity
    failure: DomainError | None = None
    async with unit_of_work(caller) as work:
        try:
            claimed = await database.fetch_one(
                "INSERT INTO idempotency_keys (tenant_id, id, scope, field, key, body_sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                "ON CONFLICT (tenant_id, scope, field, key) DO NOTHING RETURNING id",
                caller.tenant_id,
                new_id(),
                scope,
                field,
                key,
                digest,
                caller.now,
            )
        except asyncpg.LockNotAvailableError:
            raise IdempotencyConflict("The first request with this `idempotencyKey` is still running. Ask again in a moment.", path=("idempotencyKey",)) from None
        if claimed is None:
            return await _replay(caller, scope, field, key, digest)
        try:
            async with database.savepoint():
                id = await run(work)
            outcome: dict[str, Any] = {"id": str(id)}
        except DomainError as error:
            failure = error
            work.forget()
            outcome = {
                "code": error.code,
                "message": error.message,
                "path": list(error.path),
                "data": error.data,
                "issues": [{"message": issue.message, "path": list(issue.path), "code": issue.code} for issue in getattr(error, "issues", ())],
            }
        await database.fetch("UPDATE idempotency_keys SET outcome = $3 WHERE tenant_id = $1 AND id = $2", caller.tenant_id, claimed["id"], database.to_json(outcome))
    if failure is not None:
        raise failure
    return id


async def _replay(caller: Caller, scope: str, field: str, key: str, digest: str) -> UUID:
    row = await database.fetch_one(
        "SELECT body_sha256, outcome FROM idempotency_keys WHERE tenant_id = $1 AND scope = $2 AND field = $3 AND key = $4",
        caller.tenant_id,
        scope,
        field,
        key,
    )
    outcome = database.from_json(row["outcome"]) if row else None
    if row is None or outcome is None:
        raise IdempotencyConflict("The first request with this `idempotencyKey` is still running. Ask again in a moment.", path=("idempotencyKey",))
    if row["body_sha256"] != digest:
        raise IdempotencyConflict("This `idempotencyKey` was used for another request. Use a new key for a new request.", path=("idempotencyKey",))
    if "id" in outcome:
        return UUID(outcome["id"])
    raise Replayed(outcome["code"], outcome["message"], tuple(outcome["path"]), outcome["issues"], outcome.get("data") or {})

"""What comes before a page, for the comparators as for the product: who asks, in the product's own look-up as the system role, and a read-only transaction under the row policies."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from lms_graph.domain.tenancy.queries.identification import IDENTIFY
from lms_graph.kit.secrets import token_hash
from lms_graph.web.graphql.known import KEEP_SECONDS


@dataclass(frozen=True)
class Asker:
    """Whose request it is, and the address under which it was sent."""

    tenant_id: UUID
    account_id: UUID | None
    base_url: str


class Reads:
    """The reads of one request, one after another on one connection in one transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Any]:
        async with self._lock:
            rows: Sequence[Any] = await self._connection.fetch(sql, *parameters)
            return rows


class Door:
    """Pools of the two roles, as wide as the product's."""

    def __init__(self, app: asyncpg.Pool, system: asyncpg.Pool) -> None:
        self._known: dict[Any, Any] = {}
        self._app = app
        self._system = system

    async def identify(self, headers: Mapping[str, str]) -> Asker:
        host = headers["host"].partition(":")[0]
        _, _, token = headers.get("authorization", "").partition(" ")
        asked = (host, headers.get("x-tenant"), token)
        row, until = self._known.get(asked, (None, 0.0))
        if time.monotonic() >= until:  # kept as long as the product keeps it
            row = await self._system.fetchrow(IDENTIFY, host, headers.get("x-tenant"), token_hash(token) if token else None, datetime.now(UTC), None)
            self._known[asked] = row, time.monotonic() + KEEP_SECONDS
        if row["tenant_id"] is None or (row["session_tenant_id"] or row["tenant_id"]) != row["tenant_id"]:
            raise PermissionError("no school answers here, or the token is another's")
        return Asker(row["tenant_id"], row["account_id"], f"http://{headers['host']}")

    def reading(self, asker: Asker) -> AbstractAsyncContextManager[Reads]:
        return self._transaction("BEGIN READ ONLY", asker)

    def writing(self, asker: Asker) -> AbstractAsyncContextManager[Reads]:
        return self._transaction("BEGIN", asker)

    @asynccontextmanager
    async def _transaction(self, begin: str, asker: Asker) -> AsyncIterator[Reads]:
        async with self._app.acquire() as connection:
            await connection.execute(f"{begin}; SELECT set_config('app.tenant', '{asker.tenant_id}', true), set_config('app.account', '{asker.account_id or ''}', true)")
            try:
                yield Reads(connection)
            finally:
                await connection.execute("COMMIT")


@asynccontextmanager
async def opened(environment: Mapping[str, str]) -> AsyncIterator[Door]:
    async with (
        asyncpg.create_pool(environment["DATABASE_URL"], min_size=1, max_size=10, reset=_as_it_is) as app,
        asyncpg.create_pool(environment["DATABASE_SYSTEM_URL"], min_size=1, max_size=4, reset=_as_it_is) as system,
    ):
        yield Door(app, system)


async def _as_it_is(connection: Any) -> None:
    """What a request sets ends with its transaction: nothing is reset, and a way to PostgreSQL and back is saved."""

"""The way to PostgreSQL: one pool as the application role, one as the system role, a connection of each kept apart for probes, and the connection that the present call uses.

Nobody takes a connection from a pool: a write runs on its unit of work's, the reads of an operation share a `ReadScope`, and `fetch` finds the right one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import asyncpg
import orjson
import structlog
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import NestedTransactionContext
from tortoise.connection import get_connection, get_connections
from tortoise.exceptions import IntegrityError

from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue, Unavailable
from lms_graph.models import migrating
from lms_graph.models.lending import Connection, Lender, begin

log = structlog.get_logger(__name__)

MODELS = [
    f"lms_graph.models.{area}"
    for area in ("tasks", "tenancy", "identity", "media", "assessment", "catalog", "learning", "payouts", "commerce", "certificates", "community", "notifications", "outbox")
]

ACQUIRE_SECONDS = 10.0
LOCK_SECONDS = 5.0  # of a migration: what waits for a table's lock makes everybody wait who comes after it
LOCK_TRIES = 5
PAUSE_SECONDS = 2.0  # between two tries
MIGRATING = "lms-graph migrate"  # as what PostgreSQL knows the connection that migrates

Record = Mapping[str, Any]

watchers: list[Callable[[str], None]] = []  # told of every statement; tests count with it


class TablesInUse(Exception):
    """Tables could not be changed, for others have not let go of them. Says who."""


async def migrate(owner_url: str, app_url: str, system_url: str) -> None:
    """Bring roles, extensions and tables up to date, as the owner of the tables. Two at once wait for each other.

    A table that is in use is waited for `LOCK_SECONDS` at a time, so that requests are not held up for longer. Raises TablesInUse when that was in vain
    `LOCK_TRIES` times, and PermissionError with the statements to run as a superuser when roles are missing that the owner may not make. In either case
    migrations that are through stay, and the one that was begun is undone.
    """
    lock = await connect(owner_url)
    try:
        await lock.execute("SELECT pg_advisory_lock(7020192)")
        await _make_roles(lock, {"lms_app": app_url, "lms_system": system_url})
        config = configuration(owner_url, system_url)
        config["connections"]["app"]["credentials"]["server_settings"] |= {"application_name": MIGRATING, "lock_timeout": f"{LOCK_SECONDS * 1000:.0f}"}
        for left in reversed(range(LOCK_TRIES)):
            blockers = await _migrate_unless_blocked(config, lock)
            if blockers is None:
                return
            log.warning("migrate.blocked", by=blockers, tries_left=left)
            await asyncio.sleep(PAUSE_SECONDS if left else 0)
        raise TablesInUse(f"A table that must change is in use: {'; '.join(blockers) or 'nobody can say by whom'}. End what holds it, or wait for it; then migrate again.")
    finally:
        await lock.close()


async def _migrate_unless_blocked(config: dict[str, Any], beside: asyncpg.Connection) -> list[str] | None:
    """Who was in the way, as seen on another connection `beside`; None when all is done."""
    seen: list[str] = []

    async def watch() -> None:
        while True:
            await asyncio.sleep(LOCK_SECONDS / 5)
            seen[:] = [row["who"] for row in await beside.fetch(_BLOCKERS, MIGRATING)] or seen

    watching = asyncio.create_task(watch())
    try:
        await migrating.migrate(config)
    except asyncpg.LockNotAvailableError:
        return seen
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        await Tortoise.close_connections()
    return None


_BLOCKERS = """
SELECT format('process %s of %s (%s)', other.pid, other.usename, coalesce(nullif(other.application_name, ''), 'without a name')) AS who
FROM pg_stat_activity waiting, pg_stat_activity other
WHERE waiting.application_name = $1 AND waiting.datname = current_database() AND other.pid = ANY (pg_blocking_pids(waiting.pid))
ORDER BY other.pid
"""


async def connect(url: str) -> asyncpg.Connection:
    """A connection outside the pools, for migrations and check-ups; the same parameters in the URL as the pools take."""
    credentials = _credentials(url, 1)["credentials"]
    return await asyncpg.connect(**{name: value for name, value in credentials.items() if name not in ("minsize", "maxsize", "reset")})


async def _make_roles(owner: asyncpg.Connection, urls: dict[str, str]) -> None:
    """The two roles that the row policies name. A URL may name a login of its own: that one becomes a member."""
    wanted: list[tuple[str, str]] = []  # each as it is run, and as it may be shown
    for role, url in urls.items():
        login = urlsplit(url)
        user, password = unquote(login.username or role), unquote(login.password or "")
        for name in dict.fromkeys((role, user)):
            if not await owner.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
                made = f"CREATE ROLE {await owner.fetchval('SELECT quote_ident($1)', name)} {'LOGIN' if name == user else 'NOLOGIN'}"
                secret = f" PASSWORD {await owner.fetchval('SELECT quote_literal($1)', password)}" if name == user and password else ""
                wanted.append((made + secret, made + (" PASSWORD '…'" if secret else "")))
        is_member = "SELECT pg_has_role(u.oid, r.oid, 'MEMBER') FROM pg_roles u, pg_roles r WHERE u.rolname = $1 AND r.rolname = $2"
        if user != role and not await owner.fetchval(is_member, user, role):
            grant = f"GRANT {role} TO {await owner.fetchval('SELECT quote_ident($1)', user)}"
            wanted.append((grant, grant))
    try:
        for statement, _ in wanted:
            await owner.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        told = "\n".join(f"  {shown};" for _, shown in wanted)
        raise PermissionError(f"The owner of the tables may not make the roles that are missing. Run as a superuser, then migrate again:\n{told}") from None


def configuration(app_url: str, system_url: str, size: int = 10) -> dict[str, Any]:
    """Tortoise's configuration for the two roles. Each connection is made when it is first asked for."""
    return {
        "connections": {
            "app": _credentials(app_url, size),
            "system": _credentials(system_url, 4, statement_timeout="15s", lock_timeout="5s"),
            "app_probe": _credentials(app_url, 1),
            "system_probe": _credentials(system_url, 1),
        },
        "apps": {"models": {"models": MODELS, "default_connection": "app", "migrations": "lms_graph.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def _credentials(url: str, size: int, **server_settings: str) -> dict[str, Any]:
    parts = urlsplit(url)
    extra: dict[str, Any] = dict(parse_qsl(parts.query))
    host = extra.pop("host", parts.hostname)
    if "sslmode" in extra:
        extra["ssl"] = extra.pop("sslmode")
    if "statement_cache_size" in extra:  # 0 behind PgBouncer in transaction mode
        extra["statement_cache_size"] = int(extra["statement_cache_size"])
    return {
        "engine": "tortoise.backends.asyncpg",
        "credentials": {
            "host": host,
            "port": parts.port or 5432,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password) if parts.password else None,
            "database": parts.path.lstrip("/"),
            "minsize": 1,
            "maxsize": size,
            "server_settings": {"application_name": "lms-graph"} | server_settings,
            "reset": _nothing_to_reset,
            **extra,
        },
    }


async def _nothing_to_reset(connection: Connection) -> None:
    """Before a connection goes back to its pool. asyncpg rolls an open transaction back by itself; nobody here sets anything for a session, and a round trip per request would be spent."""


async def open_database(app_url: str, system_url: str, size: int = 10) -> None:
    """Once per process, before anything reads. Requests and jobs run in other tasks than this one: hence the global fallback."""
    await Tortoise.init(config=configuration(app_url, system_url, size), _enable_global_fallback=True)


async def close_database() -> None:
    global _lender
    if _lender is not None:
        await _lender.close()
        _lender = None
    await Tortoise.close_connections()


async def reachable() -> None:
    """Ask PostgreSQL for an answer as either role. Raises whatever stands in the way; gives up on a connection that is silent for two seconds.

    Not on the pools' connections: those may all be in use, and a process that is busy must not be taken for one that is ill.
    """
    for probe in ("app_probe", "system_probe"):
        async with (await _pool(probe)).acquire(timeout=2) as connection:
            await connection.fetchval("SELECT 1", timeout=2)


async def connections() -> dict[tuple[str, str], int]:
    """How many connections this process holds, by role and state (used, idle)."""
    found = {}
    for role in ("app", "system"):
        pool = await _pool(role)
        idle = pool.get_idle_size() + (_lender.idle() if _lender is not None and _lender.pool is pool else 0)
        found[role, "idle"] = idle
        found[role, "used"] = pool.get_size() - idle
    return found


def _client(name: str) -> AsyncpgDBClient:
    return cast(AsyncpgDBClient, get_connection(name))


async def _pool(name: str) -> asyncpg.Pool:
    client = _client(name)
    if client._pool is None:
        async with client._pool_init_lock:
            if client._pool is None:
                await client.create_connection(with_db=True)
    assert client._pool is not None
    return client._pool


_lender: Lender | None = None


async def _application() -> Lender:
    """Who lends the connections of the application's role."""
    global _lender
    pool = await _pool("app")
    if _lender is None or _lender.pool is not pool:
        _lender = Lender(pool)
    return _lender


class ReadScope:
    """The reads of one operation: one connection, taken at the first statement, in one read-only transaction under the caller's tenant."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._lock = asyncio.Lock()
        self._lender: Lender | None = None
        self._connection: Connection | None = None
        self._closed = False

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> list[Record]:
        """Raises Unavailable when every connection is in use for ten seconds."""
        async with self._lock:
            if self._closed:
                raise asyncio.CancelledError  # a loader that outlives its canceled operation: nobody waits for it, and nobody would give a connection back
            if self._connection is None:
                self._lender = await _application()
                self._connection = await _taken(self._lender)
                try:
                    await begin(self._connection, _identify(self._caller), read_only=True)
                except BaseException:
                    await self._undo()
                    raise
            try:
                return cast(list[Record], await self._connection.fetch(sql, *parameters))
            except BaseException:
                await self._undo()  # the transaction is spoiled; the operation's other reads take a new one
                raise

    async def release(self) -> None:
        """Give the connection back; the next read takes a new one, and a new transaction."""
        async with self._lock:
            if self._connection is not None:
                self._give_back()

    async def close(self) -> None:
        """The operation has ended: nothing is read any more."""
        self._closed = True
        await self.release()

    def _give_back(self) -> None:
        lender, connection = self._let_go()
        lender.give(connection)

    async def _undo(self) -> None:
        lender, connection = self._let_go()
        await asyncio.shield(lender.undo(connection))

    def _let_go(self) -> tuple[Lender, Connection]:
        assert self._lender is not None
        assert self._connection is not None
        connection, self._connection = self._connection, None
        return self._lender, connection


async def _taken(lender: Lender) -> Connection:
    try:
        return await lender.take(seconds=ACQUIRE_SECONDS)
    except TimeoutError:
        raise Unavailable("The database is busy. Try again in a moment.") from None


def _identify(caller: Caller) -> str:
    """The tenant, the account and the time-outs of a transaction: local to it, so that a pooler between us and PostgreSQL may share connections."""
    account = str(caller.account_id) if caller.account_id else ""  # both are UUIDs: nothing to quote
    return (
        f"SELECT set_config('app.tenant', '{UUID(str(caller.tenant_id))}', true), set_config('app.account', '{account}', true), "
        "set_config('statement_timeout', '15s', true), set_config('lock_timeout', '5s', true), set_config('idle_in_transaction_session_timeout', '60s', true)"
    )


_reads: ContextVar[ReadScope | None] = ContextVar("reads", default=None)
_writes: ContextVar[Connection | None] = ContextVar("writes", default=None)


@asynccontextmanager
async def reading(caller: Caller) -> AsyncIterator[ReadScope]:
    """The read scope of an operation (of one event in a subscription)."""
    scope, outer = ReadScope(caller), _reads.get()
    if outer:
        await outer.release()  # nobody waits for a connection while holding one
    _reads.set(scope)
    try:
        yield scope
    finally:
        _reads.set(outer)  # not by token: a stream may be closed by another task than the one that opened it
        await scope.close()


async def pause_reading() -> None:
    """Give the operation's read connection back before a call over the network; the next read takes a new one."""
    if scope := _reads.get():
        await scope.release()


@asynccontextmanager
async def writing(caller: Caller) -> AsyncIterator[Connection]:
    """A write transaction under the caller's tenant. Only `outbox.unit_of_work` opens one."""
    if scope := _reads.get():
        await scope.release()  # a request that held a read connection while it waits for a write one could starve the pool
    lender = await _application()
    connection = await _taken(lender)
    try:
        await begin(connection, _identify(caller))
        with _writing_through(connection):
            yield connection
        if await connection.execute("COMMIT") != "COMMIT":
            raise RuntimeError("a statement had failed: nothing was committed")
    except BaseException:
        await asyncio.shield(lender.undo(connection))
        raise
    lender.give(connection)


@contextmanager
def _writing_through(connection: Connection) -> Iterator[None]:
    orm = get_connections().set("app", _Transaction(_client("app"), connection))
    token = _writes.set(connection)
    try:
        yield
    finally:
        _writes.reset(token)
        get_connections().reset(orm)


class _Transaction(TransactionWrapper):
    """What Tortoise writes through, on a connection that was begun without it. Its own transactions inside are savepoints."""

    def __init__(self, client: AsyncpgDBClient, connection: Connection) -> None:
        super().__init__(client)
        self._connection = cast(asyncpg.Connection, connection)

    def _in_transaction(self) -> NestedTransactionContext:
        return NestedTransactionContext(_Transaction(self, cast(Connection, self._connection)))

    async def savepoint(self) -> None:
        await self._connection.execute("SAVEPOINT inner_one")

    async def release_savepoint(self) -> None:
        await self._connection.execute("RELEASE inner_one")

    async def savepoint_rollback(self) -> None:
        await self._connection.execute("ROLLBACK TO inner_one; RELEASE inner_one")


async def become(caller: Caller) -> None:
    """Go on under another tenant, in the same write transaction. Only `outbox.unit_of_work` does so."""
    connection = _writes.get()
    assert connection is not None, "a unit of work is open"
    await connection.execute(_identify(caller))


@asynccontextmanager
async def as_system() -> AsyncIterator[Connection]:
    """A transaction as the system role: outbox, deliveries, and the look-ups of tenants, domains and tokens. Nothing else is granted to it."""
    async with (await _pool("system")).acquire() as connection, connection.transaction():
        yield connection


async def fetch_as_system(sql: str, *parameters: Any) -> list[Record]:
    """Rows of one statement as the system role, which is a transaction by itself."""
    return cast(list[Record], await (await _pool("system")).fetch(sql, *parameters))


@asynccontextmanager
async def system_connection() -> AsyncIterator[Connection]:
    """A connection of the system role outside a transaction, to listen on."""
    pool = await _pool("system")
    connection = await pool.acquire()
    try:
        yield connection
    finally:
        await pool.release(connection)


@contextmanager
def unique(*, otherwise: Callable[[], Exception]) -> Iterator[None]:
    """Turn the violation of a unique key inside into the area's own error: the constraint has the last word when two come at once."""
    with _instead_of(asyncpg.UniqueViolationError, otherwise):
        yield


@contextmanager
def settled(*, otherwise: Callable[[], Exception]) -> Iterator[None]:
    """Turn the refusal of a trigger, which lets what is settled be changed no more, into the area's own error."""
    with _instead_of(asyncpg.RestrictViolationError, otherwise):
        yield


@contextmanager
def _instead_of(violation: type[asyncpg.PostgresError], otherwise: Callable[[], Exception]) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.args[0], violation):
            raise otherwise() from None
        raise


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """Undo what is inside when it raises, and keep the transaction."""
    connection = _writes.get()
    assert connection is not None, "a savepoint belongs inside a unit of work"
    async with NestedTransactionContext(_Transaction(_client("app"), connection)):
        yield


async def fetch(sql: str, *parameters: Any) -> list[Record]:
    """Rows, on the unit of work's connection if one is open, else on the operation's read scope. Raises Invalid for a text that PostgreSQL cannot hold."""
    for watch in watchers:
        watch(sql)
    try:
        if (connection := _writes.get()) is not None:
            return cast(list[Record], await connection.fetch(sql, *parameters))
        scope = _reads.get()
        if scope is None:
            raise RuntimeError("no read scope: a query ran outside an operation")
        return await scope.fetch(sql, parameters)
    except asyncpg.DataError as error:
        spelling = isinstance(error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError) or isinstance(error.__cause__, UnicodeEncodeError)
        if not spelling:
            raise
        raise Invalid(Issue("A text holds a character that cannot be kept: NUL, or half of a surrogate pair.")) from None


async def fetch_one(sql: str, *parameters: Any) -> Record | None:
    rows = await fetch(sql, *parameters)
    return rows[0] if rows else None


async def fetch_value(sql: str, *parameters: Any) -> Any:
    row = await fetch_one(sql, *parameters)
    return next(iter(row.values())) if row else None


def from_json(text: str | bytes | None) -> Any:
    """A `json`/`jsonb` value as asyncpg gives it."""
    return None if text is None else orjson.loads(text)


def to_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()

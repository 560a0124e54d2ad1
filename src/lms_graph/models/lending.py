"""Connections of the application's pool, lent to one transaction after the other."""

import asyncio
from collections import deque

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Connection = PoolConnectionProxy

KEPT_SECONDS = 0.05


class Lender:
    """Who comes first is lent one first. What comes back waits for a moment for the next, and only then goes back to the pool.

    A read has nothing to end but its transaction, so that is left open: `begin` ends it in the message that begins the next. Each message costs the time
    of a hundred rows, and a request has few of them. A connection in whose transaction nothing runs holds no snapshot, and locks only against changes of tables.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._kept: dict[Connection, asyncio.TimerHandle] = {}
        self._out = 0  # of the pool: lent or kept
        self._returning: set[asyncio.Task[None]] = set()

    async def take(self, *, seconds: float) -> Connection:
        """One that is in no transaction, or in one of which nothing is wanted. Raises TimeoutError after so many seconds."""
        while True:
            if self._kept:
                connection, timer = self._kept.popitem()  # the last one: its buffers are warm
                timer.cancel()
                if not _is_gone(connection):
                    return connection
                self._return(connection)
            if self._out < self.pool.get_max_size():
                self._out += 1
                try:
                    return await self.pool.acquire(timeout=seconds)
                except BaseException:
                    self._let_in()
                    raise
            if (given := await self._given(seconds)) is not None:
                return given

    async def _given(self, seconds: float) -> Connection | None:
        """What somebody gives back; None when the pool has one more again."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it came with the cancellation
                if (connection := turn.result()) is not None:
                    self.give(connection)
                else:
                    self._wake(None)
            raise

    def give(self, connection: Connection) -> None:
        """Back from who has used it. Nothing runs on it, and what it wrote is committed."""
        if _is_gone(connection):
            self._return(connection)
        elif not self._wake(connection):
            self._kept[connection] = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._return, connection)

    async def undo(self, connection: Connection) -> None:
        """Back from who was interrupted, or met an error. To be shielded: it is done in one piece, whoever is canceled meanwhile."""
        try:
            await connection.execute("ROLLBACK")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # it is broken: the pool makes another
            self._return(connection)
        except BaseException:
            self._return(connection)
            raise
        else:
            self.give(connection)

    def idle(self) -> int:
        """How many lie here."""
        return len(self._kept)

    async def close(self) -> None:
        """All goes back to the pool."""
        for connection, timer in list(self._kept.items()):
            timer.cancel()
            self._return(connection)
        if self._returning:
            await asyncio.wait(self._returning)

    def _wake(self, given: Connection | None) -> bool:
        """Whether somebody waits, and is told."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(given)
                return True
        return False

    def _return(self, connection: Connection) -> None:
        self._kept.pop(connection, None)
        task = asyncio.get_running_loop().create_task(self._returned(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _returned(self, connection: Connection) -> None:
        try:
            if connection.is_in_transaction():
                await connection.execute("COMMIT")
            await self.pool.release(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.pool.release(connection)  # which throws away what is broken
        finally:
            self._let_in()

    def _let_in(self) -> None:
        """The pool has one more."""
        self._out -= 1
        self._wake(None)


def _is_gone(connection: Connection) -> bool:
    """Whether the server has ended it; asyncpg's pool has then taken it back already."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


async def begin(connection: Connection, settings: str, *, read_only: bool = False) -> None:
    """Begin a transaction in one message: end the last one, if a reader left it open, and run `settings`, a statement without parameters."""
    end = "COMMIT; " if connection.is_in_transaction() else ""
    await connection.execute(f"{end}BEGIN{' READ ONLY' if read_only else ''}; {settings}")

"""Streams and sockets outlive the request that opened them, and must not outlive the right to it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from lms_graph.domain.tenancy.queries import identification as tenancy
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.web.graphql.callers import Visit
from lms_graph.web.graphql.refusals import refused

LOOK_EVERY_SECONDS = 1.0
LOOK_SECONDS = 5.0
MAX_PER_CALLER = 1000

log = structlog.get_logger(__name__)


class Sessions:
    """Watches the sessions of this process's streams and sockets: two look-ups a second for all of them, while there are any."""

    def __init__(self) -> None:
        self._watched: dict[asyncio.Event, Visit] = {}
        self._open: Counter[object] = Counter()
        self._task: asyncio.Task[None] | None = None

    def require_room(self, visit: Visit) -> None:
        """Raises Refused when the caller has 1,000 streams and sockets open on this process."""
        if self._open[_key(visit)] >= MAX_PER_CALLER:
            raise refused(429, "RATE_LIMITED", f"At most {MAX_PER_CALLER:,} streams and sockets are open for a caller at once.", headers={"Retry-After": "60"}, retryAfter=60)

    @contextmanager
    def watched(self, visit: Visit) -> Iterator[asyncio.Event]:
        """Counts a stream or socket while it is open, and gives an event that is set once the visit's token or session or one of its roles has ended, or its school is suspended."""
        key, ended = _key(visit), asyncio.Event()
        self._open[key] += 1
        self._watched[ended] = visit
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="sessions")
        try:
            yield ended
        finally:
            self._watched.pop(ended, None)
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    async def _look(self) -> None:
        while self._watched:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            now = datetime.now(UTC)
            for ended, visit in self._watched.items():
                if visit.token_expires_at and visit.token_expires_at <= now:
                    ended.set()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    sessions = {(visit.caller.tenant_id, visit.caller.session_id) for visit in self._watched.values() if visit.caller.session_id}
                    living = await tenancy.roles_of_living_sessions(sessions=sessions, now=now) if sessions else {}
                    closed = await tenants.suspended_among(tenant_ids={visit.caller.tenant_id for visit in self._watched.values()})
            except Exception:  # the database is away: who was let in stays until it is back
                log.exception("sessions.not_looked_up")
                continue
            for ended, visit in self._watched.items():
                if visit.caller.tenant_id in closed:
                    ended.set()
                if (visit.caller.tenant_id, visit.caller.session_id) in sessions and living.get(visit.caller.session_id) != visit.caller.roles:
                    ended.set()


def _key(visit: Visit) -> object:
    return visit.caller.account_id or visit.caller.address

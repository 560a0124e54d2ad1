"""Streams and sockets outlive the request that opened them, and must not outlive the right to it."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog

from lms_graph.domain.identity.queries import external
from lms_graph.domain.identity.queries.external import ProviderVersion
from lms_graph.domain.identity.rules.keys import rights_of_key
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.domain.identity.rules.sessions import may_impersonate
from lms_graph.domain.tenancy.queries import identification as tenancy
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.web.graphql.callers import Visit
from lms_graph.web.graphql.refusals import refused

LOOK_EVERY_SECONDS = 1.0
LOOK_SECONDS = 5.0
MAX_PER_CALLER = 1000

log = structlog.get_logger(__name__)


class Sessions:
    """Watches the schools, sessions and API keys of this process's streams and sockets: a look-up of each a second for all of them, while there are any."""

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
        """Counts a stream or socket while it is open, and gives an event that is set once the visit's token, session or API key or a right that comes with it has ended, the provider whose
        token it is was set anew, or the school is suspended."""
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
                    looked_at = dict(self._watched)
                    sessions = {(visit.caller.tenant_id, visit.caller.session_id) for visit in looked_at.values() if visit.caller.session_id}
                    keys = {(visit.key.tenant_id, visit.key.id) for visit in looked_at.values() if visit.key}
                    guests = {guest for visit in looked_at.values() if (guest := _guest(visit))}
                    roles = await tenancy.roles_of_living_sessions(sessions=sessions, now=now) if sessions else {}
                    makers = await tenancy.maker_roles_of_living_keys(keys=keys, now=now) if keys else {}
                    staying = await external.roles_by_provider(entered=guests) if guests else {}
                    closed = await tenants.suspended_among(tenant_ids={visit.caller.tenant_id for visit in looked_at.values()})
            except Exception:  # the database is away: who was let in stays until it is back
                log.exception("sessions.not_looked_up")
                continue
            for ended, visit in looked_at.items():
                if visit.caller.tenant_id in closed or not (_session_lives(visit, roles) and _key_lives(visit, makers)):
                    ended.set()
                if (guest := _guest(visit)) in guests and staying.get(guest) != visit.caller.roles:
                    ended.set()


def _guest(visit: Visit) -> tuple[UUID, UUID, ProviderVersion] | None:
    """Who came in by a provider's token, and by which setting."""
    return (visit.caller.tenant_id, visit.caller.account_id, visit.provider) if visit.provider and visit.caller.account_id else None


def _session_lives(visit: Visit, roles: Mapping[UUID, tuple[frozenset[str], frozenset[str]]]) -> bool:
    if visit.caller.session_id is None:
        return True
    own, impersonators = roles.get(visit.caller.session_id, (None, frozenset[str]()))
    return own == visit.caller.roles and (visit.caller.impersonator_id is None or may_impersonate(impersonator_roles=impersonators, roles=own))


def _key_lives(visit: Visit, makers: Mapping[UUID, frozenset[str]]) -> bool:
    if visit.key is None:
        return True
    maker = makers.get(visit.key.id)
    return maker is not None and (
        not visit.key.is_secret or rights_of_key(visit.key.scopes, permissions_of(maker, in_platform=visit.caller.in_platform)) == visit.caller.permissions
    )


def _key(visit: Visit) -> object:
    return visit.caller.account_id or visit.caller.key_id or visit.caller.address

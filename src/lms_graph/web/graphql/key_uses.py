"""When an API key was last used: noted beside the request, which does not wait for it."""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from lms_graph.domain.identity.operations import keys
from lms_graph.domain.identity.rules.keys import USE_NOTED_EVERY
from lms_graph.web.graphql.callers import Visit

MOST_NOTED = 10_000

log = structlog.get_logger(__name__)


class KeyUses:
    """Writes at most once a minute for a key, and once at a time."""

    def __init__(self) -> None:
        self._writing: dict[UUID, asyncio.Task[None]] = {}
        self._noted: dict[UUID, datetime] = {}

    def note(self, visit: Visit) -> None:
        """A visit has come, with a key or without."""
        key, now = visit.key, visit.caller.now
        if key is None or key.id in self._writing:
            return
        last = self._noted.get(key.id, key.last_used_at)  # what was looked up may be some seconds old
        if last is not None and now - last < USE_NOTED_EVERY:
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[key.id] = now
        self._writing[key.id] = asyncio.create_task(self._write(visit, key.id))

    async def _write(self, visit: Visit, key_id: UUID) -> None:
        try:
            await keys.note_use(caller=visit.caller, key_id=key_id)
        except Exception:  # the next use is noted instead
            self._noted.pop(key_id, None)
            log.warning("key_uses.not_noted", exc_info=True)
        finally:
            del self._writing[key_id]

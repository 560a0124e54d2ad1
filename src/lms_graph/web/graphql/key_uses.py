"""When an API key was last used: noted beside the request, which does not wait for it."""

import asyncio
from uuid import UUID

import structlog

from lms_graph.domain.identity.operations import keys
from lms_graph.domain.identity.rules.keys import USE_NOTED_EVERY
from lms_graph.web.graphql.callers import Visit

log = structlog.get_logger(__name__)


class KeyUses:
    """Writes at most once a minute for a key, and once at a time."""

    def __init__(self) -> None:
        self._writing: dict[UUID, asyncio.Task[None]] = {}

    def note(self, visit: Visit) -> None:
        """A visit has come, with a key or without."""
        key, now = visit.key, visit.caller.now
        if key is None or key.id in self._writing or (key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY):
            return
        self._writing[key.id] = asyncio.create_task(self._write(visit, key.id))

    async def _write(self, visit: Visit, key_id: UUID) -> None:
        try:
            await keys.note_use(caller=visit.caller, key_id=key_id)
        except Exception:  # the next use is noted instead
            log.warning("key_uses.not_noted", exc_info=True)
        finally:
            del self._writing[key_id]

"""The relay: tells facts to the live bus and their deliveries to the workers, woken at each commit and swept by the clock."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from lms_graph.domain.identity.operations import housekeeping
from lms_graph.domain.notifications.operations import mails
from lms_graph.jobs import shown
from lms_graph.jobs.reactions import reactions_to
from lms_graph.kit.live import LiveBus, topic
from lms_graph.kit.shelf import Shelf
from lms_graph.outbox import store
from lms_graph.outbox.store import Message
from lms_graph.outbox.wake import WakeUp

log = structlog.get_logger(__name__)


class Relay:
    """Any number may run: rows are claimed. `answers` are those that are held for visitors. `send` hands a message to the workers' queue; when it raises, the queue is away and everything waits a little."""

    def __init__(self, *, live: LiveBus, answers: Shelf, send: Callable[[Message], None], resend_after: float, sweep_every: float) -> None:
        self._live = live
        self._answers = answers
        self._send = send
        self._resend_after = resend_after
        self._sweep_every = sweep_every

    async def run(self) -> None:
        """Until canceled."""
        async with WakeUp() as wake:
            while True:
                try:
                    while await self.drain():
                        pass
                    await wake.wait(self._sweep_every)
                except Exception:  # the database is away: the facts wait
                    log.exception("relay.failed")
                    await asyncio.sleep(1)

    async def drain(self) -> int:
        """Once through: tell, publish, send. Gives how much there was."""
        told = await store.tell(reactions_to)
        await shown.tell(((fact.tenant_id, fact.name) for fact in told), answers=self._answers, live=self._live)
        await self._live.publish(sorted({topic(fact.tenant_id, fact.aggregate_id) for fact in told}))
        due = await store.claim_due(resend_after=self._resend_after)
        unsent = await asyncio.to_thread(self._send_all, due) if due else []
        if unsent:
            await store.unsend(unsent, wait=self._sweep_every)
        return len(told) + len(due)

    def _send_all(self, messages: list[Message]) -> list[Message]:
        """Those that were not sent: from the first that fails on, for each failure costs a time-out."""
        for index, message in enumerate(messages):
            try:
                self._send(message)
            except Exception as error:  # noqa: BLE001  # whatever the queue is, it does not answer
                log.warning("relay.not_sent", messages=len(messages) - index, error=str(error))
                return messages[index:]
        return []


async def keep_house(*, progress_event_months: int) -> None:
    """Once at the start and then every hour: coming partitions made, old rows dropped."""
    while True:
        wait = 3600
        try:
            await store.prepare_partitions(months_kept=progress_event_months)
            await store.sweep()
            await housekeeping.sweep()
            await mails.sweep()
        except Exception:  # partitions are made three months ahead: there is time
            log.exception("housekeeping.failed", at=datetime.now(UTC).isoformat())
            wait = 60
        await asyncio.sleep(wait)

"""What the clock does for tenants: proofs of domains are looked up again each day."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from lms_graph.adapters import Adapters
from lms_graph.domain.tenancy.operations import domains
from lms_graph.domain.tenancy.queries import domains as queries
from lms_graph.domain.tenancy.rules.proofs import CHECK_EVERY
from lms_graph.kit.caller import Caller

AT_ONCE = 10
MOST = 2000  # of each kind in one go
EVERY_SECONDS = 600.0

log = structlog.get_logger(__name__)


async def keep_domains(adapters: Adapters) -> None:
    """Every ten minutes, until canceled: what is due is looked up. Any number of workers may; each look-up is noted before it is made, and the second of two comes too soon."""
    while True:
        try:
            await check_due(adapters, now=datetime.now(UTC))
        except Exception:  # the database is away: what is due stays so
            log.exception("domains.not_checked")
        await asyncio.sleep(EVERY_SECONDS)


async def check_due(adapters: Adapters, *, now: datetime) -> int:
    """Look up what was not looked up for a day, longest ago first. Gives how many that were."""
    room = asyncio.Semaphore(AT_ONCE)

    async def check(due: queries.Due, look: Callable[[Caller, queries.Due], Awaitable[None]]) -> None:
        async with room:
            try:
                await look(Caller.system(due.tenant_id, now=now), due)
            except Exception:  # the others are looked up none the less
                log.exception("domains.check_failed", tenant=str(due.tenant_id), domain=str(due.id))

    async def host(caller: Caller, due: queries.Due) -> None:
        await domains.check_domain(caller=caller, domain_id=due.id, dns=adapters.dns)

    async def mail(caller: Caller, due: queries.Due) -> None:
        await domains.check_mail_domain(caller=caller, mail_domain_id=due.id, dns=adapters.dns)

    checks = [check(due, host) for due in await queries.domains_due(checked_before=now - CHECK_EVERY, limit=MOST)]
    checks += [check(due, mail) for due in await queries.mail_domains_due(checked_before=now - CHECK_EVERY, limit=MOST)]
    await asyncio.gather(*checks)
    return len(checks)

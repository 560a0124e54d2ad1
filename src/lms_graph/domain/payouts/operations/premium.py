"""Premium instructorship that is sold: which sources it has, and until when it holds by them. What was set by hand is shortened by no sale's end."""

from datetime import datetime
from uuid import UUID

from lms_graph.domain.payouts.operations import accounts
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def keep_premium(*, caller: Caller, account_id: UUID, source_id: UUID, until: datetime) -> None:
    """By this source (a plan, a line of an order) the commission for premium instructors holds until then; told again it changes nothing. The latest of all sources holds.

    Joins the unit of work around it. Records InstructorPremiumSet if something changes.
    """
    async with unit_of_work(caller) as work:
        payee_id = await accounts.payee_of(caller=caller, account_id=account_id)
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        assert payee is not None
        before = await _sold_until(caller, account_id)
        await database.fetch(
            "INSERT INTO premium_periods (tenant_id, id, account_id, source_id, ends_at, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT (tenant_id, source_id) DO UPDATE SET ends_at = excluded.ends_at",
            caller.tenant_id,
            new_id(),
            account_id,
            source_id,
            until,
            caller.now,
        )
        await _write(work, caller, payee, account_id, before=before, after=await _sold_until(caller, account_id))


async def end_premium(*, caller: Caller, source_id: UUID) -> None:
    """Nothing holds by this source from now on. One that has ended, or that sold something else, changes nothing. Joins the unit of work around it. Records InstructorPremiumSet if something changes."""
    async with unit_of_work(caller):
        account_id = await database.fetch_value(
            "SELECT account_id FROM premium_periods WHERE tenant_id = $1 AND source_id = $2 AND ends_at > $3", caller.tenant_id, source_id, caller.now
        )
        if account_id is not None:
            await keep_premium(caller=caller, account_id=account_id, source_id=source_id, until=caller.now)


async def _write(work: UnitOfWork, caller: Caller, payee: database.Record, account_id: UUID, *, before: datetime | None, after: datetime | None) -> None:
    """What is bought lengthens whatever holds; what ends shortens only what was bought."""
    held: datetime | None = payee["is_premium_until"]
    if after is None or after == before:
        return
    if before is None or after > before:
        await accounts.write_premium(work, caller=caller, payee=payee, account_id=account_id, until=max(held or after, after))
    elif held == before:
        await accounts.write_premium(work, caller=caller, payee=payee, account_id=account_id, until=after if after > caller.now else None)


async def _sold_until(caller: Caller, account_id: UUID) -> datetime | None:
    until: datetime | None = await database.fetch_value("SELECT max(ends_at) FROM premium_periods WHERE tenant_id = $1 AND account_id = $2", caller.tenant_id, account_id)
    return until

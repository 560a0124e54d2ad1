"""The audit log of a large school is read from an index, whatever it is asked by: as the application role, and under row policies."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from lms_graph.domain.identity.queries import audit
from lms_graph.domain.identity.queries.audit import AuditFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.factories.accounts import account
from tests.factories.keys import as_admin
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def fill(owner: asyncpg.Connection, tenant_id: UUID, account_id: UUID, count: int) -> None:
    """Most of them are this account's and about one subject: the worst case for an index that gives no order."""
    await owner.execute(
        "INSERT INTO audit_entries (tenant_id, id, at, account_id, action, subject, details) "
        "SELECT $1, gen_random_uuid(), now() - n * interval '1 minute', $2, CASE WHEN n > 19990 THEN 'Rare' WHEN n % 3 = 0 THEN 'Other' ELSE 'Common' END, CASE WHEN n % 5 = 0 THEN 'key_' || n ELSE 'key_x' END, '{}' "
        "FROM generate_series(1, $3) AS n",
        tenant_id,
        account_id,
        count,
    )


async def read(where: AuditFilter, request: PageRequest, caller: Caller, house: House) -> tuple[int, int, int]:
    """How many entries a page has, how often the table was read as a whole for it, and how many rows were fetched through an index."""
    sql = "SELECT seq_scan, coalesce(idx_tup_fetch, 0) AS fetched FROM pg_stat_xact_user_tables WHERE relname = 'audit_entries'"
    async with database.reading(caller):
        before = await database.fetch_one(sql)
        page = await audit.page_of_audit_entries(caller=caller, where=where, cursors=house.adapters.cursors, request=request)
        after = await database.fetch_one(sql)
    assert before and after
    return len(page.rows), after["seq_scan"] - before["seq_scan"], after["fetched"] - before["fetched"]


async def test_a_page_reads_no_more_than_it_shows(house: House, school: School, other_school: School, environment: dict[str, str]) -> None:
    """Of 20,000 entries fifty, and the one that tells that there are more: by an index that gives them in order."""
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    teams = {each.id: await account(each.system, roles=("TENANT_ADMIN",)) for each in (school, other_school)}
    caller = as_admin(school.system, teams[school.id])
    try:
        for tenant_id, account_id in teams.items():
            await fill(owner, tenant_id, account_id, 20_000)
        quiet = await account(school.system, roles=("TENANT_ADMIN",))
        await owner.execute("UPDATE audit_entries SET account_id = $2 WHERE tenant_id = $1 AND subject = 'key_19995'", school.id, quiet)
        await owner.execute("ANALYZE audit_entries")
        filters = [
            AuditFilter(),
            AuditFilter(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime.now(UTC) - timedelta(days=1)),
            AuditFilter(actor_id=teams[school.id]),
            AuditFilter(subject="key_x"),
            AuditFilter(actions=["Common"]),
            AuditFilter(actions=["Common"], since=datetime(2020, 1, 1, tzinfo=UTC)),
        ]
        async with database.reading(caller):
            middle = (await audit.page_of_audit_entries(caller=caller, where=AuditFilter(), cursors=house.adapters.cursors, request=PageRequest(first=100))).cursors[-1]
        for where in filters:
            for request in (PageRequest(first=50), PageRequest(first=50, after=middle), PageRequest(last=50)):
                shown, scans, fetched = await read(where, request, caller, house)
                assert (shown, scans) == (50, 0), (where, request)
                assert fetched <= (51 if where.actions is None else 100), (where, request, fetched)  # what two of three entries have may be picked out of all
        for rare in (AuditFilter(actions=["Rare"]), AuditFilter(actions=["Rare", "None"]), AuditFilter(subject="key_20000")):
            shown, scans, fetched = await read(rare, PageRequest(first=50), caller, house)
            assert (shown, scans, fetched) == ((1 if rare.subject else 10), 0, (1 if rare.subject else 10)), rare

        assert await read(AuditFilter(actor_id=quiet), PageRequest(first=50), caller, house) == (1, 0, 1)
        async with database.reading(caller):
            plan = await database.fetch(
                "EXPLAIN SELECT e.id FROM audit_entries e WHERE e.tenant_id = $1 AND CASE WHEN e.impersonator_id IS NULL THEN e.account_id ELSE e.impersonator_id END = $2 "
                "ORDER BY e.at DESC, e.id DESC LIMIT 51",
                school.id,
                quiet,
            )
        assert "audit_entries_actor" in str(plan)
        assert "Sort" not in str(plan)
    finally:
        await owner.execute("DELETE FROM audit_entries WHERE tenant_id = ANY($1)", list(teams))
        await owner.close()

"""Lists and searches of members stay on indexes in the largest schools, as the application role and under row policies."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lms_graph.domain.identity.queries.applications import Applications
from lms_graph.domain.identity.queries.members import Members, Sort
from lms_graph.kit.ids import new_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.factories.tenants import tenant
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

MANY = 20_000


@pytest.fixture(scope="module")
async def full(house: House, environment: dict[str, str], anyio_backend: str) -> AsyncIterator[School]:
    """A school of many students, two of whom run it, beside another such."""
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    schools = [School(*await tenant()) for _ in range(2)]
    try:
        for school in schools:
            await fill(owner, school.id)
        await owner.execute("ANALYZE accounts, account_roles, instructor_applications")
        yield schools[0]
    finally:
        for table in ("instructor_applications", "account_roles", "accounts"):
            await owner.execute(f"DELETE FROM {table} WHERE tenant_id = ANY($1)", [school.id for school in schools])
        await owner.close()


async def fill(owner: asyncpg.Connection, tenant_id: UUID) -> None:
    await owner.execute(
        "INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at) "
        "SELECT $1, gen_random_uuid(), k, k, 'Name ' || substr(md5(k), 1, 8) || ' ' || substr(md5(k), 9, 8), 'ACTIVE', now() - n * interval '1 minute' "
        "FROM (SELECT n, 'u' || n || '@example.com' AS k FROM generate_series(1, $2::int) AS n) AS many",
        tenant_id,
        MANY,
    )
    await owner.execute("UPDATE accounts SET name = 'Séverine Ångström' WHERE tenant_id = $1 AND email_key = 'u777@example.com'", tenant_id)
    await owner.execute(
        "INSERT INTO account_roles (tenant_id, id, account_id, role, granted_at) SELECT $1, gen_random_uuid(), id, 'STUDENT', now() FROM accounts WHERE tenant_id = $1 "
        "UNION ALL SELECT $1, gen_random_uuid(), id, 'TENANT_ADMIN', now() FROM accounts WHERE tenant_id = $1 AND email_key IN ('u777@example.com', 'u19000@example.com')",
        tenant_id,
    )
    await owner.execute(
        "INSERT INTO instructor_applications (tenant_id, id, account_id, motivation, links, bio_markdown, status, reason, applied_at, decided_at) "
        "SELECT $1, gen_random_uuid(), id, 'm', '{}', '', 'REFUSED', 'r', created_at, created_at FROM accounts WHERE tenant_id = $1",
        tenant_id,
    )


async def scans(table: str) -> Any:
    """How often this connection has read a table, also by transactions before that it has not reported yet (it may keep them for ten seconds)."""
    row = await database.fetch_one("SELECT seq_scan, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables WHERE relname = $1", table)
    assert row is not None
    return row


@pytest.mark.parametrize("searched", [{"search": "angstr sev"}, {"search": "U777@exa"}, {"search": "angstr", "roles": ["TENANT_ADMIN"]}])
async def test_a_search_reads_what_it_finds(house: House, full: School, searched: dict[str, Any]) -> None:
    async with database.reading(full.system):
        before = await scans("accounts")
        page = await Members(caller=full.system, **searched).page(house.adapters.cursors, PageRequest(first=50), [])
        after = await scans("accounts")

    assert [row["name"] for row in page.rows] == ["Séverine Ångström"]
    assert after["seq_scan"] - before["seq_scan"] == 0
    assert after["rows"] - before["rows"] < 100


@pytest.mark.parametrize("order", [[], [Sort("CREATED_AT", descending=False)], [Sort("NAME", descending=False)], [Sort("NAME", descending=True)]])
async def test_a_page_reads_itself_alone(house: House, full: School, order: list[Sort]) -> None:
    async with database.reading(full.system):
        first = await Members(caller=full.system, search=None).page(house.adapters.cursors, PageRequest(first=50), order)
        before = await scans("accounts")
        following = await Members(caller=full.system, search=None).page(house.adapters.cursors, PageRequest(first=50, after=first.cursors[-1]), order)
        after = await scans("accounts")

    assert len(following.rows) == 50
    assert after["seq_scan"] - before["seq_scan"] == 0
    assert after["rows"] - before["rows"] < 200


async def test_holders_of_a_rare_role_are_found_by_it(house: House, full: School) -> None:
    async with database.reading(full.system):
        before = await scans("accounts")
        page = await Members(caller=full.system, search=None, roles=["TENANT_ADMIN"]).page(house.adapters.cursors, PageRequest(first=50), [])
        after = await scans("accounts")

    assert len(page.rows) == 2
    assert after["rows"] - before["rows"] < 100


@pytest.mark.parametrize("statuses", [None, ["REFUSED"], ["PENDING"]])
async def test_a_page_of_applications_reads_itself_alone(house: House, full: School, statuses: list[str] | None) -> None:
    async with database.reading(full.system):
        before = await scans("instructor_applications")
        page = await Applications(caller=full.system, statuses=statuses).page(house.adapters.cursors, PageRequest(first=50))
        after = await scans("instructor_applications")

    assert len(page.rows) == (0 if statuses == ["PENDING"] else 50)
    assert after["seq_scan"] - before["seq_scan"] == 0
    assert after["rows"] - before["rows"] < 200


async def test_the_plan_of_a_page_is_its_index(full: School) -> None:
    async with database.reading(full.system):
        plan = await database.fetch(
            "EXPLAIN SELECT a.id FROM accounts a WHERE a.tenant_id = $1 AND a.status <> 'ERASED' AND (a.created_at, a.id) < (now(), $2) ORDER BY a.created_at DESC, a.id DESC LIMIT 51",
            full.id,
            new_id(),
        )

    told = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "accounts_by_age" in told
    assert "Sort" not in told

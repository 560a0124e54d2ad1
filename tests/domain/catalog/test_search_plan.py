"""Search and catalog stay on indexes at the size of the largest schools, as the application role and under row policies."""

from uuid import UUID

import asyncpg
import pytest

from lms_graph.domain.catalog.queries.browse import FACETS, Browse, CourseFilter
from lms_graph.kit.ids import new_id
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def fill(owner: asyncpg.Connection, tenant_id: UUID, count: int) -> None:
    await owner.execute(
        "INSERT INTO courses (tenant_id, id, slug, status, enrollment_policy, is_featured, created_at, updated_at, first_published_at, enrollment_count, title, short_description, tags, level, "
        "language, lecture_count, duration_seconds) SELECT $1, gen_random_uuid(), 'c' || n, 'PUBLISHED', 'OPEN', false, now(), now(), now() - n * interval '1 minute', n, "
        "'Course ' || md5(n::text), repeat(md5((n * 7)::text) || ' ', 6), ARRAY[md5((n % 50)::text)], 'BEGINNER', 'en', 1, n FROM generate_series(1, $2) AS n",
        tenant_id,
        count,
    )


async def scans() -> database.Record:
    """How often this connection has read courses, also by transactions before that it has not reported yet (it may keep them for ten seconds)."""
    row = await database.fetch_one("SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'courses'")
    assert row is not None
    return row


@pytest.mark.parametrize("search", ["sourdough", "sourdogh"])
async def test_search_reads_indexes_only(house: House, school: School, other_school: School, environment: dict[str, str], search: str) -> None:
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        for tenant in (school.id, other_school.id):
            await fill(owner, tenant, 4_000)
            await owner.execute("UPDATE courses SET title = 'Sourdough' WHERE tenant_id = $1 AND slug = 'c77'", tenant)
        await owner.execute("ANALYZE courses")
        async with database.reading(school.system):
            before = await scans()
            page, _ = await Browse(caller=school.system, search=search, where=CourseFilter()).page(house.adapters.cursors, PageRequest(first=24), [])
            after = await scans()

        assert [row["title"] for row in page.rows] == ["Sourdough"]
        assert after["seq_scan"] - before["seq_scan"] == 0
        assert after["idx_scan"] - before["idx_scan"] > 0
    finally:
        await owner.execute("DELETE FROM courses WHERE tenant_id = ANY($1)", [school.id, other_school.id])
        await owner.close()


async def test_the_plain_catalog_reads_its_order_from_an_index(house: House, school: School, environment: dict[str, str]) -> None:
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        await fill(owner, school.id, 4_000)
        await owner.execute("ANALYZE courses")
        async with database.reading(school.system):
            plan = await database.fetch(
                "EXPLAIN SELECT c.id FROM courses c WHERE c.tenant_id = $1 AND c.status = 'PUBLISHED' AND (c.first_published_at, c.id) < (now(), $2) "
                "ORDER BY c.first_published_at DESC, c.id DESC LIMIT 25",
                school.id,
                new_id(),
            )
        assert "courses_by_publication" in "\n".join(row["QUERY PLAN"] for row in plan)
        assert "Sort" not in "\n".join(row["QUERY PLAN"] for row in plan)
    finally:
        await owner.execute("DELETE FROM courses WHERE tenant_id = $1", school.id)
        await owner.close()


async def test_facets_and_the_total_are_counted_in_an_index(house: House, school: School, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    asked: list[tuple[str, tuple[object, ...]]] = []
    fetch = database.fetch

    async def heard(sql: str, *parameters: object) -> list[database.Record]:
        asked.append((sql, parameters))
        return await fetch(sql, *parameters)

    try:
        await owner.execute("SET synchronous_commit TO on")  # VACUUM marks as seen by all only what is on its way to the disk
        await fill(owner, school.id, 4_000)
        await owner.execute("VACUUM ANALYZE courses")
        monkeypatch.setattr(database, "fetch", heard)
        async with database.reading(school.system):
            catalog = Browse(caller=school.system, search=None, where=CourseFilter())
            totals = [(await catalog.summary(facets)).total for facets in ([], FACETS)]
            plans = [await fetch(f"EXPLAIN {sql}", *parameters) for sql, parameters in asked]

        assert totals == [4_000, 4_000]
        total, facets = ("\n".join(row["QUERY PLAN"] for row in plan) for plan in plans)
        assert "Index Only Scan using courses_by_" in total
        assert "Index Only Scan using courses_by_kind" in facets
    finally:
        await owner.execute("DELETE FROM courses WHERE tenant_id = $1", school.id)
        await owner.close()

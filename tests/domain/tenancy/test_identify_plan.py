"""Who is asked is found as quickly among a thousand schools as among two: one statement, by indexes alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from lms_graph.domain.tenancy.queries.identification import IDENTIFY
from lms_graph.kit.secrets import new_token, token_hash
from tests.fixtures.databases import own_database

pytestmark = pytest.mark.anyio

TENANTS = """
    INSERT INTO tenants (tenant_id, id, slug, name, kind, primary_color, locale, currency, settings, created_at)
    SELECT id, id, 'school-' || n, 'School ' || n, 'TENANT', '#1f2937', 'en', 'USD', '{}', now() FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, $1) AS n) AS new
"""
DOMAINS = """
    INSERT INTO domains (tenant_id, id, host, is_primary, status, verification_token, verified_at, created_at)
    SELECT t.id, gen_random_uuid(), place || '.' || t.slug || '.example', false, CASE WHEN place = 'claimed' THEN 'PENDING' ELSE 'VERIFIED' END, 'x', now(), now()
    FROM tenants t, unnest(ARRAY['learn', 'www', 'claimed']) AS place
"""


@pytest.fixture
async def crowded(servers: dict[str, str], environment: dict[str, str], anyio_backend: str) -> AsyncIterator[asyncpg.Connection]:
    """The system role among 1,000 schools with 2,000 hosts, and 1,000 that are only claimed."""
    with own_database(servers, environment, f"crowded_{uuid4().hex[:8]}") as (own, url):
        superuser = await asyncpg.connect(url)
        await superuser.execute(TENANTS.replace("$1", "1000"))
        await superuser.execute(DOMAINS)
        await superuser.execute("ANALYZE tenants, domains")
        await superuser.close()
        system = await asyncpg.connect(own["DATABASE_SYSTEM_URL"])
        yield system
        await system.close()


async def plan(connection: asyncpg.Connection, host: str | None, slug: str | None) -> str:
    rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {IDENTIFY}", host, slug, token_hash(new_token()), datetime.now(UTC), token_hash(new_token()))
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(("host", "slug"), [("learn.school-777.example", None), (None, "school-777"), ("nowhere.example", "school-777"), ("nowhere.example", None)])
async def test_a_school_is_found_by_indexes_alone(crowded: asyncpg.Connection, host: str | None, slug: str | None) -> None:
    shown = await plan(crowded, host, slug)

    scanned = [line.strip() for line in shown.splitlines() if "Seq Scan" in line and "never executed" not in line]
    assert [line for line in scanned if " on tenants" in line or " on domains" in line] == [], shown


async def test_a_host_that_is_only_claimed_finds_nobody(crowded: asyncpg.Connection) -> None:
    (row,) = await crowded.fetch(IDENTIFY, "claimed.school-777.example", None, None, datetime.now(UTC), None)
    (found,) = await crowded.fetch(IDENTIFY, "learn.school-777.example", None, None, datetime.now(UTC), None)

    assert row["tenant_id"] is None
    assert sorted(found["origins"]) == ["https://learn.school-777.example", "https://www.school-777.example"]

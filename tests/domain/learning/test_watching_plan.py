"""What holders of all access watched in a month is summed up on indexes, however many others there are, as the application role and under row policies."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from lms_graph.domain.commerce.rules.plans import month_of
from lms_graph.domain.learning.queries import watching
from lms_graph.models import database
from tests.factories.courses import MadeCourse, course, video
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

PEOPLE, GRANTS, HOLDERS = 2_000, 50_000, 20


@pytest.fixture
async def crowd(school: School, environment: dict[str, str]) -> AsyncIterator[MadeCourse]:
    """A school with 50,000 grants of single courses to 2,000 people, each with a run that they watched in 50 pieces; twenty of them hold all access."""
    made = await course(school.system, await video(school.system, seconds=1000))
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    people = "WITH people AS MATERIALIZED (SELECT id, row_number() OVER () AS nth FROM accounts WHERE tenant_id = $1 AND name = 'Many') "
    grant = "INSERT INTO entitlements (tenant_id, id, account_id, subject_kind, subject_id, kind, state, starts_at, terms, created_at) "
    try:
        await owner.execute(
            "INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at) "
            "SELECT $1, gen_random_uuid(), n || '@many.example', n || '@many.example', 'Many', 'ACTIVE', now() FROM generate_series(1, $2) AS n",
            school.id, PEOPLE,
        )  # fmt: skip
        await owner.execute(
            f"{people}{grant} SELECT $1, gen_random_uuid(), p.id, 'COURSE', $2, 'ORDER', 'ACTIVE', now() - interval '1 year', '{{}}', now() "
            "FROM generate_series(1, $3) AS n JOIN people p ON p.nth = 1 + n % $4",
            school.id, made.course_id, GRANTS, PEOPLE,
        )  # fmt: skip
        await owner.execute(
            f"{people}{grant} SELECT $1, gen_random_uuid(), p.id, 'ALL_ACCESS', NULL, 'SUBSCRIPTION', 'ACTIVE', now() - interval '1 year', '{{}}', now() FROM people p WHERE p.nth <= $2",
            school.id, HOLDERS,
        )  # fmt: skip
        await owner.execute(
            f"{people}INSERT INTO enrollments (tenant_id, id, account_id, course_id, version_id, run_number, status, progress_percent, enrolled_at, resume_position_ms) "
            "SELECT $1, gen_random_uuid(), p.id, $2, $3, 1, 'ACTIVE', 0, now(), 0 FROM people p",
            school.id, made.course_id, made.version_id,
        )  # fmt: skip
        await owner.execute(
            "INSERT INTO progress_events (tenant_id, enrollment_id, device_id, client_event_id, lecture_id, kind, from_ms, to_ms, occurred_at, received_at) "
            "SELECT $1, e.id, 'phone', n, $2, 'WATCHED', 0, 1000, now(), now() FROM enrollments e CROSS JOIN generate_series(1, 50) AS n WHERE e.tenant_id = $1",
            school.id, made.lectures["video"],
        )  # fmt: skip
        await owner.execute("ANALYZE accounts, entitlements, enrollments, progress_events")
        yield made
    finally:
        for table in ("progress_events", "enrollments", "entitlements"):
            await owner.execute(f"DELETE FROM {table} WHERE tenant_id = $1", school.id)
        await owner.execute("DELETE FROM accounts WHERE tenant_id = $1 AND name = 'Many'", school.id)
        await owner.execute("ANALYZE accounts, entitlements, enrollments, progress_events")
        await owner.close()


async def test_a_month_is_summed_up_on_indexes(school: School, crowd: MadeCourse, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []
    fetch = database.ReadScope.fetch

    async def explained(scope: database.ReadScope, sql: str, parameters: tuple[object, ...]) -> list[database.Record]:
        plans.append("\n".join(row["QUERY PLAN"] for row in await fetch(scope, f"EXPLAIN {sql}", parameters)))
        return await fetch(scope, sql, parameters)

    monkeypatch.setattr(database.ReadScope, "fetch", explained)
    start, end = month_of(datetime.now(UTC))

    async with database.reading(school.system):
        found: dict[UUID, int] = await watching.seconds_with_all_access(caller=school.system, start=start, end=end)

    assert found == {crowd.course_id: HOLDERS * 50}
    (plan,) = plans
    for table in ("entitlements", "progress_events"):
        assert f"Seq Scan on {table}" not in plan, plan
    assert "entitlements_of_course" in plan, plan

"""Grants and rosters stay on indexes at 100,000 rows, as the application role and under row policies."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lms_graph.domain.learning.queries import access, entitlements, runs
from lms_graph.domain.learning.rules.grants import GrantFilter
from lms_graph.kit.caller import Caller
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.factories.accounts import account
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

MANY, PEOPLE, RUNS = 100_000, 2_000, 20_000


@pytest.fixture
async def crowd(house: House, school: School, environment: dict[str, str]) -> AsyncIterator[tuple[MadeCourse, UUID]]:
    """A school with 100,000 grants of 2,000 people, a fiftieth of them for one course, and 20,000 runs; every thousandth grant a gift, every tenth revoked."""
    made, other, someone = await course(school.system, text()), await course(school.system, text()), await account(school.system)
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        await owner.execute(
            "INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at) "
            "SELECT $1, gen_random_uuid(), n || '@many.example', n || '@many.example', 'Many', 'ACTIVE', now() FROM generate_series(1, $2) AS n",
            school.id,
            PEOPLE,
        )
        await owner.execute(
            "WITH people AS MATERIALIZED (SELECT id, row_number() OVER () AS nth FROM accounts WHERE tenant_id = $1 AND name = 'Many') "
            "INSERT INTO entitlements (tenant_id, id, account_id, subject_kind, subject_id, kind, state, starts_at, revoked_at, terms, created_at) "
            "SELECT $1, gen_random_uuid(), p.id, 'COURSE', CASE WHEN n % 50 = 0 THEN $2::uuid ELSE $3::uuid END, CASE WHEN n % 1000 = 0 THEN 'GIFT' ELSE 'MANUAL' END, 'ACTIVE', now(), "
            "CASE WHEN n % 10 = 0 THEN now() END, '{}', now() - n * interval '1 minute' FROM generate_series(1, $4) AS n JOIN people p ON p.nth = 1 + n % $5",
            school.id, made.course_id, other.course_id, MANY, PEOPLE,
        )  # fmt: skip
        await owner.execute(
            "WITH people AS MATERIALIZED (SELECT id, row_number() OVER () AS nth FROM accounts WHERE tenant_id = $1 AND name = 'Many') "
            "INSERT INTO enrollments (tenant_id, id, account_id, course_id, version_id, run_number, status, progress_percent, enrolled_at, resume_position_ms) "
            "SELECT $1, gen_random_uuid(), p.id, CASE WHEN n % 20 = 0 THEN $2::uuid ELSE $3::uuid END, CASE WHEN n % 20 = 0 THEN $4::uuid ELSE $5::uuid END, n, "
            "'CANCELED', 0, now() - n * interval '1 minute', 0 FROM generate_series(1, $6) AS n JOIN people p ON p.nth = 1 + n % $7",
            school.id, made.course_id, other.course_id, made.version_id, other.version_id, RUNS, PEOPLE,
        )  # fmt: skip
        await owner.execute("ANALYZE accounts, entitlements, enrollments")
        yield made, someone
    finally:
        for table in ("enrollments", "entitlements"):
            await owner.execute(f"DELETE FROM {table} WHERE tenant_id = $1", school.id)
        await owner.execute("DELETE FROM accounts WHERE tenant_id = $1 AND name = 'Many'", school.id)
        await owner.execute("ANALYZE accounts, entitlements, enrollments")
        await owner.close()


class Explained:
    """What each statement of the reads looks like to the planner: caught on its way, and asked again with EXPLAIN."""

    def __init__(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        self.caller, self.plans = caller, list[str]()
        fetch = database.ReadScope.fetch

        async def explained(scope: database.ReadScope, sql: str, parameters: Any) -> Any:
            plan = await fetch(scope, f"EXPLAIN {sql}", parameters)
            self.plans.append("\n".join(row["QUERY PLAN"] for row in plan))
            return await fetch(scope, sql, parameters)

        monkeypatch.setattr(database.ReadScope, "fetch", explained)


async def test_lists_and_decisions_read_indexes(house: House, school: School, crowd: tuple[MadeCourse, UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    made, someone = crowd
    caller = school.system
    explained = Explained(caller, monkeypatch)
    cursors = house.adapters.cursors

    async def pages(where: GrantFilter) -> int:
        first = await entitlements.page_of_grants(caller=caller, cursors=cursors, request=PageRequest(first=50), where=where)
        if first.rows:
            after = await entitlements.page_of_grants(caller=caller, cursors=cursors, request=PageRequest(first=50, after=first.cursors[-1]), where=where)
            assert not {row["id"] for row in first.rows} & {row["id"] for row in after.rows}
        return len(first.rows)

    async with database.reading(caller):
        sizes = [
            await pages(where)
            for where in (
                GrantFilter(),
                GrantFilter(course_id=made.course_id),
                GrantFilter(account_id=someone),
                GrantFilter(live=True),
                GrantFilter(live=False),
                GrantFilter(kinds=("GIFT",)),
            )
        ]
        roster = await runs.page_of_roster(caller=caller, course_id=made.course_id, cursors=cursors, request=PageRequest(first=50), statuses=None)
        await runs.page_of_roster(caller=caller, course_id=made.course_id, cursors=cursors, request=PageRequest(first=50, after=roster.cursors[-1]), statuses=["CANCELED"])
        await access.grants_of_courses(caller=caller, course_ids=[made.course_id], account_id=someone)
        await runs.runs_of_grants(caller=caller, entitlement_ids=[someone])

    assert sizes == [50, 50, 0, 50, 50, 50]
    assert len(explained.plans) > 12
    for plan in explained.plans:
        assert not re.search(r"Seq Scan on (entitlements|enrollments)", plan), plan
        assert "entitlements" not in plan or "LIMIT" not in plan.upper() or not re.search(r"Sort Key: .*created_at", plan), plan
    assert sum("entitlements_page" in plan for plan in explained.plans) >= 4
    assert sum("enrollments_of_course" in plan for plan in explained.plans) == 2

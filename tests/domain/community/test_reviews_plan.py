"""Reviews stay on indexes at 25,000 rows, as the application role and under row policies."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from lms_graph.domain.community.queries import reviews
from lms_graph.kit.pages import PageRequest
from lms_graph.models import database
from tests.factories.courses import MadeCourse, course, text
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

PEOPLE, COURSES = 5_000, 5


@pytest.fixture
async def crowd(house: House, school: School, environment: dict[str, str]) -> AsyncIterator[list[MadeCourse]]:
    """Five courses that 5,000 people have reviewed each; every thousandth gives 1, every hundredth is hidden."""
    made = [await course(school.system, text()) for _ in range(COURSES)]
    owner = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    try:
        await owner.execute(
            "INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at) "
            "SELECT $1, gen_random_uuid(), n || '@crowd.example', n || '@crowd.example', 'Crowd', 'ACTIVE', now() FROM generate_series(1, $2) AS n",
            school.id,
            PEOPLE,
        )
        await owner.execute(
            "INSERT INTO reviews (tenant_id, id, course_id, account_id, rating, body, created_at, hidden_at, hidden_reason) "
            "SELECT $1, gen_random_uuid(), c.id, p.id, CASE WHEN p.n % 1000 = 0 THEN 1 ELSE 5 END, 'Good.', now() - p.n * interval '1 minute', "
            "CASE WHEN p.n % 100 = 1 THEN now() END, CASE WHEN p.n % 100 = 1 THEN 'x' END "
            "FROM (SELECT id, row_number() OVER () AS n FROM accounts WHERE tenant_id = $1 AND name = 'Crowd') p, unnest($2::uuid[]) AS c(id)",
            school.id,
            [each.course_id for each in made],
        )
        await owner.execute("ANALYZE accounts, reviews")
        yield made
    finally:
        await owner.execute("DELETE FROM reviews WHERE tenant_id = $1", school.id)
        await owner.execute("DELETE FROM accounts WHERE tenant_id = $1 AND name = 'Crowd'", school.id)
        await owner.execute("ANALYZE accounts, reviews")
        await owner.close()


async def test_lists_read_indexes(house: House, school: School, crowd: list[MadeCourse], monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[str] = []
    fetch = database.ReadScope.fetch

    async def explained(scope: database.ReadScope, sql: str, parameters: Any) -> Any:
        plans.append("\n".join(row["QUERY PLAN"] for row in await fetch(scope, f"EXPLAIN {sql}", parameters)))
        return await fetch(scope, sql, parameters)

    monkeypatch.setattr(database.ReadScope, "fetch", explained)
    cursors, caller, request = house.adapters.cursors, school.system, PageRequest(first=50)
    ids = [each.course_id for each in crowd]
    async with database.reading(caller):
        every = await reviews.reviews_of_courses(caller=caller, course_ids=ids, ratings=None, cursors=cursors, request=request)
        after = await reviews.reviews_of_courses(caller=caller, course_ids=ids[:1], ratings=None, cursors=cursors, request=PageRequest(first=50, after=every[ids[0]].cursors[-1]))
        ones = await reviews.reviews_of_courses(caller=caller, course_ids=ids[:1], ratings=[1], cursors=cursors, request=request)
        sizes = [
            len((await reviews.page_for_moderators(caller=caller, course_id=course_id, is_hidden=is_hidden, cursors=cursors, request=request)).rows)
            for course_id, is_hidden in ((None, None), (None, True), (ids[0], None))
        ]

    assert [len(every[id].rows) for id in ids] == [50] * COURSES
    assert not {row["id"] for row in every[ids[0]].rows} & {row["id"] for row in after[ids[0]].rows}
    assert ([row["rating"] for row in ones[ids[0]].rows], sizes) == ([1] * 5, [50, 50, 50])
    for plan in plans:
        assert not re.search(r"Seq Scan on reviews", plan), plan
    assert sum("reviews_of_course" in plan for plan in plans) >= 3
    assert "reviews_hidden" in plans[4]

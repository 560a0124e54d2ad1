"""Instructors' pages."""

from dataclasses import replace
from uuid import UUID

import pytest

from lms_graph.domain.identity import errors
from lms_graph.domain.identity.operations import instructors
from lms_graph.domain.identity.queries import instructors as queries
from lms_graph.domain.identity.rules.permissions import permissions_of
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotAllowed, NotFound
from lms_graph.models import database
from tests.factories.accounts import account, instructor
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def save(caller: Caller, account_id: UUID, **differs: str | None) -> None:
    page = {"slug": "ida", "headline": None, "bio_markdown": ""} | differs
    await instructors.save_page(caller=caller, account_id=account_id, **page)  # type: ignore[arg-type]


def acting(school: School, account_id: UUID, *roles: str) -> Caller:
    return replace(school.system, is_system=False, account_id=account_id, roles=frozenset(roles), permissions=permissions_of(roles))


class TestSavePage:
    async def test_makes_and_changes_a_page_with_html_made_safe(self, school: School) -> None:
        id = await account(school.system, name="Ida")
        oneself = acting(school, id, "INSTRUCTOR")

        await save(oneself, id, slug="ida")
        await save(oneself, id, slug="ida-2", headline="Teaches", bio_markdown="<script>alert(1)</script> [x](javascript:alert(1))")

        async with database.reading(school.system):
            (row,) = await queries.instructors_by_ids(caller=school.system, account_ids=[id])
            assert await queries.instructor_by_slug(caller=school.system, slug="ida") is None
        assert (row["id"], row["slug"], row["name"], row["headline"]) == (id, "ida-2", "Ida", "Teaches")
        assert "<script" not in row["bio_html"]
        assert "href" not in row["bio_html"]

    async def test_is_for_the_instructor_and_administrators(self, school: School) -> None:
        id, other = await account(school.system), await account(school.system)

        await save(acting(school, other, "TENANT_ADMIN"), id)
        for caller in (acting(school, id, "STUDENT"), acting(school, other, "INSTRUCTOR"), acting(school, other, "SUPPORT")):
            with pytest.raises(NotAllowed):
                await save(caller, id, slug="stolen")

    async def test_refuses_a_slug_that_another_page_has(self, school: School, other_school: School) -> None:
        await instructor(school.system, slug="ida")
        id = await account(school.system)

        with pytest.raises(errors.SlugTaken):
            await save(school.system, id, slug="ida")
        await instructor(other_school.system, slug="ida")

    async def test_another_tenants_account_is_not_found(self, school: School, other_school: School) -> None:
        id = await account(school.system)

        with pytest.raises(NotFound):
            await save(other_school.system, id)

    async def test_tells_everything_that_is_wrong(self, school: School) -> None:
        id = await account(school.system)

        with pytest.raises(Invalid) as refused:
            await save(school.system, id, slug="Ida!", headline="a\nb", bio_markdown="x" * 20_001)

        assert [issue.path for issue in refused.value.issues] == [("slug",), ("headline",), ("bio",)]

"""`bundleSave`, `bundle`, `bundles`: courses that are sold together."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from lms_graph.kit.ids import public_id
from lms_graph.models import database
from lms_graph.models.commerce import OfferSubject
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.courses import MadeCourse, course, text
from tests.factories.offers import bundle, offer, price
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.rights import audit_of, fetch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def boss(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def courses(school: School) -> list[MadeCourse]:
    return [await course(school.system, text()) for _ in range(3)]


def wanted(courses: list[MadeCourse], **differs: Any) -> dict[str, Any]:
    return {"slug": "pack", "title": "The Pack", "description": "All *three*.", "courseIds": [made.public_id for made in courses]} | differs


class TestBundleSave:
    async def test_makes_a_bundle_with_its_courses_in_order(self, boss: Client, visitor: Client, school: School, courses: list[MadeCourse]) -> None:
        saved = await boss.data("SaveBundle", input=wanted(courses[::-1]))

        id = saved["bundle"].pop("id")
        shown = [{"id": made.public_id, "slug": made.slug} for made in courses[::-1]]
        assert saved == {"bundle": {"slug": "pack", "title": "The Pack", "courses": shown, "offers": []}, "errors": []}
        assert (await visitor.data("Bundle", slug="pack"))["description"] == {"markdown": "All *three*.", "html": "<p>All <em>three</em>.</p>\n"}
        assert ("BundleSaved", id, boss.account_id) in await audit_of(school)

    async def test_changes_it_as_a_whole(self, boss: Client, visitor: Client, school: School, courses: list[MadeCourse]) -> None:
        id = (await boss.data("SaveBundle", input=wanted(courses)))["bundle"]["id"]
        sold = await offer(school.system, (await fetch(school, "SELECT id FROM bundles WHERE tenant_id = $1"))[0]["id"], price("49.00"), subject=OfferSubject.BUNDLE)

        saved = await boss.data("SaveBundle", input=wanted(courses[:2], id=id, slug="duo", title="The Duo", description=""))

        assert saved["bundle"] == {
            "id": id,
            "slug": "duo",
            "title": "The Duo",
            "courses": [{"id": made.public_id, "slug": made.slug} for made in courses[:2]],
            "offers": [{"id": public_id("off", sold), "price": {"amount": "49.00", "currency": "EUR"}}],
        }
        assert await visitor.data("Bundle", slug="pack") is None

    async def test_of_a_slug_at_once_one_is_made(self, boss: Client, school: School, courses: list[MadeCourse]) -> None:
        codes = await asyncio.gather(*(boss.codes("SaveBundle", input=wanted(courses)) for _ in range(5)))

        assert sorted(codes) == [[]] + [["CONFLICT"]] * 4
        assert len(await fetch(school, "SELECT FROM bundles WHERE tenant_id = $1")) == 1

    async def test_tells_everything_that_is_wrong_at_once(self, boss: Client, school: School, other_school: School, courses: list[MadeCourse]) -> None:
        strange = await course(other_school.system, text())

        saved = await boss.data("SaveBundle", input=wanted([courses[0]], slug="The Pack", title="", description="x" * 20_001))

        assert [error["path"] for error in saved["errors"]] == [["slug"], ["title"], ["description"], ["courseIds"]]
        assert await boss.codes("SaveBundle", input=wanted([courses[0], courses[0]])) == ["INVALID"]
        assert (await boss.data("SaveBundle", input=wanted([courses[0], strange])))["errors"][0]["path"] == ["courseIds", "1"]
        assert await boss.codes("SaveBundle", input=wanted(courses, id=public_id("bun", uuid4()))) == ["NOT_FOUND"]
        assert await fetch(school, "SELECT FROM bundles WHERE tenant_id = $1") == []

    async def test_is_for_who_manages_offers_of_the_school(
        self, boss: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School, school: School, courses: list[MadeCourse]
    ) -> None:
        id = (await boss.data("SaveBundle", input=wanted(courses)))["bundle"]["id"]
        stranger = await sign_in(at=other_school, roles=("TENANT_ADMIN",))
        theirs = [await course(other_school.system, text()) for _ in range(2)]

        assert await student.codes("SaveBundle", input=wanted(courses)) == ["FORBIDDEN"]
        assert await visitor.codes("SaveBundle", input=wanted(courses)) == ["UNAUTHENTICATED"]
        assert await stranger.codes("SaveBundle", input=wanted(theirs, id=id)) == ["NOT_FOUND"]
        assert await stranger.data("Bundle", slug="pack") is None
        assert await stranger.codes("SaveBundle", input=wanted(theirs)) == []
        assert [row["title"] for row in await fetch(school, "SELECT title FROM bundles WHERE tenant_id = $1")] == ["The Pack"]


class TestBundles:
    async def test_are_the_active_ones_and_for_the_school_all(self, boss: Client, visitor: Client, school: School, courses: list[MadeCourse], statements: list[str]) -> None:
        ids = [made.course_id for made in courses]
        shown, hidden = await bundle(school.system, *ids[:2], slug="shown"), await bundle(school.system, *ids[1:], slug="hidden", is_active=False)

        seen = {who: await client.data("Bundles") for who, client in (("visitor", visitor), ("boss", boss))}

        assert [node["id"] for node in seen["visitor"]["nodes"]] == [public_id("bun", shown)]
        assert [node["id"] for node in seen["boss"]["nodes"]] == [public_id("bun", hidden), public_id("bun", shown)]
        assert [seen[who]["totalCount"] for who in ("visitor", "boss")] == [1, 2]
        assert [await client.data("query ($id: ID!) { node(id: $id) { id } }", id=public_id("bun", hidden)) for client in (visitor, boss)] == [
            None,
            {"id": public_id("bun", hidden)},
        ]
        counted = []
        for size in (1, 2):
            statements.clear()
            await boss.data("query ($first: Int) { bundles(first: $first) { nodes { courses { slug } offers { id } } } }", first=size)
            counted.append(len(statements))
        assert counted == [4, 4]

    async def test_show_published_courses_alone(self, visitor: Client, school: School, courses: list[MadeCourse]) -> None:
        await bundle(school.system, *(made.course_id for made in courses), slug="pack")
        async with unit_of_work(school.system):
            await database.fetch("UPDATE courses SET status = 'UNPUBLISHED' WHERE tenant_id = $1 AND id = $2", school.id, courses[1].course_id)

        assert [each["slug"] for each in (await visitor.data("Bundle", slug="pack"))["courses"]] == [courses[0].slug, courses[2].slug]

"""`instructor`: the public page of somebody who teaches."""

import pytest

from lms_graph.kit.ids import public_id
from tests.factories.accounts import instructor
from tests.fixtures.callers import School
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio

PAGE = "query($slug: String!) { instructor(slug: $slug) { id slug name avatarUrl headline bio { markdown html } } }"


async def test_shows_the_page_to_everybody(visitor: Client, school: School, statements: list[str]) -> None:
    id = await instructor(school.system, slug="ida", name="Ida", headline="Teaches", bio="Knows *much*.")
    statements.clear()

    page = await visitor.data(PAGE, slug="ida")

    assert len(statements) == 1
    assert page == {
        "id": public_id("ins", id),
        "slug": "ida",
        "name": "Ida",
        "avatarUrl": None,
        "headline": "Teaches",
        "bio": {"markdown": "Knows *much*.", "html": "<p>Knows <em>much</em>.</p>\n"},
    }


async def test_is_null_for_unknown_foreign_and_impossible_slugs(visitor: Client, other_school: School) -> None:
    await instructor(other_school.system, slug="ida")

    for slug in ("nobody", "ida", "", "é"):
        assert await visitor.data(PAGE, slug=slug) is None

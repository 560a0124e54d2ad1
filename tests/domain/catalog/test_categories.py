"""Shelves of the catalog."""

import pytest

from lms_graph.domain.catalog import rules
from lms_graph.domain.catalog.errors import CategoriesUsedUp
from lms_graph.domain.catalog.operations.courses import save_category
from tests.fixtures.callers import School
from tests.fixtures.client import Client

pytestmark = pytest.mark.anyio


async def test_the_limit_is_refused_and_renaming_is_not(school: School, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_CATEGORIES", 2)
    for slug in ("art", "music"):
        await save_category(caller=school.system, slug=slug, name=slug.title())

    with pytest.raises(CategoriesUsedUp):
        await save_category(caller=school.system, slug="third", name="Third")
    await save_category(caller=school.system, slug="art", name="Fine Art")

    names = [category["name"] for category in (await visitor.data("{ categories { name } }"))]
    assert sorted(names) == ["Fine Art", "Music"]

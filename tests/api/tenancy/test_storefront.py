"""`storefront`: the tenant as visitors see it."""

import pytest

from tests.fixtures.callers import School
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


async def test_shows_the_tenant_that_the_header_names(visitor: Client, school: School) -> None:
    storefront = (await visitor.data("Storefront"))["storefront"]

    assert storefront["slug"] == school.slug
    assert storefront["name"] == "A School"
    assert storefront["domains"] == []


async def test_an_unknown_tenant_is_refused_with_a_code(house: House, clients: list[Client]) -> None:
    stranger = Client(house, "nowhere")
    clients.append(stranger)

    assert await stranger.codes("Storefront") == ["NOT_FOUND"]

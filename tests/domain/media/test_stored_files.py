"""Objects in the store and their rows."""

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.media import operations, queries
from lms_graph.models import database
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio


async def test_a_repeat_gives_the_same_file(school: School, adapters: Adapters) -> None:
    file = {"objects": adapters.objects, "body": b"\x89PNG", "content_type": "image/png", "key_hint": "cover"}

    first = await operations.store_file(caller=school.system, **file)
    again = await operations.store_file(caller=school.system, **file)

    assert first == again
    async with database.reading(school.system):
        (stored,) = await queries.files_by_ids(caller=school.system, file_ids=[first])
    assert await adapters.objects.get(stored.object_key) == b"\x89PNG"
    assert (stored.size_bytes, stored.content_type, stored.is_public) == (4, "image/png", False)


async def test_another_body_or_hint_never_takes_the_place_of_one(school: School, adapters: Adapters) -> None:
    kept = {"objects": adapters.objects, "content_type": "text/plain"}

    ids = [await operations.store_file(caller=school.system, body=body, key_hint=hint, **kept) for body, hint in ((b"a", "x"), (b"b", "x"), (b"a", "y"))]

    assert len(set(ids)) == 3


async def test_another_tenant_has_no_such_file(school: School, other_school: School, adapters: Adapters) -> None:
    id = await operations.store_file(caller=school.system, objects=adapters.objects, body=b"a", content_type="text/plain", key_hint="x", is_public=True)

    async with database.reading(other_school.system):
        assert await queries.files_by_ids(caller=other_school.system, file_ids=[id]) == []


async def test_only_a_public_file_is_found_without_its_tenant(school: School, adapters: Adapters) -> None:
    kept = {"objects": adapters.objects, "body": b"a", "content_type": "text/plain"}
    public = await operations.store_file(caller=school.system, key_hint="x", is_public=True, **kept)
    private = await operations.store_file(caller=school.system, key_hint="y", **kept)

    found = await queries.public_file(file_id=public)

    assert found
    assert found.id == public
    assert await queries.public_file(file_id=private) is None

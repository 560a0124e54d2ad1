"""`/files`: public files for everybody, and nothing else for anybody."""

from typing import Any

import httpx2 as httpx
import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.media import operations
from lms_graph.kit.ids import new_id, public_id
from tests.fixtures.callers import School
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def get(house: House, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=house.url, timeout=30) as client:
        return await client.get(path, headers=headers)


async def stored(school: School, adapters: Adapters, **changes: Any) -> str:
    plain = {"body": SVG, "content_type": "image/svg+xml", "key_hint": "logo", "is_public": True}
    id = await operations.store_file(caller=school.system, objects=adapters.objects, **(plain | changes))
    return f"/files/{public_id('fil', id)}"


async def test_gives_the_bytes_to_be_kept(house: House, school: School, adapters: Adapters) -> None:
    answer = await get(house, await stored(school, adapters))

    assert answer.content == SVG
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_an_svg_can_do_nothing(house: House, school: School, adapters: Adapters) -> None:
    answer = await get(house, await stored(school, adapters))

    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_no_image_is_downloaded(house: House, school: School, adapters: Adapters) -> None:
    answer = await get(house, await stored(school, adapters, body=b"<script>", content_type="text/html"))

    assert answer.headers["content-disposition"] == "attachment"


async def test_what_is_known_is_not_sent_again(house: House, school: School, adapters: Adapters) -> None:
    path = await stored(school, adapters)
    etag = (await get(house, path)).headers["etag"]

    answer = await get(house, path, **{"If-None-Match": f'"other", W/{etag}'})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_private_unknown_and_misspelled_files_look_alike(house: House, school: School, adapters: Adapters) -> None:
    private = await stored(school, adapters, is_public=False, key_hint="paper")

    answers = [await get(house, path) for path in (private, f"/files/{public_id('fil', new_id())}", f"/files/{public_id('crs', new_id())}", "/files/x", "/files/..%2f..")]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers[:4]}) == 1

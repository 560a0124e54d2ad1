"""The explorer's page and files, as HTTP gives them; what they do in a browser is tested in `tests/explorer`."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lms_graph.web import explorer

pytestmark = pytest.mark.anyio

SCRIPT = b"export const long = '" + b"x" * 2_000 + b"'"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle as a build leaves it, but small."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(f"<!doctype html><head>{explorer.PLACE}</head>")
    (tmp_path / "assets" / "index-abc.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    monkeypatch.setattr(explorer, "BUNDLE", tmp_path)
    return tmp_path


@pytest.fixture
async def client(bundle: Path) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    made: list[httpx.AsyncClient] = []

    def serving(*, development: bool = True) -> httpx.AsyncClient:
        async def page(request: Request) -> Response:
            return await explorer.page(development=development)

        assets: StaticFiles = type(explorer.assets.app)(directory=bundle / "assets")  # type: ignore[call-arg]
        app = Starlette(routes=[Route("/graphql", page), Mount("/graphql/assets", assets)])
        made.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://school.example"))
        return made[-1]

    yield serving
    for client in made:
        await client.aclose()


Serving = Callable[..., httpx.AsyncClient]


def settings(html: str) -> dict[str, object]:
    found = re.search(r'id="settings">(.*?)</script>', html)
    assert found
    said: dict[str, object] = json.loads(found[1])
    return said


class TestPage:
    async def test_says_who_may_be_tried(self, client: Serving) -> None:
        said = settings((await client().get("/graphql")).text)

        assert said["demo"]["tenant"] == "demo"  # type: ignore[index]
        assert said["demo"]["signIns"][0] == {"email": "student@demo.example", "password": "candle-window-4", "name": "Robin Achterberg", "roles": ["STUDENT"]}  # type: ignore[index]

    async def test_tells_no_password_outside_development(self, client: Serving) -> None:
        answer = await client(development=False).get("/graphql")

        assert settings(answer.text) == {"demo": None}
        assert "candle-window-4" not in answer.text

    async def test_runs_scripts_of_its_own_only_and_is_framed_by_nobody(self, client: Serving) -> None:
        policy = (await client().get("/graphql")).headers["content-security-policy"]

        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["worker-src"] == rules["connect-src"] == "'self'"
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"

    async def test_is_asked_for_again_each_time_and_told_apart_from_the_api(self, client: Serving) -> None:
        headers = (await client().get("/graphql")).headers

        assert headers["cache-control"] == "no-cache"
        assert headers["vary"] == "Accept"

    async def test_says_that_it_is_being_built_and_looks_again(self, client: Serving, bundle: Path) -> None:
        (bundle / "index.html").unlink()

        answer = await client().get("/graphql")

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "3"
        assert '<meta http-equiv="refresh" content="3">' in answer.text
        assert "lms-graph explorer build" in answer.text
        assert "<script" not in answer.text


class TestAssets:
    async def test_are_kept_for_a_year(self, client: Serving) -> None:
        answer = await client().get("/graphql/assets/index-abc.js", headers={"Accept-Encoding": "identity"})

        assert answer.content == SCRIPT
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "content-encoding" not in answer.headers

    async def test_come_compressed_to_who_takes_gzip(self, client: Serving) -> None:
        answer = await client().get("/graphql/assets/index-abc.js", headers={"Accept-Encoding": "gzip"})

        assert answer.content == SCRIPT
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert int(answer.headers["content-length"]) < len(SCRIPT)

    async def test_what_was_not_worth_compressing_comes_as_it_is(self, client: Serving, bundle: Path) -> None:
        (bundle / "assets" / "small-abc.js").write_bytes(b"1")

        answer = await client().get("/graphql/assets/small-abc.js", headers={"Accept-Encoding": "gzip"})

        assert (answer.status_code, answer.content) == (200, b"1")

    @pytest.mark.parametrize("path", ["missing.js", "../index.html", "%2e%2e/index.html", "..%2findex.html"])
    async def test_there_is_nothing_else(self, client: Serving, path: str) -> None:
        assert (await client().get(f"/graphql/assets/{path}")).status_code == 404

"""The explorer's page and files, as HTTP gives them; what they do in a browser is tested in `tests/explorer`."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.limits.documents import Documents
from lms_graph.schema import schema
from lms_graph.web import explorer
from lms_graph.web.graphql.endpoint import Endpoint
from lms_graph.web.graphql.operations import Operations
from tests.factories.tenants import domain
from tests.fixtures.callers import School
from tests.fixtures.house import House, served

pytestmark = pytest.mark.anyio

BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SCRIPT = b"export const long = '" + b"x" * 2_000 + b"'"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle as a build leaves it, but small."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(f"<!doctype html><head>{explorer.PLACE}</head>")
    (tmp_path / "assets" / "index-abc.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    monkeypatch.setattr(explorer, "BUNDLE", tmp_path)
    monkeypatch.setattr(explorer.assets.app, "directory", tmp_path / "assets")
    monkeypatch.setattr(explorer.assets.app, "all_directories", [tmp_path / "assets"])
    return tmp_path


@pytest.fixture
async def browser(house: House, school: School, bundle: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who types the address of the school's API."""
    async with httpx.AsyncClient(base_url=house.url, headers={"Accept": BROWSERS, "Host": await domain(school.id)}, timeout=30) as client:
        yield client


@pytest.fixture
async def is_open(school: School) -> None:
    """The school serves the explorer."""
    await opens(school)


async def opens(school: School) -> None:
    await operations.update_tenant(caller=school.system, changes={"is_explorer_served": True})


@pytest.fixture
async def development(house: House, school: School, bundle: Path) -> AsyncIterator[httpx.AsyncClient]:
    """As `browser`, at a server for development."""
    endpoint = Endpoint(Operations(schema, house.adapters, Documents(schema._schema)), default_tenant=school.slug, base_url=house.adapters.base_url, development=True)
    async with served(Starlette(routes=[Route("/graphql", endpoint)])) as url, httpx.AsyncClient(base_url=url, headers={"Accept": BROWSERS}, timeout=30) as client:
        yield client


def settings(html: str) -> dict[str, object]:
    found = re.search(r'id="settings">(.*?)</script>', html)
    assert found
    said: dict[str, object] = json.loads(found[1])
    return said


class TestWhoGetsIt:
    async def test_a_school_that_has_not_opened_it_has_none(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.get("/graphql")

        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]

    async def test_a_school_that_has_opened_it_has_it_at_once(self, browser: httpx.AsyncClient, school: School) -> None:
        await browser.get("/graphql")
        await opens(school)

        answer = await browser.get("/graphql")

        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert settings(answer.text) == {"demo": None}

    async def test_who_asks_for_json_gets_json(self, browser: httpx.AsyncClient, is_open: None) -> None:
        answer = await browser.get("/graphql", params={"query": "{ __typename }"}, headers={"Accept": "application/json"})

        assert answer.json()["data"] == {"__typename": "Query"}


class TestPage:
    async def test_says_who_may_be_tried(self, development: httpx.AsyncClient) -> None:
        said = settings((await development.get("/graphql")).text)

        assert said["demo"]["tenant"] == "demo"  # type: ignore[index]
        assert said["demo"]["signIns"][0] == {"email": "student@demo.example", "password": "candle-window-4", "name": "Robin Achterberg", "roles": ["STUDENT"]}  # type: ignore[index]

    async def test_tells_no_password_outside_development(self, browser: httpx.AsyncClient, is_open: None) -> None:
        answer = await browser.get("/graphql")

        assert settings(answer.text) == {"demo": None}
        assert "candle-window-4" not in answer.text

    async def test_runs_scripts_of_its_own_only_and_is_framed_by_nobody(self, browser: httpx.AsyncClient, is_open: None) -> None:
        policy = (await browser.get("/graphql")).headers["content-security-policy"]

        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["worker-src"] == rules["connect-src"] == "'self'"
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"

    async def test_is_asked_for_again_each_time_and_told_apart_from_the_api(self, browser: httpx.AsyncClient, is_open: None) -> None:
        headers = (await browser.get("/graphql")).headers

        assert headers["cache-control"] == "no-cache"
        assert headers["vary"] == "Accept, Origin"

    async def test_says_that_it_is_being_built_and_looks_again(self, browser: httpx.AsyncClient, is_open: None, bundle: Path) -> None:
        (bundle / "index.html").unlink()

        answer = await browser.get("/graphql")

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "3"
        assert '<meta http-equiv="refresh" content="3">' in answer.text
        assert "lms-graph explorer build" in answer.text
        assert "<script" not in answer.text


class TestAssets:
    async def test_are_kept_for_a_year(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.get("/graphql/assets/index-abc.js", headers={"Accept-Encoding": "identity"})

        assert answer.content == SCRIPT
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "content-encoding" not in answer.headers

    async def test_come_compressed_to_who_takes_gzip(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.get("/graphql/assets/index-abc.js", headers={"Accept-Encoding": "gzip"})

        assert answer.content == SCRIPT
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert int(answer.headers["content-length"]) < len(SCRIPT)

    async def test_what_was_not_worth_compressing_comes_as_it_is(self, browser: httpx.AsyncClient, bundle: Path) -> None:
        (bundle / "assets" / "small-abc.js").write_bytes(b"1")

        answer = await browser.get("/graphql/assets/small-abc.js", headers={"Accept-Encoding": "gzip"})

        assert (answer.status_code, answer.content) == (200, b"1")

    @pytest.mark.parametrize("path", ["missing.js", "../index.html", "%2e%2e/index.html", "..%2findex.html"])
    async def test_there_is_nothing_else(self, browser: httpx.AsyncClient, path: str) -> None:
        assert (await browser.get(f"/graphql/assets/{path}")).status_code == 404

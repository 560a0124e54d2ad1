"""A town that is watched: API and worker as processes, and all that they tell of themselves."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from lms_graph.embedded.processes import free_port
from tests.fixtures.databases import own_database
from tests.fixtures.processes import Process, until
from tests.journeys.town import Town, seed, town
from tests.telemetry.outside import Outside, Span, outside

# A school where some addresses cannot be kept, for a reason that quotes them: what nobody expected.
UNLUCKY = """
CREATE FUNCTION unlucky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no luck for % with token=%', NEW.email, 'tok-Zm9vYmFy'; END $$;
CREATE TRIGGER unlucky BEFORE INSERT ON accounts FOR EACH ROW WHEN (NEW.email LIKE 'unlucky%') EXECUTE FUNCTION unlucky();
"""


class Watched:
    """The town, those it tells, and where its numbers are shown."""

    def __init__(self, town: Town, told: Outside) -> None:
        self.town = town
        self.told = told
        self.metrics_ports = {"serve": free_port(), "worker": free_port()}

    async def start(self) -> None:
        self.town.environment |= self.told.environment | {"LMS_LOG_LEVEL": "debug", "LMS_METRICS_PORT": str(self.metrics_ports["serve"])}
        self.town.start_worker(LMS_METRICS_PORT=str(self.metrics_ports["worker"]))
        await self.town.start_api()

    def log(self, name: str) -> str:
        return self.process(name).log.read_text()

    def process(self, name: str) -> Process:
        return next(process for process in self.town.processes if process.name == name)

    def lines(self, name: str, **like: Any) -> list[dict[str, Any]]:
        """The lines of a process's log, all or those that say this."""
        lines = [json.loads(line) for line in self.log(name).splitlines()]
        return [line for line in lines if like.items() <= line.items()]

    async def line(self, name: str, **like: Any) -> dict[str, Any]:
        """The one line that says this, as soon as it is there: an answer may be faster than the line about it."""

        async def there() -> bool:
            return bool(self.lines(name, **like))

        await until(there)
        (line,) = self.lines(name, **like)
        return line

    async def span(self, **attributes: Any) -> Span:
        """The one span with these attributes."""

        async def there() -> list[Span]:
            return [span for span in self.told.spans if attributes.items() <= span.attributes.items()]

        await until(there)
        (span,) = await there()
        return span

    async def metrics(self, name: str = "serve") -> dict[str, float]:
        """What a scrape shows."""
        shown = (await self.town.http.get(f"http://127.0.0.1:{self.metrics_ports[name]}/metrics")).text
        return {key: float(value) for key, value in re.findall(r"^(lms_[^ ]+) (\S+)$", shown, re.MULTILINE)}

    async def send(self, document: str, *, name: str | None = None, token: str | None = None, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
        """A document as text, sent to the API; the whole answer."""
        sent = {"X-Tenant": self.town.seed["tenant"]} | ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
        return await self.town.http.post(f"{self.town.url}/graphql", json={"query": document, "operationName": name, "variables": variables}, headers=sent)


@pytest.fixture(scope="session")
def _outset(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[tuple[dict[str, str], str, Path]]:
    folder = tmp_path_factory.mktemp("watched")
    with own_database(servers, environment, f"watched_{worker_id}_{folder.name}") as (own, superuser_url):
        yield own, superuser_url, folder


@pytest.fixture(scope="session")
async def watched(_outset: tuple[dict[str, str], str, Path], anyio_backend: str) -> AsyncIterator[Watched]:
    own, superuser_url, folder = _outset
    async with outside() as told, town(own, superuser_url, folder, await asyncio.to_thread(seed, own)) as place:
        made = Watched(place, told)
        await place.database.execute(UNLUCKY)
        await made.start()
        yield made

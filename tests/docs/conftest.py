"""The demo school as `./dev` runs it: migrated, filled in, served and worked for by processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from lms_graph.embedded.processes import free_port
from lms_graph.integrations.twins.stripe import TEST_KEY, WEBHOOK_SECRET
from tests.docs.reader import Reader
from tests.fixtures.databases import own_database
from tests.fixtures.processes import PROGRAM, Process


@dataclass(frozen=True)
class Demo:
    """Where it answers, what its processes were told, and PostgreSQL's superuser."""

    url: str
    environment: dict[str, str]
    superuser_url: str
    serve: Callable[..., str]
    """`serve(LMS_COST_BUCKET="200")`: where another server of the same school answers, told something else."""


@pytest.fixture(scope="session")
def demo(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Once for all pages."""
    folder = tmp_path_factory.mktemp("demo")
    started: list[Process] = []
    with own_database(servers, environment, f"docs_{os.getpid()}") as (own, _):
        twins, port = free_port(), free_port()
        stripe = {"LMS_STRIPE_SECRET_KEY": TEST_KEY, "LMS_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET, "LMS_STRIPE_URL": f"http://localhost:{twins}/stripe"}
        told = {**own, **stripe, "LMS_DEVELOPMENT": "true", "LMS_DEFAULT_TENANT": "demo"}

        def start(*arguments: str, **settings: str) -> None:
            started.append(Process(arguments[0], [*PROGRAM, *arguments], folder / f"{len(started)}-{arguments[0]}.log", {**told, **settings}))

        def serve(port: int | None = None, **settings: str) -> str:
            url = f"http://localhost:{(port := port or free_port())}"
            start("serve", "--port", str(port), LMS_BASE_URL=url, **settings)
            httpx.Client(transport=httpx.HTTPTransport(retries=9)).get(f"{url}/readyz").raise_for_status()
            return url

        seeded = subprocess.run([*PROGRAM, "seed"], env=told, capture_output=True, text=True, check=False)
        assert seeded.returncode == 0, seeded.stdout + seeded.stderr
        try:
            command = [sys.executable, "-m", "lms_graph.integrations.twins", str(twins), "--webhooks", f"http://localhost:{port}/webhooks/stripe"]
            started.append(Process("twins", command, folder / "twins.log", told))
            url = serve(port)
            start("worker", LMS_BASE_URL=url)
            own_words = {key: value for key, value in told.items() if os.environ.get(key) != value}
            yield Demo(url, own_words | {"LMS_BASE_URL": url}, servers["SUPERUSER_URL"], serve)
        finally:
            for process in reversed(started):
                process.end()


@pytest.fixture
def reader(demo: Demo, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a fresh checkout."""
    with ExitStack() as open:
        yield Reader(tmp_path, demo.url, demo.environment, open)

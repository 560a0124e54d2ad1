"""The demo school as `./dev` runs it: migrated, filled in, served and worked for by processes of their own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import pytest

from lms_graph.embedded.processes import free_port
from tests.docs.reader import Reader
from tests.journeys.town import PROGRAM, Process, own_database


@dataclass(frozen=True)
class Demo:
    """Where it answers, what its processes were told, and PostgreSQL's superuser."""

    url: str
    environment: dict[str, str]
    superuser_url: str


@pytest.fixture(scope="session")
def demo(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Once for all pages."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    url = f"http://localhost:{port}"
    started: list[Process] = []
    with contextmanager(own_database)(servers, environment, f"docs_{os.getpid()}") as (own, _):
        told = {**own, "LMS_BASE_URL": url, "LMS_DEVELOPMENT": "true", "LMS_DEFAULT_TENANT": "demo"}

        def start(*arguments: str) -> Process:
            process = Process(arguments[0], [*PROGRAM, *arguments], folder / f"{arguments[0]}.log", told)
            started.append(process)
            return process

        try:
            seeded = subprocess.run([*PROGRAM, "seed"], env=told, capture_output=True, text=True, check=False)
            assert seeded.returncode == 0, seeded.stdout + seeded.stderr
            start("serve", "--port", str(port))
            start("worker")
            httpx.Client(transport=httpx.HTTPTransport(retries=9)).get(f"{url}/readyz").raise_for_status()
            yield Demo(url, {key: value for key, value in told.items() if key not in os.environ or os.environ[key] != value}, servers["SUPERUSER_URL"])
        finally:
            for process in reversed(started):
                process.end()


@pytest.fixture
def reader(demo: Demo, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a fresh checkout."""
    made = Reader(tmp_path, demo.url, demo.environment)
    yield made
    made.close()

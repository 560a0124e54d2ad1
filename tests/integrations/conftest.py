"""Asyncio for every async test here, and a real browser: fetched when the machine has none."""

from pathlib import Path

import pytest

from lms_graph.integrations import chromium


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def browser_program() -> Path:
    return chromium.find_chromium() or chromium.fetch_chromium()

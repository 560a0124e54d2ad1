"""Connections past the application: as the owner of the tables, and past all policies."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from lms_graph.embedded.postgres import database_url


@pytest.fixture
async def owner(environment: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables."""
    connection = await asyncpg.connect(environment["DATABASE_OWNER_URL"])
    yield connection
    await connection.close()


@pytest.fixture
async def superuser(environment: dict[str, str], servers: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees everything."""
    connection = await asyncpg.connect(database_url(servers["SUPERUSER_URL"], urlsplit(environment["DATABASE_URL"]).path.lstrip("/")))
    yield connection
    await connection.close()

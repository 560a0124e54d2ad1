"""`migrate`: the roles it makes, and what it says when it may not."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from lms_graph.embedded.postgres import create_database, drop_database, run_sql

pytestmark = pytest.mark.anyio


@pytest.fixture
def empty(servers: dict[str, str]) -> Iterator[str]:
    """A database with nothing in it, as the superuser reaches it."""
    name = f"empty_{secrets.token_hex(4)}"
    yield create_database(servers["SUPERUSER_URL"], name)
    drop_database(servers["SUPERUSER_URL"], name)


@pytest.fixture
def login(servers: dict[str, str]) -> Iterator[str]:
    """The name of a login that nobody has yet."""
    name = f"shop_{secrets.token_hex(4)}"
    yield name
    run_sql(servers["SUPERUSER_URL"], f"DROP ROLE IF EXISTS {name}")


def as_user(url: str, user: str, password: str = "") -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}{':' + password if password else ''}@{parts.hostname}:{parts.port}").geturl()


def migrate(owner: str, app: str, system: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Tortoise has one set of connections per process."""
    needed = {
        "DATABASE_OWNER_URL": owner,
        "DATABASE_URL": app,
        "DATABASE_SYSTEM_URL": system,
        "REDIS_URL": "-",
        "S3_BUCKET": "-",
        "S3_ACCESS_KEY_ID": "-",
        "S3_SECRET_ACCESS_KEY": "-",
        "LMS_SECRET_KEYS": "-",
    }
    return subprocess.run([sys.executable, "-m", "lms_graph.cli", "migrate"], env=os.environ | needed, capture_output=True, text=True, timeout=60)


async def test_makes_the_login_that_the_url_names_a_member(empty: str, login: str) -> None:
    done = migrate(empty, as_user(empty, login, "s3cret'word"), as_user(empty, "lms_system"))
    assert done.returncode == 0, done.stderr

    connection = await asyncpg.connect(as_user(empty, login))
    try:
        assert await connection.fetchval("SELECT count(*) FROM tenants") == 0
        assert await connection.fetchval("SELECT pg_has_role('lms_app', 'MEMBER')")
        assert not await connection.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    finally:
        await connection.close()


async def test_says_what_a_superuser_must_run_and_keeps_the_password(empty: str, login: str) -> None:
    run_sql(empty, "GRANT ALL ON SCHEMA public TO lms_owner")

    refused = migrate(as_user(empty, "lms_owner"), as_user(empty, login, "s3cret"), as_user(empty, "lms_system"))

    assert refused.returncode == 1
    assert f"CREATE ROLE {login} LOGIN PASSWORD '…';" in refused.stderr
    assert f"GRANT lms_app TO {login};" in refused.stderr
    assert "s3cret" not in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_drops_raw_progress_past_the_stated_months_and_makes_the_coming_ones(empty: str) -> None:
    assert migrate(empty, as_user(empty, "lms_app"), as_user(empty, "lms_system")).returncode == 0
    owner = await asyncpg.connect(empty)
    try:
        await owner.execute("CREATE TABLE progress_events_2020_01 PARTITION OF progress_events FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')")
        system = await asyncpg.connect(as_user(empty, "lms_system"))
        try:
            await system.fetchval("SELECT prepare_progress_partitions(5, 13)")
        finally:
            await system.close()
        names = [row["relname"] for row in await owner.fetch("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'r' ORDER BY 1")]
        months = [row[0] for row in await owner.fetch("SELECT to_char(now() AT TIME ZONE 'UTC' + n * interval '1 month', 'YYYY_MM') FROM generate_series(0, 5) AS n")]
    finally:
        await owner.close()

    assert names == [f"progress_events_{month}" for month in months]

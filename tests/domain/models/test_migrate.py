"""`migrate`: the roles it makes, what it says when it may not, and what it does where tables are in use."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from lms_graph.embedded.postgres import create_database, database_url, drop_database, run_sql

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


def settings(owner: str, app: str, system: str) -> dict[str, str]:
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
    return os.environ | needed


def migrate(owner: str, app: str, system: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Tortoise has one set of connections per process."""
    return subprocess.run([sys.executable, "-m", "lms_graph.cli", "migrate"], env=settings(owner, app, system), capture_output=True, text=True, timeout=60)


# As `lms-graph migrate`, with less patience.
HURRIED = (
    "from lms_graph import cli; from lms_graph.models import database; database.LOCK_SECONDS, database.PAUSE_SECONDS, database.LOCK_TRIES = 0.5, 0.1, {tries}; cli.app(['migrate'])"
)
FIRST_ONLY = """
import asyncio, sys
from tortoise.migrations.api import migrate
from lms_graph.models.database import configuration
asyncio.run(migrate(config=configuration(sys.argv[1], sys.argv[1]), target="models.0001_initial"))
"""
AS_TORTOISE_DOES = FIRST_ONLY.replace(', target="models.0001_initial"', "")
SCHEMA = """
SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'pg_stat%'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('%s %s %s %s %s', tablename, policyname, cmd, qual, with_check) FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT format('%s %s', objoid::regclass, description) FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
ORDER BY 1
"""


@pytest.fixture
def behind(empty: str) -> str:
    """A database before the second migration, as the superuser reaches it."""
    done = subprocess.run([sys.executable, "-c", FIRST_ONLY, empty], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return empty


@pytest.fixture
async def held(behind: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection whose transaction has read a table that the next migration changes."""
    connection = await asyncpg.connect(behind, server_settings={"application_name": "a long report"})
    await connection.execute("BEGIN; SELECT FROM tenants")
    yield connection
    await connection.close()


async def migrate_in_a_hurry(url: str, *, tries: int) -> asyncio.subprocess.Process:
    environment = settings(url, as_user(url, "lms_app"), as_user(url, "lms_system")) | {"LMS_LOG_FORMAT": "json"}
    return await asyncio.create_subprocess_exec(sys.executable, "-c", HURRIED.format(tries=tries), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)


async def test_makes_what_tortoise_makes(empty: str, servers: dict[str, str]) -> None:
    """`models/migrating.py` leaves out work of Tortoise's, and nothing that comes of it."""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", AS_TORTOISE_DOES, empty], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

    made = []
    for url in (empty, database_url(servers["SUPERUSER_URL"], "template")):
        connection = await asyncpg.connect(url)
        made.append([row[0] for row in await connection.fetch(SCHEMA)])
        await connection.close()

    assert made[0] == made[1]
    assert len(made[0]) > 2000


async def test_tries_again_while_a_table_is_in_use(behind: str, held: asyncpg.Connection) -> None:
    migrating = await migrate_in_a_hurry(behind, tries=1000)
    assert migrating.stderr
    line = await migrating.stderr.readline()
    assert b"migrate.blocked" in line

    await held.execute("COMMIT")
    out, _ = await migrating.communicate()

    assert (migrating.returncode, out) == (0, b"The database is up to date.\n")
    assert await held.fetchval("SELECT count(*) FROM tenants WHERE is_explorer_served") == 0


async def test_gives_up_in_the_end_and_names_who_is_in_the_way(behind: str, held: asyncpg.Connection) -> None:
    migrating = await migrate_in_a_hurry(behind, tries=2)
    _, told = await migrating.communicate()

    who = f"process {held.get_server_pid()} of {urlsplit(behind).username} (a long report)"
    assert migrating.returncode == 1
    assert told.decode().count("migrate.blocked") == 2
    assert f"A table that must change is in use: {who}." in told.decode()
    assert "Traceback" not in told.decode()
    assert not await held.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")


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

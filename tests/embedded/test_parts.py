import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import textwrap

import asyncpg
import pytest
import redis
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from lms_graph.embedded import parts, postgres
from lms_graph.embedded.parts import running
from lms_graph.embedded.processes import PartFailed

# A user namespace that may make no further ones, as in many containers; the caller must be root.
WITHOUT_NAMESPACES = textwrap.dedent("""
    import ctypes, os, sys
    ready, told = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        if ctypes.CDLL(None).unshare(0x10000000):
            os._exit(99)
        os.write(ready[1], b"x")
        os.read(told[0], 1)
        os.setgid(0)
        os.setuid(0)
        with open("/proc/sys/user/max_user_namespaces", "w") as limit:
            limit.write("0")
        os.execv(sys.argv[1], sys.argv[1:])
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{name}", "w") as mapping:
            mapping.write("0 0 65536")
    os.write(told[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
needs_namespaces = pytest.mark.skipif(not postgres.user_namespaces_work(), reason="another user is made with a user namespace, which this machine forbids")


def fetch(url, statement):
    async def run():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def execute(url, statement):
    postgres.run_sql(url, statement)


@contextlib.asynccontextmanager
async def bucket(environment):
    async with get_session().create_client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT"],
        region_name=environment["S3_REGION"],
        aws_access_key_id=environment["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
        config=AioConfig(s3={"addressing_style": "path"}),
    ) as client:
        yield client


def store(environment, key, body):
    async def run():
        async with bucket(environment) as client:
            await client.put_object(Bucket=environment["S3_BUCKET"], Key=key, Body=body, ContentType="text/x-probe")

    asyncio.run(run())


def stored(environment, key):
    async def run():
        async with bucket(environment) as client:
            answer = await client.get_object(Bucket=environment["S3_BUCKET"], Key=key)
            return await answer["Body"].read(), answer["ContentType"]

    return asyncio.run(run())


class TestDatabase:
    def test_has_three_roles_bound_by_row_policies(self, servers):
        for variable, role in (
            ("DATABASE_URL", "lms_app"),
            ("DATABASE_OWNER_URL", "lms_owner"),
            ("DATABASE_SYSTEM_URL", "lms_system"),
        ):
            [row] = fetch(
                servers[variable],
                "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, current_database() AS database FROM pg_roles WHERE rolname = current_user",
            )
            assert tuple(row.values()) == (role, False, False, False, False, "lms")

    def test_belongs_to_the_owner_and_has_the_extensions(self, servers):
        owner = fetch(servers["SUPERUSER_URL"], "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'lms'")
        extensions = fetch(servers["SUPERUSER_URL"], "SELECT extname FROM pg_extension")

        assert owner[0][0] == "lms_owner"
        assert {"pg_trgm", "unaccent", "btree_gin", "pg_stat_statements"} <= {row[0] for row in extensions}

    def test_lets_only_the_owner_make_tables(self, servers):
        execute(servers["DATABASE_OWNER_URL"], "CREATE TABLE mine (id int); DROP TABLE mine;")

        for variable in ("DATABASE_URL", "DATABASE_SYSTEM_URL"):
            with pytest.raises(PartFailed, match="permission denied"):
                execute(servers[variable], "CREATE TABLE mine (id int)")

    def test_can_be_copied_and_dropped(self, servers):
        template = postgres.create_database(servers["SUPERUSER_URL"], "shape")
        execute(template, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7);")

        copy = postgres.create_database(servers["SUPERUSER_URL"], "copy", template="shape")

        assert fetch(copy, "SELECT id FROM kept")[0][0] == 7
        for name in ("copy", "shape"):
            postgres.drop_database(servers["SUPERUSER_URL"], name)
        names = {row[0] for row in fetch(servers["SUPERUSER_URL"], "SELECT datname FROM pg_database")}
        assert not names & {"copy", "shape"}


class TestRedis:
    def test_evicts_nothing(self, servers):
        with redis.Redis.from_url(servers["REDIS_URL"]) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


class TestObjectStore:
    def test_has_the_bucket(self, servers):
        body = secrets.token_bytes(100)

        store(servers, "a/b", body)

        assert stored(servers, "a/b") == (body, "text/x-probe")

    def test_refuses_a_wrong_secret(self, servers):
        with pytest.raises(Exception, match="SignatureDoesNotMatch"):
            store(servers | {"S3_SECRET_ACCESS_KEY": "wrong"}, "a/b", b"")


class TestRunning:
    def test_keeps_data_over_a_restart_and_over_being_killed(self, tmp_path, hold_parts, processes_with, soon):
        data = tmp_path / "a folder"
        first = hold_parts(data)
        execute(first.environment["DATABASE_OWNER_URL"], "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1);")
        with redis.Redis.from_url(first.environment["REDIS_URL"]) as client:
            client.set("kept", "yes")
        store(first.environment, "kept", b"yes")
        first.leave()
        assert processes_with(data) == []

        second = hold_parts(data)
        execute(second.environment["DATABASE_OWNER_URL"], "INSERT INTO kept VALUES (2);")
        second.process.kill()
        second.process.wait()
        third = hold_parts(data)

        assert [row[0] for row in fetch(third.environment["DATABASE_OWNER_URL"], "SELECT id FROM kept ORDER BY id")] == [1, 2]
        with redis.Redis.from_url(third.environment["REDIS_URL"]) as client:
            assert client.get("kept") == b"yes"
        assert stored(third.environment, "kept") == (b"yes", "text/x-probe")
        third.process.kill()
        third.process.wait()
        assert soon(lambda: not processes_with(data))

    def test_two_run_side_by_side_but_not_in_one_folder(self, tmp_path, hold_parts, servers):
        other = hold_parts(tmp_path / "other")

        for variable in ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT"):
            assert other.environment[variable] != servers[variable]
        assert fetch(other.environment["DATABASE_URL"], "SELECT 1")[0][0] == 1
        assert fetch(servers["DATABASE_URL"], "SELECT 1")[0][0] == 1

        with pytest.raises(PartFailed, match=f"in use by process {other.process.pid}"), running(tmp_path / "other", environment={}):
            pass
        assert fetch(other.environment["DATABASE_URL"], "SELECT 1")[0][0] == 1

    def test_starts_nothing_that_is_given(self, tmp_path, processes_with):
        given = {name: f"given-{name}" for name in parts.VARIABLES}

        with running(tmp_path, environment=given | {"PATH": "x"}) as found:
            assert found.environment == given
            assert found.superuser_url is None
            assert processes_with(tmp_path) == []

    def test_starts_what_is_not_given(self, tmp_path):
        given = {name: f"given-{name}" for name in (*parts.DATABASE_VARIABLES, *parts.S3_VARIABLES)}

        with running(tmp_path, environment=given) as found:
            assert given.items() <= found.environment.items()
            with redis.Redis.from_url(found.environment["REDIS_URL"]) as client:
                assert client.ping()

    @pytest.mark.parametrize(
        ("given", "lacking"),
        [("DATABASE_URL", "DATABASE_OWNER_URL, DATABASE_SYSTEM_URL"), ("S3_ENDPOINT", "S3_REGION, S3_BUCKET")],
    )
    def test_says_what_is_lacking_beside_a_given_one(self, tmp_path, given, lacking):
        with (
            pytest.raises(PartFailed, match=f"{given} given, but not {lacking}"),
            running(tmp_path, environment={given: "somewhere"}),
        ):
            pass

    @only_root
    @needs_namespaces
    def test_runs_as_an_ordinary_user(self, tmp_path, hold_parts):
        holder = hold_parts(tmp_path / "data", prefix=["unshare", "--user", "--map-user=1000", "--map-group=1000"])

        assert fetch(holder.environment["DATABASE_URL"], "SELECT 1")[0][0] == 1

    @only_root
    @needs_namespaces
    def test_runs_as_root_without_user_namespaces(self, tmp_path, hold_parts, processes_with, soon):
        # Like a private home: what nobody runs must be moved out of it.
        tmp_path.chmod(0o700)
        data = tmp_path / "data"

        holder = hold_parts(data, prefix=[sys.executable, "-c", WITHOUT_NAMESPACES])

        assert fetch(holder.environment["DATABASE_URL"], "SELECT 1")[0][0] == 1
        place = (data / "postgres").resolve()
        assert place.stat().st_uid == postgres.NOBODY
        holder.leave()
        assert soon(lambda: not processes_with(place))
        shutil.rmtree(place)

"""What the pages tell a reader to do is done: commands, requests and programs, in their order, against the demo school as `./dev` runs it.

`localhost:8000` is the one thing that is changed. What is not run says why beside itself; `test_pages.py` lists it.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.docs.conftest import Demo
from tests.docs.pages import BLOCKS
from tests.docs.reader import Reader

pytestmark = pytest.mark.xdist_group("docs")

PAGES = sorted({block.page for block in BLOCKS if block.language in ("sh", "ts", "json", "graphql")} - {"docs/quickstart.md", "docs/typescript.md"})


@pytest.mark.parametrize("page", PAGES)
def test_the_page_does_what_it_says(page: str, reader: Reader) -> None:
    reader.follow(page)


class TestTheQuickstart:
    def test_does_what_it_says_and_so_does_the_page_that_goes_on_from_it(self, reader: Reader, demo: Demo) -> None:
        reader.follow("docs/quickstart.md")
        shop = reader.here
        reader.follow("docs/typescript.md")
        assert reader.here == shop

        # A connection that breaks once the first message is there, and a token that is about to end.
        live, enroll = shop / "src" / "live.ts", shop / "src" / "enroll.ts"
        enroll.write_text(enroll.read_text().replace("60_000", "3_600_000"))
        with breaking(demo.url) as (address, broken):
            live.write_text(live.read_text().replace(reader.at_the_server("ws://localhost:8000"), address))
            told = reader.shell_out("node src/live.ts", "src/live.ts")
        assert broken == ["broken"]
        assert told.splitlines()[-2:] == ["now: 0 %", "done: What a stop is - 25 %"]

        # A bucket that is soon empty.
        course = shop / "src" / "course.ts"
        course.write_text(course.read_text().replace(demo.url, demo.serve(LMS_COST_LIMIT="200", LMS_COST_BUCKET="200", LMS_COST_PER_SECOND="500")))
        (shop / "src" / "hurried.ts").write_text(HURRIED)
        told = reader.shell_out("npx tsc && node src/hurried.ts", "src/patient.ts")
        assert told.splitlines()[-1] == "6 answered, some asked again: true"


class TestTheStatementsForPostgreSQL:
    @pytest.mark.anyio
    async def test_make_an_owner_that_the_policies_bind(self, demo: Demo) -> None:
        """Under other names: these are taken here."""
        (block,) = [block for block in BLOCKS if block.language == "sql" and "CREATE ROLE" in block.body]
        sql = block.body.replace("lms_owner", "docs_owner").replace("DATABASE lms ", "DATABASE docs_lms ")
        connection = await asyncpg.connect(demo.superuser_url)
        try:
            for statement in sql.split(";")[:-1]:
                await connection.execute(statement)
            role = await connection.fetchrow("SELECT rolsuper, rolbypassrls, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = 'docs_owner'")
            owner = await connection.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'docs_lms'")
        finally:
            await connection.execute("DROP DATABASE IF EXISTS docs_lms")
            await connection.execute("DROP ROLE IF EXISTS docs_owner")
            await connection.close()

        assert (tuple(role), owner) == ((False, False, True, True), "docs_owner")

    @pytest.mark.anyio
    async def test_find_no_transaction_of_the_ledger_that_does_not_balance(self, demo: Demo) -> None:
        (block,) = [block for block in BLOCKS if block.language == "sql" and "ledger_entries" in block.body]
        connection = await asyncpg.connect(demo.superuser_url, database=urlsplit(demo.environment["DATABASE_URL"]).path.lstrip("/"))
        try:
            assert await connection.fetch(block.body) == []
        finally:
            await connection.close()


HURRIED = """
import { client, course } from './course.ts'
import { CourseDocument } from './gql/graphql.ts'
import { patiently } from './patient.ts'

let asked = 0
const ask = () => {
  asked++
  return client.request(CourseDocument, { slug: 'exposure-in-an-evening' })
}
const answers = await Promise.all(Array.from({ length: 6 }, () => patiently(ask)))
console.log(`${answers.filter((answer) => answer.course?.id === course.id).length} answered, some asked again: ${asked > 6}`)
"""


@contextmanager
def breaking(url: str) -> Iterator[tuple[str, list[str]]]:
    """A way to the server that breaks right after the first message of a subscription, refuses the next connection, and holds from then on."""
    there = urlsplit(url)
    broken: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pass_on(source: socket.socket, target: socket.socket, watch: bool) -> None:
            try:
                while part := source.recv(65_536):
                    target.sendall(re.sub(rb"(?i)sec-websocket-extensions:[^\r]*\r\n", b"", part))  # uncompressed, it can be read here
                    if watch and not broken and b'"next"' in part:
                        broken.append("broken")
                        break
            except OSError:
                pass
            for end in (source, target):
                with_no_error(end)

        def accept() -> None:
            refused = False
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                if broken and not refused:
                    refused = True
                    client.close()
                    continue
                server = socket.create_connection((there.hostname or "", there.port or 0))
                threading.Thread(target=pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=pass_on, args=(server, client, True), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}", broken


def with_no_error(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return

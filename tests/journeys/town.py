"""The product as it runs in the world: API and workers as processes of their own, on a database and a Valkey that nobody else uses."""

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2 as httpx

from lms_graph.embedded import valkey
from lms_graph.embedded.processes import free_port
from tests.architecture.sources import ROOT
from tests.fixtures.client import DOCUMENTS
from tests.fixtures.processes import PROGRAM, Process, answers, until
from tests.journeys.live import Socket, socket_at


@dataclass(frozen=True)
class Learner:
    """Somebody in a run of the course."""

    token: str
    run: str
    run_id: UUID


@dataclass
class Town:
    """Everything that runs, and a look into the database."""

    environment: dict[str, str]
    folder: Path
    database: asyncpg.Connection
    seed: dict[str, Any]
    processes: list[Process] = field(default_factory=list)
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))
    port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)

    # What runs.

    def start_redis(self) -> Process:
        command = [valkey.binary(), "--bind", "127.0.0.1", "--port", str(self.redis_port), "--dir", self.folder, "--save", "", "--appendonly", "no"]
        return self._start("valkey", command)

    def start_worker(self, **environment: str) -> Process:
        return self._start("worker", [*PROGRAM, "worker"], self.environment | environment)

    async def start_api(self) -> Process:
        api = self._start("serve", [*PROGRAM, "serve", "--port", str(self.port)], self.environment)
        await answers(f"{self.url}/readyz", api)
        return api

    def _start(self, name: str, command: list[Any], environment: dict[str, str] | None = None) -> Process:
        process = Process(name, command, self.folder / f"{len(self.processes):02}-{name}.log", environment)
        self.processes.append(process)
        return process

    def running(self, name: str) -> Process:
        """The one that runs under a name."""
        (process,) = [process for process in self.processes if process.name == name and process.exit_code is None]
        return process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> str:
        """The output of a verb of the operator."""
        done = subprocess.run([*PROGRAM, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def redis(self, *words: str) -> bytes:
        """Say something to Valkey."""
        with socket.create_connection(("127.0.0.1", self.redis_port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(1000)

    # What people do.

    async def ask(self, document: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        headers = {"X-Tenant": self.seed["tenant"]} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = await self.http.post(f"{self.url}/graphql", json={"query": DOCUMENTS.get(document, document), "variables": variables}, headers=headers)
        body = answer.json()
        assert not body.get("errors"), body["errors"]
        ((_, value),) = body["data"].items()
        assert not value.get("errors"), value["errors"]
        result: dict[str, Any] = value
        return result

    async def learner(self) -> Learner:
        """Somebody new in a run of the course, one lecture before its end."""
        token = self.seed["tokens"].pop()
        enrolled = await self.ask("Enroll", token, input={"courseId": self.seed["course"], "idempotencyKey": uuid4().hex})
        run = enrolled["enrollment"]["id"]
        from lms_graph.kit.ids import parse_id

        parsed = parse_id(run)
        assert parsed
        return Learner(token, run, parsed[1])

    async def complete(self, learner: Learner) -> dict[str, Any]:
        """The last lecture, and with it the run."""
        return await self.ask("CompleteLecture", learner.token, input={"enrollmentId": learner.run, "lectureId": self.seed["lecture"]})

    @asynccontextmanager
    async def progress(self, learner: Learner) -> AsyncIterator[Socket]:
        """The learner's own live stream."""
        async with socket_at(self.url, self.seed["tenant"], learner.token, "MyProgress", enrollmentId=learner.run) as live:
            yield live

    # What came of it.

    async def value(self, sql: str, *parameters: Any) -> Any:
        return await self.database.fetchval(sql, *parameters)

    async def delivery(self, learner: Learner, reaction: str) -> asyncpg.Record | None:
        return await self.database.fetchrow(
            "SELECT d.* FROM deliveries d JOIN facts f ON f.id = d.fact_id WHERE f.payload->>'enrollment_id' = $1 AND d.reaction = $2", str(learner.run_id), reaction
        )

    async def certificates(self, learner: Learner) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.database.fetch("SELECT * FROM certificates WHERE subject_id = $1", learner.run_id)
        return rows

    async def unfinished(self) -> int:
        return int(
            await self.value(
                "SELECT (SELECT count(*) FROM facts WHERE position IS NULL) + (SELECT count(*) FROM deliveries WHERE state = 'SENT' OR (state = 'PENDING' AND due_at <= now()))"
            )
        )

    async def waiting_for_locks(self) -> bool:
        return bool(await self.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND usename LIKE 'lms%'"))

    async def quiet(self, *, seconds: float = 30) -> float:
        """Wait until everything has followed; gives how long that took."""

        async def nothing_left() -> bool:
            return await self.unfinished() == 0

        return await until(nothing_left, seconds=seconds, else_tell=self.tails)

    async def require_one_certificate(self, learner: Learner) -> None:
        """Exactly one of everything, and the PDF can be had."""
        (row,) = await self.certificates(learner)
        assert row["pdf_file_id"] is not None
        about = str(learner.run_id)
        facts = await self.database.fetch("SELECT name, sequence FROM facts WHERE payload->>'enrollment_id' = $1 ORDER BY sequence", about)
        assert [fact["name"] for fact in facts] == ["EnrollmentOpened", "LectureCompleted", "CourseCompleted", "CertificateIssued", "CertificateReady"]
        assert [fact["sequence"] for fact in facts] == [1, 2, 3, 4, 5]
        assert await self.value("SELECT count(*) FROM files WHERE id = $1", row["pdf_file_id"]) == 1
        assert await self.value("SELECT count(*) FROM files") == await self.value("SELECT count(*) FROM certificates WHERE pdf_file_id IS NOT NULL")
        states = await self.database.fetch("SELECT DISTINCT d.state FROM deliveries d JOIN facts f ON f.id = d.fact_id WHERE f.payload->>'enrollment_id' = $1", about)
        assert [state[0] for state in states] == ["DONE"]
        shown = await self.ask("VerifyCertificate", code=row["code"])
        assert shown["status"] == "VALID"
        learning = await self.ask("Learn", learner.token, id=learner.run)
        assert (await self.http.get(learning["certificate"]["pdfUrl"])).content.startswith(b"%PDF")

    def tails(self) -> str:
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]) for log in sorted(self.folder.glob("*.log")))


def seed(environment: dict[str, str], module: str = "tests.journeys.seed") -> dict[str, Any]:
    """A school with a course and learners, or what another module makes, made through the domain in a process of its own."""
    done = subprocess.run([sys.executable, "-m", module], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@asynccontextmanager
async def town(environment: dict[str, str], superuser_url: str, folder: Path, seeded: dict[str, Any]) -> AsyncIterator[Town]:
    """A Valkey of its own and nothing else runs yet."""
    connection = await asyncpg.connect(superuser_url)
    made = Town(environment, folder, connection, seeded)
    made.environment = environment | {"REDIS_URL": f"redis://127.0.0.1:{made.redis_port}/0", "LMS_BASE_URL": made.url}
    try:
        made.start_redis()
        yield made
    finally:
        for process in reversed(made.processes):
            process.end()
        await made.http.aclose()
        await connection.close()

"""The server that is attacked, who attacks it, and what every answer must be."""

import asyncio
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx

from tests.factories.accounts import PASSWORD
from tests.factories.schools import FullSchool
from tests.fixtures.serving import Serving
from tests.fuzz.wire import Answer, Wire, request

# By hand: `LMS_FUZZ_SECONDS=600 ./test tests/fuzz` takes other examples each time. Without it, the same ones in about a minute.
SECONDS = float(os.environ.get("LMS_FUZZ_SECONDS", "60"))
BY_HAND = "LMS_FUZZ_SECONDS" in os.environ

CODES = {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "BAD_USER_INPUT", "COST_EXCEEDED", "RATE_LIMITED", "DOCUMENT_UNKNOWN", "UNAVAILABLE"}
MAX_ANSWER_BYTES = 200_000
MEDIA_TYPES = {"application/json", "application/graphql-response+json", "text/event-stream"}
# What only somebody who reads our code or our tables should see.
INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|lms_graph|strawberry|asyncpg|tortoise|object at 0x|<class |\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) \w+ ?(FROM|SET|\()|relation \"|Exception\b|Error\("
)

WHO = ["visitor", "student", "instructor", "admin"]


@dataclass
class Target:
    """A server with a school, and a session for each of its people."""

    serving: Serving
    school: FullSchool
    emails: dict[str, str]
    database_url: str
    requests: int = 0
    _read: int = 0
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.serving.url}/graphql"

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.serving.url.removeprefix("http://").split(":")
        return host, int(port)

    def token(self, who: str) -> str:
        """An access token of a session that lives: what is sent may end one, and they end by themselves."""
        held = self._tokens.get(who)
        if not held or "errors" in self._ask("{ viewer { id } }", {}, held):
            document = "mutation ($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }"
            told = self._ask(document, {"input": {"email": self.emails[who], "password": PASSWORD}})
            held = self._tokens[who] = told["data"]["signIn"]["session"]["accessToken"]
        return held

    def _ask(self, query: str, variables: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        headers = {"X-Tenant": self.school.school.slug} | ({"Authorization": f"Bearer {token}"} if token else {})
        told: dict[str, Any] = self._http.post(self.url, json={"query": query, "variables": variables}, headers=headers).json()
        return told if "viewer" not in query or (told.get("data") or {}).get("viewer") else {"errors": []}

    def headers(self, who: str) -> dict[str, str]:
        return {"X-Tenant": self.school.school.slug} | ({} if who == "visitor" else {"Authorization": f"Bearer {self.token(who)}"})

    def post(self, body: bytes | dict[str, Any], headers: Mapping[str, str]) -> Any:
        """The answer to a request that is well formed as HTTP, if it is what every answer must be."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", self.url, content=content, headers={"Content-Type": "application/json", **headers})

    def send(self, method: str, url: str, **options: Any) -> Any:
        self.requests += 1
        with self._http.stream(method, url, **options) as answer:
            content = _first_event(answer) if answer.headers.get("content-type", "").startswith("text/event-stream") else answer.read()
        return checked(answer.status_code, answer.headers.get("content-type", ""), content)

    def by_hand(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> Answer:
        """Whatever headers: a client's library would not send them. The answer, if the server gave one."""
        self.requests += 1
        with Wire(self.address) as wire:
            lines = [name + b": " + value for name, value in headers]
            wire.send(request(*lines, method=method.encode(), target=path.encode(), body=body))
            answer = wire.answer(method)
        assert answer, (method, path, headers)
        return answer

    def still_stands(self) -> None:
        """The process answers, and its log holds no error that nobody thought of."""
        assert self.serving.process.exit_code is None, "the process has ended"
        assert self._http.post(self.url, json={"query": "{ storefront { slug } }"}, headers=self.headers("visitor")).json()["data"] == {
            "storefront": {"slug": self.school.school.slug}
        }
        with self.serving.process.log.open("rb") as file:
            file.seek(max(0, self._read - len("Traceback") + 1))  # it has a line for each request: what was read before is not read again, but for half a word
            log, self._read = file.read().decode(errors="replace"), file.tell()
        at = log.find("Traceback")
        assert at < 0, log[max(0, at - 1000) : at + 3000]

    def knows(self, wire: Wire) -> bool:
        """Whether the process still holds its end of a connection."""
        port = f":{wire.socket.getsockname()[1]:04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        return any(line[2].endswith(port) and line[9] != "0" for line in lines)  # what no process holds has no inode

    def memory(self) -> int:
        """Resident bytes of the process, once it has answered."""
        self.still_stands()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.serving.process.id}/status").read_text())[0]) * 1024

    def rows(self, *but: str) -> dict[str, tuple[int, int]]:
        """How many rows each table has, and a sum over what they hold."""
        return asyncio.run(_rows(self.database_url, but))


def _first_event(answer: httpx.Response) -> bytes:
    """What a stream begins with; nothing, if it only waits."""
    answer.request.extensions["timeout"]["read"] = 0.5
    try:
        return next((line.removeprefix("data: ").encode() for line in answer.iter_lines() if line.startswith("data: {")), b"")
    except httpx.ReadTimeout:
        return b""


async def _rows(url: str, but: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition")
        return {name: tuple(await connection.fetchrow(f"SELECT count(*), coalesce(sum(hashtext(t::text)), 0) FROM {name} t")) for (name,) in tables if name not in but}
    finally:
        await connection.close()


def checked(status: int, content_type: str, content: bytes) -> Any:
    """The body of an answer, if it is what every answer to anything must be."""
    assert status < 500, (status, content[:2000])
    assert len(content) <= MAX_ANSWER_BYTES, len(content)
    if status == 204 and not content:
        return None
    assert content_type.partition(";")[0] in MEDIA_TYPES, (status, content_type, content[:300])
    body = json.loads(content) if content else None
    for error in errors(body):
        assert error["extensions"]["code"] in CODES, error
        found = INSIDES.search(error["message"])
        assert not found, (found, error)
    if status >= 400:
        assert content == b"" or body["errors"], content
    return body


def errors(body: Any) -> Iterator[dict[str, Any]]:
    """The errors of an answer, at top level."""
    if isinstance(body, dict):
        yield from body.get("errors") or ()

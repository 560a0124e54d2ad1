"""`lms-graph demo`: a learner's whole way through the API of a running server, told as it goes.

It is a client like any other: HTTP for queries and mutations, graphql-transport-ws for the run's progress, server-sent events for the certificate.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson
import websockets
import yaml
from rich.console import Console

COURSE = "exposure-in-an-evening"
WAIT_SECONDS = 120

STOREFRONT = "{ storefront { name currency } categories { name courseCount } }"
CATALOG = "query ($search: String) { courses(first: 3, search: $search) { totalCount nodes { title } } }"
COURSE_PAGE = """query ($slug: String!) { course(slug: $slug) { id title access { __typename allowed }
  sections { title lectures { id title contentType durationSeconds isPreview access { allowed } } } instructors { instructor { name } } } }"""
SIGN_UP = "mutation ($input: SignUpInput!) { signUp(input: $input) { session { accessToken } viewer { name } errors { message } } }"
ENROLL = (
    "mutation ($input: CourseEnrollInput!) { courseEnroll(input: $input) { enrollment { id progressPercent requirements { kind lecture { title } } } errors { code message } } }"
)
COMPLETE = "mutation ($input: LectureCompleteInput!) { lectureComplete(input: $input) { enrollment { progressPercent } errors { code message } } }"
RECORD = "mutation ($input: ProgressRecordInput!) { progressRecord(input: $input) { results { status reason } enrollment { progressPercent } errors { code message } } }"
START = """mutation ($input: AttemptStartInput!) { attemptStart(input: $input) { attempt { id secondsLeft
  questions { __typename id prompt { html } ... on ChoicePrompt { multiple options { id text } } } } errors { code message } } }"""
SAVE = "mutation ($input: AttemptAnswerSaveInput!) { attemptAnswerSave(input: $input) { savedAt errors { code message } } }"
SUBMIT = "mutation ($input: AttemptSubmitInput!) { attemptSubmit(input: $input) { attempt { result { score passed } } enrollment { progressPercent } errors { code message } } }"
PROGRESS = (
    "subscription ($id: ID!) { enrollmentProgress(enrollmentId: $id) { sequence enrollment { progressPercent status } lecture { title } lectureCompleted certificate { code } } }"
)
CERTIFICATE = "subscription ($id: ID!) { certificateUpdated(enrollmentId: $id) { code status pdfUrl } }"
VERIFY = "query ($code: String!) { certificate(code: $code) { status studentName courseTitle issuedAt verifyUrl pdfSha256 } }"


class StoryBroken(Exception):
    """A step did not answer as it must; says which and what."""


async def play(*, url: str, tenant: str, out: Path) -> Path:
    """Play the story; gives where the certificate's PDF is. Raises StoryBroken."""
    story = _Story(url.rstrip("/"), tenant, Console(highlight=False))
    async with story:
        return await story.play(out)


class _Story:
    def __init__(self, url: str, tenant: str, console: Console) -> None:
        self.url = url
        self.tenant = tenant
        self.console = console
        self.token = ""
        self.stack = AsyncExitStack()
        self.http = httpx.AsyncClient(timeout=30)

    async def __aenter__(self) -> "_Story":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()
        await self.http.aclose()

    def tell(self, line: str) -> None:
        self.console.print(line)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Tenant": self.tenant} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    async def ask(self, document: str, **variables: Any) -> Any:
        """The one root field's value, or all of them; raises StoryBroken on any error."""
        try:
            answer = await self.http.post(f"{self.url}/graphql", json={"query": document, "variables": variables}, headers=self.headers)
        except httpx.TransportError as error:
            raise StoryBroken(f"Nothing answers at {self.url} ({error}). Start the server with ./dev, or name another with --url.") from None
        body = answer.json()
        if body.get("errors"):
            raise StoryBroken(f"The server refused: {body['errors'][0]['message']}")
        data = body["data"]
        value = next(iter(data.values())) if len(data) == 1 else data
        if isinstance(value, dict) and value.get("errors"):
            raise StoryBroken(f"The server refused: {value['errors'][0]['message']}")
        return value

    async def play(self, out: Path) -> Path:
        await self.browse()
        run, lectures = await self.enroll()
        live = asyncio.create_task(self.watch(run))
        for lecture in lectures:
            await {"TEXT": self.read, "VIDEO": self.see, "QUIZ": self.sit}[lecture["contentType"]](run, lecture)
        path = await self.fetch_certificate(run, out)
        live.cancel()
        return path

    async def browse(self) -> None:
        shop = await self.ask(STOREFRONT)
        shelves = ", ".join(f"{category['name']} ({category['courseCount']})" for category in shop["categories"])
        self.tell(f"[bold]{shop['storefront']['name']}[/] has {shelves}.")
        found = await self.ask(CATALOG, search="expsoure evning")
        self.tell(f"A visitor searches for “expsoure evning” and finds {', '.join(course['title'] for course in found['nodes']) or 'nothing'}.")

    async def enroll(self) -> tuple[str, list[dict[str, Any]]]:
        course = await self.ask(COURSE_PAGE, slug=COURSE)
        if course is None:
            raise StoryBroken(f"The school {self.tenant} has no course {COURSE}: run `lms-graph seed` first.")
        self.tell(f"“{course['title']}” by {course['instructors'][0]['instructor']['name']}: {course['access']['__typename']} for a visitor.")
        name = "Šárka Lindqvist"
        signed_up = await self.ask(SIGN_UP, input={"email": f"sarka.{secrets.token_hex(4)}@demo.example", "name": name, "password": secrets.token_urlsafe(18)})
        self.token = signed_up["session"]["accessToken"]
        self.tell(f"{name} signs up.")
        enrolled = await self.ask(ENROLL, input={"courseId": course["id"], "idempotencyKey": secrets.token_hex(8)})
        run = enrolled["enrollment"]
        self.tell(f"{name} enrolls. To finish: {', '.join(requirement['lecture']['title'] for requirement in run['requirements'])}.")
        return run["id"], [lecture for section in course["sections"] for lecture in section["lectures"]]

    async def watch(self, run: str) -> None:
        """The run as another of the learner's devices sees it, over a WebSocket."""
        address = f"{self.url.replace('http', 'ws', 1)}/graphql"
        async with websockets.connect(address, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send(orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}", "tenant": self.tenant}}).decode())
            await socket.recv()
            await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": PROGRESS, "variables": {"id": run}}}).decode())
            async for message in socket:
                event = orjson.loads(message)
                if event["type"] != "next":
                    continue
                moment = event["payload"]["data"]["enrollmentProgress"]
                done = f", “{moment['lecture']['title']}” is done" if moment["lectureCompleted"] else ""
                self.tell(f"    [dim]live #{moment['sequence']}: {moment['enrollment']['progressPercent']} % {moment['enrollment']['status']}{done}[/]")

    async def read(self, run: str, lecture: dict[str, Any]) -> None:
        await self.ask(COMPLETE, input={"enrollmentId": run, "lectureId": lecture["id"]})
        self.tell(f"Reads “{lecture['title']}”.")

    async def see(self, run: str, lecture: dict[str, Any]) -> None:
        """In heartbeats of ten seconds of video, the second batch sent twice: an unsure client may."""
        length = lecture["durationSeconds"]
        for counter, start in enumerate(range(0, length, 10), start=1):
            beat = {
                "clientEventId": counter,
                "lectureId": lecture["id"],
                "fromSeconds": start,
                "toSeconds": min(start + 10, length),
                "occurredAt": datetime.now(UTC).isoformat(),
            }
            batch = {"enrollmentId": run, "deviceId": "demo", "events": [beat]}
            recorded = await self.ask(RECORD, input=batch)
            if counter == 2:
                again = await self.ask(RECORD, input=batch)
                self.tell(f"    a heartbeat sent twice counts once: {again['results'][0]['status']}")
            await asyncio.sleep(0.3)
        self.tell(f"Watches “{lecture['title']}” to the end: {recorded['enrollment']['progressPercent']} %.")

    async def sit(self, run: str, lecture: dict[str, Any]) -> None:
        started = await self.ask(START, input={"enrollmentId": run, "lectureId": lecture["id"], "idempotencyKey": secrets.token_hex(8)})
        attempt, key = started["attempt"], _answer_key()
        for question in attempt["questions"]:
            answer = _answer(question, key)
            await self.ask(SAVE, input={"attemptId": attempt["id"], "questionId": question["id"], "answer": answer})
        submitted = await self.ask(SUBMIT, input={"attemptId": attempt["id"]})
        result = submitted["attempt"]["result"]
        self.tell(f"Sits “{lecture['title']}”: {result['score']} %, {'passed' if result['passed'] else 'not passed'}.")

    async def fetch_certificate(self, run: str, out: Path) -> Path:
        self.tell("The course is complete; the certificate is being made …")
        try:
            async with asyncio.timeout(WAIT_SECONDS), self.events(CERTIFICATE, id=run) as events:
                async for event in events:
                    certificate = event["certificateUpdated"]
                    if certificate["pdfUrl"]:
                        break
        except TimeoutError:
            raise StoryBroken(f"No certificate within {WAIT_SECONDS} seconds. Does a worker run? `lms-graph doctor` checks the browser.") from None
        checked = await self.ask(VERIFY, code=certificate["code"])
        self.tell(
            f"Certificate {certificate['code']} for {checked['studentName']}, “{checked['courseTitle']}”: {checked['status']}. Anybody can check it at {checked['verifyUrl']}"
        )
        page = await self.http.get(f"{self.url}/verify/{certificate['code']}", headers={"X-Tenant": self.tenant})
        if page.status_code != 200 or checked["studentName"] not in page.text:
            raise StoryBroken(f"The public page does not show the certificate (status {page.status_code}).")
        pdf = (await self.http.get(certificate["pdfUrl"])).content
        if not pdf.startswith(b"%PDF"):
            raise StoryBroken("What came as the certificate's PDF is none.")
        out.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nobody else runs on this loop
        path = out / f"certificate-{certificate['code']}.pdf"
        path.write_bytes(pdf)
        self.tell(f"[bold]Its PDF is in {path}[/] ({len(pdf):,} bytes).")
        return path

    @asynccontextmanager
    async def events(self, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The data of each server-sent event of a subscription."""
        headers = self.headers | {"Accept": "text/event-stream"}
        async with self.http.stream("POST", f"{self.url}/graphql", json={"query": document, "variables": variables}, headers=headers, timeout=None) as answer:

            async def read() -> AsyncIterator[dict[str, Any]]:
                async for line in answer.aiter_lines():
                    if line.startswith("data:") and (body := line[5:].strip()):
                        payload = orjson.loads(body)
                        if payload.get("errors"):
                            raise StoryBroken(f"The server refused: {payload['errors'][0]['message']}")
                        if payload.get("data"):
                            yield payload["data"]

            yield read()


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"<[^>]+>", "", text).lower().replace("&quot;", "").replace("&amp;", "&"))


def _answer_key() -> dict[str, Any]:
    """What the learner has learned: from the demo's own course folder, since the API shows the key to nobody."""
    key: dict[str, Any] = {}
    for path in (Path(__file__).parent.parent / "demo/courses" / COURSE / "quizzes").glob("*.yaml"):
        for question in yaml.safe_load(path.read_text())["questions"]:
            right = question.get("answer")
            key[_letters(question["prompt"])] = right if right is not None else {_letters(option["text"]) for option in question["options"] if option.get("correct")}
    return key


def _answer(question: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    right = key[_letters(question["prompt"]["html"])]
    if question["__typename"] == "TrueFalsePrompt":
        return {"trueFalse": right}
    return {"choice": [option["id"] for option in question["options"] if _letters(option["text"]) in right]}

"""The log of a process: one line of JSON per event, with what is needed to follow it and nothing that must not be told."""

import json
import logging
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

import pytest
import structlog
import websockets

from lms_graph.telemetry import logs
from lms_graph.telemetry.logs import Format, Level
from tests.fixtures.client import DOCUMENTS
from tests.journeys.live import socket_at
from tests.telemetry.conftest import Watched

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("watched")]


class SetUp(Protocol):
    """Sets up the log of this process; gives a logger."""

    def __call__(self, *, level: Level = "info", format: Format = "json") -> Any: ...


@pytest.fixture
def set_up() -> Iterator[SetUp]:
    """`log = set_up(level="warning")`; after the test everything is as it was."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, levels, hooks = list(root.handlers), (root.level, logging.getLogger("lms_graph").level), (sys.excepthook, threading.excepthook)

    def begin(*, level: Level = "info", format: Format = "json") -> Any:
        logs.set_up(level=level, format=format)
        return structlog.get_logger("tests")

    yield begin
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    logging.getLogger("lms_graph").setLevel(levels[1])
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks


Written = Callable[[], str]


@pytest.fixture
def written(capsysbinary: pytest.CaptureFixture[bytes]) -> Written:
    """What was written to standard error since it was asked last."""
    return lambda: capsysbinary.readouterr().err.decode()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestLine:
    def test_it_says_when_how_grave_who_and_what(self, set_up: SetUp, written: Written) -> None:
        set_up().warning("part.away", part="redis")

        (line,) = lines(written())
        assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
        assert line == {"level": "warning", "logger": "tests", "event": "part.away", "part": "redis"}

    def test_libraries_come_out_of_the_same_pipe(self, set_up: SetUp, written: Written) -> None:
        set_up()
        logging.getLogger("asyncpg").warning("for %s with %r", "ada@school.example", {"password": "hunter2hunter2"})

        (line,) = lines(written())
        assert (line["logger"], line["level"], line["event"]) == ("asyncpg", "warning", "for [redacted] with {'password': [redacted]}")

    def test_a_library_that_formats_badly_is_heard_all_the_same(self, set_up: SetUp, written: Written) -> None:
        set_up()
        logging.getLogger("asyncpg").warning("%d of %d", 1)

        (line,) = lines(written())
        assert line["event"] == "%d of %d"

    def test_an_exception_is_a_text_inside_the_line_and_redacted(self, set_up: SetUp, written: Written) -> None:
        log = set_up()
        try:
            {}["x"]
        except KeyError:
            log.exception("failed", note=ValueError("token=abcdefgh"))

        (line,) = lines(written())
        assert line["exception"].startswith("Traceback (most recent call last):\n")
        assert line["exception"].endswith("KeyError: 'x'")
        assert line["note"] == "ValueError('token=[redacted]')"

    def test_what_ends_the_process_is_a_line_too(self) -> None:
        program = "from lms_graph.telemetry import logs; logs.set_up(level='info', format='json'); raise ValueError('password=hunter2hunter2')"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

        (line,) = lines(done.stderr)

        assert (line["level"], line["event"]) == ("critical", "process.crashed")
        assert line["exception"].endswith("ValueError: password=[redacted]")

    @pytest.mark.parametrize("end", "\n\r\x0b\x1c\x85\u2028\u2029")
    def test_no_text_can_forge_a_line(self, end: str, set_up: SetUp, written: Written) -> None:
        text = f'harmless{end}{{"event": "forged"}}'

        set_up().info(text, also=text)

        (line,) = lines(written())
        assert (line["event"], line["also"]) == (text, text)

    @pytest.mark.parametrize(("value", "told"), [("\ud800", "\ud800"), (2**70, 2**70), (float("nan"), None), (object, "<class 'object'>"), ({1: b"x"}, {"1": "b'x'"})])
    def test_no_value_is_too_odd(self, value: Any, told: Any, set_up: SetUp, written: Written) -> None:
        set_up().info("odd", value=value)

        (line,) = lines(written())
        assert line["value"] == told


class TestSettings:
    def test_less_than_the_level_is_not_written(self, set_up: SetUp, written: Written) -> None:
        set_up(level="warning").info("quiet")
        logging.getLogger("asyncpg").info("quiet")

        assert written() == ""

    def test_libraries_never_spell_out_what_they_do(self, set_up: SetUp, written: Written) -> None:
        set_up(level="debug").debug("ours")
        logging.getLogger("tortoise").debug("SELECT …")

        (line,) = lines(written())
        assert line["event"] == "ours"

    def test_console_is_for_people_and_cannot_be_forged(self, set_up: SetUp, written: Written) -> None:
        log = set_up(format="console")
        log.info("one\ntwo", three="four\x1b[2J")
        log.exception("five", exc_info=ValueError("six\nseven"))

        told = written()
        assert "one\\ntwo" in told
        assert "four\\x1b[2J" in told
        assert [line for line in told.splitlines() if line.startswith(("two", "six", "seven"))] == []
        assert "    seven" in told

    def test_auto_is_console_on_a_terminal(self) -> None:
        ours, theirs = pty.openpty()
        program = "import structlog; from lms_graph.telemetry import logs; logs.set_up(level='info', format='auto'); structlog.get_logger('tests').info('hello', to='you')"
        subprocess.run([sys.executable, "-c", program], stderr=theirs, check=True, timeout=60)
        os.close(theirs)

        shown = os.read(ours, 10_000).decode()
        os.close(ours)

        assert "hello" in shown
        assert not shown.startswith("{")

    def test_a_misspelled_level_is_told_at_the_start(self, environment: dict[str, str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "lms_graph.cli", "worker"], env=os.environ | environment | {"LMS_LOG_LEVEL": "loud"}, capture_output=True, text=True, check=False, timeout=60
        )

        assert done.returncode != 0
        assert "LMS_LOG_LEVEL" in done.stderr

    def test_what_is_off_is_not_even_imported(self) -> None:
        program = "import sys, lms_graph.asgi, lms_graph.worker; print(sorted({'opentelemetry.exporter', 'prometheus_client', 'sentry_sdk'} & sys.modules.keys()))"

        assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "[]"


class TestOperation:
    async def test_it_has_one_line_without_text_and_variables(self, watched: Watched) -> None:
        answer = await watched.send("query Seek($search: String) { courses(first: 3, search: $search) { totalCount } }", search="needle-in-the-log")

        line = await watched.line("serve", event="operation", operation="Seek")
        assert answer.status_code == 200
        assert (line["type"], line["transport"], line["outcome"], line["codes"]) == ("query", "http", "ok", [])
        assert line["cost"] == answer.json()["extensions"]["cost"]["requested"]
        assert len(line["document"]) == 16
        assert line["ms"] > 0
        assert {"request_id", "trace_id", "tenant_id"} <= line.keys()
        assert "account_id" not in line
        assert "needle-in-the-log" not in watched.log("serve")
        assert watched.lines("serve", request_id=line["request_id"]) == [line]

    async def test_who_is_signed_in_is_named_by_id(self, watched: Watched) -> None:
        await watched.send("query WhoIsIt { viewer { id } }", token=watched.town.seed["tokens"][0])

        assert "account_id" in await watched.line("serve", operation="WhoIsIt")

    async def test_a_refused_one_tells_its_codes(self, watched: Watched) -> None:
        await watched.send("query Wrong { nothing }", name="Wrong")

        line = await watched.line("serve", operation="Wrong")
        assert (line["type"], line["outcome"], line["codes"], line["level"]) == (None, "refused", ["BAD_USER_INPUT"], "info")

    async def test_a_refusal_inside_a_payload_is_told_too(self, watched: Watched) -> None:
        await watched.send("mutation Nobody($input: SignInInput!) { signIn(input: $input) { errors { code } } }", input={"email": "no@body.example", "password": "not-this-one-9"})

        line = await watched.line("serve", operation="Nobody")
        assert (line["type"], line["outcome"], line["codes"]) == ("mutation", "refused", ["CREDENTIALS_WRONG"])

    async def test_a_document_that_cannot_be_read_has_a_line(self, watched: Watched) -> None:
        await watched.send("{", name="Unreadable")

        assert (await watched.line("serve", operation="Unreadable"))["codes"] == ["BAD_USER_INPUT"]

    async def test_a_name_that_is_none_is_not_told(self, watched: Watched) -> None:
        await watched.send("query Named { viewer { id } }", name="no name, but ada@school.example")

        assert "no name, but" not in watched.log("serve")

    async def test_what_is_too_costly_tells_so(self, watched: Watched) -> None:
        await watched.send("query Costly { " + " ".join(f"a{n}: courses(first: 100) {{ nodes {{ id }} }}" for n in range(99)) + " }", name="Costly")

        line = await watched.line("serve", operation="Costly")
        assert (line["outcome"], line["codes"]) == ("refused", ["COST_EXCEEDED"])

    async def test_a_subscription_has_one_line_at_its_end_and_so_has_its_socket(self, watched: Watched) -> None:
        learner = await watched.town.learner()

        async with watched.town.progress(learner) as live:
            await live.next()
            assert watched.lines("serve", event="operation", operation="MyProgress") == []

        line = await watched.line("serve", event="operation", operation="MyProgress")
        assert (line["type"], line["transport"], line["outcome"]) == ("subscription", "websocket", "ok")
        assert (await watched.line("serve", event="socket", request_id=line["request_id"]))["close_code"] == 1000


class TestRequest:
    async def test_another_route_has_a_line_that_names_the_route_and_not_the_path(self, watched: Watched) -> None:
        await watched.town.http.get(f"{watched.town.url}/verify/AAAA-BBBB?q=cccc", headers={"X-Tenant": watched.town.seed["tenant"]})

        line = await watched.line("serve", event="request", route="/verify/{code}")
        assert (line["method"], line["status"]) == ("GET", 404)
        assert "AAAA" not in watched.log("serve")

    async def test_what_was_refused_before_it_was_an_operation_has_a_line(self, watched: Watched) -> None:
        answer = await watched.send("{ __typename }", token="nobodys-token-at-all")

        line = await watched.line("serve", event="request", route="/graphql", status=401)
        assert answer.status_code == 401
        assert (line["method"], line["level"]) == ("POST", "info")

    async def test_probes_are_told_at_debug_level(self, watched: Watched) -> None:
        await watched.town.http.get(f"{watched.town.url}/healthz")

        assert (await watched.line("serve", route="/healthz"))["level"] == "debug"


class TestJob:
    async def test_it_has_one_line_with_its_delivery(self, watched: Watched) -> None:
        learner = await watched.town.learner()
        await watched.town.quiet()

        row = await watched.town.delivery(learner, "catalog.count_enrollment")
        assert row
        line = await watched.line("worker", event="job", delivery=str(row["id"]))
        assert (line["job"], line["outcome"], line["tenant_id"]) == ("catalog.count_enrollment", "done", str(row["tenant_id"]))


class TestSecrets:
    async def test_sign_ins_and_surprises_leave_no_secret_in_any_line(self, watched: Watched) -> None:
        """Signing up, in and out, wrongly and rightly, over HTTP and a socket, with a failure in the middle that quotes what was sent."""
        address, unlucky, password = f"ada.{uuid4().hex}@school.example", f"unlucky.{uuid4().hex}@school.example", f"pass word, {uuid4().hex}"

        async def ask(document: str, token: str | None = None, **given: Any) -> Any:
            return (await watched.send(DOCUMENTS[document], token=token, input=given)).json()

        await ask("SignUp", email=address, name="Ada", password=password)
        surprise = await ask("SignUp", email=unlucky, name="Ada", password=password)
        await ask("SignIn", email=address, password=password + "!")
        first = (await ask("SignIn", email=address, password=password))["data"]["signIn"]["session"]
        second = (await ask("RefreshSession", refreshToken=first["refreshToken"]))["data"]["sessionRefresh"]["session"]
        async with socket_at(watched.town.url, watched.town.seed["tenant"], second["accessToken"], "MyProgress", enrollmentId="enr_x"):
            pass
        with pytest.raises(websockets.ConnectionClosed):
            async with socket_at(watched.town.url, watched.town.seed["tenant"], "not-" + second["accessToken"], "MyProgress", enrollmentId="enr_x"):
                pass
        await watched.send("{ __typename }", headers={"Cookie": f"session={second['accessToken']}"})
        await ask("SignOut", second["accessToken"], refreshToken=second["refreshToken"])

        trace_id = surprise["errors"][0]["extensions"]["traceId"]
        failed = await watched.line("serve", event="operation.failed", trace_id=trace_id)
        assert "no luck for [redacted]" in failed["exception"]
        assert (await watched.line("serve", event="operation", trace_id=trace_id))["outcome"] == "failed"
        for told in (watched.log("serve"), watched.told.raw.decode(errors="replace")):
            found = [secret for secret in (address, unlucky, password, "tok-Zm9vYmFy", *first.values(), *second.values()) if secret in told]
            assert found == []

    async def test_every_line_is_whole(self, watched: Watched) -> None:
        for name in ("serve", "worker"):
            for line in watched.lines(name):
                assert {"time", "level", "event", "logger"} <= line.keys(), line

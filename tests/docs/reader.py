"""Somebody who does what a page says: in a folder of their own, with a shell, a browser's protocols and nothing else."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from lms_graph.integrations.node import find_node, npm
from tests.architecture.sources import ROOT
from tests.docs.pages import Block, blocks

LEFT_OUT = {".git", ".venv", ".dev", ".data", "node_modules", "out", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"}
PATIENCE = 120  # seconds for one block


def checkout(folder: Path) -> Path:
    """A copy of this repository as `git clone` and `./dev` leave it: whatever a page does to it does not matter."""
    made = folder / "checkout"
    shutil.copytree(ROOT, made, ignore=lambda _, names: LEFT_OUT & set(names), symlinks=True)
    (made / ".venv").symlink_to(Path(sys.prefix))
    (made / ".dev").mkdir()
    return made


def programs(folder: Path) -> str:
    """A PATH with what a reader has: Node with npm, Python, and the tools of the `.venv`."""
    made = folder / "bin"
    made.mkdir()
    node = find_node()
    assert node
    (made / "node").symlink_to(node)
    script = Path(npm(node)[-1])
    for name in ("npm", "npx"):
        (made / name).write_text(f'#!/bin/sh\nexec "{node}" "{script.with_name(f"{name}-cli.js")}" "$@"\n')
        (made / name).chmod(0o755)
    return os.pathsep.join([str(made), str(Path(sys.prefix) / "bin"), os.environ["PATH"]])


@dataclass
class Reader:
    """Where they are, and what their shell and their socket remember from one block to the next."""

    folder: Path
    url: str
    environment: dict[str, str]
    open: ExitStack
    socket: ClientConnection | None = field(default=None, init=False)
    written: set[Path] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.home = self.folder
        self.here = checkout(self.folder)
        self.environment = {
            **self.environment,
            "PATH": programs(self.folder),
            "PYTHONPATH": str(self.here / "src"),
            "NPM_CONFIG_PREFER_OFFLINE": "true",
            "NPM_CONFIG_AUDIT": "false",
            "NPM_CONFIG_FUND": "false",
            "NO_COLOR": "1",
        }

    def at_the_server(self, text: str) -> str:
        """The one thing that is changed in what the pages say: the server under test listens elsewhere."""
        return text.replace("localhost:8000", self.url.removeprefix("http://"))

    def follow(self, page: str) -> None:
        """Does everything that a page says, in its order; raises AssertionError where it does not do as it says."""
        answer: Any = None
        sources = False
        for block in blocks(page):
            if block.not_run or block.source:
                continue
            if block.file:
                self.write(block)
                sources |= block.language == "ts"
            elif block.language == "sh":
                answer = self.shell(block)
            elif block.language == "graphql":
                answer = self.ask(block.body)
            elif block.language == "json" and '"type"' in block.body:
                self.say(block)
            elif block.language == "json" and block.before:
                assert_alike(json.loads(block.body), answer if isinstance(answer, dict) else last_json(answer), str(block))
            elif block.language == "text" and block.before:
                assert_told(block, answer)
        if sources:
            self.shell_out("npx tsc --project .", "its TypeScript")

    def write(self, block: Block) -> None:
        """A block that begins with a file's name is that file; what is said of it later is added to it."""
        assert block.file
        path = self.here / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        body = self.at_the_server(block.body.partition("\n")[2])
        path.write_text((path.read_text() if path in self.written else "") + body)
        self.written.add(path)

    def shell(self, block: Block) -> str:
        told = self.shell_out(block.body, str(block))
        assert '"errors":[{' not in told, f"{block}: refused:\n{told}"
        return told

    def shell_out(self, script: str, what: str) -> str:
        """What a script writes. Variables, functions and the folder stay, as in a terminal. `curl -sN` never ends: it is stopped once it has told one event."""
        remembered = self.home / "remembered"
        lines = [
            "set -a",
            f"if [ -e {remembered} ]; then . {remembered}; fi",
            "trap '{ export -p; declare -f; } >" + shlex.quote(str(remembered)) + "; pwd >" + shlex.quote(f"{remembered}.pwd") + "' EXIT",
            self.at_the_server(script),
        ]
        process = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(lines)],
            cwd=self.here,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        late = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        told: list[str] = []
        try:
            assert process.stdout
            for line in process.stdout:
                told.append(line)
                if "curl -sN" in script and line == "\n":
                    os.killpg(process.pid, signal.SIGTERM)
                    return "".join(told)
            status = process.wait()
        finally:
            late.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert status == 0, f"{what}: status {status}:\n{''.join(told)}"
        self.here = Path(Path(f"{remembered}.pwd").read_text().strip())
        return "".join(told)

    def variable(self, name: str) -> str:
        """One that the page's shell has set."""
        return self.shell_out(f'printf %s "${name}"', f"${name}")

    def ask(self, document: str) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/graphql", json={"query": document}, headers={"X-Tenant": "demo"}, timeout=30)
        said: dict[str, Any] = answer.json()
        return said

    def say(self, block: Block) -> None:
        """A message of a socket, with what the page's shell calls `$TOKEN` and `$RUN` in the place of `<accessToken>` and `enr_…`."""
        message = json.loads(block.body.replace("<accessToken>", self.variable("TOKEN")).replace("enr_…", self.variable("RUN")))
        if self.socket is None:
            self.socket = self.open.enter_context(connect(f"{self.url.replace('http', 'ws', 1)}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]))
        self.socket.send(json.dumps(message))
        answer = json.loads(self.socket.recv(timeout=20))
        assert answer["type"] == {"connection_init": "connection_ack", "subscribe": "next"}[message["type"]], f"{block}: {answer}"
        assert "errors" not in (answer.get("payload") or {}), f"{block}: {answer}"


def last_json(told: str) -> Any:
    """The last answer in what a shell wrote."""
    return json.loads(told.strip().splitlines()[-1])


def assert_alike(said: Any, given: Any, where: str, path: str = "") -> None:
    """The same keys, lists and kinds of values; the same values, but for moments and what remains in a bucket."""
    what = f"{where}: `{path or 'the answer'}` is {json.dumps(given)[:300]}"
    if isinstance(said, dict):
        assert isinstance(given, dict), what
        present = set(said) if not path else set(given)  # at the top a page may show a part
        assert set(said) == present and present <= set(given), what
        for key, value in said.items():
            assert_alike(value, given[key], where, f"{path}.{key}".lstrip("."))
    elif isinstance(said, list):
        assert isinstance(given, list) and len(given) == len(said), what
        for number, value in enumerate(said):
            assert_alike(value, given[number], where, f"{path}[{number}]")
    elif isinstance(said, str):
        moment = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
        assert isinstance(given, str), what
        assert re.sub(moment, "moment", said) == re.sub(moment, "moment", given), what
    elif isinstance(said, bool) or said is None:
        assert given is said, what
    elif not path.endswith(".remaining"):
        assert given == said, what


def assert_told(block: Block, told: str) -> None:
    """Line by line; a `…` of a line by itself stands for some lines, inside of a line for some of it."""
    pattern = "".join(r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in block.body.rstrip("\n").split("\n"))
    assert re.fullmatch(pattern + r"\n*", told if told.endswith("\n") else told + "\n"), f"{block}: it told:\n{told}"

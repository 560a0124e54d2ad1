"""Parts held by another process, so that tests can kill it; and looks at what is left."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HOLD = """
import json, sys, time
from pathlib import Path
from lms_graph.embedded.parts import running

with running(Path(sys.argv[1]), environment={}, durable=True) as parts:
    print(json.dumps(parts.environment), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Holder:
    process: subprocess.Popen[str]
    environment: dict[str, str]

    def leave(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def hold_parts() -> Iterator[Callable[..., Holder]]:
    """Starts parts in a process of their own, which keeps them until its input closes."""
    started: list[subprocess.Popen[str]] = []

    def hold(data: Path, prefix: Sequence[str] = ()) -> Holder:
        process = subprocess.Popen([*prefix, sys.executable, "-c", HOLD, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the parts in {data} did not start"
        return Holder(process, json.loads(line))

    yield hold
    for process in started:
        if process.poll() is None:
            process.communicate(timeout=60)


@pytest.fixture
def processes_with() -> Callable[[Path], list[str]]:
    """The command lines that mention a path: all we start in a data folder do."""
    if sys.platform != "linux":
        pytest.skip("looks into /proc")

    def command_lines(path: Path) -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(path) in line:
                found.append(line)
        return found

    return command_lines


@pytest.fixture
def soon() -> Callable[[Callable[[], bool]], bool]:
    def soon(true: Callable[[], bool], seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    return soon

